"""Lesson 09: checks for the exercises "find the bug".

Each check takes the reader's function, tries it, and returns what is wrong with what it did: the
symptom, not the cause. None means that nothing is wrong any more.
"""

from __future__ import annotations

import copy
import math
import pickle
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from lenet_helpers.checkpoints import load_weights
from lenet_helpers.data import MEAN, STANDARD_DEVIATION
from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5

WIDTHS = [(400, 120), (120, 84), (84, 10)]  # of LeNet-5's linear layers
NO_MORE_THAN_ONE = "f(a + b) = f(a) + f(b) - f(0) for any a and b: it is no more than one layer"


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
        reason = str(error).splitlines() or ["it says no more"]
        return f"it ends with {type(error).__name__}: {reason[0]}"


def _mean_loss(function: Callable) -> str | None:
    for count in (100, 10, 938):
        found = function([2.5] * count)
        if not math.isclose(found, 2.5, abs_tol=1e-6):
            return f"{count} steps with a loss of 2.5 each have the mean {found:g}"
    for losses in ([1.0, 2.0, 6.0], [7.0, 1.0, 2.0, 2.0]):  # no median, first, last or extreme is 3
        found = function(losses)
        if not math.isclose(found, 3, abs_tol=1e-6):
            return f"the losses {', '.join(f'{loss:g}' for loss in losses)} have the mean {found:g}"
    return None


def _accuracy(function: Callable) -> str | None:
    identity = nn.Identity()  # its answer is the largest value of the input
    for answers, labels, sizes in (
        ([0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 4, 5], (4, 2)),
        ([7, 8, 9, 1, 2, 3, 4, 5], [7, 8, 9, 1, 2, 0, 0, 0], (5, 2, 1)),
    ):
        images = torch.eye(10)[answers].split(sizes)
        batches = list(zip(images, torch.tensor(labels).split(sizes), strict=True))
        right = sum(a == b for a, b in zip(answers, labels, strict=True))
        found = function(identity, batches)
        if math.isclose(found, right / len(labels), abs_tol=1e-6):
            continue
        each = [(x.argmax(dim=1) == y).float().mean().item() for x, y in batches]
        if math.isclose(found, sum(each) / len(each), abs_tol=1e-6):
            return f"a batch of {sizes[-1]} counts as much as one of {sizes[0]} images"
        return f"{right} of {len(labels)} images are read rightly, and it says {found:.0%}"
    return None


def _classifier(function: Callable) -> str | None:
    network = function().eval()
    first, second = 4 * torch.randn(2, 64, 400)
    if wrong := _linear(network, first, second):
        return wrong
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    widths = [(layer.in_features, layer.out_features) for layer in layers]
    if widths != WIDTHS:
        return f"its linear layers are {_arrows(widths)}, and LeNet-5's {_arrows(WIDTHS)}"
    seen = _inputs_and_outputs(network, layers, first)
    if not torch.allclose(seen[-1][1], network(first)):
        return "the last layer's values are changed on their way out: they should be the logits"
    for ((_, left), (entered, _)), (width, _) in zip(pairwise(seen), WIDTHS[1:], strict=True):
        if torch.allclose(left, entered):
            return f"nothing stands before the layer of {width} inputs: two layers are one there"
    return None


def _linear(network: nn.Module, first: torch.Tensor, second: torch.Tensor) -> str | None:
    with torch.no_grad():
        total = network(first) + network(second) - network(torch.zeros_like(first))
        same = torch.allclose(network(first + second), total, atol=1e-3)
    return NO_MORE_THAN_ONE if same else None


def _arrows(widths: list[tuple[int, int]]) -> str:
    return ", ".join(f"{inputs} -> {outputs}" for inputs, outputs in widths)


