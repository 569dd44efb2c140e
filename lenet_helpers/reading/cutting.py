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
from scipy.signal import find_peaks

from lenet_helpers.reading.lines import Line, Part, join

SLANTS = np.arange(-0.2, 0.61, 0.05)  # sideways per pixel of height, to try
MOST_PIECES = 7  # of one digit
NARROWEST = 0.15  # heights: width of a piece
CUT_PENS = 3.0  # a thin place holds at most this many widths of the pen in one column
NOTCH = 0.12  # heights: depth of a notch in the outline
MOST_STROKES = 2.0  # a cut through more of them costs no more
LOW = 0.45  # heights: what is lower is no digit by itself
NEAR = 0.25  # heights: gap between two pieces of one digit
SPREAD = 0.4  # width over height: standard deviation within one hand
# Costs add up with the negative logarithms of the network's probabilities.
CUT_COST = 1.0  # of cutting through one stroke of the pen
JOIN_COST = 1.0  # of joining ink that is not connected
DROP_COST = 2.0  # of leaving out something low


class Piece(NamedTuple):
    """Ink that is not divided further."""

    part: Part
    group: int  # pieces of one connected part have the same number
    strokes: float  # cut through on its left, in widths of the pen; 0 at the left of a group


class Candidate(NamedTuple):
    """Neighbouring pieces that could be one digit."""

    start: int  # the first piece
    stop: int  # the piece after the last one
    part: Part
    aspect: float  # width over height, as if it stood upright
    cost: float  # of its cuts, its joins and its width, before the network has seen it


def slant(line: Line) -> float:
    """How far the strokes lean to the right, in pixels per pixel of height.

    The slant at which the ink of upright strokes falls into the fewest columns.
    """
    y, x = np.nonzero(line.mask)

    def sharpness(lean: float) -> float:
        columns = np.round(x + lean * y).astype(int)
        return float((np.bincount(columns - columns.min()) ** 2.0).sum())

    return float(max(SLANTS, key=lambda lean: (sharpness(lean), -abs(lean))))


def find_pieces(line: Line, lean: float) -> list[Piece]:
    """The ink from left to right, cut at every thin place, as the writing leans."""
    groups = join_stacked(line.parts, lean)
    groups.sort(key=lambda part: np.mean(extent(part, lean)))
    pieces = []
    for number, part in enumerate(groups):
        pieces += [Piece(piece, number, strokes) for piece, strokes in cut(part, line, lean)]
    return pieces


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
            part = join([stacked[0], part])  # which may now stand above one more
        joined.append(part)
    return joined


def _stand_above(one: Part, other: Part, lean: float) -> bool:
    beside = _shared(extent(one, lean), extent(other, lean))
    along = _shared((one.box[0], one.box[2]), (other.box[0], other.box[2]))
    return beside > 0.5 and along < 0.5


def _shared(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What two intervals have in common, as a share of the shorter one."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common / max(1, min(one[1] - one[0], other[1] - other[0]))


def cut(part: Part, line: Line, lean: float) -> list[tuple[Part, float]]:
    """A part divided at all its thin places, and how many strokes were cut on the left of each."""
    columns = _columns(part, lean)
    columns -= columns.min()
    ink = np.bincount(columns)
    if ink.size < 0.5 * line.height or part.height < LOW * line.height:
        return [(part, 0.0)]
    y, x = np.nonzero(part.mask)
    valleys = thin_places(ink, _heights(columns, y), line)
    number = np.searchsorted(valleys, columns)
    pieces = []
    for k in range(len(valleys) + 1):
        mask = np.zeros_like(part.mask)
        mask[y[number == k], x[number == k]] = True
        strokes = np.clip(ink[valleys[k - 1]] / line.pen, 1, MOST_STROKES) if k else 0.0
        pieces.append((_cropped(mask, part.box), float(strokes)))
    return pieces


def thin_places(ink: np.ndarray, heights: np.ndarray, line: Line) -> list[int]:
    """Columns where a part may be cut, from left to right.

    Either there is less ink than on both sides, as in a stroke that joins two digits; or the ink
    reaches less far from top to bottom, as where two round digits touch.
    """
    edge = max(2, round(NARROWEST * line.height))
    smooth = np.convolve(np.pad(ink, 1, mode="edge"), np.ones(3) / 3, "valid")
    notches, _ = find_peaks(-heights, distance=edge, prominence=NOTCH * line.height)
    thin, _ = find_peaks(-smooth, distance=edge, prominence=line.pen / 2)
    thin = [place for place in thin if smooth[place] <= CUT_PENS * line.pen]
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


def candidates(pieces: Sequence[Piece], line: Line, lean: float) -> list[Candidate]:
    """Every run of neighbouring pieces that could be one digit."""
    found = []
    usual = usual_aspect(pieces, lean)
    for start, first in enumerate(pieces):
        cost = CUT_COST * first.strokes
        for stop in range(start + 1, min(start + MOST_PIECES, len(pieces)) + 1):
            last = pieces[stop - 1]
            if stop - start > 1 and last.group != pieces[stop - 2].group:
                gap = last.part.box[1] - pieces[stop - 2].part.box[3]
                if gap > NEAR * line.height:
                    break
                cost += JOIN_COST
            part = join([piece.part for piece in pieces[start:stop]])
            low, high = extent(part, lean)
            aspect = (high - low + 1) / part.height
            if part.height >= LOW * line.height:
                wide = max(0.0, (aspect - usual) / SPREAD) ** 2 / 2
                found.append(Candidate(start, stop, part, aspect, cost + wide))
    return found


def usual_aspect(pieces: Sequence[Piece], lean: float) -> float:
    """Width over height of this hand's digits: the median over the connected parts."""
    groups = [[p.part for p in pieces if p.group == number] for number in {p.group for p in pieces}]
    aspects = []
    for part in map(join, groups):
        low, high = extent(part, lean)
        aspects.append((high - low + 1) / part.height)
    return float(np.clip(np.median(aspects), 0.55, 0.8))


def cheapest_path(
    pieces: Sequence[Piece], found: Sequence[Candidate], costs: Sequence[float], height: float
) -> list[int]:
    """Numbers of the candidates that together use every piece at the lowest cost.

    A low piece may be left out, at a cost. Dynamic programming from left to right.
    """
    best = [0.0] + [np.inf] * len(pieces)
    way: list[tuple[int, int | None]] = [(0, None)] * (len(pieces) + 1)
    for stop in range(1, len(pieces) + 1):
        if pieces[stop - 1].part.height < LOW * height:
            best[stop], way[stop] = best[stop - 1] + DROP_COST, (stop - 1, None)
        for number, candidate in enumerate(found):
            if candidate.stop == stop:
                total = best[candidate.start] + candidate.cost + costs[number]
                if total < best[stop]:
                    best[stop], way[stop] = total, (candidate.start, number)
    path, at = [], len(pieces)
    while at > 0:
        at, number = way[at]
        if number is not None:
            path.append(number)
    return path[::-1]


def _columns(part: Part, lean: float) -> np.ndarray:
    y, x = np.nonzero(part.mask)
    return np.round(x + part.box[1] + lean * (y + part.box[0])).astype(int)


def _cropped(mask: np.ndarray, box: tuple[int, int, int, int]) -> Part:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = box[0] + int(rows[0]), box[1] + int(columns[0])
    return Part(inner, (top, left, top + inner.shape[0], left + inner.shape[1]))
