"""Command line of the course: python -m lenet_helpers --help."""

from __future__ import annotations

import io
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from lenet_helpers.commands import doctor as checks
from lenet_helpers.errors import CourseError
from lenet_helpers.files import ROOT, write_whole

try:
    import typer
    from typer import Argument, Option
except ImportError:  # the doctor has to speak when nothing is installed
    for finding in checks.examine(ROOT / "data"):
        if finding.mend:
            print(f"{finding.what}: {finding.detail}. To mend it: {finding.mend}", file=sys.stderr)
    sys.exit(1)

app = typer.Typer(
    help="LeNet-5 and MNIST, step by step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
DataDir = Annotated[Path, Option(help="Folder that holds MNIST.")]


@app.callback()
def options(
    debug: Annotated[bool, Option("--debug", help="Show a traceback on errors.")] = False,
) -> None:
    """Options before the command; `main` reads --debug itself."""


@app.command()
def run(
    names: Annotated[
        list[str] | None, Argument(metavar="[LESSONS]...", help="Such as 01 02; all if none.")
    ] = None,
    quick: Annotated[bool, Option("--quick", help="A short run with fewer epochs.")] = False,
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="A parameter, such as EPOCHS=3."),
    ] = None,
    figures: Annotated[bool, Option("--figures", help="Write the figures to figures/.")] = False,
    formats: Annotated[
        list[str] | None,
        Option("--format", help="For print: png, svg or pdf, to build/figures instead."),
    ] = None,
    dpi: Annotated[int | None, Option(min=50, max=1200, help="For print, such as 600.")] = None,
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
    done: list[lessons.LessonRun] = []
    tell = partial(_tell_of_lesson, done=done, alone=alone)
    work.run_lessons(paths, chosen, output, jobs or work.usual_jobs(), tell)
    failed = sorted(result.name for result in done if result.failure)
    if failed:
        raise CourseError(f"{len(failed)} of {len(paths)} lessons failed: {', '.join(failed)}.")
    if folder == lessons.FIGURES:
        write_whole(lessons.FIGURES / "README.md", lessons.gallery_page().encode())
    if folder is not None:
        typer.echo(f"The figures are in {_short(folder)}.")
    typer.echo(f"Done. The executed copies are in {_short(output)}.")


def _tell_of_lesson(result: Any, done: list[Any], alone: dict[str, str]) -> None:
    """Say how a lesson went; `alone` has the command for each."""
    done.append(result)
    number = f"[{len(done)}/{len(alone)}]"
    typer.echo(f"{number} {result.name}  {result.seconds:5.0f} s   {_short(result.copy)}")
    if result.failure:
        typer.echo(f"{result.name} failed: {result.failure}", err=True)
        typer.echo(f"To try it alone: {alone[result.name]}", err=True)


@app.command()
def data(data_dir: DataDir = ROOT / "data") -> None:
    """Get MNIST and check that it is whole."""
    from lenet_helpers.mnist_files import fetch_mnist

    folder = fetch_mnist(data_dir)
    typer.echo(f"MNIST is in {_short(folder)}, and whole.")


@app.command()
def train(
    recipe: Annotated[str, Argument(help="Such as quick or course.")],
    seed: Annotated[int, Option(min=0, max=2**32 - 1, help="Decides first weights and order.")] = 0,
    checkpoint: Annotated[
        Path | None, Option(help="Save the state here after each epoch; go on from it.")
    ] = None,
    weights: Annotated[
        Path | None, Option(help="Write the trained weights here (safetensors).")
    ] = None,
    data_dir: DataDir = ROOT / "data",
) -> None:
    """Train a recipe and measure it on the test set."""
    from lenet_helpers.checkpoints import save_weights
    from lenet_helpers.files import check_writable
    from lenet_helpers.recipes import find_recipe, load_recipe_data, train_recipe
    from lenet_helpers.training import TrainingStopped, pick_device

    chosen = find_recipe(recipe)
    if weights is not None:
        check_writable(weights)
    mnist = load_recipe_data(chosen, data_dir)
    try:
        trained = train_recipe(chosen, mnist, seed, device=pick_device(), checkpoint=checkpoint)
    except TrainingStopped as stopped:
        _echo_epochs(stopped.history)
        typer.echo(str(stopped))
        raise typer.Exit(130) from None
    _echo_epochs(trained.history)
    typer.echo(f"test accuracy {trained.test.accuracy:.2%}, loss {trained.test.loss:.4f}")
    if weights is not None:
        save_weights(trained.model, weights)
        typer.echo(f"weights in {_short(weights)}")


