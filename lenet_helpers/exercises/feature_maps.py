"""Lesson 05: what counts as right, and what is often wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import torch
from torch import nn

from lenet_helpers.exercises.task import Task

# ---- 05-1: a hook that goes again


def a_network(random: np.random.Generator) -> tuple[nn.Sequential, torch.Tensor]:
    """Its activation changes in place what the first layer gives."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**31)))
        layers = nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(48, 10)
        return nn.Sequential(*layers), torch.randn(int(random.integers(2, 6)), 1, 6, 6)


def try_hook(output_of: Callable, model: nn.Sequential, images: torch.Tensor) -> tuple | None:
    """The output, and how many hooks stay: after a good run, and after one that raises."""
    output = output_of(model, model[0], images)
    left = len(model[0]._forward_hooks)
    with suppress(RuntimeError):  # three channels where the layer takes one
        output_of(model, model[0], images.repeat(1, 3, 1, 1))
    nothing = output is None or output is ...
    return None if nothing else (output, left, len(model[0]._forward_hooks) - left)


def hooked(*left: int, depth: int = 1) -> Callable[..., tuple]:
    """The output of so many layers, and how many hooks stay."""
    return lambda model, images: (model[:depth](images), *(left or (0, 0)))


# ---- 05-2: a fair scale of colours


def some_kernels(random: np.random.Generator) -> tuple[torch.Tensor]:
    """Four kernels, each stronger than the one before; the strongest weight is negative."""
    kernels = torch.from_numpy(random.normal(size=(4, 5, 5))).clamp(-3, 3)
    kernels[:, 0, 0] = -4
    return (kernels * torch.tensor([0.1, 0.3, 0.6, random.uniform(1, 2)])[:, None, None],)


