"""Lesson 04: the runs of a study, what each gave, and the file that keeps them."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lenet_helpers.data import MNIST
from lenet_helpers.errors import CourseError
from lenet_helpers.files import refused, write_whole
from lenet_helpers.recipes import Recipe, TrainedModel
from lenet_helpers.studies.function_text import plain

WORDS = ("name", "source", "claim", "note")  # of a recipe; they decide no run


class Run(NamedTuple):
    """One training: a variant of a recipe, from one seed."""

    variant: str
    recipe: Recipe
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells this run from the others; its record's `run` is the same."""
        return self.recipe.name, self.variant, self.seed


# Called after a training with the run, the trained model and the splits; gives plain values.
Measure = Callable[[Run, TrainedModel, MNIST], dict[str, Any]]


class Study(NamedTuple):
    """What `python -m lenet_helpers study NAME` trains."""

    runs: Callable[[int], list[Run]]  # from seeds 0, 1, … for a number of seeds
    seeds: int  # of the result that comes with the kit
    measure: Measure | None = None  # what is measured of each run besides its accuracy


@dataclass(frozen=True)
class Record:
    """What one run gave; `error` says why it gave nothing. Plain values, so JSON can hold it."""

    recipe: str
    variant: str
    seed: int
    train_images: int = 0
    parameters: int = 0
    test_accuracy: float | None = None  # after the last epoch; None if the recipe left it alone
    test_loss: float | None = None
    epochs: list[dict[str, Any]] = field(default_factory=list)  # as in History
    cpu_seconds: float | None = None  # of the processor; other programs do not change it much
    weights: str = ""  # a fingerprint: the same for the same weights, bit for bit
    error: str | None = None
    measured: dict[str, Any] = field(default_factory=dict)  # what a study measures besides

    @property
    def run(self) -> tuple[str, str, int]:
        """What tells this run from the others."""
        return self.recipe, self.variant, self.seed

    def column(self, name: str) -> list[Any]:
        """One value for each epoch, for example `column("validation_accuracy")`."""
        return [epoch[name] for epoch in self.epochs]


@dataclass
class Comparison:
    """The records of all runs, and how they were made."""

    records: list[Record] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)  # all that decides a run, see `describe`
    versions: dict[str, str] = field(default_factory=dict)
    command: str = ""
    interruptions: list[str] = field(default_factory=list)  # workers that died on the way

    def of(self, recipe: str, variant: str) -> list[Record]:
        """The runs of one variant that ended well, in the order of their seeds."""
        chosen = (r for r in self.records if (r.recipe, r.variant) == (recipe, variant))
        return sorted((r for r in chosen if r.error is None), key=lambda r: r.seed)

    @property
    def failed(self) -> list[Record]:
        """The runs that gave nothing."""
        return [record for record in self.records if record.error is not None]

    def save(self, path: str | Path) -> None:
        """Write everything as JSON, whole or not at all; one line for each run."""
        head = {name: getattr(self, name) for name in self.__dataclass_fields__}
        ordered = sorted(head.pop("records"), key=lambda record: record.run)
        lines = ",\n".join(json.dumps(asdict(record)) for record in ordered)
        text = json.dumps(head, indent=1).removesuffix("\n}")
        write_whole(path, f'{text},\n "records": [\n{lines}\n]}}\n'.encode())

    @classmethod
    def load(cls, path: str | Path) -> Comparison:
        """Read what `save` wrote.

        Raises
        ------
        CourseError
            If the file is missing or is not a saved comparison.
        """
        try:
            with refused(f"Cannot read {path}"):
                content = json.loads(Path(path).read_text(encoding="utf-8"))
            records = [Record(**record) for record in content.pop("records")]
            return cls(records, **content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CourseError(
                f"{path} is not a saved comparison, or a damaged one ({error}). Delete it, or make "
                "it again: python -m lenet_helpers study NAME"
            ) from error


def cross(variants: Mapping[str, Recipe], seeds: Iterable[int]) -> list[Run]:
    """Every variant with every seed; all variants of one seed follow each other."""
    return [Run(name, recipe, seed) for seed in seeds for name, recipe in variants.items()]


def fingerprint(model: torch.nn.Module) -> str:
    """A short text that is the same for the same parameters, bit for bit."""
    values = torch.cat([parameter.detach().cpu().flatten() for parameter in model.parameters()])
    return hashlib.sha256(values.numpy().tobytes()).hexdigest()[:16]


def describe(runs: Sequence[Run], measure: Measure | None = None) -> dict[str, Any]:
    """All that decides each run besides its seed and the versions of the programs.

    For each recipe and variant every hyperparameter as a plain value, functions and objects as
    text; and what was measured. A finished run is taken for one of today only if this is equal.
    """
    described: dict[str, Any] = {}
    for variant, recipe, _ in runs:
        values = {name: plain(v) for name, v in vars(recipe).items() if name not in WORDS}
        described.setdefault(recipe.name, {})[variant] = values | {"measure": plain(measure)}
    return described


def versions() -> dict[str, str]:
    """The programs that decide the numbers."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.machine(),
    }
