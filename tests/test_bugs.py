"""Lesson 09, "find the bug": red as the exercises stand, green as the solutions mend them."""

from __future__ import annotations

import re

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional

from lenet_helpers import bugs, course
from lenet_helpers.model import LeNet5

(LESSON,) = course.find_lessons(["09"])
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


def other_attempts():
    def mean_loss(losses):
        return sum(losses) / 100  # right for 100 steps only

    def accuracy(model, batches):  # a mean of means
        shares = [
            (model(images).argmax(dim=1) == labels).float().mean().item()
            for images, labels in batches
        ]
        return sum(shares) / len(shares)

    def classifier():
        return nn.Sequential(nn.Linear(400, 84), nn.Linear(84, 10))

    def normalise(pixels):
        return (pixels - 0.0130) / 0.3081

    def network_for_28():
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 11))

    def save_network(model, path):
        torch.save({"layers": len(list(model.children()))}, path)

    return list(locals().values())


@pytest.mark.parametrize("function", other_attempts(), ids=lambda function: function.__name__)
def test_a_wrong_attempt_stays_red(function):
    assert bugs.symptom(function)


def test_a_check_leaves_the_random_numbers_alone(exercises):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    bugs.symptom(exercises["augment"])
    assert torch.equal(torch.rand(2), expected)
