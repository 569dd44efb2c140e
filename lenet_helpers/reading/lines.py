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

from lenet_helpers.errors import CourseError
from lenet_helpers.reading import tuned
from lenet_helpers.reading.digit import Prepared, as_tensor, centre, cut_out, shrink
from lenet_helpers.reading.ink import NoInkError, check_written, find_ink
from lenet_helpers.reading.parts import Box, Ink, Part, find_parts, paint, pen_width, shared
from lenet_helpers.reading.pictures import Picture, open_picture

LARGEST_LINE = 1600  # pixels: longest side to work with; 40 symbols get 40 pixels each


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
    left_out: list[Box]  # of ink that belongs to no part


def find_line(image: Picture) -> Line:
    """Find the one line that is written in a picture, and its connected parts.

    Specks are dropped, dots as thick as the pen stay. Pieces of other lines that the picture's
    border cuts are left out, which the result says. Nothing is joined or split.

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
    pen = pen_width(ink.mask)
    parts = drop_specks(find_parts(ink.mask), pen, ink.mask.shape)
    kept = drop_cut(parts, ink.mask.shape)
    rest = [part for part in parts if part not in kept]
    layers = [ink.strength, paint(kept, ink.mask.shape), paint(rest, ink.mask.shape)]
    angle = tilt(kept)
    if angle:
        layers = [ndimage.rotate(np.float32(layer), angle, order=1) for layer in layers]
    strength, mask, other = layers[0].clip(0, 1), layers[1] > 0.5, layers[2] > 0.5
    parts = drop_specks(find_parts(mask), pen, mask.shape)
    mask = paint(parts, mask.shape)
    check_written(mask, strength, tuned.MOST_SYMBOLS)
    refuse_several_lines(parts, pen)
    parts.sort(key=lambda part: part.middle[1])
    left_out = [part.box for part in find_parts(other)]
    return Line(picture, ink, strength, mask, angle, typical_height(parts), pen, parts, left_out)


def line_of_digit(prepared: Prepared) -> Line:
    """The ink of one prepared digit as a line, so that it can be cut as if it were several."""
    ink, parts = prepared.ink, prepared.parts
    mask = paint(parts, ink.mask.shape)
    height, pen = typical_height(parts), pen_width(mask)
    boxes = [part.box for part in prepared.left_out]
    return Line(prepared.steps["picture"], ink, ink.strength, mask, 0.0, height, pen, parts, boxes)


def prepare_part(line: Line, part: Part) -> torch.Tensor:
    """A part `(1, 1, 32, 32)` as the network wants it, prepared as `prepare_digit` does."""
    top, left, bottom, right = part.box
    margin = 3  # pale edges belong to the stroke
    strength = np.pad(line.strength, margin)[top : bottom + 2 * margin, left : right + 2 * margin]
    small = shrink(cut_out(strength, np.pad(part.mask, margin)), line.ink.threshold)
    return as_tensor(centre(small))


def typical(values: Sequence[float], weights: Sequence[float]) -> float:
    """The median of values that count as much as their weights."""
    return float(np.quantile(values, 0.5, weights=weights, method="inverted_cdf"))


def typical_height(parts: Sequence[Part]) -> float:
    """The median height of the parts; dots and bars count little, as they are low."""
    heights = [part.height for part in parts]
    return typical(heights, heights)


def drop_specks(parts: Sequence[Part], pen: float, shape: tuple[int, int]) -> list[Part]:
    """Parts that a pen of this width can have made, dots included.

    Raises
    ------
    NoInkError
        If there are only specks.
    """
    least = max(tuned.SPECK_AREA * pen**2, tuned.LEAST_AREA)
    kept = [part for part in parts if part.area >= least]
    side = typical([part.side for part in parts], [part.area for part in parts]) if kept else 0
    if side < max(tuned.LEAST_SIDE, tuned.LINE_SPECK * max(shape)):
        raise NoInkError("There are only specks on the paper: the picture shows nothing written.")
    return kept


def drop_cut(parts: Sequence[Part], shape: tuple[int, int]) -> list[Part]:
    """Parts without those that the picture's border cuts, if they do not belong to the line."""
    whole = [part for part in parts if not part.is_cut(shape)]
    heights = sum(part.height for part in parts)
    if sum(part.height for part in whole) < heights / tuned.WHOLE_SHARE:
        return list(parts)  # the picture was cropped to the line
    middle = np.median([part.middle[0] for part in _tall(whole)])
    core = tuned.CORE * typical_height(whole)
    low, high = middle - core, middle + core
    return [part for part in parts if part in whole or (part.box[0] < low and part.box[2] > high)]


def tilt(parts: Sequence[Part]) -> float:
    """Degrees by which to turn the line clockwise so that it runs level; 0 where none shows.

    A line through the middles of the parts, by the median of the medians of the slopes [1]_, which
    up to half of the points cannot spoil. Parts wider than high are cut in pieces first.

    .. [1] A. F. Siegel, "Robust regression using repeated medians", Biometrika 69(1), 1982.
    """
    from scipy.stats import siegelslopes  # here: it is slow to load, and one digit needs none

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
    least = tuned.DRIFT * height / np.sqrt(len(x))  # the error of a slope falls with the root
    return angle if abs(slope) * np.ptp(x) > least and abs(angle) < tuned.STEEPEST else 0.0


def refuse_several_lines(parts: Sequence[Part], pen: float) -> None:
    """Refuse writing below writing.

    Raises
    ------
    CourseError
        If at least two parts as high as digits stand below others, or a row below a row.
    """
    tall = [part for part in _tall(parts) if part.height >= tuned.DIGIT_PENS * pen]  # no bars of =

    def is_below(lower: Part, upper: Part) -> bool:
        common = shared(lower.box[1::2], upper.box[1::2])
        return lower.box[0] >= upper.box[2] and common > tuned.BELOW

    below = sum(any(is_below(lower, upper) for upper in tall) for lower in tall)
    if below >= 2 or (below and len(tall) <= tuned.FEW):
        raise CourseError(
            "The picture shows several lines of writing. Crop it to one line and try again."
        )


def _tall(parts: Sequence[Part]) -> list[Part]:
    height = typical_height(parts)
    return [part for part in parts if part.height >= tuned.TALL * height]
