"""Lesson 04: variants of a recipe × seeds, trained in parallel processes, and what follows.

joblib spreads the runs. Its backend is the caller's choice: inside
`joblib.parallel_config(backend="dask")` the same call runs on a cluster.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import torch
from tqdm.auto import tqdm

from lenet_helpers.data import DATA_DIR, MNIST, Split
from lenet_helpers.errors import CourseError
from lenet_helpers.files import is_there, write_whole
from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import (
    Recipe,
    TrainedModel,
    find_recipe,
    load_recipe_data,
    train_recipe,
)
from lenet_helpers.studies.function_text import called, plain
from lenet_helpers.training import bars_off

DROPOUT = 0.5  # the rate of N. Srivastava et al., "Dropout", JMLR 15, 2014, for hidden layers
STUDY = DATA_DIR / "studies" / "bn_dropout.json"  # what the command compare gave
ALWAYS_LISTED = ("name", "learning_rate", "epochs", "batch_size", "optimizer", "momentum")
ALWAYS_LISTED += ("weight_decay", "schedule", "image_size", "fit", "normalize")
ALWAYS_LISTED += ("validation_size", "split_seed")


class Run(NamedTuple):
    """One training: a variant of a recipe, from one seed."""

    variant: str
    recipe: Recipe
    seed: int


Measure = Callable[[Run, TrainedModel, MNIST], dict[str, Any]]


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
    recipes: dict[str, Any] = field(default_factory=dict)  # every hyperparameter of every variant
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
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            records = [Record(**record) for record in content.pop("records")]
            return cls(records, **content)
        except OSError as error:
            raise CourseError(f"Cannot read {path}: {error.strerror or error}.") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CourseError(
                f"{path} is not a saved comparison, or a damaged one ({error}). Delete it, or make "
                "it again with the command of that study: python -m lenet_helpers --help"
            ) from error


class NeverSwitched(LeNet5):
    """LeNet-5 in which train() and eval() do nothing, as in a script that never calls them."""

    def train(self, mode: bool = True) -> NeverSwitched:  # noqa: ARG002 - nn.Module's signature
        """Leave the mode as it is."""
        return self


def variants_of(name: str, dropout: float = DROPOUT) -> dict[str, Recipe]:
    """The 2×2 arms of a recipe: none, batch norm, dropout, both."""
    recipe = find_recipe(name)
    arms = {
        "none": {},
        "batch norm": {"batch_norm": True},
        "dropout": {"dropout": dropout},
        "both": {"batch_norm": True, "dropout": dropout},
    }
    return {arm: replace(recipe, model=partial(LeNet5, **layers)) for arm, layers in arms.items()}


def cross(variants: Mapping[str, Recipe], seeds: Iterable[int]) -> list[Run]:
    """Every variant with every seed; all variants of one seed follow each other."""
    return [Run(name, recipe, seed) for seed in seeds for name, recipe in variants.items()]


def study_runs(seeds: int) -> list[Run]:
    """The runs of lesson 04's study, with seeds 0, 1, … `seeds` - 1.

    The tutorial's published code has no batch norm and no dropout; all it changes is that
    train() and eval() are called. So here "none" never switches the mode and "mode only" does.
    The two must give the same weights: two seeds are enough to see it.
    """
    tutorial = variants_of("sgd-plain")
    mode_only = {"mode only": tutorial["none"]}
    tutorial["none"] = replace(tutorial["none"], model=NeverSwitched)
    course = variants_of("course")
    runs = []
    for seed in range(seeds):  # a study that is stopped has all variants for its first seeds
        runs += cross(tutorial, [seed]) + cross(mode_only if seed < 2 else {}, [seed])
        runs += cross(course, [seed])
    return runs


def compare(
    runs: Sequence[Run],
    data_dir: str | Path = DATA_DIR,
    *,
    processes: int | None = -1,
    train_size: int | None = None,
    keep: str | Path | None = None,
    command: str = "",
    measure: Measure | None = None,
    progress: bool = True,
) -> Comparison:
    """Train every run, each in one thread of a worker process.

    A run that fails is a record with its error and loses no other. When a worker process dies,
    by the system for want of memory for example, the runs under way start again, each alone; one
    whose worker dies again has failed.

    Parameters
    ----------
    runs
        What to train, as `cross` lists it.
    data_dir
        Folder that holds MNIST, the same for all workers; each loads it by itself.
    processes
        How many at a time: -1 is as many as there are cores (or workers of the cluster), None
        what `joblib.parallel_config` says.
    train_size
        Only the first images of the training split; None for all.
    keep
        File for the records so far, written after every run. If it is there already, what it
        holds is not trained again.
    command
        What the reader typed, for the result.
    measure
        Called after each training, in its process, with the run, the trained model and the splits;
        gives plain values for the record.
    progress
        Whether a bar counts the runs.
    """
    if processes == 0:
        raise CourseError("0 processes train nothing: take 1 or more, or -1 for all cores.")
    result = Comparison([], describe(runs, train_size), versions(), command)
    if keep is not None and is_there(keep):
        result.records, result.interruptions = _kept(Path(keep), result)
    wanted = {(run.recipe.name, run.variant, run.seed): run for run in runs}
    result.records = [r for r in result.records if r.run in wanted and r.error is None]
    for record in result.records:
        del wanted[record.run]
    settings = {"data_dir": str(data_dir), "train_size": train_size, "measure": measure}
    total, done = len(wanted) + len(result.records), len(result.records)
    off = bars_off(progress)
    with tqdm(total=total, initial=done, unit="run", leave=False, disable=off) as bar:

        def store(record: Record) -> None:
            result.records.append(record)
            wanted.pop(record.run)
            bar.set_postfix_str(f"{record.recipe}, {record.variant}, seed {record.seed}")
            bar.update()
            if keep is not None:
                result.save(keep)

        while wanted:
            suspects = _run_all(list(wanted.values()), processes, settings, store, result)
            for suspect in suspects:  # alone, so that a second death names the right run
                _run_all([suspect], processes, settings, store, result, last=True)
    return result


def _run_all(
    runs: list[Run],
    processes: int | None,
    settings: dict[str, Any],
    store: Any,
    result: Comparison,
    last: bool = False,
) -> list[Run]:
    """Train `runs` and `store` each record; the runs under way when a worker died."""
    under_way: dict[tuple[str, str, int], Run] = {}

    def jobs() -> Iterator[Any]:
        for run in runs:
            under_way[run.recipe.name, run.variant, run.seed] = run
            yield joblib.delayed(train_run)(run, **settings)

    # as many jobs handed out as there are processes: so we know which ones were under way
    pool = joblib.Parallel(
        n_jobs=processes, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1
    )
    try:
        for record in pool(jobs()):
            under_way.pop(record.run)
            store(record)
    except CourseError:  # the records cannot be written: nothing to train for
        raise
    except Exception as error:  # a run's own errors are in its record: this is a worker's death
        if not under_way:
            raise
        reason = f"{type(error).__name__}: {str(error).split('. ')[0].strip()}"
        names = ", ".join(f"{r} {v} seed {s}" for r, v, s in under_way)
        result.interruptions.append(f"A worker process died during {names} ({reason})")
        if last:
            for (recipe, variant, seed), _ in list(under_way.items()):
                store(Record(recipe, variant, seed, error=f"its worker process died ({reason})"))
    return list(under_way.values())


def train_run(
    run: Run, data_dir: str, train_size: int | None = None, measure: Measure | None = None
) -> Record:
    """Train one run in one thread; an error becomes part of the record."""
    name = (run.recipe.name, run.variant, run.seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads of several processes would wait for each other
    try:
        mnist = _load_once(run.recipe, data_dir)
        images = mnist.train.images[:train_size]
        mnist = mnist._replace(train=Split(images, mnist.train.labels[:train_size]))
        start = time.process_time()
        trained = train_recipe(run.recipe, mnist, run.seed, progress=False)
        seconds = time.process_time() - start
        return Record(
            *name,
            train_images=len(images),
            parameters=sum(p.numel() for p in trained.model.parameters()),
            test_accuracy=trained.test.accuracy if trained.test else None,
            test_loss=trained.test.loss if trained.test else None,
            epochs=[_rounded(asdict(epoch)) for epoch in trained.history.epochs],
            cpu_seconds=round(seconds, 2),
            weights=fingerprint(trained.model),
            measured=measure(run, trained, mnist) if measure else {},
        )
    except Exception as error:
        return Record(*name, error=f"{type(error).__name__}: {error}")
    finally:
        torch.set_num_threads(threads)


def fingerprint(model: torch.nn.Module) -> str:
    """A short text that is the same for the same parameters, bit for bit."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def describe(runs: Sequence[Run], train_size: int | None = None) -> dict[str, Any]:
    """Every hyperparameter of each recipe's first variant, as plain values, and its variants.

    A variant is its network, and what else it changes. A hyperparameter that `Recipe` got after
    the first studies is listed only where it is used, so that these studies stay valid.
    """
    described: dict[str, Any] = {}
    first: dict[str, dict[str, Any]] = {}
    unused = _settings(Recipe(name="", source="", learning_rate=0, epochs=0))
    for variant, recipe, _ in runs:
        settings = _settings(recipe)
        base = first.setdefault(recipe.name, settings)
        listed = {n: v for n, v in base.items() if n in ALWAYS_LISTED or v != unused[n]}
        entry = described.setdefault(
            recipe.name, {**listed, "train_size": train_size, "variants": {}}
        )
        changed = [f"{name}={value}" for name, value in settings.items() if value != base[name]]
        entry["variants"][variant] = ", ".join([called(recipe.model), *changed])
    return described


