"""Lessons 06 and 08: one line of handwriting in a picture.

A line is found as a digit is: paper removed, ink kept. Then its tilt is undone and its ink falls
into connected parts, from left to right. Whether a part is a digit, half of one or two of them is
for the reader of numbers or expressions to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from scipy.stats import siegelslopes
from skimage.measure import label, regionprops
from skimage.morphology import skeletonize
from skimage.transform import probabilistic_hough_line

from lenet_helpers.data import fit_images
from lenet_helpers.errors import CourseError
from lenet_helpers.reading.digit import (
    Ink,
    NoInkError,
    centre,
    check_written,
    cut_out,
    find_ink,
    shrink,
)
from lenet_helpers.reading.pictures import Picture, open_picture

LARGEST_LINE = 1600  # pixels: longest side to work with; 40 symbols get 40 pixels each
MOST_SYMBOLS = 100  # parts of one line
TALL = 0.5  # of the typical height: what is lower is a dot, a bar, or a piece of a digit
DIGIT = 4  # widths of the pen: what is lower is no digit
SPECK_AREA = 0.4  # of the pen's width squared; a round dot of the pen has π/4
STEEPEST = 15  # degrees of tilt that are undone
DRIFT = 1.0  # heights from end to end, over the root of the number of digits: less is level
RULE = 40  # a line this many times as long as thick was printed, not written


@dataclass(frozen=True, eq=False)
class Part:
    """One connected piece of ink, or several that belong together."""

    mask: np.ndarray  # bool, cut to its box
    box: tuple[int, int, int, int]  # top, left, bottom, right in pixels of the straightened line

    @property
    def height(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def width(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def area(self) -> int:
        return int(self.mask.sum())


@dataclass(frozen=True, eq=False)
class Line:
    """One line of handwriting; all arrays but the picture and the ink are straightened."""

    picture: np.ndarray  # as `open_picture` gave it
    ink: Ink  # of the picture
    strength: np.ndarray  # 0 paper … 1 full ink
    mask: np.ndarray  # where the parts are
    angle: float  # degrees by which the line was turned, clockwise is positive
    height: float  # pixels: typical height of a digit
    pen: float  # pixels: typical width of a stroke
    parts: list[Part]  # from left to right


def find_line(image: Picture) -> Line:
    """Find the one line that is written in a picture, and its connected parts.

    Specks, and pieces of other lines that the picture's border cuts, are dropped. Dots as thick
    as the pen stay. Nothing is joined or split.

    Parameters
    ----------
    image
        A path, `PIL.Image`, array or tensor; see `open_picture`.

    Raises
    ------
    CourseError
        If it cannot be read as a picture, or has several lines, or is ruled paper; as
        `NoInkError` if nothing is written on it.
    """
    picture = open_picture(image, LARGEST_LINE)
    ink = find_ink(picture)
    if ink.quality < 0:
        raise NoInkError("There is no ink on the paper: the picture shows nothing written.")
    refuse_rules(ink.mask)
    pen = pen_width(ink.mask)
    parts = drop_specks(find_parts(ink.mask), pen, ink.mask.shape)
    parts = drop_cut(parts, ink.mask.shape)
    strength, mask, angle = ink.strength, paint(parts, ink.mask.shape), tilt(parts)
    if angle:
        strength = ndimage.rotate(strength, angle, order=1).clip(0, 1)
        mask = ndimage.rotate(mask.astype(np.float32), angle, order=1) > 0.5
        parts = drop_specks(find_parts(mask), pen, mask.shape)
    mask = paint(parts, mask.shape)
    check_written(mask, strength, MOST_SYMBOLS)
    refuse_several_lines(parts, pen)
    parts.sort(key=lambda part: part.box[1] + part.box[3])
    return Line(picture, ink, strength, mask, angle, typical_height(parts), pen, parts)


def prepare_part(line: Line, part: Part) -> torch.Tensor:
    """A part `(1, 1, 32, 32)` as the network wants it, prepared as `prepare_digit` does."""
    top, left, bottom, right = part.box
    margin = 3  # pale edges belong to the stroke
    strength = np.pad(line.strength, margin)[top : bottom + 2 * margin, left : right + 2 * margin]
    small = shrink(cut_out(strength, np.pad(part.mask, margin)), line.ink.threshold)
    return fit_images(torch.from_numpy(np.round(centre(small) * 255)).unsqueeze(0))


def join(parts: Sequence[Part]) -> Part:
    """Several parts as one."""
    boxes = np.array([part.box for part in parts])
    top, left, bottom, right = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
    moved = [
        Part(
            part.mask,
            (part.box[0] - top, part.box[1] - left, part.box[2] - top, part.box[3] - left),
        )
        for part in parts
    ]
    return Part(
        paint(moved, (bottom - top, right - left)), (int(top), int(left), int(bottom), int(right))
    )


def paint(parts: Sequence[Part], shape: tuple[int, int]) -> np.ndarray:
    """A mask of this shape that holds these parts."""
    return number_parts(parts, shape) > 0


def number_parts(parts: Sequence[Part], shape: tuple[int, int]) -> np.ndarray:
    """A picture in which each part has its number, from 1 on, and the paper 0."""
    picture = np.zeros(shape, dtype=int)
    for number, part in enumerate(parts, start=1):
        top, left, bottom, right = part.box
        picture[top:bottom, left:right][part.mask] = number
    return picture


def find_parts(mask: np.ndarray) -> list[Part]:
    """The connected parts of a mask; pixels that touch at a corner are connected."""
    return [Part(part.image, part.bbox) for part in regionprops(label(mask, connectivity=2))]


def pen_width(mask: np.ndarray) -> float:
    """Width of the typical stroke in pixels, measured along the middle of all strokes."""
    middle = skeletonize(mask)
    return float(2 * np.median(ndimage.distance_transform_edt(mask)[middle]) - 1)


def typical(values: np.ndarray, weights: np.ndarray) -> float:
    """The median of values that count as much as their weights."""
    order = np.argsort(values, kind="stable")
    half = np.searchsorted(weights[order].cumsum(), weights.sum() / 2)
    return float(values[order][half])


def typical_height(parts: Sequence[Part]) -> float:
    """The median height of the parts; dots and bars count little, as they are low."""
    heights = np.array([part.height for part in parts])
    return typical(heights, heights)


def drop_specks(parts: Sequence[Part], pen: float, shape: tuple[int, int]) -> list[Part]:
    """Parts that a pen of this width can have made, dots included.

    Raises
    ------
    NoInkError
        If there are only specks.
    """
    areas, sides = np.array([(part.area, max(part.height, part.width)) for part in parts]).T
    if typical(sides, areas) < max(8, 0.01 * max(shape)):
        raise NoInkError("There are only specks on the paper: the picture shows nothing written.")
    return [part for part in parts if part.area >= max(SPECK_AREA * pen**2, 3)]


def drop_cut(parts: Sequence[Part], shape: tuple[int, int]) -> list[Part]:
    """Parts without those that the picture's border cuts, if they do not belong to the line."""
    height, width = shape

    def is_cut(part: Part) -> bool:
        top, left, bottom, right = part.box
        return top == 0 or left == 0 or bottom == height or right == width

    whole = [part for part in parts if not is_cut(part)]
    if sum(part.height for part in whole) < sum(part.height for part in parts) / 3:
        return list(parts)  # the picture was cropped to the line
    middle = np.median([(part.box[0] + part.box[2]) / 2 for part in _tall(whole)])
    high, low = middle - typical_height(whole) / 4, middle + typical_height(whole) / 4
    return [
        part for part in parts if not is_cut(part) or (part.box[0] < low and part.box[2] > high)
    ]


