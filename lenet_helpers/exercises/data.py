"""Lesson 01: what counts as right, and what is often wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional

from lenet_helpers.data import MEAN, STANDARD_DEVIATION, fit_images
from lenet_helpers.exercises.task import Task

# ---- 01-1: a reader of IDX files


def some_idx(random: np.random.Generator) -> tuple[bytes]:
    """A file of two or four axes, none as long as another; the first byte of the data is large."""
    shape = (random.permutation(5) + 2)[: random.choice([2, 4])]
    values = random.integers(256, size=shape, dtype=np.uint8)
    values.flat[0] = random.integers(128, 256)
    return (bytes([0, 0, 8, len(shape)]) + shape.astype(">i4").tobytes() + values.tobytes(),)


def in_shape(content: bytes, data: bytes = b"", kind: type = np.uint8, order: str = "C"):
    """The data, if not others are given, in the shape that the header of `content` names."""
    ends = range(4, 5 + 4 * content[3], 4)
    shape = [int.from_bytes(content[i:j], "big") for i, j in pairwise(ends)]
    data = data or content[ends[-1] :]
    return np.frombuffer(data, kind)[: np.prod(shape)].reshape(shape, order=order)


# ---- 01-2: the centre of mass


def some_ink(random: np.random.Generator) -> tuple[torch.Tensor]:
    """A patch of strong ink and a faint speck far from it."""
    image = torch.zeros(10, 13, dtype=torch.uint8)
    row, column = random.integers((1, 5), (3, 7))
    ink = random.integers(100, 256, size=(3, 6), dtype=np.uint8)
    image[row : row + 3, column : column + 6] = torch.from_numpy(ink)
    image[8, 1 + random.integers(2)] = 20 + int(random.integers(20))
    return (image,)


def balance(ink: torch.Tensor) -> tuple[float, float]:
    """Row and column, by weighted means."""
    sides = (np.asarray(ink).sum(axis) for axis in (1, 0))
    return tuple(np.average(np.arange(len(side)), weights=side) for side in sides)


# ---- 01-3: the distance of images


def some_images(random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """An image and five others."""
    levels = random.integers(256, size=(6, 8, 8), dtype=np.uint8)
    return torch.from_numpy(levels[0]), torch.from_numpy(levels[1:])


def distances(image: torch.Tensor, known: torch.Tensor) -> np.ndarray:
    """Euclidean distance to each known image."""
    return torch.cdist(image.flatten()[None].double(), known.flatten(1).double())[0].numpy()


# ---- 01-4: mean and standard deviation


def some_counts(random: np.random.Generator) -> tuple[torch.Tensor]:
    """How often each grey level occurs in some sixty pixels, most of them black."""
    levels = [*random.integers(1, 256, size=20), *[0] * random.integers(30, 50), 255, 255]
    return (torch.bincount(torch.tensor(levels), minlength=256),)


def pixels(counts: torch.Tensor) -> np.ndarray:
    """Every single pixel, from 0 to 1."""
    return np.repeat(np.arange(256), counts) / 255


# ---- 01-6: the preparation


def some_levels(random: np.random.Generator) -> tuple[torch.Tensor]:
    """Grey levels of two images, with ink everywhere."""
    return (torch.from_numpy(random.integers(1, 256, size=(2, 28, 28), dtype=np.uint8)),)


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Images with a channel, but as large as before."""
    return (images[:, None] / 255 - MEAN) / STANDARD_DEVIATION


# ---- 01-7: a split


def try_split(split: Callable, count: int, validation_size: int, seed: int) -> tuple | None:
    """What can be said of a split, whatever the random numbers were."""
    drawn = [split(count, validation_size, each) for each in (seed, seed, seed + 1)]
    if drawn[0] is None or drawn[0] is ...:
        return None
    (train, validation), again, other = ([list(map(int, part)) for part in s] for s in drawn)
    return (
        len(train),
        len(validation),
        not set(train) & set(validation),
        set(train) | set(validation) == set(range(count)),
        [train, validation] != other,
        [train, validation] == again,
    )


