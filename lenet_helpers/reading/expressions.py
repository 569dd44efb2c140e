"""Lesson 08: read a line of handwritten arithmetic, `3×8-4×2/4`, and work it out.

The network says what a piece of ink looks like. Size and place on the line say what it may be: a
bar in the middle is a minus, a dot on the baseline is a point. The grammar of arithmetic says what
may follow what. A beam search [1]_ weighs the three.

.. [1] B. T. Lowerre, "The HARPY speech recognition system", PhD thesis, Carnegie Mellon
   University, 1976.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from lenet_helpers.reading import tuned
from lenet_helpers.reading.arithmetic import Worth, work_out
from lenet_helpers.reading.grammar import CLASSES, DIGITS, ExpressionError, State, follow
from lenet_helpers.reading.groups import Segments, segment
from lenet_helpers.reading.lines import Line, find_line, prepare_part
from lenet_helpers.reading.parts import Box, Part
from lenet_helpers.reading.pictures import Picture
from lenet_helpers.reading.prediction import predict_varied

ALTERNATIVES = 5


class Candidate(NamedTuple):
    """One way to read a group of neighbouring pieces."""

    start: int  # its first piece
    end: int  # the piece behind its last
    symbol: str
    score: float  # logarithm of a probability: network, size and place together
    probability: float  # the network's alone
    box: Box


class Reading(NamedTuple):
    """Symbols from left to right, the sum of their scores, and where the grammar stands."""

    score: float
    symbols: tuple[Candidate, ...]
    state: State

    @property
    def text(self) -> str:
        return "".join(candidate.symbol for candidate in self.symbols)


@dataclass(frozen=True, eq=False)
class Expression:
    """What was read, what it is worth, and how it was found."""

    text: str
    worth: Worth | None  # None if the text is no arithmetic, or has no value
    problem: str  # why there is none, in words; empty if all is well
    symbols: tuple[Candidate, ...]  # with boxes and probabilities
    alternatives: list[tuple[str, float]]  # likeliest texts and their probabilities, best first
    line: Line
    segments: Segments

    @property
    def confidence(self) -> float:
        """Probability of the text among all readings that were weighed."""
        return self.alternatives[0][1]


def read_expression(model: nn.Module, image: Picture) -> Expression:
    """Read one line of arithmetic and work it out.

    The grammar chooses among likely readings. If nothing grammatical is likely enough, the text
    is the likeliest one, and `problem` says why it is no arithmetic.

    Parameters
    ----------
    model
        Gives logits `(n, 19)` of the classes `CLASSES` for images `(n, 1, 32, 32)`.
    image
        A path, `PIL.Image`, array or tensor; see `open_picture`.

    Raises
    ------
    CourseError
        If the picture cannot be read, has several lines or printed rules; as `NoInkError` if
        nothing is written on it.
    """
    line = find_line(image)
    segments = segment(line)
    images = torch.cat([prepare_part(line, group.part) for group in segments.groups])
    probabilities = classify(model, images).numpy()
    height = line.height
    for _ in range(2):  # again when the height of the digits is known
        candidates = weigh(segments, probabilities, line, height)
        likeliest = search(candidates, segments.borders, grammar=False)
        readings = search(candidates, segments.borders)
        if not readings or readings[0].score < likeliest[0].score - tuned.BENT:
            readings = likeliest
        digits = [c.box[2] - c.box[0] for c in readings[0].symbols if c.symbol in DIGITS]
        height = float(np.median(digits)) if digits else line.height
    text, problem, worth = readings[0].text, "", None
    try:
        worth = work_out(text)
    except ExpressionError as error:
        problem = str(error)
    return Expression(
        text, worth, problem, readings[0].symbols, alternatives(readings), line, segments
    )


def classify(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Probabilities `(n, 19)` of images `(n, 1, 32, 32)`, each seen at three slants.

    The mean of three answers is a little better than one: people slant their writing differently.
    """
    return predict_varied(model, images, turns=(0,), leans=tuned.SYMBOL_LEANS)