def versions() -> dict[str, str]:
    """The programs that decide the numbers."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "processor": platform.machine(),
    }


def _settings(recipe: Recipe) -> dict[str, Any]:
    """The hyperparameters of a recipe besides its network, as plain values."""
    values = {
        field.name: getattr(recipe, field.name)
        for field in fields(recipe)
        if field.name not in ("model", "source", "claim", "note")
    }
    return {
        name: called(value) if callable(value) else plain(value) for name, value in values.items()
    }


def _rounded(epoch: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in epoch.items()
    }


_loaded: dict[tuple, MNIST] = {}


def _load_once(recipe: Recipe, data_dir: str) -> MNIST:
    """MNIST as the recipe wants it; a process keeps the last one it loaded."""
    key = (data_dir, recipe.image_size, recipe.fit, recipe.normalize)
    key += (recipe.validation_size, recipe.split_seed, recipe.drawings)
    if key not in _loaded:
        _loaded.clear()  # two at once would need 300 MB more
        _loaded[key] = load_recipe_data(recipe, data_dir)
    return _loaded[key]


def _kept(path: Path, wanted: Comparison) -> tuple[list[Record], list[str]]:
    """The records of an earlier, unfinished comparison with the same settings."""
    earlier = Comparison.load(path)
    known = {name: wanted.recipes.get(name) for name in earlier.recipes}
    if earlier.recipes != known or earlier.versions != wanted.versions:
        raise CourseError(
            f"{path} is of a comparison with other settings or versions. Delete it to start from "
            "the beginning."
        )
    return earlier.records, earlier.interruptions
