"""The command run: execute lessons, and tell of each when it is done."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from lenet_helpers.errors import CourseError
from lenet_helpers.files import write_whole


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
    output: Annotated[Path | None, Option(help="Folder of the executed copies.")] = None,
    jobs: Annotated[
        int | None,
        Option(min=1, help="Lessons at a time; two, with two cores and 6 GB free memory."),
    ] = None,
) -> None:
    """Execute lessons from top to bottom; copies with all outputs go to build/lessons."""
    from lenet_helpers.commands import jobs as work
    from lenet_helpers.commands import lessons
    from lenet_helpers.mnist_files import DATA_DIR, fetch_mnist

    paths = lessons.find_lessons(names)
    output = output or lessons.OUTPUT
    wanted = lessons.read_settings(settings or [])
    folder = lessons.figures_folder(figures, formats, dpi)
    chosen = lessons.choose_parameters(paths, wanted, quick=quick, figures=folder)
    fetch_mnist(wanted.get("DATA_DIR") or DATA_DIR)  # here, where its progress can be seen
    alone = {
        path.stem: lessons.command_alone(path.stem, settings or [], parameters, quick)
        for path, parameters in zip(paths, chosen, strict=True)
    }
    jobs = min(jobs or work.usual_jobs(), len(paths))
    os.environ |= work.kernel_environment(jobs)
    done: list[lessons.LessonRun] = []
    tell = partial(_tell_of_lesson, done=done, alone=alone)
    work.run_lessons(paths, chosen, output, jobs, tell)
    if failed := sorted(result.name for result in done if result.failure):
        raise CourseError(f"{len(failed)} of {len(paths)} lessons failed: {', '.join(failed)}.")
    if folder == lessons.FIGURES:
        write_whole(lessons.FIGURES / "README.md", lessons.gallery_page().encode())
    if folder is not None:
        typer.echo(f"The figures are in {short(folder)}.")
    typer.echo(f"Done. The executed copies are in {short(output)}.")


def _tell_of_lesson(result: Any, done: list[Any], alone: dict[str, str]) -> None:
    """Say how a lesson went; `alone` has the command for each."""
    done.append(result)
    number = f"[{len(done)}/{len(alone)}]"
    typer.echo(f"{number} {result.name}  {result.seconds:5.0f} s   {short(result.copy)}")
    if result.failure:
        typer.echo(f"{result.name} failed: {result.failure}", err=True)
        typer.echo(f"To try it alone: {alone[result.name]}", err=True)


def short(path: Path) -> Path:
    """`path` as seen from here, where that is shorter."""
    try:
        return Path(path).resolve().relative_to(Path.cwd())
    except ValueError:
        return Path(path)
