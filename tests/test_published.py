"""Networks of published trainings: they have their slips, and lose them on demand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenet_helpers.data import MEAN, STANDARD_DEVIATION
from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import find_recipe
from lenet_helpers.studies.published import (
    MINDSPORE_SPREAD,
    WRONG_MEAN,
    WrongMean,
    flip_homework,
    mindspore_lenet5,
    random_flip,
)

LENET5 = (6 * 25 + 6) + (16 * 6 * 25 + 16) + (400 * 120 + 120) + (120 * 84 + 84) + (84 * 10 + 10)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("sgd-plain", LENET5),
        ("sgd-bn-dropout", LENET5 + 2 * 6 + 2 * 16),
        ("adam-flip", LENET5),
        ("adam-split", LENET5),
        ("momentum-3", LENET5 - 6 - 16),  # MindSpore's convolutions have no bias
        ("momentum-slow", LENET5),
    ],
)
def test_the_networks_have_the_parameters_that_arithmetic_gives(name, parameters):
    assert sum(p.numel() for p in find_recipe(name).model().parameters()) == parameters


def relus_of(model: nn.Module) -> list[str]:
    return [n.split(".")[1] for n, m in model.named_modules() if isinstance(m, nn.ReLU)]


def test_the_missing_relus_are_missing_and_can_be_put_back():
    every = ["activation1", "activation2", "activation3", "activation4"]
    assert relus_of(flip_homework()) == ["activation1", "activation3", "activation4"]
    assert relus_of(flip_homework(second_relu=True)) == every
    assert relus_of(mindspore_lenet5()) == ["activation1", "activation2"]
    assert relus_of(mindspore_lenet5(linear_relus=True)) == every


def test_the_homework_returns_logarithms_of_probabilities():
    logarithms = flip_homework()(torch.randn(4, 1, 32, 32))
    assert torch.allclose(logarithms.exp().sum(dim=1), torch.ones(4))


def test_log_softmax_before_cross_entropy_changes_no_loss():
    logits, labels = torch.randn(8, 10) * 5, torch.arange(8)
    once = nn.functional.cross_entropy(logits, labels)
    assert torch.allclose(nn.functional.cross_entropy(logits.log_softmax(dim=1), labels), once)


def test_linear_layers_without_relus_are_one_linear_layer():
    classifier = mindspore_lenet5(torch_weights=True).classifier.double()
    first, second = torch.randn(2, 16, 400, dtype=torch.float64)
    zero = torch.zeros(1, 400, dtype=torch.float64)
    total = classifier(first) + classifier(second) - classifier(zero)
    assert torch.allclose(classifier(first + second), total)


def test_the_first_weights_are_those_of_mindspore():
    torch.manual_seed(0)
    model = mindspore_lenet5()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        else:  # the spread of n normal numbers is known to about 1 / √(2n) of itself
            tolerance = 4 * MINDSPORE_SPREAD / (2 * parameter.numel()) ** 0.5
            assert abs(parameter.std() - MINDSPORE_SPREAD) < tolerance, name
    assert all(layer.bias is None for layer in model.modules() if isinstance(layer, nn.Conv2d))


def test_a_flip_mirrors_about_half_of_the_images_each_by_itself():
    torch.manual_seed(0)
    images = torch.arange(4000 * 6.0).reshape(4000, 1, 2, 3)
    flipped = random_flip(images)
    as_it_was = (flipped == images).flatten(1).all(dim=1)
    mirrored = (flipped == images[..., [2, 1, 0]]).flatten(1).all(dim=1)
    assert (as_it_was ^ mirrored).all()
    # 2,000 of 4,000 coins, with a standard deviation of √(4000 / 4)
    assert abs(mirrored.sum() - 2000) < 4 * (4000 / 4) ** 0.5
    changes = (mirrored[1:] != mirrored[:-1]).sum()  # images do not follow their neighbours
    assert abs(changes - 2000) < 4 * (4000 / 4) ** 0.5


def test_the_wrong_mean_is_what_normalising_with_it_gives():
    torch.manual_seed(0)
    model = WrongMean()
    plain = LeNet5()
    plain.load_state_dict(model.state_dict())
    pixels = torch.rand(4, 1, 32, 32)
    right = (pixels - MEAN) / STANDARD_DEVIATION
    wrong = (pixels - WRONG_MEAN) / STANDARD_DEVIATION
    assert torch.allclose(model(right), plain(wrong), atol=1e-5)
