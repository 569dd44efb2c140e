"""Lesson 08: which pieces of ink may make one symbol each?

Connected parts are no symbols yet: an = has two, a 5 may have lost its top bar, two zeros may
touch. So the ink is cut at every thin place, more often than needed, and neighbouring pieces are
put together in every way that could make a symbol. Nothing is decided here: each way gets a score.
This is the heuristic over-segmentation of [1]_, section V.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import log_expit
from skimage.morphology import h_maxima

from lenet_helpers.reading import tuned
from lenet_helpers.reading.lines import Line
from lenet_helpers.reading.parts import Part, around, join_parts, number_parts, shared, take_parts


class Piece(NamedTuple):
    """Ink that is not divided further."""

    part: Part
    origin: int  # pieces of one connected part have the same number
    strokes: float  # cut through on its left, in widths of the pen; 0 at the left of a part


class Group(NamedTuple):
    """Neighbouring pieces that may be one digit or symbol."""

    start: int  # number of its first piece
    end: int  # number of the piece behind its last
    part: Part  # its pieces as one
    score: float  # logarithm of a probability, from cuts and places alone


class Segments(NamedTuple):
    """All ways to divide a line into symbols: rows of groups that follow one another."""

    pieces: list[Part]  # from left to right
    groups: list[Group]
    borders: list[float]  # score of a border between symbols before each piece, and at the end


def segment(line: Line) -> Segments:
    """Cut the ink at its thin places, and find every plausible group of neighbouring pieces."""
    lean = measure_lean(line)
    pieces = [
        Piece(piece, origin, strokes)
        for origin, part in enumerate(line.parts)
        for piece, strokes in cut(part, line, lean)
    ]
    pieces.sort(key=lambda piece: sum(extent(piece.part, lean)))
    odds = togetherness(pieces, line.height, lean)
    parts = [piece.part for piece in pieces]
    return Segments(parts, find_groups(parts, odds), border_scores(odds))


def measure_lean(line: Line) -> float:
    """How far the strokes lean to the right, in pixels per pixel of height.

    The lean at which the ink of upright strokes falls into the fewest columns.
    """
    y, x = np.nonzero(line.mask)

    def sharpness(lean: float) -> float:
        columns = np.floor(x + lean * y).astype(int)  # rounding 0.5 would favour even columns
        return float((np.bincount(columns - columns.min()) ** 2.0).sum())

    least, most, step = tuned.LEANS_TRIED
    leans = np.arange(least, most + step / 2, step)
    return float(max(leans, key=lambda lean: (sharpness(lean), -abs(lean))))


def extent(part: Part, lean: float) -> tuple[float, float]:
    """Left and right end of a part, as if it stood upright."""
    columns = _columns(part, lean)
    return float(columns.min()), float(columns.max())


def cut(part: Part, line: Line, lean: float) -> list[tuple[Part, float]]:
    """A part divided at all its thin places, and how many strokes were cut on the left of each."""
    columns = _columns(part, lean)
    columns -= columns.min()
    ink = np.bincount(columns)
    if ink.size < tuned.NARROW_PART * line.height or part.height < tuned.LOW * line.height:
        return [(part, 0.0)]
    y, x = np.nonzero(part.mask)
    top, bottom = (each(y, columns, range(ink.size)) for each in (ndimage.minimum, ndimage.maximum))
    heights = (bottom - top + 1) * (ink > 0)  # of the ink in each column; 0 where there is none
    valleys = thin_places(ink, heights, line)
    numbers = np.zeros(part.mask.shape, dtype=int)
    numbers[y, x] = 1 + np.searchsorted(valleys, columns)
    strokes = np.clip(ink[valleys] / line.pen, 1, tuned.MOST_STROKES).tolist()
    return list(zip(take_parts(numbers, *part.box[:2]), [0.0, *strokes], strict=True))


def thin_places(ink: np.ndarray, heights: np.ndarray, line: Line) -> list[int]:
    """Columns where a part may be cut, from left to right.

    Either there is less ink than on both sides, as in a stroke that joins two digits; or the ink
    reaches less far from top to bottom, as where two round digits touch.
    """
    edge = max(2, round(tuned.NARROWEST * line.height))
    smooth = np.convolve(np.pad(ink, 1, mode="edge"), np.ones(3) / 3, "valid")
    notches = dips(heights, tuned.NOTCH * line.height)
    thin = dips(smooth, tuned.DIP_PENS * line.pen)
    thin = thin[smooth[thin] <= tuned.CUT_PENS * line.pen]
    places: list[int] = []
    for place in [*notches[np.argsort(heights[notches])], *thin[np.argsort(smooth[thin])]]:
        apart = all(abs(place - other) >= edge for other in places)
        if apart and edge < place < ink.size - edge:
            places.append(int(place))
    return sorted(places)


def dips(values: np.ndarray, depth: float) -> np.ndarray:
    """The middle of each dip that is at least so deep on both sides."""
    numbers, count = ndimage.label(h_maxima(-np.float64(values), depth))
    middles = ndimage.center_of_mass(numbers > 0, numbers, range(1, count + 1))
    return np.array(middles).reshape(-1).astype(int)


def _columns(part: Part, lean: float) -> np.ndarray:
    y, x = np.nonzero(part.mask)
    return np.floor(x + part.box[1] + lean * (y + part.box[0])).astype(int)


def togetherness(pieces: Sequence[Piece], height: float, lean: float) -> np.ndarray:
    """Logarithm of the odds that two pieces belong to one symbol, from their places alone."""
    odds = np.full((len(pieces), len(pieces)), tuned.APART)
    count = Counter(piece.origin for piece in pieces)
    for i, one in enumerate(pieces):
        for j, other in enumerate(pieces[i + 1 : i + tuned.MOST_PIECES], start=i + 1):
            value = tuned.CUT_COST * other.strokes
            if one.origin != other.origin:
                divided = max(count[one.origin], count[other.origin]) > 1
                value = odds_of_parts(one.part, other.part, height, lean)
                value -= tuned.DIVIDED_COST * divided
            odds[i, j] = odds[j, i] = value
    return odds


def odds_of_parts(one: Part, other: Part, height: float, lean: float) -> float:
    """The same for pieces of two connected parts: near, and one above the other?"""
    gap = distance(one, other) / height
    if gap > tuned.SYMBOL_GAP:
        return tuned.APART
    overlap = shared(extent(one, lean), extent(other, lean))
    odds = tuned.OVERLAP_SLOPE * (overlap - tuned.OVERLAP_EVEN)
    odds = float(np.clip(odds, tuned.APART, tuned.STACKED_MOST))
    small, large = sorted((one, other), key=lambda part: part.height)
    low = small.box[0] > large.box[2] - tuned.POINT_PLACE * height
    beside = large.height > tuned.POINT_BESIDE * height
    if low and beside and small.width < tuned.POINT_ASPECT * small.height:
        odds = min(odds, tuned.POINT_ODDS)  # most likely a point or a comma
    if small.height > tuned.TALL_STROKE * height:
        odds -= tuned.TALL_COST
    return max(odds, tuned.TOUCHING_ODDS) if gap < tuned.TOUCHING else odds


def distance(one: Part, other: Part) -> float:
    """Pixels between the nearest points of two parts."""
    numbers = number_parts([one, other], around([one.box, other.box]))
    return float(ndimage.distance_transform_edt(numbers != 1)[numbers == 2].min())


def find_groups(pieces: Sequence[Part], odds: np.ndarray) -> list[Group]:
    """Each piece alone, and groups in which every piece belongs to another one."""
    groups = []
    for start, piece in enumerate(pieces):
        groups.append(Group(start, start + 1, piece, 0.0))
        for end in range(start + 2, min(start + tuned.MOST_PIECES, len(pieces)) + 1):
            among = odds[start:end, start:end] + np.diag(np.full(end - start, -np.inf))
            weakest = among.max(axis=1).min()
            if weakest > tuned.GROUP_ODDS:
                whole = join_parts(pieces[start:end])
                groups.append(Group(start, end, whole, float(log_expit(weakest))))
    return groups


def border_scores(odds: np.ndarray) -> list[float]:
    """A border costs as much as the pieces on its two sides belong together."""
    inside = [float(log_expit(-odds[:n, n:].max())) for n in range(1, len(odds))]
    return [0.0, *inside, 0.0]
