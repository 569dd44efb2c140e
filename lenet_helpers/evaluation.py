"""Lesson 03: loss and accuracy over batches, in a training and after it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from lenet_helpers.errors import CourseError
from lenet_helpers.model import evaluation_mode
from lenet_helpers.training_faults import check_labels, image_fault, label_fault, not_finite

Batch = tuple[torch.Tensor, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# Batches whose results are read at once. To read one is to wait until the device has computed it:
# on the CPU that is so anyway, but a graphics card would stand still meanwhile.
READ_EVERY = {"cuda": 32, "mps": 32}


class Metrics(NamedTuple):
    """Means over samples: loss, and accuracy as a fraction 0…1."""

    loss: float
    accuracy: float


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    loss_function: Loss = functional.cross_entropy,
    what: str = "evaluation",
) -> Metrics:
    """Mean loss and accuracy over all samples, in evaluation mode; the modes are restored.

    `what` names the measurement in an error.

    Raises
    ------
    CourseError
        If model, images and labels do not fit together, the loss is not finite, or there are no
        batches.
    """
    device = next(model.parameters()).device
    measurement = Measurement(model, loss_function, what, [])
    with evaluation_mode(model):
        for images, labels in batches:
            measurement.add(images.to(device), labels.to(device))
    return measurement.metrics()


class Measurement:
    """Running means over the batches of a training or an evaluation.

    Parameters
    ----------
    model, loss_function
        What is measured, and by which mean over a batch.
    what
        "training", or the name of the measurement in an error.
    losses
        Takes the loss of each batch when it is read: at once on the CPU, elsewhere some batches
        later, so that an error of a loss that is not finite may come late too.
    """

    def __init__(
        self, model: nn.Module, loss_function: Loss, what: str, losses: list[float]
    ) -> None:
        self.model, self.loss_function, self.what, self.losses = model, loss_function, what, losses
        self.loss, self.correct, self.samples = 0.0, 0, 0
        self.unread: list[tuple[torch.Tensor, ...]] = []

    def add(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of one more batch, from which a training goes backward.

        Raises
        ------
        CourseError
            If model, images and labels do not fit together, or a loss that is read is not finite.
        """
        loss, logits = compute_loss(self.model, images, labels, self.loss_function)
        self.unread.append((loss.detach(), (logits.argmax(dim=1) == labels).sum(), images))
        if len(self.unread) >= READ_EVERY.get(images.device.type, 1):
            self._read()
        return loss

    def _read(self) -> None:
        losses, correct, batches = zip(*self.unread, strict=True)
        self.unread = []
        for value, images in zip(torch.stack(losses).tolist(), batches, strict=True):
            self.losses.append(value)
            if not math.isfinite(value):
                number, training = len(self.losses), self.what == "training"
                place = f"{'at step' if training else 'in batch'} {number} of the {self.what}"
                cause = not_finite(self.model, images, first=training and number == 1)
                raise CourseError(f"The loss is {value} {place}. {cause}")
            self.loss += value * len(images)
            self.samples += len(images)
        self.correct += sum(torch.stack(correct).tolist())

    def shown(self) -> dict[str, str]:
        """The means over what was read, as a progress bar has them; nothing before that."""
        if not self.samples:
            return {}
        return {
            "loss": f"{self.loss / self.samples:.4f}",
            "accuracy": f"{self.correct / self.samples:.2%}",
        }

    def metrics(self) -> Metrics:
        """The means over all batches; CourseError if there were none."""
        if self.unread:
            self._read()
        if not self.samples:
            raise CourseError(
                f"There were no batches for {self.what}. A generator can be read only once: give a "
                "list, a DataLoader or Batches."
            )
        return Metrics(self.loss / self.samples, self.correct / self.samples)


def compute_loss(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, loss_function: Loss
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and logits; what does not fit together is said, any other error passes as it is."""
    check_labels(images, labels)
    logits = None
    try:
        logits = model(images)
        return loss_function(logits, labels), logits
    except (torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except (RuntimeError, IndexError, ValueError) as error:
        if logits is None:
            reason = image_fault(model, images, error)
        else:
            reason = label_fault(logits, labels, loss_function, error)
        if reason is None:
            raise
        raise CourseError(reason) from error
