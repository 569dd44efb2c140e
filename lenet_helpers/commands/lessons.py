"""Run a lesson headless with papermill, and close the gaps that it leaves.

Papermill only logs a parameter that the notebook does not have, and calls a lesson done whose
cell called `exit()`. Here the first is refused, and a lesson is done only when every cell ran.
"""

from __future__ import annotations

import ast
import logging
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from typing import Any, NamedTuple

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from lenet_helpers.errors import CourseError
from lenet_helpers.files import ROOT, at_home, refused

NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
FOR_PRINT = ROOT / "build" / "figures"


class LessonRun(NamedTuple):
    """How one lesson went."""

    path: Path
    copy: Path  # the executed notebook
    seconds: float
    failure: str | None  # None when every cell ran


def find_lessons(names: list[str] | None = None, folder: Path = NOTEBOOKS) -> list[Path]:
    """Notebooks of the named lessons, in order; all if none is named.

    A name is "1", "01", "01_data" or the path of the notebook, as the tab key completes it.

    Raises
    ------
    CourseError
        If there is no such lesson, or none at all.
    """
    lessons = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not lessons:
        raise CourseError(
            f"There are no lessons in {folder}. The course runs in its own folder: install it "
            "there with `python -m pip install -e .`"
        )
    if not names:
        return lessons
    chosen = []
    for name in names:
        stem = name.removesuffix(".ipynb")
        if Path(name).parent != Path():
            matches = [path for path in lessons if path.resolve() == Path(name).resolve()]
        else:
            matches = [path for path in lessons if stem.zfill(2) in (path.stem, path.stem[:2])]
        if not matches:
            known = ", ".join(path.stem for path in lessons)
            raise CourseError(f"There is no lesson {name!r}. Choose from {known}.")
        chosen += matches
    return sorted(set(chosen))


def read_settings(assignments: list[str]) -> dict[str, Any]:
    """`["EPOCHS=3", "FIT=pad"]` as `{"EPOCHS": 3, "FIT": "pad"}`; see `_read_path` for paths."""
    settings = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.isidentifier():
            raise CourseError(f"--set {assignment} is not of the form NAME=VALUE.")
        is_path = name.endswith("_DIR") or name.startswith("MY_")
        settings[name] = _read_path(name, text) if is_path else _literal(text, text)
    return settings


