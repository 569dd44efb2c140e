"""Lesson 04: what counts as right, and what is often wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lenet_helpers.exercises import seeds
from lenet_helpers.exercises.task import Task

# ---- 04-1: batch norm


def batch_norm(maps: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """PyTorch's own, in training mode."""
    return functional.batch_norm(maps, None, None, scale, shift, training=True)


def over(*axes: int, correction: int = 0, root: bool = True) -> Callable:
    """Batch norm as somebody has it who takes mean and variance over these axes."""

    def answer(maps: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
        variance, mean = torch.var_mean(maps, axes, correction=correction, keepdim=True)
        scale, shift = scale.view(-1, 1, 1), shift.view(-1, 1, 1)
        return scale * (maps - mean) / (variance.sqrt() if root else variance) + shift

    return answer


def some_maps(random: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Three images with four channels, each of its own mean and spread; scales and shifts."""
    values = random.normal(size=(3, 4, 2, 3)) + random.normal(size=(3, 1, 1, 1))
    values = values * random.uniform(2, 4, (1, 4, 1, 1)) + random.uniform(1, 3, (1, 4, 1, 1))
    return tuple(
        torch.from_numpy(each)
        for each in (values, random.uniform(1.5, 3, 4), random.uniform(0.5, 2, 4))
    )


# ---- 04-4: dropout


def tried(answer: Callable, values: torch.Tensor, rate: float):
    """Factors of what stays, share that goes (rounded: no luck in it), which masks are alike."""
    results = [answer(values.clone(), rate) for _ in range(2)]
    if results[0] is None:
        return None
    first, second = (torch.as_tensor(each).double() for each in results)
    if first.shape != values.shape:
        raise ValueError(f"values of shape {tuple(values.shape)} became {tuple(first.shape)}")
    if not first.any():
        raise ValueError("no value is left")
    factors = (first / values)[first != 0]
    gone = torch.stack([first, second]) == 0
    alike = [gone[1], gone[0, :1], gone[0, :, :1]]  # another call, another image, another unit
    alike = [(gone[0] == mask).double().mean().item() > 0.9 for mask in alike]
    share = gone.double().mean().item()
    share = rate if abs(share - rate) < 0.15 else round(share, 1)
    return [factors.min(), factors.max()], share, np.array(alike)


def as_tried(answer: Callable) -> Callable:
    """What is seen of an answer."""
    return lambda values, rate: tried(answer, values, rate)


def kept(values: torch.Tensor, rate: float) -> torch.Tensor:
    """A mask of ones with this probability of a zero."""
    return torch.empty_like(values).bernoulli_(1 - rate)


def some_values(random: np.random.Generator) -> tuple[torch.Tensor, float]:
    """200 images by 200 units, all on; a rate that is not one half."""
    return torch.from_numpy(random.uniform(1, 2, (200, 200))), float(random.choice([0.2, 0.3]))


def always_the_same(values: torch.Tensor, rate: float) -> torch.Tensor:
    """Dropout that starts its random numbers anew at each call."""
    mask = torch.rand(values.shape, generator=torch.Generator().manual_seed(0)) >= rate
    return values * mask / (1 - rate)


# ---- 04-5: probabilities that depend on no neighbour


def look(answer: Callable, model: nn.Module, images: torch.Tensor):
    """What comes back, the running statistics afterwards, and the mode afterwards."""
    result = answer(model, images)
    return None if result is None else (result, statistics_of(model), model.training)


def statistics_of(model: nn.Module) -> torch.Tensor:
    """Its running means and variances in one row."""
    return torch.cat([b for name, b in model.named_buffers() if "running" in name])


def probabilities(
    model: nn.Module, images: torch.Tensor, training: bool = False, softmax: bool = True
) -> torch.Tensor:
    """Of a copy, so that the model stays as it is."""
    with torch.no_grad():
        logits = copy.deepcopy(model).train(training)(images)
    return logits.softmax(dim=1) if softmax else logits


def moved(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The running statistics after a forward pass in training mode."""
    model = copy.deepcopy(model).train()
    model(images)
    return statistics_of(model)


def some_model(random: np.random.Generator) -> tuple[nn.Module, torch.Tensor]:
    """A small network with batch norm, in training mode, and six images."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**31)))
        layers = [nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)]
        model = nn.Sequential(*layers).double()
        for _ in range(5):
            model(2 * torch.randn(8, 1, 6, 6).double())
        return model, 3 * torch.randn(6, 1, 6, 6).double() + 1


TASKS = (
    Task(
        name="04-1",
        title="build batch norm",
        inputs=some_maps,
        right=batch_norm,
        mistakes={
            "The variance was divided by n - 1. When batch norm normalises, it divides by n.": (
                over(0, 2, 3, correction=1)
            ),
            "It was divided by the variance. Its root is the spread.": over(0, 2, 3, root=False),
            "Each image has a mean of its own there. A channel has one, over all images.": (
                over(2, 3)
            ),
            "Each pixel has a mean of its own there. A channel has one, over all its pixels.": (
                over(0)
            ),
            "All channels share one mean and one spread there. Each channel has its own.": (
                over(0, 1, 2, 3)
            ),
            "Scale and shift have no part in it yet.": (
                lambda maps, scale, shift: batch_norm(maps, 1 + 0 * scale, 0 * shift)
            ),
            "The scale multiplies the shift as well. The shift is added last.": (
                lambda maps, scale, shift: batch_norm(maps, scale, scale * shift)
            ),
            "The scale has no part in it yet.": (
                lambda maps, scale, shift: batch_norm(maps, 1 + 0 * scale, shift)
            ),
            "The shift has no part in it yet.": (
                lambda maps, scale, shift: batch_norm(maps, scale, 0 * shift)
            ),
        },
        hints=(
            "How many means are there? One for each channel. Over which dimensions is it taken?",
            "`maps.mean(dim=(0, 2, 3), keepdim=True)` has a shape that can be subtracted from the "
            "maps. `scale.view(1, -1, 1, 1)` has it too.",
            "`var` divides by n - 1 unless it is told `correction=0`.",
        ),
    ),
    Task(
        name="04-2",
        title="predict the running statistics after two steps",
        right=(0.76, 0.81 + 0.19 * 20 / 3),
        parts=("the running mean", "the running variance"),
        tolerance=3e-3,
        mistakes={
            "That is after one step. There are two.": (0.4, 0.9 + 0.1 * 20 / 3),
            "The shares are turned round: which of them is small, that of the new batch?": (
                (3.96, 0.01 + 0.99 * 20 / 3)
            ),
            "The running variance takes the variance with n - 1. Only normalising takes n.": (
                (0.76, 0.81 + 0.19 * 5)
            ),
            "Those are the statistics of the batch alone. The start has a share as well.": (
                (4.0, 20 / 3)
            ),
            "The running variance starts at 1, not at 0.": (0.76, 0.19 * 20 / 3),
            "The running mean starts at 0, not at 1.": (0.81 + 0.76, 0.81 + 0.19 * 20 / 3),
            "It is the variance that is kept, not its root.": (0.76, 1.3006),
        },
        hints=(
            "Mean and variance of the batch first. Its variance is needed with n - 1.",
            "New value: nine tenths of the old one and one tenth of the batch's. Do it twice.",
        ),
    ),
    Task(
        name="04-3",
        title="predict what three batch norms add",
        right=56,
        mistakes={
            "The biases that go are not counted.": 112,
            "Running statistics are buffers: no gradient changes them.": 168,
            "Running statistics are no parameters, and the biases that go are not counted.": 224,
            "Each channel loses one bias and gets two parameters.": -56,
        },
        hints=(
            "What does batch norm bring for each channel? Count parameters only.",
            "A convolution has one bias for each output channel. How many go?",
        ),
    ),
    Task(
        name="04-4",
        title="build dropout",
        inputs=some_values,
        use=tried,
        right=as_tried(functional.dropout),
        parts=("what becomes of the values that stay", "the share that goes", "the masks"),
        mistakes={
            "The values that stay were not made larger: the mean becomes smaller.": (
                as_tried(lambda v, p: v * kept(v, p))
            ),
            "p is the probability that a unit goes. There it is the one that it stays.": (
                as_tried(lambda v, p: v * kept(v, 1 - p) / p)
            ),
            "The mask is right. But p is the share that goes: which share is left?": (
                as_tried(lambda v, p: v * kept(v, p) / p)
            ),
            "Two calls draw the same mask. Each step needs a new one.": as_tried(always_the_same),
            "p is the probability that a unit goes, not that it stays. The factor is right.": (
                as_tried(lambda v, p: v * kept(v, 1 - p) / (1 - p))
            ),
            "All images share one mask. Each value has a chance of its own.": (
                as_tried(lambda v, p: v * kept(v[:1], p) / (1 - p))
            ),
            "All units of an image go together. Each value has a chance of its own.": (
                as_tried(lambda v, p: v * kept(v[:, :1], p) / (1 - p))
            ),
        },
        hints=(
            "A mask of zeros and ones has the shape of the values. `torch.rand_like(values)` gives "
            "random numbers between 0 and 1.",
            "`torch.rand_like(values) < 0.3` is true for three tenths of the values.",
            "What has the mean to be divided by, if the share p of all values is gone?",
        ),
    ),
    Task(
        name="04-5",
        title="find why an answer depends on its neighbours",
        inputs=some_model,
        use=look,
        right=lambda model, images: look(probabilities, model, images),
        parts=("the probabilities", "the running statistics afterwards", "the mode afterwards"),
        mistakes={
            "They still depend on the neighbours. no_grad() is not eval().": (
                lambda m, x: (probabilities(m, x, training=True), moved(m, x), True)
            ),
            "Right. But the model was training and no longer is: give it back as it was.": (
                lambda m, x: (probabilities(m, x), statistics_of(m), False)
            ),
            "eval() came too late: the forward pass was still in training mode.": (
                lambda m, x: (probabilities(m, x, training=True), moved(m, x), False)
            ),
            "A copy keeps the model as it is. But its answers depend on the neighbours.": (
                lambda m, x: (probabilities(m, x, training=True), statistics_of(m), True)
            ),
            "Those are logits. Probabilities are asked for.": (
                lambda m, x: (probabilities(m, x, softmax=False), statistics_of(m), True)
            ),
        },
        hints=(
            "Which layers do something else in training than in use? What switches them?",
            "`model.training` says in which mode a model is; `model.train(mode)` sets it.",
        ),
    ),
    *seeds.TASKS,
    Task(
        name="04-9",
        title="predict what larger weights do before batch norm",
        right=(1.0, 0.1, 0.01),
        parts=("the output", "the gradient", "the share of one step"),
        tolerance=1e-3,
        mistakes={
            "Without batch norm the output would grow. What does it do to mean and spread?": (
                (10.0, 0.1, 0.01)
            ),
            "The output stays. But the gradient does not: apply the chain rule.": (1.0, 1.0, 0.1),
            "The gradient is turned round: larger weights need a larger step for the same.": (
                (1.0, 10.0, 1.0)
            ),
            "The gradient is smaller, and the weights that it is compared with are larger.": (
                (1.0, 0.1, 0.1)
            ),
        },
        hints=(
            "Mean and spread of each channel become ten times as large.",
            "The loss is the same function of the output. If w changes by 1 where it is ten times "
            "as large, by how much does w/10 change?",
            "A step is the rate times the gradient. Divide it by the size of the weights.",
        ),
    ),
)
