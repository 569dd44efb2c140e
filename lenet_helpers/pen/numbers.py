"""Lesson 06: what the network that reads whole numbers learns beside MNIST.

To cut a number into digits, a network has to know what it never saw in MNIST: half a digit, or
two that touch. They get a class of their own, "no digit" [1]_. And MNIST was written by Americans:
elsewhere a 1 has a long upstroke, a 7 a bar, a 4 is open, a 3 has a flat top. Such digits are drawn
and learned too. The recipe `numbers` trains on them.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998, section V: heuristic over-segmentation.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from lenet_helpers.data import MNIST, Split
from lenet_helpers.pen.digits import draw_digits
from lenet_helpers.pen.strokes import Random, put
from lenet_helpers.pen.symbols import draw_symbols, prepare_drawing

NO_DIGIT = 10  # the eleventh class
DRAWN = "12479"  # digits that are written otherwise outside the United States
BEND = 0.06  # of half the image, about a pixel: other hands differ more than MNIST's do


def add_numbers(levels: MNIST, count: int, seed: int = 0) -> MNIST:
    """MNIST's grey levels with what else the network for numbers learns from.

    That is `count` drawings of each digit of `DRAWN` and of `digits`, and four times as many
    pictures of no digit. Validation and test stay MNIST's.
    """
    drawn = [draw_symbols(count, seed, DRAWN), draw_digits(count, seed)]
    images = torch.cat([levels.train.images, *(images for images, _ in drawn)])
    none = no_digits(images.numpy(), 4 * count, seed)
    labels = [levels.train.labels, *(labels for _, labels in drawn)]
    labels.append(torch.full((len(none),), NO_DIGIT))
    return levels._replace(train=Split(torch.cat([images, none]), torch.cat(labels)))


def no_digits(images: np.ndarray, count: int, seed: int) -> torch.Tensor:
    """Pieces of digits and pairs that touch: grey levels `(count, 28, 28)`, uint8.

    Parameters
    ----------
    images
        Digits `(n, 28, 28)`, grey levels 0…255, white on black.
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
        if kind >= 0.85:
            left = _piece(left, random, keep_left=False)
        elif kind >= 0.7:
            right = _piece(right, random, keep_left=True)
        picture = _piece(left, random) if kind < 0.3 else _pair(left, right, random)
        rows, columns = (np.flatnonzero((picture > 0.5).any(axis=axis)) for axis in (1, 0))
        # What is low is a bar or a dot, and what is narrow may well be a 1.
        if rows.size < 20 or columns.size < 0.35 * rows.size:
            continue
        cropped = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        made.append(prepare_drawing(np.pad(cropped, 6)))
    return torch.from_numpy(np.stack(made))


def _large(image: np.ndarray) -> np.ndarray:
    """A digit at twice its size, 0…1, `(56, width)` without its empty columns."""
    large = ndimage.zoom(image / np.float32(255), 2, order=1)
    return large[:, (large > 0.3).any(axis=0)]


def _piece(digit: np.ndarray, random: Random, keep_left: bool | None = None) -> np.ndarray:
    at = round(digit.shape[1] * random.uniform(0.35, 0.65))
    keep_left = random.random() < 0.5 if keep_left is None else keep_left
    return digit[:, :at] if keep_left else digit[:, at:]


def _pair(left: np.ndarray, right: np.ndarray, random: Random) -> np.ndarray:
    """Two pictures side by side, at most a little apart or over one another."""
    start = max(0, left.shape[1] + int(random.integers(-3, 4)))
    line = np.zeros((left.shape[0] + 8, start + right.shape[1] + left.shape[1]))
    for picture, column in ((left, 0), (right, start)):
        put(line, picture, int(random.integers(0, 9)), column)
    return line
