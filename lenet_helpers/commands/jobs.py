"""Run several lessons at a time, each in a process of its own.

Papermill changes the folder of the whole process, so threads would not do. The process of a lesson
sends through its pipe: 1 for each cell that is done, at the end a `LessonRun`. When the other end
of the pipe is closed, the caller was stopped or killed, and the process ends its kernel and itself.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import nbformat
import psutil
from tqdm.auto import tqdm

from lenet_helpers.commands import lessons
from lenet_helpers.errors import CourseError

BYTES_FOR_TWO = 6e9  # of free memory; a lesson with its workers takes up to 3 GB
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
GRACE = 20  # seconds for a lesson that is stopped to end its kernel
SPAWN = get_context("spawn")  # a process that inherits no thread and no open file


class Running(NamedTuple):
    """A lesson that runs."""

    process: BaseProcess
    path: Path
    start: float


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
    waiting = sorted(zip(paths, parameters, strict=True), key=lambda pair: -minutes(pair[0]))
    cells = sum(len(lessons.code_cells(path)) + bool(values) for path, values in waiting)
    environment = _environment(min(jobs, len(paths)))
    running: dict[connection.Connection, Running] = {}  # by our end of the pipe
    try:
        with tqdm(total=cells, unit="cell", leave=False, disable=None) as bar:
            while waiting or running:
                while waiting and len(running) < jobs:
                    pipe, running[pipe] = _start(*waiting.pop(0), output, environment)
                    bar.set_postfix_str(_names(running))
                for pipe in connection.wait(running, timeout=1):  # on Windows, Ctrl-C waits for it
                    event = _receive(pipe, running[pipe], output)
                    if isinstance(event, int):
                        bar.update(event)
                        continue
                    running.pop(pipe).process.join()
                    if isinstance(event, CourseError):
                        raise event
                    with tqdm.external_write_mode():
                        tell(event)
    except KeyboardInterrupt:
        where = f"the cells so far are in {output}"
        raise CourseError(f"Stopped during {_names(running)}; {where}.") from None
    finally:
        for pipe in running:  # now the processes that still run end their kernels and themselves
            pipe.close()
        for lesson in running.values():
            lesson.process.join(GRACE)
            lesson.process.kill()


def _names(running: dict[connection.Connection, Running]) -> str:
    return ", ".join(lesson.path.stem for lesson in running.values())


def _environment(jobs: int) -> dict[str, str]:
    """Of the kernels: together they have as many threads as there are cores.

    PyTorch would start one thread for each core in every kernel. What the caller has set, stays.
    """
    threads = {}
    if jobs > 1:
        threads = dict.fromkeys(THREADS, str(max(1, joblib.cpu_count() // jobs)))
    return threads | {**os.environ, "TQDM_DISABLE": "1"}  # a bar would stay in a cell's output


def _start(
    path: Path, parameters: dict[str, Any], output: Path, environment: dict[str, str]
) -> tuple[connection.Connection, Running]:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_work, args=(theirs, environment, path, parameters, output))
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the process has its own
    process.start()
    signal.signal(signal.SIGINT, handler)
    theirs.close()  # so that the pipe ends with the process
    return ours, Running(process, path, time.perf_counter())


def _receive(pipe: connection.Connection, lesson: Running, output: Path) -> Any:
    """What the process of a lesson says; when it died without a result, that is one."""
    try:
        return pipe.recv()
    except (EOFError, OSError):
        lesson.process.join()
        failure = f"its process ended with status {lesson.process.exitcode} (out of memory?)"
        seconds = time.perf_counter() - lesson.start
        return lessons.LessonRun(lesson.path.stem, output / lesson.path.name, seconds, failure)


def _work(pipe: connection.Connection, environment: dict[str, str], *task: Any) -> None:
    """Run one lesson: the process that `_start` starts."""
    stopped = threading.Event()

    def interrupt(*_: Any) -> None:
        if stopped.is_set():  # the terminal's Ctrl-C is for the caller, which ends its lessons
            raise KeyboardInterrupt

    def send(event: Any) -> None:
        with suppress(OSError):  # the caller is gone
            pipe.send(event)

    signal.signal(signal.SIGINT, interrupt)
    os.environ.update(environment)
    threading.Thread(target=_end_with_caller, args=(pipe, stopped), daemon=True).start()
    try:
        send(lessons.run_lesson(*task, lambda **_: send(1)))
    except CourseError as error:
        send(error)


def _end_with_caller(pipe: connection.Connection, stopped: threading.Event) -> None:
    with suppress(EOFError, OSError):
        pipe.recv()  # returns when the caller closes its end, or is no more
    stopped.set()
    if hasattr(signal, "pthread_kill"):  # it also wakes a main thread that waits for the kernel
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
    time.sleep(GRACE / 2)
    os._exit(130)
