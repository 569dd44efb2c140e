"""Lesson 03: save and load weights, and continue a training.

Weights alone are `safetensors` files; the full state of a training is a PyTorch file of tensors,
numbers and text. Neither can run code when it is loaded, unlike a pickled model.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from lenet_helpers.errors import CourseError
from lenet_helpers.files import refused, write_whole
from lenet_helpers.model import LeNet5
from lenet_helpers.random_state import random_state, restore_random_state

ZIP, BARE_PICKLE = b"PK", b"\x80"  # the first bytes of such files
# what a scheduler counts, and so is no setting of it
MOVING = {"last_epoch", "_step_count", "_last_lr", "_get_lr_called_within_step", "_is_initial",
          "T_cur", "T_i", "_schedulers"}  # fmt: skip
NETWORK = "LeNet5"  # what a file of weights calls the arguments of its network
PARTS = ("model", "optimizer", "scheduler", "settings", "random", "history")  # of a checkpoint
CHECKSUM = b"sha256: "  # the last bytes of a checkpoint: this and the checksum of all before


def save_weights(model: nn.Module, path: str | Path) -> None:
    """Write the weights of `model` as safetensors, whole or not at all.

    Those of a `LeNet5` whose layers were not changed come with its arguments.
    """
    write_whole(path, weights_as_bytes(model))


def weights_as_bytes(model: nn.Module) -> bytes:
    """What `save_weights` writes."""
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    # one entry alone: several come in no particular order, and the bytes would differ
    metadata = {NETWORK: json.dumps(model.arguments)} if _is_as_built(model) else None
    return safetensors.torch.save(tensors, metadata)


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Fill `model` with the weights that `save_weights` wrote.

    Raises
    ------
    CourseError
        If the file is missing, damaged, not safetensors, or of another network: if an argument
        that the file states, a name or a shape is not that of `model`.
    """
    state, arguments = _read_weights(path)
    if arguments is not None and isinstance(model, LeNet5):
        _check_network(arguments, model.arguments, path)
    _check_shapes(state, model, path)
    model.load_state_dict(state)


def load_network(path: str | Path) -> LeNet5:
    """The network in a file of `save_weights`, built as the file says; in evaluation mode.

    Raises
    ------
    CourseError
        As `load_weights`, or if the file does not say how its network was built.
    """
    state, arguments = _read_weights(path)
    if arguments is None:
        raise CourseError(
            f"{path} does not say how its network was built: it is an older file, or of a network "
            "that is no plain LeNet5. Build the network, and fill it with load_weights."
        )
    try:
        model = LeNet5(**arguments)
    except (TypeError, ValueError) as error:
        said = f"is of another version of the course: no LeNet5 can be built with {arguments}"
        raise CourseError(f"{path} {said} ({error}).") from error
    _check_shapes(state, model, path)
    model.load_state_dict(state)
    return model.eval()


def _is_as_built(model: nn.Module) -> bool:
    """Whether `model` is a LeNet5 with the very layers that its arguments give."""
    if not isinstance(model, LeNet5):
        return False
    with torch.device("meta"):  # where a network takes no memory and draws no random number
        return str(LeNet5(**model.arguments)) == str(model)


def _read_weights(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, Any] | None]:
    """Weights by name, and the arguments of their LeNet5 if the file states them."""
    content = _read(path)
    try:
        state = safetensors.torch.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        stated = header.get("__metadata__", {}).get(NETWORK)
        return state, None if stated is None else dict(json.loads(stated))
    except (SafetensorError, ValueError, TypeError) as error:
        if content.startswith((ZIP, BARE_PICKLE)):  # what torch.save and pickle write
            raise CourseError(_would_run_code(path)) from error
        raise CourseError(
            f"{path} is damaged or not a safetensors file ({error}). Get it again, or train again."
        ) from error