def _echo_epochs(history: Any) -> None:
    for epoch in history.epochs:
        measured = f"training {epoch.accuracy:.2%}"
        if epoch.validation_accuracy is not None:
            measured += f", validation {epoch.validation_accuracy:.2%}"
        typer.echo(f"epoch {epoch.epoch}: {measured}, {epoch.seconds:.1f} s")


@app.command()
def study(
    name: Annotated[str, Argument(help="Such as bn_dropout; a wrong one lists all.")],
    seeds: Annotated[
        int | None, Option(min=1, help="Seeds 0, 1, …; as the kit's result if not given.")
    ] = None,
    processes: Annotated[int, Option(help="Trainings at a time; -1 for all cores.")] = -1,
    output: Annotated[
        Path | None, Option(help="The result, as JSON; build/NAME.json without it.")
    ] = None,
    data_dir: DataDir = ROOT / "data",
) -> None:
    """Train the recipes of a study over several seeds; docs/results.md says how long each takes.

    Stopped and started again, it goes on.
    """
    from lenet_helpers.files import check_writable
    from lenet_helpers.mnist_files import fetch_mnist
    from lenet_helpers.studies.runner import compare, find_study

    chosen = find_study(name)
    seeds = seeds or chosen.seeds
    output = output or ROOT / "build" / f"{name}.json"
    if output.suffix != ".json":
        raise CourseError(f"The result is JSON: {output} must have a name that ends in .json.")
    check_writable(output)
    fetch_mnist(data_dir)  # here, once, and not in every training
    partial = ROOT / "build" / f"{output.stem}_{seeds}_seeds.partial.json"
    result = compare(
        chosen.runs(seeds),
        data_dir,
        processes=processes,
        keep=partial,
        command=f"python -m lenet_helpers study {name} --seeds {seeds}",
        measure=chosen.measure,
    )
    result.save(output)
    for line in result.interruptions:
        typer.echo(line, err=True)
    for record in result.failed:
        typer.echo(f"{' '.join(map(str, record.run))} failed: {record.error}", err=True)
    typer.echo(f"{len(result.records) - len(result.failed)} runs in {_short(output)}")
    if result.failed:
        raise CourseError(f"{len(result.failed)} runs failed; start again to repeat only them.")
    partial.unlink(missing_ok=True)


@app.command()
def results(data_dir: DataDir = ROOT / "data") -> None:
    """Write what the studies and the kit's networks give into README, docs and the model cards."""
    from lenet_helpers.commands import results
    from lenet_helpers.data import load_mnist

    values = results.study_values() | results.weights_values(load_mnist(data_dir))
    results.renew_texts(values)
    for name, value in values.items():
        typer.echo(f"{name:24} {value.strip()}")


