"""Lesson 06: read digits, and ask how far the answer can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from lenet_helpers.augmentation import shear
from lenet_helpers.errors import CourseError
from lenet_helpers.model import evaluation_mode
from lenet_helpers.reading import tuned
from lenet_helpers.reading.digit import Prepared, prepare_digit
from lenet_helpers.reading.pictures import Picture

BATCH = 1000


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


def predict_varied(
    model: nn.Module,
    images: torch.Tensor,
    turns: Sequence[float] = tuned.DIGIT_TURNS,
    leans: Sequence[float] = tuned.DIGIT_LEANS,
) -> torch.Tensor:
    """Mean probabilities over small turns and slants of each image, `(n, classes)`.

    A digit stays what it is when it is turned or leans a little; what is no digit changes its
    answer. So the mean is surer of the one, and less sure of the other, than one look.

    Parameters
    ----------
    model, images
        As for `predict`.
    turns, leans
        Degrees, and pixels sideways per pixel of height; each turn is seen at each lean.
    """
    looks = [shear(images, lean, turn) for turn in turns for lean in leans]
    return sum(predict(model, look).probabilities for look in looks) / len(looks)


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
    limits = torch.tensor(thresholds, dtype=confidence.dtype).unsqueeze(1)
    sure = confidence >= limits
    answered = sure.float().mean(dim=1)
    accuracy = (right & sure).sum(dim=1) / sure.sum(dim=1)  # nan if none is answered
    refused = (confidence_elsewhere < limits).float().mean(dim=1)
    return Cost(answered.tolist(), accuracy.tolist(), refused.tolist())
