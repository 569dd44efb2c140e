"""Lessons 06 and 08: read what is written: a digit, a number, a line of arithmetic.

One engine reads all three. The network says what a piece of ink looks like. Size and place on the
line say what it may be: a bar in the middle is a minus, a dot on the baseline is a point. A grammar
says what may follow what. A search weighs the three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from lenet_helpers.augmentation import shear
from lenet_helpers.reading import tuned
from lenet_helpers.reading.cutting import Segments, segment
from lenet_helpers.reading.digit import Prepared, prepare_digit
from lenet_helpers.reading.grammar import CLASSES, DIGIT, NUMBER, Grammar
from lenet_helpers.reading.ink import NoInkError
from lenet_helpers.reading.lines import Line, find_line, line_of_digit, prepare_part
from lenet_helpers.reading.parts import Box, around
from lenet_helpers.reading.pictures import Picture
from lenet_helpers.reading.prediction import predict
from lenet_helpers.reading.search import LEFT_OUT, Candidate, alternatives, search

COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read, how sure it is, and how it was found."""

    text: str
    grammar: Grammar
    symbols: tuple[Candidate, ...]  # with boxes and probabilities
    alternatives: list[tuple[str, float]]  # likeliest texts and their probabilities, best first
    left_out: list[Box]  # of ink that is no part of the text
    line: Line
    segments: Segments
    several: str = ""  # the digits, where more than the one that was asked for are written
    steps: Mapping[str, np.ndarray] = field(default_factory=dict)  # how one character was prepared

    @property
    def confidence(self) -> float:
        """Probability of the text among all readings that were weighed."""
        return self.alternatives[0][1]

    @property
    def sure(self) -> bool:
        """Whether the text is probable enough and nothing inked was left out."""
        return not self.doubt

    @property
    def doubt(self) -> str:
        """Why the answer is not sure, in words; empty if it is."""
        if len(self.several) > 1:
            count = COUNTS.get(len(self.several), "many")
            return f"{count} digits, {self.several}: use --number"
        if self.left_out:
            count = len(self.left_out)
            return f"ink left out in {count} place{'s' if count > 1 else ''}"
        return "" if self.confidence >= tuned.SURE else f"is this {self.grammar.name}?"


def read(model: nn.Module, image: Picture, grammar: Grammar = NUMBER) -> Reading:
    """Read one line of writing.

    The grammar chooses among likely readings. If nothing grammatical is likely enough, the text
    is the likeliest one.

    Parameters
    ----------
    model
        Gives logits `(n, 20)` for images `(n, 1, 32, 32)`: of the classes `CLASSES`, and at last
        of no character at all.
    image
        A path, `PIL.Image`, array or tensor; see `open_picture`.
    grammar
        `NUMBER` or `ARITHMETIC`.

    Raises
    ------
    CourseError
        If the picture cannot be read, has several lines or printed rules; as `NoInkError` if
        nothing is written on it.
    """
    line = find_line(image)
    if line.pen > tuned.THICKEST * line.height:
        raise NoInkError("What is drawn is too thick for strokes: the picture shows no writing.")
    segments = segment(line)
    return decide(line, segments, classify(model, line, segments), grammar)


def read_one(model: nn.Module, image: Picture | Prepared, grammar: Grammar = DIGIT) -> Reading:
    """Read one character, prepared as MNIST's were; several digits are noticed, and not sure.

    Parameters
    ----------
    model
        As for `read`.
    image
        A picture, or what `prepare_digit` gave.
    grammar
        `DIGIT` or `CHARACTER`.

    Raises
    ------
    CourseError
        As `prepare_digit` does.
    """
    prepared = image if isinstance(image, Prepared) else prepare_digit(image)
    line = line_of_digit(prepared)
    segments = segment(line)
    image, left_out, several = prepared.tensor, line.left_out, ""
    if grammar == DIGIT:  # the parts of a ÷ are no digits
        number = decide(line, segments, classify(model, line, segments), NUMBER)
        left_out, several = number.left_out, number.text
        if len(several) == 1:  # without what stands beside the digit, such as a dot
            span = number.symbols[0].start, number.symbols[0].end
            part = next(g.part for g in segments.groups if (g.start, g.end) == span)
            image = prepare_part(line, part)
    row = expect(look(model, image), grammar)[0]
    texts = [(c, float(p)) for c, p in zip(CLASSES, row, strict=False) if c in grammar.symbols]
    texts.sort(key=lambda pair: -pair[1])
    text, sure = texts[0]
    box = around([part.box for part in line.parts])
    only = Candidate(0, len(segments.pieces), text, float(np.log(sure)), sure, box)
    return Reading(text, grammar, (only,), texts, left_out, line, segments, several, prepared.steps)


