"""Lesson 06: read a whole number: the cheapest way through one line of digits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from lenet_helpers.reading import cutting, tuned
from lenet_helpers.reading.ink import NoInkError
from lenet_helpers.reading.lines import Line, find_line, prepare_part
from lenet_helpers.reading.parts import Box, Part, number_parts
from lenet_helpers.reading.pictures import Picture
from lenet_helpers.reading.prediction import predict_varied


class Number(NamedTuple):
    """The digits of a number from left to right, and how they were found."""

    text: str
    digits: list[int]
    parts: list[Part]  # the ink of each digit and its box, in `line`'s pixels
    probabilities: torch.Tensor  # (digits, classes of the network), each row sums to 1
    line: Line  # picture, ink, straightened ink and its connected parts
    images: torch.Tensor  # (digits, 1, 32, 32), as the network saw them

    @property
    def boxes(self) -> list[Box]:
        """Top, left, bottom, right of each digit, in pixels of the straightened line."""
        return [part.box for part in self.parts]

    @property
    def steps(self) -> dict[str, np.ndarray]:
        """Name -> picture of each step; parts and digits are numbered from 1, 0 is paper."""
        line = self.line
        page = (0, 0, *line.mask.shape)
        return {
            "picture": line.picture,
            "ink": line.ink.strength,
            "straightened": line.strength,
            "connected parts": number_parts(line.parts, page),
            "digits": number_parts(self.parts, page),
        }

    @property
    def confidence(self) -> torch.Tensor:
        """Probability of each digit, `(digits,)`."""
        return self.probabilities[:, :10].max(dim=1).values

    @property
    def sure(self) -> bool:
        """Whether every digit is at least as probable as `tuned.SURE`."""
        return bool((self.confidence >= tuned.SURE).all())


def read_number(model: nn.Module, image: Picture) -> Number:
    """Read one line of digits.

    The ink is cut at its thin places, neighbouring pieces are joined in every way that could make
    a digit, and the network's confidence decides; see `cutting`.

    Parameters
    ----------
    model
        Maps images `(n, 1, 32, 32)` to logits of ten digits. An eleventh class, if it has one,
        stands for "no digit".
    image
        A path, `PIL.Image`, array or tensor; see `open_picture`.

    Raises
    ------
    CourseError
        If it cannot be read as a picture, shows several lines, or ruled paper; as `NoInkError` if
        it shows no number.
    """
    line = find_line(image)
    if line.pen > tuned.THICKEST * line.height:
        raise NoInkError("What is drawn is too thick for strokes: the picture shows no number.")
    lean = cutting.measure_lean(line)
    pieces = cutting.find_pieces(line, lean)
    groups = cutting.digit_groups(pieces, line, lean)
    if not groups:
        raise NoInkError("Nothing on the paper is as high as a digit: it shows no number.")
    images = torch.cat([prepare_part(line, group.part) for group in groups])
    probabilities = predict_varied(model, images)
    best = probabilities[:, :10].max(dim=1).values
    costs = -((1 - tuned.DOUBT) * best + tuned.DOUBT / 10).log()
    path = cutting.cheapest_path(pieces, groups, costs.tolist(), line.height)
    digits = probabilities[path, :10].argmax(dim=1).tolist()
    parts = [groups[number].part for number in path]
    text = "".join(map(str, digits))
    return Number(text, digits, parts, probabilities[path], line, images[path])
