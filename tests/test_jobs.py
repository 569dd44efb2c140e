"""Several lessons at a time: their kernels share the cores, and end with the one that asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import command
from test_lessons import write_lesson

from lenet_helpers.commands import jobs, lessons
from lenet_helpers.commands.lessons import LessonRun
from lenet_helpers.errors import CourseError

PRINT_THREADS = "import os\nprint('threads', os.environ.get('OMP_NUM_THREADS'), EPOCHS)"
# A lesson that goes on only when the other has started: alone it would fail.
MEET = """
import time
from contextlib import suppress
from pathlib import Path
Path({mine!r}).touch()
for _ in range(600):
    if Path({other!r}).exists():
        break
    time.sleep(0.1)
else:
    raise RuntimeError("the other lesson does not run")
"""
RUN = """
import sys
from pathlib import Path
from lenet_helpers.commands import jobs
from lenet_helpers.errors import CourseError
paths = [Path(name) for name in sys.argv[2:]]
try:
    list(jobs.run_lessons({path: {} for path in paths}, Path(sys.argv[1]), 2))
except CourseError as error:
    sys.exit(str(error))
"""
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


def add_head(path: Path, time_to_run: str) -> Path:
    notebook = nbformat.read(path, as_version=4)
    head = nbformat.v4.new_markdown_cell(f"# Title\n\n**Time:** {time_to_run} **Builds on:** 01.")
    notebook.cells.insert(0, head)
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> tuple[list[LessonRun], Path]:
    """Three lessons, two at a time: their results in the order in which they came."""
    folder = tmp_path_factory.mktemp("three")
    marks = [str(folder / name) for name in ("one", "two")]
    one = MEET.format(mine=marks[0], other=marks[1])
    two = MEET.format(mine=marks[1], other=marks[0])
    paths = [
        write_lesson(folder, "1 / 0", name="01_short"),
        write_lesson(folder, one, PRINT_THREADS, name="02_long"),
        write_lesson(folder, two, "import os\nos.kill(os.getpid(), 9)", name="03_longer"),
    ]
    for path, minutes in zip(paths, ("about a minute.", "2 minutes.", "3 minutes."), strict=True):
        add_head(path, minutes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "3")
        parameters = {path: {"EPOCHS": 21} if path is paths[1] else {} for path in paths}
        results = list(jobs.run_lessons(parameters, folder / "out", 2))
    return results, folder / "out"


def result_of(three, name: str) -> LessonRun:
    (result,) = (result for result in three[0] if result.path.stem == name)
    return result


@on_posix
def test_the_longest_lessons_start_first_and_two_at_a_time(three):
    assert result_of(three, "02_long").failure is None, "it met 03_longer"
    names = [result.path.stem for result in three[0]]
    assert names.index("02_long") < names.index("01_short")


@on_posix
def test_the_kernels_get_the_environment_and_their_parameters(three):
    assert "threads 3 21" in (three[1] / "02_long.ipynb").read_text()


@on_posix
def test_a_cell_that_fails_is_named_and_the_other_lessons_run(three):
    assert "ZeroDivisionError" in result_of(three, "01_short").failure
    assert "1 / 0" in (three[1] / "01_short.ipynb").read_text()
    assert len(three[0]) == 3


@on_posix
def test_a_kernel_that_is_killed_is_a_failure_and_not_a_wait(three):
    assert "the kernel died (out of memory?)" in result_of(three, "03_longer").failure


def test_alone_a_lesson_has_pytorchs_own_threads_and_what_the_caller_set_stays(monkeypatch):
    monkeypatch.setattr(jobs.joblib, "cpu_count", lambda: 8)
    for name in jobs.THREADS:
        monkeypatch.delenv(name, raising=False)
    assert not set(jobs.THREADS) & set(jobs.kernel_environment(1))
    assert jobs.kernel_environment(3)["OMP_NUM_THREADS"] == "2"
    assert jobs.kernel_environment(9)["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert jobs.kernel_environment(3)["OMP_NUM_THREADS"] == "5"


@pytest.mark.parametrize(
    ("cores", "gigabytes", "expected"), [(1, 64, 1), (2, 5.9, 1), (2, 6.1, 2), (64, 500, 2)]
)
def test_two_lessons_run_at_a_time_where_there_is_room(cores, gigabytes, expected, monkeypatch):
    free = psutil.virtual_memory()._replace(available=gigabytes * 1e9)
    monkeypatch.setattr(jobs.joblib, "cpu_count", lambda: cores)
    monkeypatch.setattr(jobs.psutil, "virtual_memory", lambda: free)
    assert jobs.usual_jobs() == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("about 3 minutes on a laptop with two cores.", 3),
        ("the cells run in less than a minute; reading takes about 60 minutes.", 1),
        ("40 minutes to read; the cells run for 2 minutes.", 2),
        ("12 minutes to run, 3 hours to study.", 12),
        ("an afternoon.", 0),
    ],
)
def test_the_head_says_how_long_a_lesson_runs(tmp_path, words, expected):
    assert jobs.minutes(add_head(write_lesson(tmp_path, "pass"), words)) == expected


@pytest.mark.parametrize("path", lessons.find_lessons(), ids=lambda path: path.stem)
def test_every_lesson_says_how_many_minutes_it_runs(path):
    assert 1 <= jobs.minutes(path) <= 15


def test_a_folder_that_cannot_be_written_is_one_error_and_ends_all(tmp_path):
    path = write_lesson(tmp_path, "pass")
    with pytest.raises(CourseError, match=r"Cannot write to .*01_small.*--output"):
        list(jobs.run_lessons({path: {}}, path, 2))


# ---- stopped and killed ----


@pytest.fixture
def sleeping(tmp_path):
    """Two lessons that sleep in a process of their own; their kernels and what these started."""
    write = (
        "import os, subprocess, sys, time\nfrom pathlib import Path\n"
        "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "Path({!r}).write_text(f'{{os.getpid()}} {{worker.pid}} ')"
    )
    files = [tmp_path / "one.pid", tmp_path / "two.pid"]
    paths = [
        write_lesson(tmp_path, write.format(str(file)), "time.sleep(600)", name=f"0{n}_lesson")
        for n, file in enumerate(files, start=1)
    ]
    child = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path / "out"), *map(str, paths)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not all(file.exists() and file.read_text().endswith(" ") for file in files):
        time.sleep(0.2)
    kernels = [psutil.Process(int(n)) for file in files for n in file.read_text().split()]
    yield child, kernels, tmp_path / "out"
    child.kill()
    for kernel in kernels:  # they hold the other end of the pipe
        with suppress(psutil.NoSuchProcess):
            kernel.kill()
    child.communicate()


@on_posix
def test_ctrl_c_ends_every_kernel_and_says_where_the_copies_are(sleeping):
    child, kernels, output = sleeping
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does
    errors = child.communicate(timeout=120)[1]
    assert f"Stopped during 01_lesson, 02_lesson; the cells so far are in {output}" in errors
    assert "Traceback" not in errors
    assert not psutil.wait_procs(kernels, timeout=20)[1], "nor what they started"
    assert "write_text" in (output / "01_lesson.ipynb").read_text()


@on_posix
def test_when_the_command_is_killed_its_lessons_end_and_it_can_be_started_again(sleeping):
    child, kernels, output = sleeping
    child.kill()
    _gone, alive = psutil.wait_procs(kernels[::2], timeout=60)
    assert not alive
    path = write_lesson(output.parent, "print('again')", name="01_lesson")
    results = list(jobs.run_lessons({path: {}}, output, 2))
    assert [result.failure for result in results] == [None]
    assert "again" in (output / "01_lesson.ipynb").read_text()


# ---- the command ----


def test_a_failure_names_the_lesson_its_cell_and_the_command_to_try_it_alone(
    tmp_path, data_dir, monkeypatch
):
    def run_lessons(parameters, output, jobs):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["TQDM_DISABLE"]) == ("3", "1")
        assert [setting.get("EPOCHS") for setting in parameters.values()] == [None, 2]
        assert jobs == 2, "no more than there are lessons"
        for path in reversed(parameters):
            failure = "cell 2:\n    1 / 0\nZeroDivisionError: division by zero"
            yield LessonRun(path, output / path.name, 2.0, failure)

    for name in [*jobs.THREADS, "TQDM_DISABLE"]:
        monkeypatch.setenv(name, "")  # so that the command's own end with the test
        monkeypatch.delenv(name)
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(jobs.joblib, "cpu_count", lambda: 6)
    monkeypatch.setattr(jobs, "run_lessons", run_lessons)
    setting = ["--set", "EPOCHS=2", "--set", f"DATA_DIR={data_dir}"]
    result = command("run", "02", "03", *setting, "--quick", "--jobs", "3", "--output", tmp_path)
    signal.signal(signal.SIGTERM, before)
    assert result.returncode == 1
    assert "[1/2] 03_training      2 s   " in result.stdout
    assert "03_training failed: cell 2:\n    1 / 0\nZeroDivisionError" in result.stderr
    alone = (
        f"To try it alone: python -m lenet_helpers run 0{{}} --quick{{}} --set DATA_DIR={data_dir}"
    )
    assert alone.format(3, " --set EPOCHS=2") in result.stderr
    assert alone.format(2, "") in result.stderr, "lesson 02 has no EPOCHS"
    assert "Error: 2 of 2 lessons failed: 02_model, 03_training." in result.stderr