def weigh(
    segments: Segments, probabilities: np.ndarray, line: Line, height: float
) -> list[list[Candidate]]:
    """For each piece, the candidates that begin with it.

    Parameters
    ----------
    segments
        The groups to read.
    probabilities
        The network's, `(groups, 19)`.
    line
        Where the groups stand.
    height
        Of a digit, in pixels.
    """
    doubted = np.log((1 - tuned.DOUBT) * probabilities + tuned.DOUBT / len(CLASSES))
    candidates: list[list[Candidate]] = [[] for _ in segments.pieces]
    for group, network, row in zip(segments.groups, probabilities, doubted, strict=True):
        box = group.part.box
        scores = group.score + row + geometry_scores(box, height, middle_of_line(line, box))
        for k in np.flatnonzero(scores > scores.max() - tuned.HOPELESS):
            found = (CLASSES[k], float(scores[k]), float(network[k]), box)
            candidates[group.start].append(Candidate(group.start, group.end, *found))
    return candidates


def geometry_scores(box: Box, height: float, middle: float) -> np.ndarray:
    """How well size and place of a box suit each class, `(19,)`; about 0 is usual for a digit.

    Logarithms of normal densities, as `tuned.GEOMETRY` has them.
    """
    top, left, bottom, right = box
    size = np.log([(bottom - top) / height, (right - left) / height])
    values = np.array([*size, ((top + bottom) / 2 - middle) / height])
    table = np.array([tuned.GEOMETRY[symbol] for symbol in CLASSES])
    usual, spread = table[:, ::2].copy(), table[:, 1::2]
    usual[:, :2] = np.log(usual[:, :2])
    away = np.minimum(np.abs(values - usual) / spread, tuned.FURTHEST)
    density = -(away**2) / 2 - np.log(spread)
    return density.sum(axis=1) + np.log(spread[0]).sum() - tuned.EXPECTED


def middle_of_line(line: Line, box: Box) -> float:
    """The row in the middle of the digits near a box: writing seldom stays on its line."""
    low, high = tuned.USUAL_HEIGHTS
    tall = [part for part in line.parts if low <= part.height / line.height <= high]

    def away(part: Part) -> float:
        return abs(part.box[1] + part.box[3] - box[1] - box[3])

    near = sorted(tall, key=away)[: tuned.NEIGHBOURS]
    return float(np.median([(part.box[0] + part.box[2]) / 2 for part in near]))


def search(
    candidates: Sequence[Sequence[Candidate]], borders: Sequence[float], grammar: bool = True
) -> list[Reading]:
    """Readings of the whole line, best first; with `grammar`, only arithmetic.

    A beam search: at each place only the `tuned.BEAM` best readings so far go on.

    Parameters
    ----------
    candidates
        For each place, those that start there; each says where it ends.
    borders
        Score of a border between two symbols at each place, and at the end.
    grammar
        Whether each symbol has to be one that may follow.
    """
    beams: list[list[Reading]] = [[] for _ in range(len(candidates) + 1)]
    beams[0] = [Reading(0.0, (), State())]
    for place, starting in enumerate(candidates):
        for reading in sorted(beams[place], reverse=True, key=lambda r: r.score)[: tuned.BEAM]:
            for candidate in starting:
                state = follow(reading.state, candidate.symbol) if grammar else reading.state
                if state is not None:
                    score = reading.score + candidate.score + borders[candidate.end]
                    longer = Reading(score, (*reading.symbols, candidate), state)
                    beams[candidate.end].append(longer)
    whole = [reading for reading in beams[-1] if reading.state.may_end or not grammar]
    return sorted(whole, reverse=True, key=lambda r: r.score)


def alternatives(readings: Sequence[Reading]) -> list[tuple[str, float]]:
    """The likeliest texts with their probabilities; ways to the same text are added up."""
    weights = np.exp([reading.score - readings[0].score for reading in readings])
    texts: dict[str, float] = {}
    for reading, weight in zip(readings, weights / weights.sum(), strict=True):
        texts[reading.text] = texts.get(reading.text, 0.0) + float(weight)
    first = readings[0].text  # what was chosen stays first, whatever the sums say
    order = sorted(texts, key=lambda text: (text != first, -texts[text]))
    return [(text, texts[text]) for text in order[:ALTERNATIVES]]