def a_split(*faults: int) -> Callable[..., tuple]:
    """What can be said of one with so many images in each part and these faults."""
    return lambda n, v, _: (n - v, v, *(place not in faults for place in range(2, 6)))


TASKS = (
    Task(
        name="01-1",
        title="build a reader of IDX files",
        inputs=some_idx,
        right=in_shape,
        mistakes={
            "The values begin with the header. They should begin behind it.": (
                lambda content: in_shape(content, content)
            ),
            "The values begin behind byte 3. The sizes should be skipped, too.": (
                lambda content: in_shape(content, content[4:])
            ),
            "Large values have become negative: the bytes are unsigned.": (
                lambda content: in_shape(content, kind=np.int8)
            ),
            "The values run down the columns. A file holds row after row.": (
                lambda content: in_shape(content, order="F")
            ),
        },
        hints=(
            "Byte 3 says how many axes there are. Do not count on three.",
            "From byte 4 on there are four bytes for each axis, the largest part first. Sizes in "
            "the millions mean that the bytes were read from the wrong end.",
            "The data begin at byte 4 + 4 * axes. `np.frombuffer` takes this as its `offset`.",
        ),
    ),
    Task(
        name="01-2",
        title="build the centre of mass",
        inputs=some_ink,
        right=balance,
        parts=("the row", "the column"),
        mistakes={
            "Row and column are swapped. The row comes first.": lambda x: balance(x)[::-1],
            "Each pixel with ink counts the same. Weigh it by its grey level.": (
                lambda x: balance(x > 0)
            ),
            "That is the middle of the box around the ink: a faint speck moves it far.": (
                lambda x: tuple((k.min() + k.max()).item() / 2 for k in x.nonzero().T)
            ),
            "Rows and columns are counted from 0.": lambda x: tuple(k + 1 for k in balance(x)),
        },
        hints=(
            "As in the lesson's line of four pixels, each place counts as often as there is ink.",
            "`image.sum(dim=1)` is the ink of each row. That makes a line of the image.",
            "Multiply the ink of each row by the row's number, add up, and divide by all the ink.",
        ),
    ),
    Task(
        name="01-3",
        title="find what is wrong with a distance",
        inputs=some_images,
        right=distances,
        mistakes={
            "The squares still have only a byte: 16·16 = 256 becomes 0.": (
                lambda x, known: (known - x).square().sum(dim=(1, 2)).sqrt()
            ),
            "The differences still have only a byte: 3 - 5 becomes 254.": (
                lambda x, known: (known - x).double().square().sum(dim=(1, 2)).sqrt()
            ),
            "The root of the sum is missing.": lambda x, known: distances(x, known) ** 2,
            "Those are sums of absolute differences. Square each difference.": (
                lambda x, known: (known.double() - x).abs().sum(dim=(1, 2))
            ),
        },
        hints=(
            "A byte holds 0 to 255. What becomes of a result that lies outside?",
            "Look at `(known - image).dtype`, and at the difference of 3 and 5.",
            "Change the type of the numbers before you subtract.",
        ),
    ),
    Task(
        name="01-4",
        title="build mean and deviation from counts",
        inputs=some_counts,
        right=lambda counts: (pixels(counts).mean(), pixels(counts).std()),
        parts=("the mean", "the standard deviation"),
        mistakes={
            "Grey levels go up to 255. Divide them by 255.": (
                lambda counts: (255 * pixels(counts).mean(), 255 * pixels(counts).std())
            ),
            "The mean is right. The other is the variance: take its root.": (
                lambda counts: (pixels(counts).mean(), pixels(counts).var())
            ),
            "Each grey level counts once. It should count as often as it occurs.": (
                lambda counts: (0.5, pixels(torch.ones_like(counts)).std())
            ),
            "The mean is right. For the deviation, subtract it before you square.": (
                lambda counts: (pixels(counts).mean(), (pixels(counts) ** 2).mean() ** 0.5)
            ),
            "The mean is right. The deviation is divided by n - 1; here it is n.": (
                lambda counts: (pixels(counts).mean(), pixels(counts).std(ddof=1))
            ),
        },
        hints=(
            "`counts[k] / counts.sum()` is the share of the pixels that have the grey level k.",
            "The mean is the sum of share times level, with levels from 0 to 1.",
            "The deviation is the root of the sum of share times (level - mean)².",
        ),
    ),
    Task(
        name="01-5",
        title="predict: the size for larger digits",
        right=(36, 12),
        parts=("the size", "the windows"),
        mistakes={
            "The size is right. Windows are one more than steps.": (36, 11),
            "The size is right. Neighbouring windows are 2 pixels apart.": (36, 23),
            "Two pixels too many: six pixels of a window lie before its two middle ones.": (38, 13),
            "That is the size for digits of 20×20.": (32, 10),
            "A window has to reach beyond the digit: only its middle has to lie on it.": (24, 6),
        },
        hints=(
            "The first window starts at pixel 0. Its middle pixels are 6 and 7.",
            "So six pixels at each end are never in the middle of a window.",
            "The last window ends at the last pixel. From start to start it is 2 pixels.",
        ),
    ),
    Task(
        name="01-6",
        title="find what is wrong with a preparation",
        inputs=some_levels,
        right=fit_images,
        mistakes={
            "The border is still 0. That is not the value of black paper.": (
                lambda x: functional.pad(normalised(x), (2, 2, 2, 2))
            ),
            "The border is black now. But the digit has left the middle.": (
                lambda x: normalised(functional.pad(x, (0, 4, 0, 4)))
            ),
            "Nothing has changed. Which value does black paper have, and which the border?": (
                lambda x: functional.pad(normalised(x), (0, 4, 0, 4))
            ),
        },
        hints=(
            "Which value does a black pixel have after normalising? Which one does `pad` add?",
            "Put the steps into another order.",
            "How many rows does `pad` add above the digit, and how many below?",
        ),
    ),
    Task(
        name="01-7",
        title="find what is wrong with a split",
        inputs=lambda random: random.integers((200, 40, 0), (300, 60, 99)).tolist(),
        right=a_split(),
        use=try_split,
        parts=("train", "validation", "images in both", "images in none", "another seed", "seed"),
        mistakes={
            "Some images are in both splits, and others in none.": a_split(2, 3),
            "Another seed gives the same split. It should be drawn at random.": a_split(4),
            "The same seed gives another split. Who repeats it gets other images.": a_split(5),
            "The sizes are swapped: the first split is for training.": (
                lambda n, v, _: (v, n - v, *[True] * 4)
            ),
            "The validation images are still among the training images.": (
                lambda n, v, _: (n, v, False, *[True] * 3)
            ),
        },
        hints=(
            "Take the two results as sets of numbers. What should `set(a) & set(b)` be?",
            "How many random orders are drawn? Are they the same?",
            "Draw one order, and cut it.",
        ),
    ),
    Task(
        name="01-8",
        title="predict: steps and the last batch",
        right=(2580, 24),
        parts=("the steps", "the last batch"),
        mistakes={
            "The last batch is left out: an epoch ends with a smaller one.": (2577, 24),
            "The epochs run into each other. Each begins with a new batch.": (2579, 24),
            "The validation images are no training images: set them aside first.": (2814, 32),
            "The steps are right. Those are the images missing in the last batch.": (2580, 40),
        },
        hints=(
            "How many images does the network train with?",
            "How many full batches are there in one epoch, and how many images are left?",
            "Those that are left make one more step, in each epoch.",
        ),
    ),
)
