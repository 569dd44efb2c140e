"""The command run: execute lessons, and tell of each when it is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from lenet_helpers.errors import CourseError
from lenet_helpers.files import ROOT, write_whole


def run(
    names: Annotated[
        list[str] | None, Argument(metavar="lessons", help="Such as 01 02; all if none.")
    ] = None,
    quick: Annotated[bool, Option("--quick", help="A short run with fewer epochs.")] = False,
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="A parameter, such as EPOCHS=3."),
    ] = None,
    figures: Annotated[bool, Option("--figures", help="Write the figures to figures/.")] = False,
    formats: Annotated[
        list[str] | None,
        Option("--format", help="Figures for print, to build/figures: png, svg or pdf."),
    ] = None,
    dpi: Annotated[int | None, Option(min=50, max=1200, help="The same, such as 600.")] = None,
    output: Annotated[
        Path, Option(help="Folder of the executed copies.", show_default="build/lessons")
    ] = ROOT / "build" / "lessons",
    jobs: Annotated[
        int | None,
        Option(min=1, help="Lessons at a time; two, with two cores and 6 GB free memory."),
    ] = None,
) -> None:
    """Execute lessons from top to bottom; copies with all outputs go to build/lessons."""
    from lenet_helpers.commands import lessons
    from lenet_helpers.mnist_files import DATA_DIR, fetch_mnist

    paths = lessons.find_lessons(names)
    wanted = lessons.read_settings(settings or [])
    folder = lessons.figures_folder(figures, formats, dpi)
    chosen = lessons.choose_parameters(paths, wanted, quick=quick, figures=folder)
    fetch_mnist(wanted.get("DATA_DIR") or DATA_DIR)  # here, where its progress can be seen
    alone = partial(lessons.command_alone, assignments=settings or [], quick=quick)
    _execute(dict(zip(paths, chosen, strict=True)), output, jobs, alone)
    if folder == lessons.FIGURES:
        write_whole(lessons.FIGURES / "README.md", lessons.gallery_page().encode())
    if folder is not None:
        typer.echo(f"The figures are in {short(folder)}.")
    typer.echo(f"Done. The executed copies are in {short(output)}.")


def _execute(
    parameters: dict[Path, dict[str, Any]],
    output: Path,
    jobs: int | None,
    alone: Callable[..., str],
) -> None:
    """Execute lessons, and say how each went; `alone` gives the command for one of them."""
    from lenet_helpers.commands import jobs as work

    jobs = min(jobs or work.usual_jobs(), len(parameters))
    os.environ |= work.kernel_environment(jobs)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends the kernels, as Ctrl-C does
    failed = []
    for number, done in enumerate(work.run_lessons(parameters, output, jobs), start=1):
        place = f"[{number}/{len(parameters)}]"
        typer.echo(f"{place} {done.path.stem}  {done.seconds:5.0f} s   {short(done.copy)}")
        if done.failure:
            failed.append(done.path.stem)
            typer.echo(f"{failed[-1]} failed: {done.failure}", err=True)
            command = alone(done.path.stem, parameters=parameters[done.path])
            typer.echo(f"To try it alone: {command}", err=True)
    if failed:
        names = ", ".join(sorted(failed))
        raise CourseError(f"{len(failed)} of {len(parameters)} lessons failed: {names}.")


def short(path: Path) -> Path:
    """`path` as seen from here, where that is shorter."""
    try:
        return Path(path).resolve().relative_to(Path.cwd())
    except ValueError:
        return Path(path)
