"""Lesson 06: read digits and whole numbers, and ask how far the answer can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lenet_helpers.errors import CourseError
from lenet_helpers.model import evaluation_mode
from lenet_helpers.reading import cutting
from lenet_helpers.reading.digit import NoInkError, Prepared, prepare_digit
from lenet_helpers.reading.lines import Line, Part, find_line, number_parts, prepare_part
from lenet_helpers.reading.pictures import Picture

BATCH = 1000
SURE = 0.9  # an answer of lower probability is called unsure
TURNS = (-8, 0, 8)  # degrees, and
LEANS = (-0.2, 0.0, 0.2)  # pixels per pixel of height: small changes under which a digit stays one
THICKEST = 1 / 3  # of the height of a digit: what is thicker is no stroke
DOUBT = 0.02  # share of probability that no network can be sure of


class Prediction(NamedTuple):
    """One row for each picture."""

    digit: torch.Tensor  # (n,) int64
    probabilities: torch.Tensor  # (n, 10), each row sums to 1

    @property
    def confidence(self) -> torch.Tensor:
        """Probability of the answer, `(n,)`."""
        return self.probabilities.max(dim=1).values


@torch.no_grad()
def predict(
    model: nn.Module, images: torch.Tensor | Prepared | Picture | Sequence[Prepared | Picture]
) -> Prediction:
    """Read digits: the most probable class of each picture, and all ten probabilities.

    Parameters
    ----------
    model
        Maps images `(n, 1, 32, 32)` to logits `(n, 10)`. Its mode is restored.
    images
        A tensor as the network was trained on, `(n, 1, 32, 32)`, taken as it is; or what
        `prepare_digit` gives, or a picture of any other kind, which is prepared first; or a list
        of these.

    Raises
    ------
    CourseError
        If a picture cannot be read or shows no digit, or the list is empty.
    """
    if not isinstance(images, torch.Tensor):
        if isinstance(images, str | np.ndarray) or not isinstance(images, Iterable):
            images = [images]  # one picture
        ready = [image if isinstance(image, Prepared) else prepare_digit(image) for image in images]
        if not ready:
            raise CourseError("There is no picture to read: the list is empty.")
        images = torch.cat([prepared.tensor for prepared in ready])
    if images.ndim == 3:  # one image without the batch
        images = images.unsqueeze(0)
    weights = next(model.parameters())
    with evaluation_mode(model):
        logits = [model(batch.to(weights.device)) for batch in images.split(BATCH)]
    probabilities = torch.cat(logits).softmax(dim=1).cpu()
    return Prediction(probabilities.argmax(dim=1), probabilities)


class Number(NamedTuple):
    """The digits of a number from left to right, and how they were found."""

    text: str
    digits: list[int]
    parts: list[Part]  # the ink of each digit and its box, in `line`'s pixels
    probabilities: torch.Tensor  # (digits, classes of the network), each row sums to 1
    line: Line  # picture, ink, straightened ink and its connected parts
    images: torch.Tensor  # (digits, 1, 32, 32), as the network saw them

    @property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        """Top, left, bottom, right of each digit, in pixels of the straightened line."""
        return [part.box for part in self.parts]

    @property
    def steps(self) -> dict[str, np.ndarray]:
        """Name -> picture of each step; parts and digits are numbered from 1, 0 is paper."""
        line = self.line
        return {
            "picture": line.picture,
            "ink": line.ink.strength,
            "straightened": line.strength,
            "connected parts": number_parts(line.parts, line.mask.shape),
            "digits": number_parts(self.parts, line.mask.shape),
        }

    @property
    def confidence(self) -> torch.Tensor:
        """Probability of each digit, `(digits,)`."""
        return self.probabilities[:, :10].max(dim=1).values

    @property
    def sure(self) -> bool:
        """Whether every digit is more probable than `SURE`."""
        return bool((self.confidence >= SURE).all())


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
    if line.pen > THICKEST * line.height:
        raise NoInkError("What is drawn is too thick for strokes: the picture shows no number.")
    lean = cutting.slant(line)
    pieces = cutting.find_pieces(line, lean)
    found = cutting.candidates(pieces, line, lean)
    if not found:
        raise NoInkError("Nothing on the paper is as high as a digit: it shows no number.")
    images = torch.cat([prepare_part(line, candidate.part) for candidate in found])
    probabilities = predict_varied(model, images)
    best = probabilities[:, :10].max(dim=1).values
    costs = -((1 - DOUBT) * best + DOUBT / 10).log()
    path = cutting.cheapest_path(pieces, found, costs.tolist(), line.height)
    digits = probabilities[path, :10].argmax(dim=1).tolist()
    parts = [found[number].part for number in path]
    text = "".join(map(str, digits))
    return Number(text, digits, parts, probabilities[path], line, images[path])


def predict_varied(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Mean probabilities over nine small turns and slants of each image, `(n, classes)`.

    A digit stays what it is when it is turned or leans a little; what is no digit changes its
    answer. So the mean is surer of the one, and less sure of the other, than one look.
    """
    total = torch.zeros(())
    for turn in TURNS:
        for lean in LEANS:
            angle = math.radians(turn)
            cos, sin = math.cos(angle), math.sin(angle)
            matrix = torch.tensor([[cos, lean * cos - sin, 0], [sin, lean * sin + cos, 0]])
            grid = functional.affine_grid(
                matrix.expand(len(images), 2, 3), list(images.shape), align_corners=False
            )
            turned = functional.grid_sample(
                images, grid, padding_mode="border", align_corners=False
            )
            total = total + predict(model, turned).probabilities
    return total / (len(TURNS) * len(LEANS))


class Cost(NamedTuple):
    """What refusing unsure answers costs and gains, one value for each threshold."""

    answered: list[float]  # share of the digits that get an answer
    accuracy: list[float]  # share of the answered digits that is right
    refused: list[float]  # share of the non-digits that get none


def cost_of_threshold(
    thresholds: Sequence[float],
    confidence: torch.Tensor,
    right: torch.Tensor,
    confidence_elsewhere: torch.Tensor,
) -> Cost:
    """Answer only where the confidence is at least a threshold: what is gained, and lost?

    Parameters
    ----------
    thresholds
        Probabilities to try.
    confidence, right
        Of digits: probability of the answer, and whether it is right.
    confidence_elsewhere
        Of pictures that are no digits; 0 for a picture that the preparation refused.
    """
    answered, accuracy, refused = [], [], []
    for threshold in thresholds:
        sure = confidence >= threshold
        answered.append(sure.float().mean().item())
        accuracy.append(right[sure].float().mean().item())  # nan if none is answered
        refused.append((confidence_elsewhere < threshold).float().mean().item())
    return Cost(answered, accuracy, refused)
