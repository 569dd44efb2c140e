"""Lesson 06: ask a network what it sees in prepared pictures, and how probable that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from lenet_helpers.errors import CourseError
from lenet_helpers.model import evaluation_mode
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
