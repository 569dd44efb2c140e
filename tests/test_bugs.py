"""Lesson 09, "find the bug": red as the exercises stand, green as the solutions mend them."""

from __future__ import annotations

import copy
import pickle
import random
import re
import statistics

import nbformat
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.transforms import v2

from lenet_helpers.augmentation import vary
from lenet_helpers.checkpoints import save_weights
from lenet_helpers.commands import lessons
from lenet_helpers.model import LeNet5
from lenet_helpers.studies import bugs

(LESSON,) = lessons.find_lessons(["09"])
NAMES = {"torch": torch, "nn": nn, "functional": functional, "LeNet5": LeNet5}


def functions_of(sources: list[str]) -> dict:
    """What the code defines, with the imports of the lesson."""
    defined = {}
    for source in sources:
        names = dict(NAMES)
        exec(source, names)
        defined |= {name: names[name] for name in names.keys() & bugs.CHECKS.keys()}
    return defined


@pytest.fixture(scope="module")
def cells() -> list:
    return nbformat.read(LESSON, as_version=4).cells


@pytest.fixture(scope="module")
def exercises(cells) -> dict:
    sources = [c.source for c in cells if c.cell_type == "code" and "bugs.check(" in c.source]
    return functions_of([re.sub(r"^bugs\.check.*", "", source, flags=re.M) for source in sources])


@pytest.fixture(scope="module")
def solutions(cells) -> dict:
    (text,) = (c.source for c in cells if c.cell_type == "markdown" and "<details>" in c.source)
    return functions_of(re.findall(r"```python\n(.*?)```", text, re.S))


def test_every_check_has_an_exercise_and_a_solution(exercises, solutions):
    assert set(exercises) == set(solutions) == set(bugs.CHECKS)
    assert len(bugs.CHECKS) >= 5


@pytest.mark.parametrize("name", bugs.CHECKS)
def test_red_with_the_bug(name, exercises):
    assert bugs.symptom(exercises[name])


@pytest.mark.parametrize("name", bugs.CHECKS)
def test_green_once_mended(name, solutions):
    assert bugs.symptom(solutions[name]) is None


def test_a_check_prints_one_line_and_raises_nothing(exercises, solutions, capsys):
    def mean_loss(losses):
        raise KeyError(len(losses))

    for function in (exercises["mean_loss"], solutions["mean_loss"], mean_loss):
        bugs.check(function)
    red, green, raised = capsys.readouterr().out.splitlines()
    assert red.startswith("RED    mean_loss: ")
    assert green == "GREEN  mean_loss"
    assert raised.startswith("RED    mean_loss: it ends with KeyError")


# Each wrong mend beside a word of what has to be said about it. The functions have the names of the
# exercises: that is how a check finds them.


def mends_of_the_mean():
    def over_100(losses):
        return sum(losses) / 100

    def first(losses):
        return losses[0]

    def median(losses):
        return statistics.median(losses)

    def not_a_number(_):
        return float("nan")

    return named("mean_loss", locals())


def mends_of_the_accuracy():
    def mean_of_means(model, batches):
        each = [(model(x).argmax(dim=1) == y).float().mean().item() for x, y in batches]
        return sum(each) / len(each)

    def first_batch(model, batches):
        images, labels = batches[0]
        return (model(images).argmax(dim=1) == labels).float().mean().item()

    def errors(model, batches):
        wrong = [(model(images).argmax(dim=1) != labels) for images, labels in batches]
        return torch.cat(wrong).float().mean().item()

    def one_half(*_):
        return 0.5

    return named("accuracy", locals())


def mends_of_the_classifier():
    def relu_at_the_end():
        return nn.Sequential(nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10), nn.ReLU())

    def both_and_one_at_the_end():
        return nn.Sequential(*right_classifier(), nn.ReLU())

    def one_relu():
        return nn.Sequential(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.Linear(84, 10))

    def other_widths():
        return nn.Sequential(nn.Linear(400, 84), nn.ReLU(), nn.Linear(84, 10))

    return named("classifier", locals())


