"""Several lessons at a time: each in a thread that waits for its kernel, a process of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import nbformat
import psutil
from tqdm.auto import tqdm

from lenet_helpers.commands import lessons
from lenet_helpers.errors import CourseError

BYTES_FOR_TWO = 6e9  # of free memory; a lesson with its workers takes up to 3 GB
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def usual_jobs() -> int:
    """How many lessons run at a time unless asked otherwise: two where there is room for them."""
    room = joblib.cpu_count() >= 2 and psutil.virtual_memory().available >= BYTES_FOR_TWO
    return 2 if room else 1


def kernel_environment(jobs: int) -> dict[str, str]:
    """What so many kernels should find in their environment, but for what the caller has set.

    Together they have as many threads as there are cores: PyTorch would start one for each core
    in every kernel. And no bar, which would stay in a cell's output.
    """
    share = str(max(1, joblib.cpu_count() // jobs))
    threads = dict.fromkeys(THREADS, share) if jobs > 1 else {}
    return threads | {**os.environ, "TQDM_DISABLE": "1"}


def minutes(path: Path) -> int:
    """How long a lesson runs, as its head says; of several times there, reading takes longer."""
    head = nbformat.read(path, as_version=4).cells[0].source
    said = re.search(r"\*\*Time:\*\*.*", head)
    found = re.findall(r"\b(\d+|a) minutes?\b", said[0]) if said else []
    return min((1 if number == "a" else int(number) for number in found), default=0)


def run_lessons(
    parameters: dict[Path, dict[str, Any]], output: Path, jobs: int
) -> Iterator[lessons.LessonRun]:
    """Execute lessons, the longest first and `jobs` at a time; gives each when it is done.

    `parameters` has those of each lesson by its path.

    Raises
    ------
    CourseError
        If the copies cannot be written, or Ctrl-C stops it; no kernel goes on.
    """
    order = sorted(parameters.items(), key=lambda lesson: -minutes(lesson[0]))
    cells = sum(len(lessons.code_cells(path)) + bool(values) for path, values in order)
    look = {"unit": "cell", "leave": False, "disable": None}
    with tqdm(total=cells, **look) as bar, ThreadPoolExecutor(jobs) as pool:
        run = partial(lessons.run_lesson, output=output, cell_done=lambda **_: bar.update())
        names = {pool.submit(run, *lesson): lesson[0].stem for lesson in order}
        left = set(names)
        try:
            while left:
                bar.set_postfix_str(_running(names))
                done, left = wait(left, 1, FIRST_COMPLETED)  # on Windows, Ctrl-C waits for it
                for future in done:
                    with tqdm.external_write_mode():
                        yield future.result()
        except KeyboardInterrupt:
            where = f"the cells so far are in {output}"
            raise CourseError(f"Stopped during {_running(names)}; {where}.") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            _end_kernels(left)


def _running(names: dict[Future, str]) -> str:
    return ", ".join(name for future, name in names.items() if future.running())


def _end_kernels(futures: Iterable[Future]) -> None:
    """End the kernels of lessons that still run, and what these have started.

    Then the threads of the lessons find their kernels dead, and end.
    """
    while any(future.running() for future in futures):
        with suppress(KeyboardInterrupt):  # a second Ctrl-C, or the kernels would go on
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            wait(futures, 0.5)