def look(model: nn.Module, images: torch.Tensor) -> np.ndarray:
    """Probabilities `(n, 20)` of images `(n, 1, 32, 32)`, each seen at three slants.

    The mean of three answers is a little better than one: people slant their writing differently.
    """
    looks = [predict(model, shear(images, lean)).probabilities for lean in tuned.LEANS]
    return (sum(looks) / len(looks)).numpy()


def classify(model: nn.Module, line: Line, segments: Segments) -> np.ndarray:
    """Probabilities `(groups, 20)` of the groups of a line."""
    return look(model, torch.cat([prepare_part(line, group.part) for group in segments.groups]))


def expect(probabilities: np.ndarray, grammar: Grammar) -> np.ndarray:
    """The same probabilities where the symbols of a grammar are expected, and others are rare."""
    often = [1.0 if symbol in grammar.symbols else tuned.FOREIGN for symbol in CLASSES]
    weighed = probabilities * [*often, tuned.NOTHING]
    return weighed / weighed.sum(axis=1, keepdims=True)


def decide(line: Line, segments: Segments, probabilities: np.ndarray, grammar: Grammar) -> Reading:
    """The likeliest way through the groups of a line, given `(groups, 20)` probabilities."""
    height, probabilities = line.height, expect(probabilities, grammar)
    for _ in range(2):  # again when the height of the digits is known
        candidates = weigh(segments, probabilities, line, height)
        likeliest = search(candidates, segments.borders, None)
        paths = search(candidates, segments.borders, grammar)
        if not paths or paths[0].score < likeliest[0].score - tuned.BENT:
            paths = likeliest
        digits = [c.box[2] - c.box[0] for c in paths[0].symbols if c.symbol.isdigit()]
        height = float(np.median(digits)) if digits else line.height
    symbols = tuple(c for c in paths[0].symbols if c.symbol != LEFT_OUT)
    left_out = [c.box for c in paths[0].symbols if c.symbol == LEFT_OUT] + line.left_out
    texts = alternatives(paths)
    return Reading(paths[0].text, grammar, symbols, texts, left_out, line, segments)


def weigh(
    segments: Segments, probabilities: np.ndarray, line: Line, height: float
) -> list[list[Candidate]]:
    """For each piece, the candidates that begin with it, one of which leaves it out.

    Parameters
    ----------
    segments
        The groups to read.
    probabilities
        The network's, `(groups, 20)`.
    line
        Where the groups stand.
    height
        Of a digit, in pixels.
    """
    doubted = np.log((1 - tuned.DOUBT) * probabilities + tuned.DOUBT / len(CLASSES))
    candidates: list[list[Candidate]] = []
    for place, piece in enumerate(segments.pieces):
        cost = tuned.LEFT_OUT + tuned.LEFT_OUT_TALL * piece.side / height
        candidates.append([Candidate(place, place + 1, LEFT_OUT, -cost, 0.0, piece.box)])
    for group, network, row in zip(segments.groups, probabilities, doubted, strict=True):
        box = group.part.box
        scores = group.score + row[:-1] + geometry_scores(box, height, middle_of_line(line, box))
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
    tall.sort(key=lambda part: abs(part.middle[1] - (box[1] + box[3]) / 2))
    return float(np.median([part.middle[0] for part in tall[: tuned.NEIGHBOURS]]))
