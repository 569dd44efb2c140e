"""Lesson 06: read digits, and ask how far the answer can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from lenet_helpers.handwriting import Prepared, prepare_digit
from lenet_helpers.picture_files import Picture

BATCH = 1000
SURE = 0.9  # an answer of lower probability is called unsure


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
    model: nn.Module, images: torch.Tensor | Prepared | Sequence[Prepared | Picture]
) -> Prediction:
    """Read digits: the most probable class of each picture, and all ten probabilities.

    Parameters
    ----------
    model
        Maps images `(n, 1, 32, 32)` to logits `(n, 10)`. Its mode is restored.
    images
        A tensor as the network was trained on, `(n, 1, 32, 32)`, taken as it is; or what
        `prepare_digit` gives; or a list of pictures of any kind, which are prepared first.

    Raises
    ------
    CourseError
        If a picture cannot be read or shows no digit.
    """
    if isinstance(images, Prepared):
        images = images.tensor
    if not isinstance(images, torch.Tensor):
        ready = [image if isinstance(image, Prepared) else prepare_digit(image) for image in images]
        images = torch.cat([prepared.tensor for prepared in ready])
    if images.ndim == 3:  # one image without the batch
        images = images.unsqueeze(0)
    weights = next(model.parameters())
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        logits = [model(batch.to(weights.device)) for batch in images.split(BATCH)]
    finally:
        for module, mode in modes:
            module.training = mode
    probabilities = torch.cat(logits).softmax(dim=1).cpu()
    return Prediction(probabilities.argmax(dim=1), probabilities)


class Reliability(NamedTuple):
    """Groups of pictures from the least to the most sure."""

    promised: list[float]  # mean probability of the answers
    kept: list[float]  # share that is right


def reliability(confidence: torch.Tensor, right: torch.Tensor, groups: int = 10) -> Reliability:
    """Compare what the probabilities promise with what they keep, in groups of equal size."""
    order = confidence.argsort(stable=True).chunk(groups)
    promised = [confidence[group].mean().item() for group in order]
    return Reliability(promised, [right[group].float().mean().item() for group in order])


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