@app.command()
def predict(
    images: Annotated[list[Path], Argument(help="Pictures of one digit each.")],
    number: Annotated[
        bool, Option("--number", help="Each picture shows a number: one line of digits.")
    ] = False,
    expression: Annotated[
        bool, Option("--expression", help="Each picture shows a line of arithmetic.")
    ] = False,
    steps: Annotated[
        Path | None, Option(help="Draw every step into this file: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Read the digit in each picture: digit, probability, and a bar for each class."""
    from lenet_helpers.commands import answers

    if number and expression:
        raise CourseError("Choose one of --number and --expression.")
    if (number or expression) and steps is not None and len(images) > 1:
        raise CourseError("--steps draws one line at a time: name one picture.")
    if steps is not None:
        answers.check_steps(steps)
    read, answer, draw = answers.prepare, answers.answer, answers.draw_steps
    if number:
        read, answer, draw = answers.number, answers.answer_number, answers.draw_number
    if expression:
        read, answer, draw = answers.expression, answers.answer_expression, answers.draw_expression
    done = {}
    for path in images:
        try:
            done[str(path)] = read(path)
        except CourseError as error:
            typer.echo(f"{path}: {error}", err=True)
        else:
            typer.echo(answer(str(path), done[str(path)]))
    if steps is not None and done:
        (drawn,) = done.values() if number or expression else [done]
        draw(drawn, steps)
        typer.echo(f"preparation in {_short(steps)}")
    if any(str(path) not in done for path in images):
        raise typer.Exit(1)


@app.command()
def evaluate(
    folder: Annotated[Path, Argument(help="Has pictures and labels.csv (file,label).")],
) -> None:
    """Read every labelled picture of a folder: digits, numbers or arithmetic; what is misread?"""
    from lenet_helpers.commands import answers

    typer.echo(answers.report(folder))


@app.command()
def pictures(
    output: Annotated[Path, Option(help="Folder to write to.")] = ROOT / "data" / "pictures",
    data_dir: DataDir = ROOT / "data",
) -> None:
    """Make the kit's pictures of digits, numbers and arithmetic again, from MNIST's test digits."""
    from lenet_helpers.data import read_splits
    from lenet_helpers.pen.photos import make_numbers, make_pictures
    from lenet_helpers.pen.sums import make_expressions

    test = read_splits(data_dir).test
    makers = {"": make_pictures, "numbers": make_numbers, "expressions": make_expressions}
    for name, make in makers.items():
        folder = output / name
        written = make(test.images.numpy(), test.labels.numpy(), folder)
        typer.echo(f"{len(written)} pictures and labels.csv in {_short(folder)}")


@app.command()
def demo(
    port: Annotated[
        int | None, Option(help="Of the page; 8866, or a free one, without it.")
    ] = None,
    browser: Annotated[bool, Option(help="Open the page in the browser.")] = True,
) -> None:
    """Draw a digit on a page in the browser and watch the network; Ctrl-C ends it."""
    from lenet_helpers.playground import page

    port = page.free_port(port)
    typer.echo(f"The pad is at http://{page.HOST}:{port}/ for this machine only. Ctrl-C ends it.")
    page.serve(port, browser)
    typer.echo("Stopped.")


@app.command()
def doctor(data_dir: DataDir = ROOT / "data") -> None:
    """Check Python, packages, device, kernel, data and disk; say how to mend what is wrong."""
    findings = checks.examine(data_dir)
    for finding in findings:
        mark = "ok  " if finding.mend is None else "MEND"
        typer.echo(f"{mark}  {finding.what:16} {finding.detail}")
        if finding.mend:
            typer.echo(f"      to mend it: {finding.mend}")
    if any(finding.mend for finding in findings):
        raise typer.Exit(1)


def _short(path: Path) -> Path:
    """`path` as seen from here, where that is shorter."""
    try:
        return Path(path).resolve().relative_to(Path.cwd())
    except ValueError:
        return Path(path)


def main() -> None:
    """Run a command; an error is one line, and a traceback only with --debug."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # on Windows a pipe or an old console has no ≈
            stream.reconfigure(errors="replace")
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.TyperException as error:  # a mistyped command or option
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit("Stopped.")
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        if isinstance(error, CourseError):
            sys.exit(f"Error: {error}")
        hint = "(unexpected: run again with --debug after lenet_helpers)"
        sys.exit(f"Error: {type(error).__name__}: {error} {hint}")
