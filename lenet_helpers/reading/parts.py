"""Lessons 06 and 08: what is ink, and its connected pieces, taken out of a mask and put back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

Box = tuple[int, int, int, int]  # top, left, bottom, right; the last two are not included


@dataclass(frozen=True)
class Ink:
    """What is written, and how it was found; all arrays have the picture's size."""

    grey: np.ndarray  # 0 black … 1 white
    paper: np.ndarray  # grey level of the bare paper
    strength: np.ndarray  # 0 paper … 1 full ink
    mask: np.ndarray  # where ink is, specks included
    threshold: float  # of the strength
    dark: bool  # whether the ink is darker than the paper
    quality: float  # how well the mask tells ink from paper, at most 1; negative: no ink


@dataclass(frozen=True, eq=False)
class Part:
    """One connected piece of ink, or several that belong together."""

    mask: np.ndarray  # bool, cut to its box
    box: Box  # in pixels of the straightened picture

    @property
    def height(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def width(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def side(self) -> int:
        """The longer one."""
        return max(self.height, self.width)

    @property
    def area(self) -> int:
        return int(self.mask.sum())

    @property
    def middle(self) -> tuple[float, float]:
        """Row and column of the middle of the box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    def is_cut(self, shape: tuple[int, int]) -> bool:
        """Whether the border of a picture of this shape cuts the part."""
        top, left, bottom, right = self.box
        return min(top, left) == 0 or bottom == shape[0] or right == shape[1]


def find_parts(mask: np.ndarray) -> list[Part]:
    """The connected parts of a mask; pixels that touch at a corner are connected."""
    numbers, _ = ndimage.label(mask, np.ones((3, 3)))
    return take_parts(numbers)


def take_parts(numbers: np.ndarray, top: int = 0, left: int = 0) -> list[Part]:
    """The parts of a picture in which each has its number, as `number_parts` gives it.

    `top` and `left` say where its first pixel lies.
    """
    parts = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(numbers), start=1):
        box = (top + rows.start, left + columns.start, top + rows.stop, left + columns.stop)
        parts.append(Part(numbers[rows, columns] == number, box))
    return parts


def number_parts(parts: Sequence[Part], box: Box) -> np.ndarray:
    """A picture of this box in which each part has its number, from 1 on, and the paper 0."""
    numbers = np.zeros((box[2] - box[0], box[3] - box[1]), dtype=int)
    for number, part in enumerate(parts, start=1):
        top, left = part.box[0] - box[0], part.box[1] - box[1]
        numbers[top : top + part.height, left : left + part.width][part.mask] = number
    return numbers


def paint(parts: Sequence[Part], shape: tuple[int, int]) -> np.ndarray:
    """A mask of this shape that holds these parts."""
    return number_parts(parts, (0, 0, *shape)) > 0


def join_parts(parts: Sequence[Part]) -> Part:
    """Several parts as one."""
    box = around([part.box for part in parts])
    return Part(number_parts(parts, box) > 0, box)


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of these."""
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)


def shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What two intervals have in common, as a share of the shorter one."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common / max(1, min(one[1] - one[0], other[1] - other[0]))


def bounds(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around the ink of a mask."""
    return ndimage.find_objects(mask.astype(int))[0]


def frame(mask: np.ndarray) -> np.ndarray:
    """The pixels of the border, once around."""
    return np.concatenate([mask[0], mask[1:, -1], mask[-1, -2::-1], mask[-2:0:-1, 0]])


def count_ends(mask: np.ndarray) -> int:
    """How many pieces of ink reach the border."""
    border = frame(mask)
    return int((border & ~np.roll(border, 1)).sum())


def pen_width(mask: np.ndarray) -> float:
    """Width of the typical stroke in pixels, measured along the middle of all strokes."""
    middle = skeletonize(mask)
    return float(2 * np.median(ndimage.distance_transform_edt(mask)[middle]) - 1)
