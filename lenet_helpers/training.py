"""Lesson 03: train a network, measure it, and keep its history."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from lenet_helpers.checkpoints import load_checkpoint, save_checkpoint
from lenet_helpers.errors import CourseError
from lenet_helpers.files import is_there

Batch = tuple[torch.Tensor, torch.Tensor]


class Metrics(NamedTuple):
    """Means over samples: loss, and accuracy as a fraction 0…1."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave. Training figures are means over its batches, each before its step."""

    epoch: int  # counted from 1
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float  # training alone, without validation
    learning_rate: float  # of the last step


@dataclass
class History:
    """One record for each whole epoch, and the loss of every step."""

    epochs: list[Epoch] = field(default_factory=list)
    step_losses: list[float] = field(default_factory=list)
    interrupted: bool = False  # stopped by Ctrl-C or the stop button

    def column(self, name: str) -> list[Any]:
        """One value for each epoch, for example `column("accuracy")`."""
        return [getattr(epoch, name) for epoch in self.epochs]


def seed_everything(seed: int) -> None:
    """Set the random state of Python, NumPy and PyTorch.

    On one machine's CPU, with the same number of threads, the same seed gives the same weights,
    bit for bit.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - a reader's own cells may use NumPy's global generator
    torch.manual_seed(seed)


def pick_device() -> torch.device:
    """CUDA if there is one, then Apple's MPS, then the CPU; `LENET_DEVICE` overrides.

    Raises
    ------
    CourseError
        If `LENET_DEVICE` names a device that this machine does not have.
    """
    wanted = os.environ.get("LENET_DEVICE")
    if wanted:
        try:
            return torch.zeros(1, device=wanted).device
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise CourseError(
                f"LENET_DEVICE is {wanted!r}, which cannot be used here ({reason}). Set it to "
                "cpu, cuda or mps, or unset it."
            ) from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def bars_off(progress: bool) -> bool:
    """What tqdm's `disable` has to be: a headless run turns every bar off by `TQDM_DISABLE=1`.

    Where `disable` is given, tqdm itself does not heed the variable.
    """
    return not progress or os.environ.get("TQDM_DISABLE") == "1"


def fit(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    validation: Iterable[Batch] | None = None,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = functional.cross_entropy,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place and return what happened.

    Ctrl-C or the stop button ends the training early; the history so far is returned.

    Parameters
    ----------
    model
        Maps images `(n, channels, height, width)` to logits `(n, classes)`.
    batches
        Pairs of images and labels `(n,)`, read once per epoch: `Batches`, a `DataLoader`, a list.
    epochs
        How often all batches are read.
    optimizer
        Holds the parameters of this very model.
    validation
        Batches measured after each epoch, in evaluation mode.
    scheduler
        Stepped after every optimizer step, not after every epoch.
    loss_function
        Of logits and labels; a mean over the batch.
    augment
        Changes a batch of images before each step, in training only.
    device
        Where to train; where the model is if None.
    checkpoint
        File for the training's full state, written after every epoch. If it is there already,
        the training continues from it and ends with the weights it would have had uninterrupted.
    progress
        Whether a bar shows loss, accuracy and time left.

    Raises
    ------
    CourseError
        If the loss is not finite, or model, images and labels do not fit together.
    """
    device = torch.device(device) if device else next(model.parameters()).device
    model.to(device)
    history = History()
    training = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    training["generator"] = getattr(batches, "generator", None)
    if checkpoint is not None and is_there(checkpoint):
        stored = load_checkpoint(checkpoint, **training)
        history.epochs = [Epoch(**record) for record in stored["epochs"]]
        history.step_losses = stored["step_losses"]
    steps = len(batches) if hasattr(batches, "__len__") else 0
    bar = tqdm(
        total=epochs * steps or None,
        initial=len(history.step_losses),
        unit="step",
        disable=bars_off(progress),
        leave=False,
    )
    try:
        for number in range(len(history.epochs) + 1, epochs + 1):
            start = time.perf_counter()
            model.train()
            totals = _Totals()
            for images, labels in batches:
                images, labels = images.to(device), labels.to(device)
                images = augment(images) if augment else images
                loss, logits = _step(model, images, labels, optimizer, loss_function, history)
                rate = optimizer.param_groups[0]["lr"]
                if scheduler is not None:
                    scheduler.step()
                totals.add(loss, logits, labels)
                bar.set_postfix(totals.shown(), refresh=False)
                bar.update()
            seconds = time.perf_counter() - start
            trained = totals.metrics("training")  # an error if there were no batches
            checked = evaluate(model, validation, loss_function) if validation else (None, None)
            history.epochs.append(Epoch(number, *trained, *checked, seconds, rate))
            if checkpoint is not None:
                save_checkpoint(checkpoint, **training, history=_plain(history))
    except KeyboardInterrupt:
        history.interrupted = True
        print(_stopped(history, epochs, checkpoint))
    finally:
        bar.close()
    return history


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = functional.cross_entropy,
) -> Metrics:
    """Mean loss and accuracy over all samples, in evaluation mode; the mode is restored.

    Raises
    ------
    CourseError
        If model, images and labels do not fit together, or there are no batches.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        totals = _Totals()
        for images, labels in batches:
            images, labels = images.to(device), labels.to(device)
            loss, logits = _loss(model, images, labels, loss_function)
            totals.add(loss.item(), logits, labels)
        return totals.metrics("evaluation")
    finally:
        model.train(was_training)


def _step(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    history: History,
) -> tuple[float, torch.Tensor]:
    """One optimizer step; its loss, and the logits before it."""
    loss, logits = _loss(model, images, labels, loss_function)
    value = loss.item()
    history.step_losses.append(value)
    if not math.isfinite(value):
        raise CourseError(
            f"The loss is {value} at step {len(history.step_losses)} of the training. Most often "
            "the learning rate is too large: try a tenth of it. If that does not help, look for "
            "values in the images that are not finite."
        )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return value, logits


def _loss(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor]:
    logits = None
    try:
        logits = model(images)
        return loss_function(logits, labels), logits
    except (RuntimeError, IndexError, ValueError) as error:
        raise CourseError(_mismatch(images, labels, logits, error)) from error


def _mismatch(
    images: torch.Tensor, labels: torch.Tensor, logits: torch.Tensor | None, error: Exception
) -> str:
    """Why a batch does not fit the model, in the reader's terms."""
    shape = tuple(images.shape)
    if logits is None:
        return (
            f"The model cannot take images of shape {shape} ({error}). Images are (n, channels, "
            "height, width); LeNet5 takes 1 channel and 32×32 pixels unless it was built with "
            "other in_channels and image_size."
        )
    if len(labels) != len(images):
        return f"There are {len(images)} images but {len(labels)} labels in a batch."
    classes = logits.shape[-1]
    if not labels.is_floating_point() and labels.ndim == 1:
        smallest, largest = labels.min().item(), labels.max().item()
        if smallest < 0 or largest >= classes:
            return (
                f"The labels go from {smallest} to {largest}, but the model has {classes} classes, "
                f"0 to {classes - 1}. Build it with num_classes={largest + 1}, or mend the labels."
            )
    return (
        f"The loss cannot compare logits of shape {tuple(logits.shape)} with labels of shape "
        f"{tuple(labels.shape)} and type {labels.dtype} ({error}). Labels are (n,) of type int64."
    )