def _inputs_and_outputs(
    network: nn.Module, layers: list[nn.Module], inputs: torch.Tensor
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What entered and left each layer; copies, since a ReLU may work in place."""
    seen = []
    hooks = [
        layer.register_forward_hook(lambda _, taken, given: seen.append((taken[0], given.clone())))
        for layer in layers
    ]
    with torch.no_grad():
        network(inputs)
    for hook in hooks:
        hook.remove()
    return seen


def _continue_training(function: Callable) -> str | None:
    model = LeNet5()
    before = copy.deepcopy(model.state_dict())
    batches = [(torch.randn(8, 1, 32, 32), torch.arange(8)) for _ in range(3)]
    expected = _trained_by_hand(model, batches)
    trained = function(model, batches)
    if trained is model or not _same(model.state_dict(), before):
        return "the network that it was given has changed: a copy of it should have"
    after = trained.state_dict()
    if _same(after, before):
        return "after three steps every weight is what it was before"
    if still := [name for name in before if torch.equal(after[name], before[name])]:
        return f"after three steps {still[0]} is what it was before"
    if not all(torch.allclose(after[name], before[name], atol=0.02) for name in before):
        return "three small steps do not lead from the old weights to these"
    if not all(torch.allclose(after[n], expected[n], rtol=0, atol=1e-6) for n in before):
        return "the weights are not where three steps of SGD at a rate of 0.01 lead"
    return None


def _trained_by_hand(model: nn.Module, batches: list) -> dict[str, torch.Tensor]:
    """The weights after one step w - 0.01 g for each batch."""
    weights = {name: value.detach().clone() for name, value in model.named_parameters()}
    for images, labels in batches:
        weights = {name: value.requires_grad_() for name, value in weights.items()}
        loss = functional.cross_entropy(
            torch.func.functional_call(model, weights, (images,)), labels
        )
        gradients = torch.autograd.grad(loss, list(weights.values()))
        weights = {
            name: (value - 0.01 * gradient).detach()
            for (name, value), gradient in zip(weights.items(), gradients, strict=True)
        }
    return weights


def _same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def _normalise(function: Callable) -> str | None:
    for spreads, place in ((0, "at the mean"), (1, "one standard deviation above the mean")):
        value = MEAN + spreads * STANDARD_DEVIATION
        found = function(torch.full((1, 1, 2, 2), value)).mean().item()
        if not math.isclose(found, spreads, abs_tol=1e-3):
            return f"pixels {place} of MNIST, {value:.4f}, become {found:.2f} and not {spreads}"
    pixels = torch.rand(3, 1, 28, 28)  # a picture is normalised by MNIST's numbers, not by its own
    expected = (pixels - MEAN) / STANDARD_DEVIATION
    if not torch.allclose(function(pixels.clone()), expected, atol=0.01):
        return "the pixels of a whole picture are not what they are one by one"
    return None


def _augment(function: Callable) -> str | None:
    images = torch.zeros(64, 1, 32, 32)
    images[..., 6:14, 6:12] = 1  # ink on the left side of the upper half
    results = [function(images.clone()) for _ in range(10)]
    for result in results:
        if result.shape != images.shape:
            return f"images of shape {tuple(images.shape)} become {tuple(result.shape)}"
    changed = torch.stack(results)
    if torch.equal(changed, images.expand_as(changed)):
        return "after ten calls every image is what it was before"
    if all(torch.equal(result, results[0]) for result in results):
        return "ten calls change an image in the same way: nothing is random"
    ink = changed > 0.5
    if ink[..., 18:].any():
        return "ink from the left side of an image is on its right side: a 2 is no 2 any more"
    if ink[..., 22:, :].any():
        return "ink from the upper half of an image is in its lower half: a 6 becomes a 9"
    if (ink.sum(dim=(2, 3, 4)) < 16).any():  # a third of the 48 pixels
        return "most of an image's ink is gone"
    return None


def _network_for_28(function: Callable) -> str | None:
    network, images = function().eval(), torch.randn(64, 1, 28, 28)
    try:
        logits = network(images)
    except RuntimeError:
        return "a layer cannot take what the layer before it gives"
    if logits.shape != (64, 10):
        return f"64 images give an output of shape {tuple(logits.shape)}"
    kinds = [sum(isinstance(m, kind) for m in network.modules()) for kind in (nn.Conv2d, nn.Linear)]
    if kinds != [2, 3]:
        return f"it has {kinds[0]} convolutions and {kinds[1]} linear layers, and LeNet-5 2 and 3"
    count = sum(parameter.numel() for parameter in network.parameters())
    if count not in (61_706, 44_426):
        return (
            f"it has {count:,} parameters: 61,706 with 400 inputs to the linear layers, or 44,426"
        )
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    seen = _inputs_and_outputs(network, layers, images)
    if any(torch.allclose(left, entered) for (_, left), (entered, _) in pairwise(seen)):
        return "two of its linear layers are one: nothing stands between them"
    if not torch.allclose(seen[-1][1], logits):
        return "the last layer's values are changed on their way out: they should be the logits"
    return None


def _save_network(function: Callable) -> str | None:
    model = LeNet5()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt"
        function(model, path)
        if not path.is_file():
            return "there is no file at the path that it was given"
        stored = _stored_weights(path)
    if stored is None:
        return "torch.load(path, weights_only=True) refuses the file: it could run code"
    expected = model.state_dict()
    if not isinstance(stored, dict) or stored.keys() != expected.keys():
        return "the file does not hold the weights under their names"
    return None if _same(stored, expected) else "the file does not hold the weights of this network"


def _stored_weights(path: Path) -> object:
    """What is in a file of `save_weights` or of `torch.save`; None if it could run code."""
    network = LeNet5()
    try:
        load_weights(network, path)
        return network.state_dict()
    except CourseError:
        pass  # not safetensors
    try:
        return torch.load(path, weights_only=True)
    except pickle.UnpicklingError:
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
