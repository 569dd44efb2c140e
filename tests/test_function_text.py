"""Functions and objects of recipes as text: what differs has different texts, or is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import v2

from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.studies.function_text import called
from lenet_helpers.studies.published import random_flip


class Turned:
    """An augmentation as an object, with a setting that is nobody else's business."""

    def __init__(self, angle):
        self._angle = angle

    def __call__(self, images):
        return images * self._angle

    def apply(self, images):
        return self(images)


def mine(images):
    return images


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (LeNet5, "LeNet5()"),
        (random_flip, "random_flip()"),
        (nn.functional.cross_entropy, "cross_entropy()"),
        (partial(LeNet5, batch_norm=True, dropout=0.5), "LeNet5(batch_norm=True, dropout=0.5)"),
        (partial(LeNet5, 1, 32, activation="tanh"), "LeNet5(1, 32, activation=tanh)"),
        (partial(LeNet5, kind=nn.ReLU), "LeNet5(kind=ReLU())"),
        (mine, "test_function_text.mine()"),
        (partial(mine, torch.float64), "test_function_text.mine(torch.float64)"),
        (
            partial(mine, rates=[0.1, (2, "a b")]),
            "test_function_text.mine(rates=[0.1, [2, 'a b']])",
        ),
    ],
)
def test_a_function_reads_as_it_is_called(function, text):
    assert called(function) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (partial(LeNet5, 1), partial(LeNet5, 3)),
        (partial(LeNet5, pooling="1"), partial(LeNet5, pooling=1)),
        (partial(LeNet5, pooling="None"), partial(LeNet5, pooling=None)),
        (partial(LeNet5, a={"b": [1, 2]}), partial(LeNet5, a={"b": [1, 3]})),
        (partial(LeNet5, a=torch.zeros(2)), partial(LeNet5, a=torch.zeros(3))),
        (partial(LeNet5, a=np.zeros(2000)), partial(LeNet5, a=np.arange(2000.0))),
        (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)),
        (nn.CrossEntropyLoss(torch.ones(10)), nn.CrossEntropyLoss(2 * torch.ones(10))),
        (v2.RandomRotation(10), v2.RandomRotation(20)),
        (
            v2.Compose([v2.RandomRotation(10), v2.RandomInvert(0.1)]),
            v2.Compose([v2.RandomRotation(10), v2.RandomInvert(0.2)]),
        ),
        (Turned(3), Turned(4)),
        (Turned(3).apply, Turned(4).apply),
        (partial(mine, Turned(3)), partial(mine, Turned(4))),
    ],
)
def test_what_differs_has_different_texts_and_the_same_the_same(one, other):
    assert called(one) != called(other)
    assert called(one) == called(one)


def test_equal_objects_have_equal_texts():
    assert called(v2.RandomRotation(10)) == called(v2.RandomRotation(10))
    assert called(nn.CrossEntropyLoss()) == called(nn.CrossEntropyLoss())


def test_an_object_reads_as_its_class_and_a_hash_of_what_it_holds():
    assert re.fullmatch(r"test_function_text\.Turned\([0-9a-f]{16}\)", called(Turned(3)))


def test_an_object_with_a_tensor_has_the_same_text_in_another_process():
    code = (
        "import torch; from lenet_helpers.studies.function_text import called\n"
        "print(called(torch.nn.CrossEntropyLoss(torch.arange(3.0), label_smoothing=0.1)))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    here = called(nn.CrossEntropyLoss(torch.arange(3.0), label_smoothing=0.1))
    assert child.stdout.strip() == here, child.stderr


def turned_by(angle):
    def turn(images):
        return images * angle

    return turn


def of_a_local_class():
    class Local:
        pass

    return Local()


@pytest.mark.parametrize(
    "function",
    [
        lambda images: images,
        turned_by(3),
        partial(mine, lambda x: x),
        partial(mine, (n for n in range(3))),
        Turned(turned_by(3)),
        of_a_local_class(),
        nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
    ],
    ids=["lambda", "closure", "in a partial", "generator", "holds one", "local class", "no pickle"],
)
def test_what_cannot_be_told_apart_is_refused(function):
    with pytest.raises(CourseError, match="A study cannot"):
        called(function)
