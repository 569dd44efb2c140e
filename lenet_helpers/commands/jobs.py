"""Run several lessons at a time, each in a process of its own.

Papermill changes the folder of the whole process, so threads would not do. The process of a lesson
reads what to do from its standard input and writes to its standard output, pickled: 1 for each
cell that is done, at the end a `LessonRun`. When the input ends, the caller was stopped or killed,
and the process ends its kernel and itself.
"""

from __future__ import annotations

import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
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
GRACE = 20  # seconds for a lesson that is stopped to end its kernel
Task = tuple[Path, dict[str, Any], Path]  # a lesson, its parameters, the folder of its copy


def usual_jobs() -> int:
    """How many lessons run at a time unless asked otherwise: two where there is room for them."""
    room = joblib.cpu_count() >= 2 and psutil.virtual_memory().available >= BYTES_FOR_TWO
    return 2 if room else 1


def minutes(path: Path) -> int:
    """How long a lesson runs, as its head says; of several times there, reading takes longer."""
    head = nbformat.read(path, as_version=4).cells[0].source
    said = re.search(r"\*\*Time:\*\*.*", head)
    found = re.findall(r"\b(\d+|a) minutes?\b", said[0]) if said else []
    return min((1 if number == "a" else int(number) for number in found), default=0)


def run_lessons(
    paths: list[Path],
    parameters: list[dict[str, Any]],
    output: Path,
    jobs: int,
    tell: Callable[[lessons.LessonRun], None],
) -> None:
    """Execute lessons, the longest first and `jobs` at a time; `tell` gets each when it is done.

    Raises
    ------
    CourseError
        If the copies cannot be written, or Ctrl-C stops it; no kernel goes on.
    """
    tasks = [(path, mine, output) for path, mine in zip(paths, parameters, strict=True)]
    waiting = sorted(tasks, key=lambda task: -minutes(task[0]))
    cells = sum(len(lessons.code_cells(path)) + bool(values) for path, values, _ in tasks)
    environment = _environment(min(jobs, len(paths)))
    news: queue.Queue[tuple[subprocess.Popen, Any]] = queue.Queue()
    running: dict[subprocess.Popen, str] = {}  # the names of lessons by their processes
    try:
        with tqdm(total=cells, unit="cell", leave=False, disable=None) as bar:
            while waiting or running:
                while waiting and len(running) < jobs:
                    task = waiting.pop(0)
                    running[_start(task, environment, news)] = task[0].stem
                    bar.set_postfix_str(", ".join(running.values()))
                try:
                    process, event = news.get(timeout=1)  # on Windows, Ctrl-C waits for it
                except queue.Empty:
                    continue
                if isinstance(event, int):
                    bar.update(event)
                    continue
                del running[process]
                if isinstance(event, CourseError):
                    raise event
                with tqdm.external_write_mode():
                    tell(event)
    except KeyboardInterrupt:
        names = ", ".join(running.values())
        where = f"the cells so far are in {output}"
        raise CourseError(f"Stopped during {names}; {where}.") from None
    finally:
        _stop(running)


def _environment(jobs: int) -> dict[str, str]:
    """Of the kernels: together they have as many threads as there are cores.

    PyTorch would start one thread for each core in every kernel. What the caller has set, stays.
    """
    threads = {}
    if jobs > 1:
        threads = dict.fromkeys(THREADS, str(max(1, joblib.cpu_count() // jobs)))
    return threads | {**os.environ, "TQDM_DISABLE": "1"}  # a bar would stay in a cell's output


def _start(task: Task, environment: dict[str, str], news: queue.Queue) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-m", "lenet_helpers.commands.jobs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        # The terminal's Ctrl-C goes to the caller alone, which ends its lessons.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    with suppress(OSError):  # it died at once: `_listen` finds out
        pickle.dump(task, process.stdin)
        process.stdin.flush()
    threading.Thread(target=_listen, args=(process, task, news), daemon=True).start()
    return process


def _listen(process: subprocess.Popen, task: Task, news: queue.Queue) -> None:
    """Pass on what the process of a lesson says; when it dies without a result, that is one."""
    start = time.perf_counter()
    event: Any = 0
    try:
        while isinstance(event, int):
            event = pickle.load(process.stdout)
            news.put((process, event))
    except (EOFError, pickle.UnpicklingError):
        failure = f"its process ended with status {process.wait()} (out of memory?)"
        path, _parameters, output = task
        seconds = time.perf_counter() - start
        news.put((process, lessons.LessonRun(path.stem, output / path.name, seconds, failure)))


def _stop(running: Iterable[subprocess.Popen]) -> None:
    """Let the processes that still run end their kernels and themselves."""
    for process in running:
        with suppress(OSError):
            process.stdin.close()
    for process in running:
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()


def main() -> None:
    """Run the one lesson that standard input names."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what else is printed, by a kernel too, does not mix with it

    def send(event: Any) -> None:
        with suppress(OSError):  # the caller is gone
            pickle.dump(event, channel)
            channel.flush()

    task: Task = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_caller, daemon=True).start()
    try:
        send(lessons.run_lesson(*task, lambda **_: send(1)))
    except CourseError as error:
        send(error)


def _end_with_caller() -> None:
    os.read(0, 1)  # returns when the caller closes its end, or is no more
    if hasattr(signal, "pthread_kill"):  # it also wakes a main thread that waits for the kernel
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
    time.sleep(GRACE / 2)
    os._exit(130)


if __name__ == "__main__":
    main()
