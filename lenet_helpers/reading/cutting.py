"""Lesson 06: which pieces of ink make one digit each?

Connected parts are no digits yet: a 5 may have lost its top bar, two zeros may touch. So the ink
is cut at every thin place, more often than needed, and neighbouring pieces are put together in
every way that could make a digit. The network reads all of these, and the cheapest way through the
line is the answer. This is the heuristic over-segmentation of [1]_, section V, with the shortest
path of its section VI.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lenet_helpers.reading import tuned
from lenet_helpers.reading.lines import Line
from lenet_helpers.reading.parts import Part, join_parts, take_parts


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


def measure_lean(line: Line) -> float:
    """How far the strokes lean to the right, in pixels per pixel of height.

    The lean at which the ink of upright strokes falls into the fewest columns.
    """
    y, x = np.nonzero(line.mask)

    def sharpness(lean: float) -> float:
        columns = np.round(x + lean * y).astype(int)
        return float((np.bincount(columns - columns.min()) ** 2.0).sum())

    least, most, step = tuned.LEANS_TRIED
    leans = np.arange(least, most + step / 2, step)
    return float(max(leans, key=lambda lean: (sharpness(lean), -abs(lean))))


def find_pieces(line: Line, lean: float) -> list[Piece]:
    """The ink from left to right, cut at every thin place, as the writing leans."""
    wholes = join_stacked(line.parts, lean)
    return cut_all(sorted(wholes, key=lambda part: np.mean(extent(part, lean))), line, lean)


def cut_all(parts: Sequence[Part], line: Line, lean: float) -> list[Piece]:
    """The pieces of each part in turn; see `cut`."""
    return [
        Piece(piece, origin, strokes)
        for origin, part in enumerate(parts)
        for piece, strokes in cut(part, line, lean)
    ]


def extent(part: Part, lean: float) -> tuple[float, float]:
    """Left and right end of a part, as if it stood upright."""
    columns = _columns(part, lean)
    return float(columns.min()), float(columns.max())


def join_stacked(parts: Sequence[Part], lean: float) -> list[Part]:
    """Join parts that stand above one another: pieces of one broken digit."""
    joined: list[Part] = []
    for part in parts:
        while stacked := [other for other in joined if _stand_above(part, other, lean)]:
            joined.remove(stacked[0])
            part = join_parts([stacked[0], part])  # which may now stand above one more
        joined.append(part)
    return joined


def _stand_above(one: Part, other: Part, lean: float) -> bool:
    beside = shared(extent(one, lean), extent(other, lean))
    along = shared((one.box[0], one.box[2]), (other.box[0], other.box[2]))
    return beside > tuned.STACKED and along < tuned.STACKED


def shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What two intervals have in common, as a share of the shorter one."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common / max(1, min(one[1] - one[0], other[1] - other[0]))


def cut(part: Part, line: Line, lean: float) -> list[tuple[Part, float]]:
    """A part divided at all its thin places, and how many strokes were cut on the left of each."""
    columns = _columns(part, lean)
    columns -= columns.min()
    ink = np.bincount(columns)
    if ink.size < tuned.NARROW_PART * line.height or part.height < tuned.LOW * line.height:
        return [(part, 0.0)]
    y, x = np.nonzero(part.mask)
    valleys = thin_places(ink, _heights(columns, y), line)
    numbers = np.zeros(part.mask.shape, dtype=int)
    numbers[y, x] = 1 + np.searchsorted(valleys, columns)
    strokes = np.clip(ink[valleys] / line.pen, 1, tuned.MOST_STROKES).tolist()
    return list(zip(take_parts(numbers, *part.box[:2]), [0.0, *strokes], strict=True))


def thin_places(ink: np.ndarray, heights: np.ndarray, line: Line) -> list[int]:
    """Columns where a part may be cut, from left to right.

    Either there is less ink than on both sides, as in a stroke that joins two digits; or the ink
    reaches less far from top to bottom, as where two round digits touch.
    """
    from scipy.signal import find_peaks  # here: it is slow to load, and one digit needs none

    edge = max(2, round(tuned.NARROWEST * line.height))
    smooth = np.convolve(np.pad(ink, 1, mode="edge"), np.ones(3) / 3, "valid")
    notches, _ = find_peaks(-heights, distance=edge, prominence=tuned.NOTCH * line.height)
    thin, _ = find_peaks(-smooth, distance=edge, prominence=tuned.DIP_PENS * line.pen)
    thin = [place for place in thin if smooth[place] <= tuned.CUT_PENS * line.pen]
    places: list[int] = []
    for place in [*notches, *thin]:
        apart = all(abs(place - other) >= edge for other in places)
        if apart and edge < place < ink.size - edge:
            places.append(int(place))
    return sorted(places)


def _heights(columns: np.ndarray, y: np.ndarray) -> np.ndarray:
    """From the highest to the lowest pixel in each column; 0 where there is none."""
    top, bottom = np.full(columns.max() + 1, np.inf), np.full(columns.max() + 1, -np.inf)
    np.minimum.at(top, columns, y)
    np.maximum.at(bottom, columns, y)
    return np.maximum(bottom - top + 1, 0)


def digit_groups(pieces: Sequence[Piece], line: Line, lean: float) -> list[Group]:
    """Every run of neighbouring pieces that could be one digit; cuts, joins and width cost."""
    groups = []
    usual = usual_aspect(pieces, lean)
    for start, first in enumerate(pieces):
        cost = tuned.CUT_COST * first.strokes
        for end in range(start + 1, min(start + tuned.MOST_PIECES, len(pieces)) + 1):
            before, last = pieces[max(start, end - 2)], pieces[end - 1]
            if last.origin != before.origin:
                if last.part.box[1] - before.part.box[3] > tuned.DIGIT_GAP * line.height:
                    break
                cost += tuned.JOIN_COST
            part = join_parts([piece.part for piece in pieces[start:end]])
            if part.height >= tuned.LOW * line.height:
                wide = max(0.0, (aspect(part, lean) - usual) / tuned.ASPECT_SPREAD) ** 2 / 2
                groups.append(Group(start, end, part, -(cost + wide)))
    return groups


def usual_aspect(pieces: Sequence[Piece], lean: float) -> float:
    """Width over height of this hand's digits: the median over the connected parts."""
    wholes = [
        join_parts([piece.part for piece in pieces if piece.origin == origin])
        for origin in {piece.origin for piece in pieces}
    ]
    return float(np.clip(np.median([aspect(part, lean) for part in wholes]), *tuned.USUAL_ASPECT))


def aspect(part: Part, lean: float) -> float:
    """Width over height, as if the part stood upright."""
    left, right = extent(part, lean)
    return (right - left + 1) / part.height


def cheapest_path(
    pieces: Sequence[Piece], groups: Sequence[Group], costs: Sequence[float], height: float
) -> list[int]:
    """Numbers of the groups that together use every piece at the lowest cost.

    A low piece may be left out, at a cost. Dynamic programming from left to right.
    """
    best = [0.0] + [np.inf] * len(pieces)
    paths: list[list[int]] = [[] for _ in best]
    for end, piece in enumerate(pieces, start=1):
        if piece.part.height < tuned.LOW * height:
            best[end], paths[end] = best[end - 1] + tuned.DROP_COST, paths[end - 1]
        for number, group in enumerate(groups):
            total = best[group.start] - group.score + costs[number]
            if group.end == end and total < best[end]:
                best[end], paths[end] = total, [*paths[group.start], number]
    return paths[-1]


def _columns(part: Part, lean: float) -> np.ndarray:
    y, x = np.nonzero(part.mask)
    return np.round(x + part.box[1] + lean * (y + part.box[0])).astype(int)
