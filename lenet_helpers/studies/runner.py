"""Lesson 04: variants of a recipe × seeds, trained in parallel processes, and what follows.

joblib spreads the runs. Its backend is the caller's choice: inside
`joblib.parallel_config(backend="dask")` the same call runs on a cluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib
import torch
from tqdm.auto import tqdm

from lenet_helpers.data import DATA_DIR
from lenet_helpers.errors import CourseError
from lenet_helpers.files import is_there
from lenet_helpers.recipes import load_recipe_data, train_recipe
from lenet_helpers.studies.records import (
    Comparison,
    Measure,
    Record,
    Run,
    Study,
    describe,
    fingerprint,
    versions,
)
from lenet_helpers.training import bars_off

# Where the studies of the course are.
MODULES = ("bn_dropout", "learning_rates", "lenet_1998", "reproduction", "techniques")


def find_study(name: str) -> Study:
    """The study of that name; CourseError with the known names if there is none."""
    studies: dict[str, Study] = {}
    for module in MODULES:
        studies |= import_module(f"lenet_helpers.studies.{module}").STUDIES
    if name not in studies:
        raise CourseError(f"There is no study {name!r}. Choose one of {', '.join(studies)}.")
    return studies[name]


def load_study(name: str) -> Comparison:
    """The result of a study that comes with the kit."""
    return Comparison.load(DATA_DIR / "studies" / f"{name}.json")


def compare(
    runs: Sequence[Run],
    data_dir: str | Path = DATA_DIR,
    *,
    processes: int | None = -1,
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
    result = Comparison([], describe(runs, measure), versions(), command)
    if keep is not None and is_there(keep):
        earlier = Comparison.load(keep)
        if (earlier.settings, earlier.versions) != (result.settings, result.versions):
            raise CourseError(
                f"{keep} is of a comparison with other settings or versions. Delete it to start "
                "from the beginning."
            )
        result.records, result.interruptions = earlier.records, earlier.interruptions
    # by seed, so that a comparison that is stopped has all variants for its first seeds
    runs = sorted(runs, key=lambda run: run.seed)
    wanted = {run.key: run for run in runs}
    result.records = [r for r in result.records if r.run in wanted and r.error is None]
    done = [wanted.pop(record.run) for record in result.records]
    train = partial(train_run, data_dir=str(data_dir), measure=measure)
    look = {"unit": "run", "leave": False, "disable": bars_off(progress)}
    with tqdm(total=len(runs), initial=len(done), **look) as bar:

        def store(record: Record) -> None:
            result.records.append(record)
            wanted.pop(record.run)
            bar.set_postfix_str(f"{record.recipe}, {record.variant}, seed {record.seed}")
            bar.update()
            if keep is not None:
                result.save(keep)

        while wanted:
            for suspect in _train_all(train, list(wanted.values()), processes, store, result):
                # alone, so that a second death names the right run
                if _train_all(train, [suspect], processes, store, result):
                    store(Record(*suspect.key, error=result.interruptions[-1]))
    return result


def _train_all(
    train: Callable[[Run], Record],
    runs: list[Run],
    processes: int | None,
    store: Callable[[Record], None],
    result: Comparison,
) -> list[Run]:
    """Train `runs` and `store` each record; the runs under way when a worker died."""
    under_way: dict[tuple[str, str, int], Run] = {}

    def jobs() -> Iterator[Any]:
        for run in runs:
            under_way[run.key] = run
            yield joblib.delayed(train)(run)

    # as many jobs handed out as there are processes: so we know which ones were under way
    hand_out = {"pre_dispatch": "n_jobs", "batch_size": 1}
    pool = joblib.Parallel(n_jobs=processes, return_as="generator_unordered", **hand_out)
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
    return list(under_way.values())


def train_run(run: Run, data_dir: str, measure: Measure | None = None) -> Record:
    """Train one run in one thread; an error becomes part of the record."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads of several processes would wait for each other
    try:
        mnist = load_recipe_data(run.recipe, data_dir)
        start = time.process_time()
        trained = train_recipe(run.recipe, mnist, run.seed, progress=False)
        seconds = time.process_time() - start
        measured = measure(run, trained, mnist) if measure else {}
        if not trained.history.epochs:  # a study that trains while it measures
            seconds = time.process_time() - start
        return Record(
            *run.key,
            train_images=len(mnist.train),
            parameters=sum(p.numel() for p in trained.model.parameters()),
            test_accuracy=trained.test.accuracy if trained.test else None,
            test_loss=trained.test.loss if trained.test else None,
            epochs=[_rounded(asdict(epoch)) for epoch in trained.history.epochs],
            cpu_seconds=round(seconds, 2),
            weights=fingerprint(trained.model),
            measured=measured,
        )
    except Exception as error:
        return Record(*run.key, error=f"{type(error).__name__}: {error}")
    finally:
        torch.set_num_threads(threads)


def _rounded(epoch: dict[str, Any]) -> dict[str, Any]:
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in epoch.items()}
