"""Lesson 08: the ways to put neighbouring pieces of ink together to symbols.

A symbol can be several parts, as = and ÷ are, or a digit whose stroke broke. A part can be several
symbols that touch. Wide parts are cut as those of a number are (lesson 06), and nothing is decided
yet: every plausible group of neighbouring pieces is kept with a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import log_expit

from lenet_helpers.reading import tuned
from lenet_helpers.reading.cutting import Group, Piece, cut_all, extent, measure_lean, shared
from lenet_helpers.reading.lines import Line
from lenet_helpers.reading.parts import Part, box_around, join_parts, number_parts


class Segments(NamedTuple):
    """All ways to divide a line into symbols: rows of groups that follow one another."""

    pieces: list[Part]  # from left to right
    groups: list[Group]
    borders: list[float]  # score of a border between symbols before each piece, and at the end


def segment(line: Line) -> Segments:
    """Cut wide parts and find every plausible group of neighbouring pieces."""
    lean = measure_lean(line)
    pieces = sorted(
        cut_all(line.parts, line, lean), key=lambda piece: sum(extent(piece.part, lean))
    )
    odds = togetherness(pieces, line.height, lean)
    parts = [piece.part for piece in pieces]
    return Segments(parts, find_groups(parts, odds), border_scores(odds))


def togetherness(pieces: Sequence[Piece], height: float, lean: float) -> np.ndarray:
    """Logarithm of the odds that two pieces belong to one symbol, from their places alone."""
    odds = np.full((len(pieces), len(pieces)), tuned.APART)
    origins = [piece.origin for piece in pieces]
    for one, piece in enumerate(pieces):
        for other in range(one + 1, min(one + tuned.MOST_PIECES, len(pieces))):
            if origins[one] == origins[other]:
                value = tuned.CUT_COST * pieces[other].strokes
            else:
                value = odds_of_parts(piece.part, pieces[other].part, height, lean)
                divided = max(origins.count(origins[one]), origins.count(origins[other])) > 1
                value -= tuned.DIVIDED_COST * divided
            odds[one, other] = odds[other, one] = value
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
    numbers = number_parts([one, other], box_around([one, other]))
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