def _literal(text: str, otherwise: Any) -> Any:
    """The Python value that `text` writes out, or `otherwise` if it is something else."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        return otherwise


def _read_path(name: str, text: str) -> str | None:
    r"""A path as it was typed, with or without quotes: in C:\temp\new.png no \t is a tab.

    It becomes absolute, since the kernels run in another folder; a ~ at its start is the home.
    """
    if text == "None":
        return None
    typed = re.fullmatch(r"""[rR]?(['"])(.*)\1""", text)
    path = typed[2] if typed else text
    if not path.strip():
        raise CourseError(f"--set {name}= names no path. Write --set {name}=None for none.")
    try:
        return str(at_home(path).resolve())
    except (OSError, ValueError) as error:
        raise CourseError(f"--set {name}={text} is no path: {error}.") from error


def choose_parameters(
    paths: list[Path], settings: dict[str, Any], *, quick: bool = False, figures: Path | None = None
) -> list[dict[str, Any]]:
    """The parameters that each lesson gets; a setting goes to every lesson that has it.

    Raises
    ------
    CourseError
        If no lesson has a parameter of that name, or its type is not the default's.
    """
    known = [_known_parameters(path) for path in paths]
    every = set().union(*known)
    for name in settings:
        if name not in every:
            names = ", ".join(sorted(every))
            raise CourseError(f"No lesson asked for has a parameter {name}. There are: {names}.")
    chosen = []
    for path, parameters in zip(paths, known, strict=True):
        mine = dict(nbformat.read(path, as_version=4).metadata.get("quick", {})) if quick else {}
        for name, value in settings.items():
            if name in parameters:
                _check_type(name, value, parameters[name])
                mine[name] = value
        if figures is not None and "FIGURES_DIR" in parameters:
            mine["FIGURES_DIR"] = str(Path(figures).resolve())
        unknown = set(mine) - set(parameters)
        if unknown:
            raise CourseError(f"{path.name} sets {', '.join(unknown)}, which it does not have.")
        chosen.append(mine)
    return chosen


def _known_parameters(path: Path) -> dict[str, Any]:
    """Names and defaults of a lesson's parameters; None where only the lesson knows the value."""
    parameters = papermill.inspect_notebook(path)
    return {name: _literal(found["default"], None) for name, found in parameters.items()}


def _check_type(name: str, value: Any, default: Any) -> None:
    kinds = (int, float) if isinstance(default, float) else (type(default),)
    # type, since for isinstance True is an int
    if default is not None and value is not None and type(value) not in kinds:
        raise CourseError(
            f"{name}={value!r} does not do: the lesson's own value is {default!r}, so a "
            f"{type(default).__name__} is needed."
        )


def figures_folder(figures: bool, formats: list[str] | None, dpi: int | None) -> Path | None:
    """Where the lessons shall write their figures, if anywhere; asks their kernels for the format.

    A format or resolution is for print: it leaves the gallery as it is.

    Raises
    ------
    CourseError
        If a format is unknown.
    """
    # here: with the plots comes torch, which only the kernels need
    from lenet_helpers.plots.style import DPI_VARIABLE, FORMATS_VARIABLE, METADATA

    if unknown := set(formats or []) - set(METADATA):
        raise CourseError(f"--format {unknown.pop()}: choose one of {', '.join(METADATA)}.")
    if formats:
        os.environ[FORMATS_VARIABLE] = " ".join(formats)
    if dpi:
        os.environ[DPI_VARIABLE] = str(dpi)
    if formats or dpi:
        return FOR_PRINT
    return FIGURES if figures else None


def run_lesson(
    path: Path,
    parameters: dict[str, Any],
    output: Path,
    cell_done: Callable[..., None] | None = None,
) -> LessonRun:
    """Execute one lesson; its copy, with all outputs, is kept in `output` also when it fails.

    `cell_done` is called after each cell, see `on_cell_executed` of nbclient.
    """
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # the result says what failed
    copy = output / path.name
    with refused(f"Cannot write to {output}", "Choose another --output."):
        output.mkdir(parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
    start = time.perf_counter()
    try:
        papermill.execute_notebook(
            path,
            copy,
            parameters,
            kernel_name="python3",
            progress_bar=False,
            on_cell_executed=cell_done,
            extra_arguments=["--log-level=CRITICAL"],  # of the kernel itself, not of the cells
            # The kernel's folder; papermill's `cwd` would be that of every lesson under way.
            resources={"metadata": {"path": str(path.parent)}},
        )
    except PapermillExecutionError as error:
        what = f"{error.ename}: {error.evalue}"
        failure = f"cell {error.exec_count}:\n{indent(error.source, '    ')}\n{what}"
    except DeadKernelError:
        failure = f"the kernel died (out of memory?) in or after {_last_cell(copy)}"
    except RuntimeError as error:  # nbclient's word for a kernel that does not start
        failure = f"{error} Ask `python -m lenet_helpers doctor` what is wrong."
    else:
        failure = _not_run(copy)
    return LessonRun(path, copy, time.perf_counter() - start, failure)


def command_alone(name: str, assignments: list[str], parameters: dict, quick: bool) -> str:
    """The command that runs one lesson as it was run among others."""
    words = ["python", "-m", "lenet_helpers", "run", name[:2], *(["--quick"] if quick else [])]
    for assignment in assignments:
        if assignment.partition("=")[0] in parameters:
            words += ["--set", assignment]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def gallery_page() -> str:
    """The text of figures/README.md: every figure with its caption, and the lesson it is from."""
    from lenet_helpers.plots import FIGURES as FIGURE_TEXTS

    lines = ["# Figures", "", "Made by `make figures`: the lessons write them.", ""]
    for lesson in find_lessons():
        title = nbformat.read(lesson, as_version=4).cells[0].source.partition("\n")[0]
        lines += [f"## [{title.removeprefix('# ')}](../notebooks/{lesson.name})", ""]
        for name, words in FIGURE_TEXTS.items():
            if name.startswith(lesson.stem[:2]):
                lines += [f"![{words.alternative_text}]({name}.png)", "", words.caption, ""]
    return "\n".join(lines)


def _not_run(copy: Path) -> str | None:
    """Why a lesson that ended without an error did not run to its end."""
    for cell in code_cells(copy):
        left = any(output.output_type == "error" for output in cell.outputs)  # exit() is an error
        if left or cell.execution_count is None:
            return f"it ended early (a call of exit()?) at the cell\n{indent(cell.source, '    ')}"
    return None


def _last_cell(copy: Path) -> str:
    run = [cell for cell in code_cells(copy) if cell.metadata.papermill.start_time]
    return f"the cell\n{indent(run[-1].source, '    ')}" if run else "its start"


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    """The cells of a notebook that hold code."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]
