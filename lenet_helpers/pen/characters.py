"""Lesson 08: what the network that reads characters learns: MNIST, drawings, and no character.

To cut a line into characters, a network has to know what it never saw in MNIST: half a digit, or
two that touch. They get a class of their own, "no character" [1]_; scribbles belong to it too. The
recipe `characters` trains on all of these.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998, section V: heuristic over-segmentation.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from tqdm.auto import tqdm

from lenet_helpers.data import MNIST, Split
from lenet_helpers.pen.drawings import DRAWINGS, draw_character
from lenet_helpers.pen.strokes import Random, put, smooth, write
from lenet_helpers.reading.digit import centre, shrink
from lenet_helpers.reading.grammar import CLASSES
from lenet_helpers.training import bars_off

NO_CHARACTER = len(CLASSES)  # the class behind those of `CLASSES`
OUTLINE = 0.5  # coverage at the edge of a stroke
OFTEN = {"/": 4}  # drawn so many times as often: MNIST is full of slanted 1s


def prepare_drawing(picture: np.ndarray) -> np.ndarray:
    """A picture, ink 1 on paper 0, as MNIST's digits are: grey levels `(28, 28)`, uint8.

    These are the steps of `prepare_digit`: 20 pixels, strokes as wide as MNIST's, the centre of
    mass where MNIST has it.
    """
    return np.round(centre(shrink(picture, OUTLINE)) * 255).astype(np.uint8)


def draw_characters(
    count: int, seed: int, characters: str = "".join(DRAWINGS)
) -> tuple[torch.Tensor, torch.Tensor]:
    """`count` drawings of each character: grey levels `(n, 28, 28)`, uint8, and their labels."""
    random = np.random.default_rng(seed)
    every = "".join(character * count * OFTEN.get(character, 1) for character in characters)
    bar = tqdm(every, "drawing", leave=False, disable=bars_off(True))
    images = [prepare_drawing(draw_character(character, random)) for character in bar]
    labels = [CLASSES.index(character) for character in every]
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def add_characters(levels: MNIST, count: int, seed: int = 8) -> MNIST:
    """MNIST's grey levels with drawings: `count` of each to learn from, a tenth to check.

    To them come twice as many pictures of no character. Each split has pictures of its own.
    """
    splits = []
    for place, split in enumerate(levels):
        number = count if place == 0 else max(1, count // 10)
        drawn, labels = draw_characters(number, 3 * seed + place)
        images = torch.cat([split.images, drawn])
        none = no_characters(images, 2 * number, 3 * seed + place)
        every = torch.cat([split.labels, labels, torch.full((len(none),), NO_CHARACTER)])
        splits.append(Split(torch.cat([images, none]), every))
    return MNIST(*splits)


def no_characters(images: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Pieces of characters, pairs that touch, and scribbles: grey levels `(count, 28, 28)`, uint8.

    Parameters
    ----------
    images
        Characters `(n, 28, 28)`, grey levels 0…255, white on black.
    count
        How many to make.
    seed
        Decides which characters, where they are cut, and how near they stand.
    """
    random = np.random.default_rng(seed)
    made = []
    while len(made) < count:
        left, right = (_large(images[int(n)].numpy()) for n in random.integers(0, len(images), 2))
        kind = random.random()
        if kind < 0.2:
            picture = _scribble(random)
        elif kind < 0.45:
            picture = _piece(left, random)
        else:  # of every three pairs, one has half a character on its left, one on its right
            whole = random.integers(3)
            left = _piece(left, random, keep_left=False) if whole == 1 else left
            right = _piece(right, random, keep_left=True) if whole == 2 else right
            picture = _pair(left, right, random)
        rows, columns = (np.flatnonzero((picture > 0.5).any(axis=axis)) for axis in (1, 0))
        # What is low is a bar or a dot, and what is narrow may well be a 1.
        if rows.size < 20 or columns.size < 0.35 * rows.size:
            continue
        cropped = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        made.append(prepare_drawing(np.pad(cropped, 6)))
    return torch.from_numpy(np.stack(made))


def _scribble(random: Random) -> np.ndarray:
    """A curve through random points, or a few such curves."""
    strokes = random.integers(1, 4)
    points = [random.uniform(0, 1, (random.integers(3, 9), 2)) for _ in range(strokes)]
    return write([smooth(some) for some in points], random)


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
