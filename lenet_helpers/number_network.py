"""Lesson 06: the network that reads whole numbers.

To cut a number into digits, a network has to know what it never saw in MNIST: half a digit, or
two that touch. They get a class of their own, "no digit" [1]_. And MNIST was written by Americans:
elsewhere a 1 has a long upstroke, a 7 a bar, a 4 is open, a 3 has a flat top. Such digits are drawn
and learned too. The weights of the kit are those of `train_number_network(load_mnist(), seed=0)`.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998, section V: heuristic over-segmentation.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from scipy import ndimage
from torch.optim.lr_scheduler import OneCycleLR

from lenet_helpers.augmentation import vary
from lenet_helpers.checkpoints import load_weights
from lenet_helpers.data import (
    IMAGE_SIZE,
    MEAN,
    MNIST,
    STANDARD_DEVIATION,
    Batches,
    Split,
    fit_images,
)
from lenet_helpers.drawn_digits import generate_digits
from lenet_helpers.handwriting import centre, shrink
from lenet_helpers.mnist_files import DATA_DIR
from lenet_helpers.model import LeNet5
from lenet_helpers.symbols import generate_symbols
from lenet_helpers.training import fit, seed_everything

NO_DIGIT = 10  # the eleventh class
DRAWN = "12479"  # digits that are written otherwise outside the United States
DRAWN_COUNT = 2000  # of each
NO_DIGIT_COUNT = 8000
BEND = 0.06  # of half the image, about a pixel: other hands differ more than MNIST's do
WEIGHTS = DATA_DIR / "pretrained" / "numbers.safetensors"


def load_number_network() -> LeNet5:
    """The trained network with eleven classes, from the weights that come with the kit.

    Returned in evaluation mode, on the CPU.

    Raises
    ------
    CourseError
        If the weights are missing or damaged.
    """
    model = LeNet5(num_classes=11)
    load_weights(model, WEIGHTS)
    return model.eval()


def train_number_network(
    mnist: MNIST, seed: int = 0, epochs: int = 8, progress: bool = True
) -> LeNet5:
    """Train it from a fresh start, in about 5 minutes of one core; in evaluation mode.

    Parameters
    ----------
    mnist
        As `load_mnist` gives it; only the training images are used.
    seed
        Decides the first weights, the drawings, the pieces and the order of the batches.
    epochs
        Passes through all images.
    progress
        Whether a bar is shown.
    """
    split = training_images(mnist.train, seed)
    seed_everything(seed)
    model = LeNet5(num_classes=11).to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    batches = Batches(split, 64, shuffle=True, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003, fused=True)
    scheduler = OneCycleLR(optimizer, max_lr=0.003, total_steps=epochs * len(batches))
    fit(
        model,
        batches,
        epochs=epochs,
        optimizer=optimizer,
        scheduler=scheduler,
        augment=partial(vary, bent=BEND),
        device="cpu",
        progress=progress,
    )
    return model.to(memory_format=torch.contiguous_format).eval()


def training_images(train: Split, seed: int) -> Split:
    """MNIST's digits, drawn digits, and what is no digit."""
    drawn = [generate_symbols(DRAWN_COUNT, seed, DRAWN), generate_digits(DRAWN_COUNT, seed)]
    digits = [train, *drawn]
    images = torch.cat([split.images for split in digits])
    none = no_digits(images, NO_DIGIT_COUNT, seed)
    labels = torch.cat([*(split.labels for split in digits), torch.full((len(none),), NO_DIGIT)])
    return Split(torch.cat([images, none]), labels)


def no_digits(images: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Pieces of digits and pairs that touch, as the network takes them, `(count, 1, 32, 32)`.

    Parameters
    ----------
    images
        Digits `(n, 1, 32, 32)`, normalised.
    count
        How many to make.
    seed
        Decides which digits, where they are cut, and how near they stand.
    """
    random = np.random.default_rng(seed)
    made = []
    while len(made) < count:
        left, right = (_large(images[int(number)]) for number in random.integers(0, len(images), 2))
        kind = random.random()
        if kind < 0.3:
            picture = _piece(left, random)
        elif kind < 0.7:
            picture = _pair(left, right, random)
        elif kind < 0.85:
            picture = _pair(left, _piece(right, random, keep_left=True), random)
        else:
            picture = _pair(_piece(left, random, keep_left=False), right, random)
        rows, columns = (np.flatnonzero((picture > 0.5).any(axis=axis)) for axis in (1, 0))
        # What is low is a bar or a dot, and what is narrow may well be a 1.
        if rows.size < 20 or columns.size < 0.35 * rows.size:
            continue
        cropped = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        made.append(centre(shrink(np.pad(cropped, 6), 0.5)))
    return fit_images(torch.from_numpy(np.round(np.stack(made) * 255)))


def _large(image: torch.Tensor) -> np.ndarray:
    """A digit at twice its size, 0…1, `(56, width)` without its empty columns."""
    border = (image.shape[-1] - IMAGE_SIZE) // 2
    digit = image[0, border:-border, border:-border].numpy() * STANDARD_DEVIATION + MEAN
    large = ndimage.zoom(digit.clip(0, 1), 2, order=1)
    return large[:, (large > 0.3).any(axis=0)]


def _piece(
    digit: np.ndarray, random: np.random.Generator, keep_left: bool | None = None
) -> np.ndarray:
    at = round(digit.shape[1] * random.uniform(0.35, 0.65))
    keep_left = random.random() < 0.5 if keep_left is None else keep_left
    return digit[:, :at] if keep_left else digit[:, at:]


def _pair(left: np.ndarray, right: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Two pictures side by side, at most a little apart or over one another."""
    start = max(0, left.shape[1] + int(random.integers(-3, 4)))
    line = np.zeros((left.shape[0] + 8, start + right.shape[1] + left.shape[1]))
    for picture, column in ((left, 0), (right, start)):
        row = int(random.integers(0, 9))
        place = (slice(row, row + len(picture)), slice(column, column + picture.shape[1]))
        line[place] = np.maximum(line[place], picture)
    return line
