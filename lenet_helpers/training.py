"""Lesson 03: train a network, measure it, and keep its history."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from lenet_helpers.checkpoints import Checkpoint, length_of
from lenet_helpers.errors import CourseError
from lenet_helpers.evaluation import Batch, Loss, Measurement, evaluate
from lenet_helpers.evaluation import Metrics as Metrics  # can be had from here too
from lenet_helpers.files import check_writable, is_there
from lenet_helpers.random_state import seed_everything as seed_everything  # this one too
from lenet_helpers.training_faults import check_optimizer, check_schedule


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

    def column(self, name: str) -> list[Any]:
        """One value for each epoch, for example `column("accuracy")`."""
        return [getattr(epoch, name) for epoch in self.epochs]


class TrainingStopped(KeyboardInterrupt):
    """Ctrl-C or the stop button ended a training; `model` and `history` are as far as it came.

    A `KeyboardInterrupt`, so that *Run All* does not go on with a half-trained network. A notebook
    shows the message alone.
    """

    def __init__(self, model: nn.Module, history: History, message: str) -> None:
        super().__init__(model, history, message)  # so that it can be sent between processes
        self.model, self.history, self.message = model, history, message

    def __str__(self) -> str:
        return self.message

    def _render_traceback_(self) -> list[str]:  # IPython asks for this, as for CourseError
        return [f"{type(self).__name__}: {self}"]


def pick_device() -> torch.device:
    """CUDA if it works, then Apple's MPS, then the CPU; `LENET_DEVICE` overrides.

    A device that is there may still fail: PyTorch no longer serves older cards. So a small
    computation is tried, and a note says why a device was left out.

    Raises
    ------
    CourseError
        If `LENET_DEVICE` names a device that cannot be used on this machine.
    """
    wanted = os.environ.get("LENET_DEVICE")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    for name in [wanted] if wanted else [name for name, available in there.items() if available]:
        try:
            return _tried(name)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            if wanted:
                raise CourseError(
                    f"LENET_DEVICE is {wanted!r}, which cannot be used here ({reason}). Set it to "
                    "cpu, cuda or mps, or unset it."
                ) from error
            print(
                f"{name} is there but does not work ({reason}). The CPU is used. Set "
                "LENET_DEVICE=cpu to leave it out without this note."
            )
    return torch.device("cpu")


def _tried(name: str) -> torch.device:
    """The device of that name, after a small convolution on it gave the right sum."""
    image = torch.ones(1, 1, 5, 5, device=name, requires_grad=True)
    functional.conv2d(image, torch.ones(1, 1, 5, 5, device=name)).sum().backward()
    if image.grad.sum().item() != 25:
        raise RuntimeError("a small convolution came out wrong")
    return torch.device(name)


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
    loss_function: Loss = functional.cross_entropy,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place and return what happened.

    Parameters
    ----------
    model
        Maps images `(n, channels, height, width)` to logits `(n, classes)`. Each epoch begins with
        `model.train()`, as a training loop does.
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
        Where to train; where the model is if None. Batches of a split that lies there, as after
        `split.to(device)`, need no way. Off the CPU losses are read in groups, so that one that is
        not finite is said some steps later, by the number of its own step.
    checkpoint
        File for the training's full state, written after every epoch. If it is there already,
        the training continues from it and ends with the weights it would have had uninterrupted.
        Loss function and augmentation are known in it by their names alone.
    progress
        Whether a bar shows loss, accuracy and time left.

    Raises
    ------
    CourseError
        If the loss is not finite; if model, images and labels, or model, optimizer and scheduler
        do not fit together; or if `checkpoint` is of another training.
    TrainingStopped
        After Ctrl-C or the stop button; a `KeyboardInterrupt` that holds model and history.
    """
    device = torch.device(device) if device else next(model.parameters()).device
    model.to(device)
    check_optimizer(model, optimizer, scheduler)
    history, state = History(), None
    if checkpoint is not None:
        functions = {"loss": loss_function, "augment": augment}
        state = Checkpoint(checkpoint, model, batches, optimizer, scheduler, functions)
        history = _begin_or_continue(state, epochs)
    steps = length_of(batches)
    check_schedule(scheduler, (epochs - len(history.epochs)) * (steps or 1))
    look = {"unit": "step", "disable": bars_off(progress), "leave": False}
    bar = tqdm(total=steps and epochs * steps, initial=len(history.step_losses), **look)
    try:
        for number in range(len(history.epochs) + 1, epochs + 1):
            start = time.perf_counter()
            measured = Measurement(model, loss_function, "training", history.step_losses)
            model.train()
            rate = _train_epoch(measured, batches, augment, device, optimizer, scheduler, bar)
            trained, checked = measured.metrics(), (None, None)
            seconds = time.perf_counter() - start
            if validation is not None and length_of(validation) != 0:
                checked = evaluate(model, validation, loss_function, "validation")
            history.epochs.append(Epoch(number, *trained, *checked, seconds, rate))
            if state is not None:
                state.save(asdict(history))
    except KeyboardInterrupt:
        raise TrainingStopped(model, history, _stopped(history, epochs, checkpoint)) from None
    finally:
        bar.close()
    return history


def _train_epoch(
    measured: Measurement,
    batches: Iterable[Batch],
    augment: Callable[[torch.Tensor], torch.Tensor] | None,
    device: torch.device,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None,
    bar: tqdm,
) -> float:
    """A step of the optimizer for each batch; the learning rate of the last one."""
    rate = math.nan
    for images, labels in batches:
        images, labels = images.to(device), labels.to(device)
        images = augment(images) if augment else images
        loss = measured.add(images, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate = float(optimizer.param_groups[0]["lr"])
        if scheduler is not None:
            scheduler.step()
        bar.set_postfix(measured.shown(), refresh=False)
        bar.update()
    return rate


def _begin_or_continue(state: Checkpoint, epochs: int) -> History:
    """The history so far: none without the file, else that of the training it puts back."""
    check_writable(state.path)
    if not is_there(state.path):
        return History()
    stored = state.read()
    kept = stored["history"]
    try:
        history = History([Epoch(**record) for record in kept["epochs"]], kept["step_losses"])
    except (TypeError, KeyError) as error:
        raise CourseError(
            f"The history in {state.path} is of another version of the course. Delete the file to "
            "start the training from the beginning."
        ) from error
    if len(history.epochs) > epochs:
        raise CourseError(
            f"{state.path} holds {len(history.epochs)} epochs, more than the {epochs} asked for. "
            "Ask for at least as many, delete the file to start from the beginning, or choose "
            "another file name."
        )
    state.restore(stored)
    return history


def _stopped(history: History, epochs: int, checkpoint: str | Path | None) -> str:
    done = len(history.epochs)
    text = f"Stopped after {done} of {epochs} epochs. The model keeps what it has learned so far."
    if checkpoint is not None and done:
        text += f" {checkpoint} holds the state after epoch {done}: call fit again to go on."
    return text
