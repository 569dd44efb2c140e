"""Lesson 03: the random generators of Python, NumPy and PyTorch: seed them, keep them, go on."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Set the random state of Python, NumPy and PyTorch.

    On one machine's CPU, with the same number of threads, the same seed gives the same weights,
    bit for bit.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - a reader's own cells may use NumPy's global generator
    torch.manual_seed(seed)


def random_state(generator: torch.Generator | None) -> dict[str, Any]:
    """The state of all of them and of `generator`, as numbers, text and tensors."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - see seed_everything
    return {
        "python": random.getstate(),
        "numpy": (name, keys.tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "generator": None if generator is None else generator.get_state(),
    }


def restore_random_state(state: dict[str, Any], generator: torch.Generator | None) -> None:
    """Go on from what `random_state` gave; a device that is not here is left out."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002 - see seed_everything
    torch.set_rng_state(state["torch"])
    for index, cuda in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(cuda, index)
    if torch.backends.mps.is_available() and state["mps"] is not None:
        torch.mps.set_rng_state(state["mps"])
    if generator is not None and state["generator"] is not None:
        generator.set_state(state["generator"])