class Checkpoint:
    """The file in which the full state of one training is kept.

    The state includes the random state of Python, NumPy and PyTorch and of the batches' generator.

    Parameters
    ----------
    path
        Of the file, whether it is there already or not.
    model, batches, optimizer, scheduler
        As `fit` has them.
    functions
        What else must be the same for the training to go on; known by their names alone.
    """

    def __init__(
        self,
        path: str | Path,
        model: nn.Module,
        batches: Any,
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None,
        functions: dict[str, Any],
    ) -> None:
        self.path = path
        self.parts = {"optimizer": optimizer, "model": model}
        if scheduler is not None:
            self.parts["scheduler"] = scheduler
        self.generator = getattr(batches, "generator", None)
        # what must be the same for the training to go on, without what a schedule changes
        split = getattr(batches, "split", getattr(batches, "dataset", None))
        settings = {
            "optimizer": type(optimizer).__name__,
            "schedule": type(scheduler).__name__ if scheduler else "none",
            **{name: _name(function) for name, function in functions.items()},
            "batch size": getattr(batches, "batch_size", None),
            "number of images": length_of(split),
            "steps in an epoch": length_of(batches),
            "seed of the batches": self.generator.initial_seed() if self.generator else None,
            "parameters in each group": [len(group["params"]) for group in optimizer.param_groups],
            **optimizer.defaults,
            "initial learning rates": [g.get("initial_lr") for g in optimizer.param_groups],
            "network": str(model),
        }
        schedule = scheduler.state_dict() if scheduler else {}
        fixed = {f"{name} of the schedule": v for name, v in schedule.items() if name not in MOVING}
        self.settings = _plain(settings | fixed)

    def save(self, history: dict[str, list]) -> None:
        """Write the state and a checksum, whole or not at all.

        `history` holds only numbers, text, lists and dictionaries.

        Raises
        ------
        CourseError
            If the file cannot be written, or the state holds what a checkpoint cannot.
        """
        buffer = io.BytesIO()
        state = dict.fromkeys(PARTS) | {n: part.state_dict() for n, part in self.parts.items()}
        random = random_state(self.generator)
        state |= {"settings": self.settings, "random": random, "history": history}
        try:
            torch.save(_plain(state), buffer)
            torch.load(io.BytesIO(buffer.getvalue()), weights_only=True, map_location="cpu")
        except (pickle.PickleError, AttributeError, TypeError) as error:
            raise CourseError(
                f"This training cannot be kept in {self.path}: its optimizer, scheduler or history "
                f"holds more than numbers, text and tensors ({str(error).splitlines()[0]}). Train "
                "without a checkpoint, or with one of PyTorch's own optimizers and schedulers."
            ) from error
        content = buffer.getvalue()
        write_whole(self.path, content + CHECKSUM + hashlib.sha256(content).digest())

    def read(self) -> dict[str, Any]:
        """The state that `save` wrote, if it is of this very training.

        Raises
        ------
        CourseError
            If the file is missing, damaged, would run code, or is of another training.
        """
        content = _read(self.path)
        body, mark, checksum = content[:-40], content[-40:-32], content[-32:]
        if mark != CHECKSUM and content.startswith((ZIP, BARE_PICKLE)):
            raise CourseError(_would_run_code(self.path))
        if mark != CHECKSUM or hashlib.sha256(body).digest() != checksum:
            raise CourseError(
                f"{self.path} is damaged or empty: its checksum is not right. Delete it to start "
                "the training from the beginning."
            )
        try:
            stored = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:  # with a checksum, and yet not ours
            raise CourseError(_would_run_code(self.path)) from error
        if not isinstance(stored, dict) or set(stored) != set(PARTS):
            said = "is not the checkpoint of a training; choose another file name."
            raise CourseError(f"{self.path} {said}")
        _check_shapes(stored["model"], self.parts["model"], self.path)
        both = (stored["settings"], self.settings)
        # what is None is as if it were not there: PyTorch's optimizers get new settings
        stated = [{name: v for name, v in each.items() if v is not None} for each in both]
        if difference := _difference(*stated):
            raise CourseError(
                f"{self.path} is of another training: {difference} here. Delete it to start from "
                "the beginning, or choose another file name."
            )
        return stored

    def restore(self, stored: dict[str, Any]) -> None:
        """Put the training back into the state that `read` gave."""
        for name, part in self.parts.items():
            part.load_state_dict(stored[name])
        restore_random_state(stored["random"], self.generator)


def length_of(items: Any) -> int | None:
    """How many there are; None if nobody knows, as for a stream."""
    try:
        return len(items)
    except TypeError:  # a generator, or a DataLoader of an IterableDataset
        return None


def _read(path: str | Path) -> bytes:
    with refused(f"Cannot read {path}"):
        return Path(path).read_bytes()


def _would_run_code(path: str | Path) -> str:
    return (
        f"{path} was refused: it is a pickled file, of another version of the course, or damaged. "
        "A pickle can run any code of its author. Load only what save_weights or fit(checkpoint=…) "
        "of this version wrote; a refused checkpoint of your own can be deleted to begin anew."
    )


def _check_shapes(state: dict[str, torch.Tensor], model: nn.Module, path: str | Path) -> None:
    states = (state, model.state_dict())
    theirs, mine = ({name: tuple(t.shape) for name, t in each.items()} for each in states)
    _check_network(theirs, mine, path)


def _check_network(theirs: dict[str, Any], mine: dict[str, Any], path: str | Path) -> None:
    """Compare a network's arguments or shapes, so that a wrong file leaves the model as it was."""
    if difference := _difference(theirs, mine):
        raise CourseError(
            f"{path} holds the weights of another network: {difference} in the model. Build the "
            "model with the arguments it was trained with."
        )


def _name(function: Any) -> str:
    return "none" if function is None else getattr(function, "__name__", type(function).__name__)


def _difference(theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """The first name whose values differ, with both; of values with several lines the first two."""
    for name in [*mine, *sorted(theirs)]:  # a file has its names in no particular order
        both = [values.get(name, "missing") for values in (theirs, mine)]
        if both[0] != both[1]:
            lines = zip_longest(*(str(one).splitlines() for one in both), fillvalue="missing")
            differing = ((one.strip(), other.strip()) for one, other in lines if one != other)
            there, here = next(differing, both)
            return f"{name} is {there} in the file and {here}"
    return None


def _plain(value: Any) -> Any:
    """The same with Python's numbers where NumPy's were, which only a pickle could hold."""
    if type(value) is dict:
        return {_plain(name): _plain(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value
