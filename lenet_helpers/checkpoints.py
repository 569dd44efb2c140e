"""Lesson 03: save and load weights, and continue a training.

Weights alone are `safetensors` files. The full state of a training is a PyTorch file that holds
nothing but tensors, numbers and text. Neither can run code when it is loaded, unlike a pickled
model.
"""

from __future__ import annotations

import io
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from lenet_helpers.errors import CourseError
from lenet_helpers.files import write_whole

ZIP, BARE_PICKLE = b"PK", b"\x80"  # the first bytes of such files


def save_weights(model: nn.Module, path: str | Path) -> None:
    """Write the weights of `model` as safetensors, whole or not at all."""
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write_whole(path, safetensors.torch.save(tensors))


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Fill `model` with the weights that `save_weights` wrote.

    Raises
    ------
    CourseError
        If the file is missing, damaged, not safetensors, or of another network.
    """
    content = _read(path)
    try:
        state = safetensors.torch.load(content)
    except SafetensorError as error:
        if content.startswith((ZIP, BARE_PICKLE)):  # what torch.save and pickle write
            raise CourseError(_would_run_code(path)) from error
        raise CourseError(
            f"{path} is damaged or not a safetensors file ({error}). Get it again, or train again."
        ) from error
    _check_fit(model, state, path)
    model.load_state_dict(state)


def save_checkpoint(
    path: str | Path,
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None,
    generator: torch.Generator | None,
    history: dict[str, list],
) -> None:
    """Write the full state of a training, whole or not at all.

    The state includes the random state of Python, NumPy and PyTorch and of the batches'
    `generator`; `history` holds only numbers, text, lists and dictionaries.
    """
    buffer = io.BytesIO()
    torch.save(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": None if scheduler is None else scheduler.state_dict(),
            "settings": _settings(optimizer, scheduler, generator),
            "random": _random_state(generator),
            "history": history,
        },
        buffer,
    )
    write_whole(path, buffer.getvalue())


def load_checkpoint(
    path: str | Path,
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None,
    generator: torch.Generator | None,
) -> dict[str, list]:
    """Put a training back into the state in `path`; returns its history.

    Raises
    ------
    CourseError
        If the file is missing, damaged, would run code, or is of another training.
    """
    content = _read(path)
    if content.startswith(BARE_PICKLE):
        raise CourseError(_would_run_code(path))
    try:
        stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CourseError(_would_run_code(path)) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CourseError(
            f"{path} is damaged or empty. Delete it to start the training from the beginning."
        ) from error
    expected = {"model", "optimizer", "scheduler", "settings", "random", "history"}
    if not isinstance(stored, dict) or set(stored) != expected:
        raise CourseError(f"{path} is not the checkpoint of a training; choose another file name.")
    _check_fit(model, stored["model"], path)
    for name, mine in _settings(optimizer, scheduler, generator).items():
        if (theirs := stored["settings"].get(name, mine)) != mine:
            raise CourseError(
                f"{path} is of another training: {name} is {theirs} in the file and {mine} here. "
                "Delete it to start from the beginning, or choose another file name."
            )
    model.load_state_dict(stored["model"])
    optimizer.load_state_dict(stored["optimizer"])
    if scheduler is not None:
        scheduler.load_state_dict(stored["scheduler"])
    _restore_random_state(stored["random"], generator)
    return stored["history"]


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CourseError(f"Cannot read {path}: {error.strerror or error}.") from error


def _would_run_code(path: str | Path) -> str:
    return (
        f"{path} was refused: it is a pickled file, or a damaged one. Loading a pickle can run any "
        "code its author put in. Load only files that save_weights or fit(checkpoint=…) wrote."
    )


def _check_fit(model: nn.Module, state: dict[str, torch.Tensor], path: str | Path) -> None:
    """Compare names and shapes first, so that a wrong file leaves the model as it was."""
    mine = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    theirs = {name: tuple(tensor.shape) for name, tensor in state.items()}
    for name in [*mine, *sorted(theirs)]:  # the file has its names in no particular order
        if mine.get(name) != theirs.get(name):
            raise CourseError(
                f"{path} holds the weights of another network: {name} is "
                f"{theirs.get(name, 'missing')} in the file and {mine.get(name, 'missing')} in "
                "the model. Build the model with the arguments it was trained with."
            )


def _settings(
    optimizer: torch.optim.Optimizer, scheduler: Any, generator: torch.Generator | None
) -> dict[str, Any]:
    """What must be the same for a training to go on, as plain values."""
    return {
        "optimizer": type(optimizer).__name__,
        "schedule": type(scheduler).__name__ if scheduler else "none",
        "number of steps": getattr(scheduler, "total_steps", None),
        "seed of the batches": generator.initial_seed() if generator else None,
        **optimizer.defaults,
    }


def _random_state(generator: torch.Generator | None) -> dict[str, Any]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - see seed_everything
    return {
        "python": random.getstate(),
        "numpy": (name, keys.tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "generator": None if generator is None else generator.get_state(),
    }


def _restore_random_state(state: dict[str, Any], generator: torch.Generator | None) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002 - see seed_everything
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    if generator is not None and state["generator"] is not None:
        generator.set_state(state["generator"])