def tilt(parts: Sequence[Part]) -> float:
    """Degrees by which to turn the line clockwise so that it runs level; 0 where none shows.

    A line through the middles of the parts, by the median of the medians of the slopes [1]_, which
    up to half of the points cannot spoil. Parts wider than high are cut in pieces first.

    .. [1] A. F. Siegel, "Robust regression using repeated medians", Biometrika 69(1), 1982.
    """
    height = typical_height(parts)
    points = []
    for part in _tall(parts):
        pieces = max(1, round(part.width / height))
        for piece in range(pieces):
            start, stop = (part.width * edge // pieces for edge in (piece, piece + 1))
            rows = np.flatnonzero(part.mask[:, start:stop].any(axis=1))
            if rows.size:
                middle = part.box[0] + (rows[0] + rows[-1]) / 2
                points.append((part.box[1] + (start + stop) / 2, middle))
    x, y = np.array(points).T
    slope = siegelslopes(y, x).slope if np.ptp(x) > height else 0.0
    angle = float(np.degrees(np.arctan(slope)))
    least = DRIFT * height / np.sqrt(len(x))  # the error of a slope falls with the root
    return angle if abs(slope) * np.ptp(x) > least and abs(angle) < STEEPEST else 0.0


def refuse_rules(mask: np.ndarray) -> None:
    """Refuse ruled or squared paper, whose lines run through the digits.

    Raises
    ------
    CourseError
        If a straight line of ink crosses half of the picture and is far too thin for a stroke.
    """
    pen = pen_width(mask)
    near_level = np.radians(np.linspace(90 - STEEPEST, 90 + STEEPEST, 61))
    for turned in (mask, mask.T):
        shortest = int(max(turned.shape[1] / 2, RULE * pen))
        if probabilistic_hough_line(
            turned, 10, shortest, max(2, round(pen)), theta=near_level, rng=0
        ):
            raise CourseError(
                "The paper has printed lines, or a long line is drawn. Write on plain paper, or "
                "crop the picture to the digits."
            )


def refuse_several_lines(parts: Sequence[Part], pen: float) -> None:
    """Refuse writing below writing.

    Raises
    ------
    CourseError
        If at least two parts as high as digits stand below others, or a row below a row.
    """
    tall = [part for part in _tall(parts) if part.height >= DIGIT * pen]  # not the bars of =
    below = 0
    for lower in tall:
        for upper in tall:
            shared = min(lower.box[3], upper.box[3]) - max(lower.box[1], upper.box[1])
            beneath = lower.box[0] >= upper.box[2]
            if beneath and shared > 0.3 * min(lower.width, upper.width):
                below += 1
                break
    if below >= 2 or (below and len(tall) <= 4):
        raise CourseError(
            "The picture shows several lines of writing. Crop it to one line and try again."
        )


def _tall(parts: Sequence[Part]) -> list[Part]:
    height = typical_height(parts)
    return [part for part in parts if part.height >= TALL * height]
