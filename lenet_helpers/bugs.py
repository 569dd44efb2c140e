"""Lesson 09: checks for the exercises "find the bug".

Each check takes the reader's function, tries it, and returns what is wrong with what it did: the
symptom, not the cause. None means that nothing is wrong any more.
"""

from __future__ import annotations

import copy
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from lenet_helpers.model import LeNet5


def check(function: Callable) -> None:
    """Print RED and the symptom, or GREEN; an exercise that is not done stops no lesson."""
    found = symptom(function)
    print(f"RED    {function.__name__}: {found}" if found else f"GREEN  {function.__name__}")


def symptom(function: Callable) -> str | None:
    """What is wrong with a function of the exercises; None if nothing is."""
    try:
        with torch.random.fork_rng(devices=[]):  # a check changes no number of the lesson
            torch.manual_seed(0)
            return CHECKS[function.__name__](function)
    except Exception as error:
        return f"it ends with {type(error).__name__}: {str(error).splitlines()[0]}"


def _mean_loss(function: Callable) -> str | None:
    for count in (100, 10, 938):
        found = function([2.5] * count)
        if abs(found - 2.5) > 1e-6:
            return f"{count} steps with a loss of 2.5 each have the mean {found:g}"
    return None


def _accuracy(function: Callable) -> str | None:
    logits, labels = torch.eye(10)[[0, 1, 2, 3, 4, 5]], torch.tensor([0, 0, 0, 0, 4, 5])
    batches = [(logits[:4], labels[:4]), (logits[4:], labels[4:])]
    found = function(nn.Identity(), batches)
    if abs(found - 0.5) > 1e-6:
        return f"3 of 6 images are read rightly, and it says {found:.0%}"
    return None


def _classifier(function: Callable) -> str | None:
    network = function()
    first, second = torch.randn(2, 8, 400)
    with torch.no_grad():
        total = network(first) + network(second) - network(torch.zeros(8, 400))
        if torch.allclose(network(first + second), total, atol=1e-4):
            return "f(a + b) = f(a) + f(b) - f(0) for any a and b: it is no more than one layer"
    return None


def _continue_training(function: Callable) -> str | None:
    model = LeNet5()
    before = copy.deepcopy(model.state_dict())
    batches = [(torch.randn(8, 1, 32, 32), torch.arange(8)) for _ in range(3)]
    after = function(model, batches).state_dict()
    if all(torch.equal(after[name], before[name]) for name in before):
        return "after three steps every weight is what it was before"
    return None


def _normalise(function: Callable) -> str | None:
    found = function(torch.full((1, 1, 2, 2), 0.1307)).mean().item()
    if abs(found) > 1e-4:
        return f"pixels at the mean of MNIST, 0.1307, become {found:.2f} and not 0"
    return None


def _augment(function: Callable) -> str | None:
    images = torch.zeros(64, 1, 32, 32)
    images[..., 8:24, 6:12] = 1  # ink on the left side
    if (function(images)[..., 16:].sum(dim=(1, 2, 3)) > 0).any():
        return "ink from the left side of an image is on its right side: a 2 is no 2 any more"
    return None


def _network_for_28(function: Callable) -> str | None:
    try:
        shape = tuple(function()(torch.zeros(2, 1, 28, 28)).shape)
    except RuntimeError:
        return "a layer cannot take what the layer before it gives"
    return None if shape == (2, 10) else f"two images give an output of shape {shape}"


def _save_network(function: Callable) -> str | None:
    model = LeNet5()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt"
        function(model, path)
        try:
            loaded = torch.load(path, weights_only=True)
        except pickle.UnpicklingError:
            return "torch.load(path, weights_only=True) refuses the file: it could run code"
    stored = model.state_dict()
    same = isinstance(loaded, dict) and stored.keys() == loaded.keys()
    if not (same and all(torch.equal(loaded[name], stored[name]) for name in stored)):
        return "the file does not hold the weights"
    return None


CHECKS = {
    "mean_loss": _mean_loss,
    "accuracy": _accuracy,
    "classifier": _classifier,
    "continue_training": _continue_training,
    "normalise": _normalise,
    "augment": _augment,
    "network_for_28": _network_for_28,
    "save_network": _save_network,
}