def stretched(kernels: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """The lowest becomes -1, the highest 1."""
    return 2 * (kernels - low) / (high - low) - 1


# ---- 05-3: the preferred angle


def a_curve(random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Answers that are largest between 105° and 165°, but at none of the twelve angles."""
    angles = torch.arange(0, 180, 15, dtype=torch.float64)
    top = 105 + 15 * random.integers(4) + random.uniform(4, 11)
    curve = torch.deg2rad(angles - top).cos() ** 4 + random.uniform(0.1, 0.3)
    return random.uniform(2, 5) * curve, angles


def arrow(h: torch.Tensor, angles: torch.Tensor, turn: float = np.pi / 90, half: int = 2):
    """Angle and length of a mean of complex numbers; `turn` doubles, and makes radians."""
    mean = np.average(np.exp(1j * turn * angles.numpy()), weights=h.numpy())
    return np.rad2deg(np.angle(mean)) / half % 180, abs(mean)


# ---- 05-5: a loss and its standard error


def some_answers(random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Which images are read with a map, and which without it: both, only one, neither."""
    counts = random.integers((300, 25, 5, 10), (400, 40, 20, 30))
    kinds = torch.from_numpy(random.permutation(np.repeat(range(4), counts)))
    return kinds < 2, (kinds == 0) | (kinds == 2)


def differences(before: torch.Tensor, after: torch.Tensor) -> np.ndarray:
    """1 for an image that only the first network reads, -1 for one that only the second reads."""
    return before.numpy() * 1.0 - after.numpy()


def with_error(error: Callable[[np.ndarray], float]) -> Callable[..., tuple]:
    """The loss, and an error made of the differences."""
    return lambda x, y: (differences(x, y).mean(), error(differences(x, y)))


# ---- 05-6: the share of a plane


def a_cloud(random: np.random.Generator) -> tuple[torch.Tensor]:
    """Points of five numbers far from the origin, spread unequally along slanted directions."""
    directions = np.linalg.qr(random.normal(size=(5, 5)))[0]
    points = random.normal(size=(60, 5)) * [5, 3, 2, 1, 1] @ directions
    return (torch.from_numpy(points + random.uniform(5, 9, size=5)),)


def share(squares: torch.Tensor, power: float = 1, count: int = 2) -> float:
    """From the eigenvalues of a table of squares, which are the variances."""
    values = np.linalg.eigvalsh(squares)[::-1].clip(0) ** power
    return values[:count].sum() / values.sum()


# ---- 05-7: the lead


def some_logits(random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Of six images; the even ones are read rightly, the odd ones are not."""
    logits = torch.from_numpy(random.normal(size=(6, 10)))
    best = logits.argmax(dim=1)
    return logits, (best + torch.arange(6) % 2 * int(random.integers(1, 10))) % 10


def lead(logits: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    """Each row on its own, in NumPy."""
    rows = zip(logits.numpy(), labels.tolist(), strict=True)
    return np.array([row[label] - np.delete(row, label).max() for row, label in rows])


TASKS = (
    Task(
        name="05-1",
        title="build a function with a hook that goes again",
        inputs=a_network,
        right=hooked(),
        use=try_hook,
        parts=("the output", "the hooks left behind", "the hooks left behind by an error"),
        mistakes={
            "The hook is still there after the call.": hooked(1, 1),
            "When the network raises an error, the hook stays: `finally` helps.": hooked(0, 1),
            "The next layer changes the output in place: keep a copy.": hooked(depth=2),
            "The hook is still there. And keep a copy of the output.": hooked(1, 1, depth=2),
            "An error leaves the hook behind. And keep a copy.": hooked(0, 1, depth=2),
            "That is what the whole network gives.": hooked(depth=4),
        },
        hints=(
            "A hook is a function of the layer, its inputs and its output. It can put the output "
            "into a list or a dictionary that your function has made before.",
            "`register_forward_hook` gives a handle. `handle.remove()` belongs into a `finally`.",
            "What the hook gets is the tensor itself. A later layer may write into it: `clone`.",
        ),
    ),
    Task(
        name="05-2",
        title="find what is unfair in a scale of colours",
        inputs=some_kernels,
        right=lambda kernels: kernels / max(kernels.max(), -kernels.min()),
        mistakes={
            "Nothing has changed: each kernel has its own scale, and zero its own colour.": (
                lambda k: stretched(k, k.amin((1, 2), True), k.amax((1, 2), True))
            ),
            "Zero is white in all of them. But each kernel still has a scale of its own.": (
                lambda k: k / k.abs().amax((1, 2), True)
            ),
            "All kernels share one scale. But zero is not white.": (
                lambda k: stretched(k, k.min(), k.max())
            ),
            "Some values lie below -1. Mind the negative weights.": lambda k: k / k.max(),
        },
        hints=(
            "Which colour has the weight 0 in each kernel? It should be 0, white.",
            "Do two kernels of which one is ten times as strong look different?",
            "One number serves for all kernels: divide by it, and subtract nothing.",
        ),
    ),
    Task(
        name="05-3",
        title="build the preferred angle",
        inputs=a_curve,
        right=arrow,
        parts=("the preferred angle", "the selectivity"),
        mistakes={
            "The angles are not doubled: 5° and 165° point to opposite sides.": (
                lambda h, angles: arrow(h, angles, np.pi / 180, half=1)
            ),
            "They are doubled, but the result is not halved.": lambda h, t: arrow(h, t, half=1),
            "`cos` and `sin` take radians.": lambda h, angles: arrow(h, angles, turn=2),
            "The angle comes in radians. Degrees are asked for.": (
                lambda h, angles: (np.deg2rad(arrow(h, angles)[0]), arrow(h, angles)[1])
            ),
            "The angle is negative. Bring it between 0° and 180°.": (
                lambda h, angles: (arrow(h, angles)[0] - 180, arrow(h, angles)[1])
            ),
            "That is the angle of the strongest answer alone.": (
                lambda h, angles: (angles[h.argmax()].item(), arrow(h, angles)[1])
            ),
            "The angle is right. The selectivity is not divided by the sum of the answers.": (
                lambda h, angles: (arrow(h, angles)[0], arrow(h, angles)[1] * h.sum().item())
            ),
        },
        hints=(
            "An arrow for each answer: its length is the answer, its angle twice that of the bar.",
            "Add up the parts to the right, answer times cosine, and the parts upwards, answer "
            "times sine. Divide both by the sum of the answers.",
            "`torch.atan2(up, right)` gives the doubled angle, in radians and perhaps negative.",
        ),
    ),
    Task(
        name="05-4",
        title="predict: what a unit of conv2 sees",
        right=(6, 19, 8, 21),
        parts=("the first row", "the last row", "the first column", "the last column"),
        mistakes={
            "Rows and columns are swapped. The unit is in row 3, column 4.": (8, 21, 6, 19),
            "The pooling has no part in it: behind it, neighbours are 2 pixels apart.": (
                3,
                11,
                4,
                12,
            ),
            "It begins rightly. But the last two are one too far.": (6, 20, 8, 22),
            "It begins rightly. The pooled value at the far end stands for two rows.": (
                6,
                18,
                8,
                20,
            ),
            "Those are 14 pixels. But units start 2 pixels apart, not 1.": (3, 16, 4, 17),
            "That is the unit of pool2.": (12, 27, 16, 31),
        },
        hints=(
            "Go backwards: which rows of pool1 does the kernel of conv2 cover in row 3?",
            "Row i of pool1 is made of the rows 2i and 2i + 1 of conv1.",
            "Row i of conv1 sees the pixels from row i to row i + 4.",
        ),
    ),
    Task(
        name="05-5",
        title="find what is misjudged in a loss",
        inputs=some_answers,
        right=with_error(lambda d: np.linalg.norm(d) / len(d)),
        parts=("the loss", "the standard error"),
        mistakes={
            "The error is still that of two networks which read different images.": lambda x, y: (
                differences(x, y).mean(),
                ((x.numpy().var() + y.numpy().var()) / len(x)) ** 0.5,
            ),
            "The sign is turned: a loss is positive if more is read with the map.": (
                lambda x, y: (-differences(x, y).mean(), np.linalg.norm(differences(x, y)) / len(x))
            ),
            "Images that only the other network reads add to the error, too.": (
                with_error(lambda d: (d > 0).sum() ** 0.5 / len(d))
            ),
            "The two counts are subtracted under the root. Variances add up.": (
                with_error(lambda d: d.sum() ** 0.5 / len(d))
            ),
            "That is the spread as measured. Here we ask how far luck alone would go.": (
                with_error(lambda d: d.std() / len(d) ** 0.5)
            ),
        },
        hints=(
            "Both networks read the same images. Which images make a difference at all?",
            "`before & ~after` are the images that only the whole network reads.",
            "Each of the n10 + n01 images adds a variance of 1. The rest adds none.",
        ),
    ),
    Task(
        name="05-6",
        title="build the share of a plane",
        inputs=a_cloud,
        right=lambda x: share(np.cov(x.T)),
        mistakes={
            "Singular values are no variances. Square them.": lambda x: share(np.cov(x.T), 0.5),
            "The mean row is not subtracted.": lambda x: share((x.T @ x).numpy()),
            "That is the first direction alone.": lambda x: share(np.cov(x.T), count=1),
            "Each point lost its own mean. Subtract the mean row: one mean for each column.": (
                lambda x: share(((x - x.mean(1, True)).T @ (x - x.mean(1, True))).numpy())
            ),
        },
        hints=(
            "Subtract the mean row: `points.mean(dim=0)`.",
            "`torch.linalg.svdvals` gives the singular values, the largest first.",
            "A variance goes with the square of a singular value.",
        ),
    ),
    Task(
        name="05-7",
        title="build the lead",
        inputs=some_logits,
        right=lead,
        mistakes={
            "The right class is among those it is compared with: no lead is positive.": (
                lambda z, y: z.gather(1, y[:, None])[:, 0] - z.amax(1)
            ),
            "A wrong answer has a negative lead.": lambda z, _: -z.topk(2).values.diff()[:, 0],
            "Those are leads in probability. Take the logits.": lambda z, y: lead(z.softmax(1), y),
            "The signs are turned: a right answer has a positive lead.": lambda z, y: -lead(z, y),
        },
        hints=(
            "Which classes are compared with the right one? Nine of them.",
            "`logits[i, labels[i]]` is the logit of the right class of image i.",
            "Set the logit of the right class to minus infinity in a copy. The largest is another.",
        ),
    ),
)
