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

from lenet_helpers.reading.cutting import CUT_COST, cut, extent, slant
from lenet_helpers.reading.lines import Line, Part, join

MOST_PIECES = 7  # of one symbol
NEAR = 0.6  # of a digit's height: pieces further apart belong to two symbols
TOUCHING = 0.12  # of a digit's height: pieces this near may be one broken stroke
TALL = 0.6  # of a digit's height
APART = -6.0  # logarithm of the odds that distant pieces belong together


class Group(NamedTuple):
    """Neighbouring pieces that may be one symbol."""

    start: int  # number of its first piece
    end: int  # number of the piece behind its last
    part: Part  # its pieces as one
    score: float  # logarithm of a probability, from their places alone


class Segments(NamedTuple):
    """All ways to divide a line into symbols: rows of groups that follow one another."""

    pieces: list[Part]  # from left to right
    groups: list[Group]
    borders: list[float]  # score of a border between symbols before each piece, and at the end


class Piece(NamedTuple):
    """Ink that is not divided further."""

    part: Part
    origin: int  # pieces of one connected part have the same number
    strokes: float  # widths of the pen that the cut on its left went through
    left: float  # ends, as if the writing stood upright
    right: float


def segment(line: Line) -> Segments:
    """Cut wide parts and find every plausible group of neighbouring pieces."""
    lean = slant(line)
    pieces = [
        Piece(part, number, strokes, *extent(part, lean))
        for number, whole in enumerate(line.parts)
        for part, strokes in cut(whole, line, lean)
    ]
    pieces.sort(key=lambda piece: piece.left + piece.right)
    odds = togetherness(pieces, line.height)
    parts = [piece.part for piece in pieces]
    return Segments(parts, find_groups(parts, odds), border_scores(odds))


def togetherness(pieces: Sequence[Piece], height: float) -> np.ndarray:
    """Logarithm of the odds that two pieces belong to one symbol, from their places alone."""
    odds = np.full((len(pieces), len(pieces)), APART)
    divided = [sum(other.origin == piece.origin for other in pieces) > 1 for piece in pieces]
    for one in range(len(pieces)):
        for other in range(one + 1, min(one + MOST_PIECES, len(pieces))):
            if pieces[one].origin == pieces[other].origin:
                value = CUT_COST * pieces[other].strokes
            else:
                value = odds_of_parts(pieces[one], pieces[other], height)
                value -= 2 * (divided[one] or divided[other])  # it belongs to its own part first
            odds[one, other] = odds[other, one] = value
    return odds


def odds_of_parts(one: Piece, other: Piece, height: float) -> float:
    """The same for pieces of two connected parts: near, and one above the other?"""
    gap = distance(one.part, other.part) / height
    if gap > NEAR:
        return APART
    shared = min(one.right, other.right) - max(one.left, other.left)
    overlap = shared / max(1, min(one.right - one.left, other.right - other.left))
    odds = float(np.clip(12 * (overlap - 0.4), APART, 4))
    small, large = sorted((one.part, other.part), key=lambda part: part.height)
    low = small.box[0] > large.box[2] - 0.35 * height and large.height > 0.5 * height
    if low and small.width < 1.2 * small.height:  # most likely a point or a comma
        odds = min(odds, -2)
    if small.height > TALL * height:
        odds -= 3  # two tall strokes are seldom one symbol
    return max(odds, -1.0) if gap < TOUCHING else odds


def distance(one: Part, other: Part) -> float:
    """Pixels between the nearest points of two parts."""
    both = join([one, other])
    top, left = both.box[:2]
    first, second = (
        (slice(part.box[0] - top, part.box[2] - top), slice(part.box[1] - left, part.box[3] - left))
        for part in (one, other)
    )
    paper = np.ones(both.mask.shape, dtype=bool)
    paper[first] = ~one.mask
    return float(ndimage.distance_transform_edt(paper)[second][other.mask].min())


def find_groups(pieces: Sequence[Part], odds: np.ndarray) -> list[Group]:
    """Each piece alone, and groups in which every piece belongs to another one."""
    groups = []
    for start, piece in enumerate(pieces):
        groups.append(Group(start, start + 1, piece, 0.0))
        for end in range(start + 2, min(start + MOST_PIECES, len(pieces)) + 1):
            among = odds[start:end, start:end] + np.diag(np.full(end - start, -np.inf))
            weakest = among.max(axis=1).min()
            if weakest > APART + 2:
                whole = join(pieces[start:end])
                groups.append(Group(start, end, whole, float(log_expit(weakest))))
    return groups


def border_scores(odds: np.ndarray) -> list[float]:
    """A border costs as much as the pieces on its two sides belong together."""
    inside = [float(log_expit(-odds[:n, n:].max())) for n in range(1, len(odds))]
    return [0.0, *inside, 0.0]