class _Totals:
    """Running sums over samples."""

    def __init__(self) -> None:
        self.loss, self.correct, self.samples = 0.0, 0, 0

    def add(self, mean_loss: float, logits: torch.Tensor, labels: torch.Tensor) -> None:
        self.loss += mean_loss * len(labels)
        self.correct += (logits.argmax(dim=1) == labels).sum().item()
        self.samples += len(labels)

    def shown(self) -> dict[str, str]:
        return {
            "loss": f"{self.loss / self.samples:.4f}",
            "accuracy": f"{self.correct / self.samples:.2%}",
        }

    def metrics(self, what: str) -> Metrics:
        if not self.samples:
            raise CourseError(
                f"There were no batches for {what}. A generator can be read only once: give a "
                "list, a DataLoader or Batches."
            )
        return Metrics(self.loss / self.samples, self.correct / self.samples)


def _plain(history: History) -> dict[str, list]:
    return {
        "epochs": [asdict(epoch) for epoch in history.epochs],
        "step_losses": history.step_losses,
    }


def _stopped(history: History, epochs: int, checkpoint: str | Path | None) -> str:
    done = len(history.epochs)
    text = f"Stopped after {done} of {epochs} epochs; the history so far is kept."
    if checkpoint is not None and done:
        text += f" {checkpoint} holds the state after epoch {done}: call fit again to go on."
    return text