def right_classifier(activation=nn.ReLU):
    layers = [nn.Linear(400, 120), activation(), nn.Linear(120, 84), activation()]
    return nn.Sequential(*layers, nn.Linear(84, 10))


def steps(network, optimizer, batches, forget=True):
    for images, labels in batches:
        if forget:
            optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    return network


def mends_of_the_continuation():
    def the_original(model, batches):
        return steps(model, torch.optim.SGD(model.parameters(), lr=0.01), batches)

    def a_copy_of_the_trained_original(model, batches):
        return copy.deepcopy(the_original(model, batches))

    def a_fresh_network(_, batches):
        network = LeNet5()
        return steps(network, torch.optim.SGD(network.parameters(), lr=0.01), batches)

    def last_layer_alone(model, batches):
        network = copy.deepcopy(model)
        last = list(network.parameters())[-2:]
        return steps(network, torch.optim.SGD(last, lr=0.01), batches)

    def gradients_added_up(model, batches):
        network = copy.deepcopy(model)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        return steps(network, optimizer, batches, forget=False)

    def one_batch(model, batches):
        network = copy.deepcopy(model)
        return steps(network, torch.optim.SGD(network.parameters(), lr=0.01), batches[:1])

    return named("continue_training", locals())


def mends_of_the_mean_grey():
    def not_divided(pixels):
        return pixels - 0.1307

    def multiplied(pixels):
        return (pixels - 0.1307) * 0.3081

    def one_place_on(pixels):
        return (pixels - 0.0130) / 0.3081

    def by_its_own_numbers(pixels):
        return (pixels - pixels.mean()) / pixels.std()

    return named("normalise", locals())


def mends_of_the_augmentation():
    def nothing(images):
        return images

    def always_the_same(images):
        return images.roll((1, 1), dims=(-2, -1))

    def upside_down(images):
        turned = torch.rand(len(images)) < 0.5
        return torch.where(turned.view(-1, 1, 1, 1), images.flip(-2), images)

    def erased(images):
        return images * (torch.rand(len(images), 1, 1, 1) < 0.5)

    def cut(images):
        return images[..., 2 : int(torch.randint(28, 30, ())), :]

    return named("augment", locals())


CONVOLUTIONS = (nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
CONVOLUTIONS += (nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())


def mends_of_the_size():
    def one_linear_layer():
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

    def eleven_classes():
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 11))

    def no_relus_between():
        linear = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)
        return nn.Sequential(*CONVOLUTIONS, *linear)

    def wider():
        linear = nn.Linear(400, 128), nn.ReLU(), nn.Linear(128, 84), nn.ReLU(), nn.Linear(84, 10)
        return nn.Sequential(*CONVOLUTIONS, *linear)

    def relu_at_the_end():
        return nn.Sequential(*CONVOLUTIONS, *right_classifier(), nn.ReLU())

    return named("network_for_28", locals())


def mends_of_the_file():
    def without_names(model, path):
        torch.save(list(model.parameters()), path)

    def another_network(_, path):
        torch.save(LeNet5().state_dict(), path)

    def elsewhere(model, path):
        torch.save(model.state_dict(), path.with_suffix(".weights"))

    def pickled(model, path):
        path.write_bytes(pickle.dumps(model, protocol=2))

    def a_summary(model, path):
        torch.save({"layers": len(list(model.children()))}, path)

    return named("save_network", locals())


def named(name: str, functions: dict) -> dict:
    for function in functions.values():
        function.__name__ = name
    return {f"{name}-{attempt}": function for attempt, function in functions.items()}


WRONG = (
    mends_of_the_mean()
    | mends_of_the_accuracy()
    | mends_of_the_classifier()
    | mends_of_the_continuation()
    | mends_of_the_mean_grey()
    | mends_of_the_augmentation()
    | mends_of_the_size()
    | mends_of_the_file()
)
WORDS = {
    "mean_loss-over_100": "10 steps with a loss of 2.5 each have the mean 0.25",
    "mean_loss-first": "1, 2, 6 have the mean 1",
    "mean_loss-median": "1, 2, 6 have the mean 2",
    "mean_loss-not_a_number": "have the mean nan",
    "accuracy-mean_of_means": "a batch of 2 counts as much as one of 4 images",
    "accuracy-first_batch": "3 of 6 images are read rightly, and it says 25%",
    "accuracy-errors": "5 of 8 images are read rightly, and it says 38%",
    "accuracy-one_half": "5 of 8 images are read rightly, and it says 50%",
    "classifier-relu_at_the_end": "their way out",
    "classifier-both_and_one_at_the_end": "their way out",
    "classifier-one_relu": "nothing stands before the layer of 84 inputs",
    "classifier-other_widths": "400 -> 84, 84 -> 10",
    "continue_training-the_original": "that it was given has changed",
    "continue_training-a_copy_of_the_trained_original": "that it was given has changed",
    "continue_training-a_fresh_network": "do not lead from the old weights",
    "continue_training-last_layer_alone": "features.conv1.weight is what it was before",
    "continue_training-gradients_added_up": "not where three steps of SGD",
    "continue_training-one_batch": "not where three steps of SGD",
    "normalise-not_divided": "one standard deviation above the mean of MNIST, 0.4388, become 0.31",
    "normalise-multiplied": "one standard deviation above the mean of MNIST, 0.4388, become 0.09",
    "normalise-one_place_on": "at the mean of MNIST, 0.1307, become 0.38",
    "normalise-by_its_own_numbers": "become nan",
    "augment-nothing": "every image is what it was before",
    "augment-always_the_same": "nothing is random",
    "augment-upside_down": "a 6 becomes a 9",
    "augment-erased": "ink is gone",
    "augment-cut": "images of shape (64, 1, 32, 32) become",
    "network_for_28-one_linear_layer": "0 convolutions and 1 linear layers",
    "network_for_28-eleven_classes": "shape (64, 11)",
    "network_for_28-no_relus_between": "nothing stands between them",
    "network_for_28-wider": "it has 65,586",
    "network_for_28-relu_at_the_end": "their way out",
    "save_network-without_names": "under their names",
    "save_network-another_network": "the weights of this network",
    "save_network-elsewhere": "no file at the path",
    "save_network-pickled": "it could run code",
    "save_network-a_summary": "under their names",
}


@pytest.mark.parametrize("attempt", WRONG)
def test_a_wrong_mend_is_told_what_is_wrong(attempt):
    assert WORDS[attempt] in bugs.symptom(WRONG[attempt])


def right_mends():
    def mean_loss(losses):
        return torch.tensor(losses).mean()

    def accuracy(model, batches):
        right = torch.cat([model(images).argmax(dim=1) == labels for images, labels in batches])
        return right.float().mean()

    def classifier():
        return right_classifier(nn.Tanh)

    def continue_training(model, batches):
        network = copy.deepcopy(model)
        return steps(network, torch.optim.SGD(network.parameters(), lr=0.01), batches)

    def normalise(pixels):
        return v2.functional.normalize(pixels, [0.1307], [0.3081])

    def augment(images):
        return vary(images)

    def network_for_28():
        return LeNet5(image_size=28)

    def save_network(model, path):
        save_weights(model, path)

    return list(locals().values())


def more_right_mends():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, values):
            values = functional.relu(self.a(values), inplace=True)
            return self.c(functional.relu(self.b(values), inplace=True))

    def mean_loss(losses):
        return np.mean(losses)

    def classifier():
        return InPlace()

    def augment(images):
        return torch.stack([v2.functional.rotate(x, random.uniform(-8, 8)) for x in images])

    def network_for_28():
        return nn.Sequential(nn.ZeroPad2d(2), LeNet5())

    def save_network(model, path):
        torch.save(dict(model.state_dict()), path)

    return [mean_loss, classifier, augment, network_for_28, save_network]


@pytest.mark.parametrize(
    "function", right_mends() + more_right_mends(), ids=lambda function: function.__name__
)
def test_a_right_mend_in_another_form_is_green(function):
    for _ in range(3):  # what varies at random is right each time
        assert bugs.symptom(function) is None


def test_a_check_leaves_the_random_numbers_alone(exercises):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    bugs.symptom(exercises["augment"])
    assert torch.equal(torch.rand(2), expected)
