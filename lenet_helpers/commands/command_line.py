"""Command line of the course: python -m lenet_helpers --help."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, Any

from lenet_helpers.commands import doctor as checks
from lenet_helpers.errors import CourseError
from lenet_helpers.files import ROOT, check_writable

try:
    import typer
    from typer import Argument, Option

    from lenet_helpers.commands.lesson_command import run, short
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
app.command()(run)
DataDir = Annotated[Path, Option(help="Folder that holds MNIST.")]


@app.callback()
def options(
    debug: Annotated[bool, Option("--debug", help="Show a traceback on errors.")] = False,
) -> None:
    """Options before the command; `main` reads --debug itself."""


@app.command()
def data(data_dir: DataDir = ROOT / "data") -> None:
    """Get MNIST and check that it is whole."""
    from lenet_helpers.mnist_files import fetch_mnist

    folder = fetch_mnist(data_dir)
    typer.echo(f"MNIST is in {short(folder)}, and whole.")


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
    from lenet_helpers import checkpoints, recipes, training

    chosen = recipes.find_recipe(recipe)
    if weights is not None:
        check_writable(weights)
    mnist, device = recipes.load_recipe_data(chosen, data_dir), training.pick_device()
    try:
        trained = recipes.train_recipe(chosen, mnist, seed, device=device, checkpoint=checkpoint)
    except training.TrainingStopped as stopped:
        _echo_epochs(stopped.history)
        typer.echo(str(stopped))
        raise typer.Exit(130) from None
    _echo_epochs(trained.history)
    typer.echo(f"test accuracy {trained.test.accuracy:.2%}, loss {trained.test.loss:.4f}")
    if weights is not None:
        checkpoints.save_weights(trained.model, weights)
        typer.echo(f"weights in {short(weights)}")


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
    typer.echo(f"{len(result.records) - len(result.failed)} runs in {short(output)}")
    if result.failed:
        raise CourseError(f"{len(result.failed)} runs failed; start again to repeat only them.")
    partial.unlink(missing_ok=True)


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
    from lenet_helpers.reading import grammar as grammars

    if number and expression:
        raise CourseError("Choose one of --number and --expression.")
    if (number or expression) and steps is not None and len(images) > 1:
        raise CourseError("--steps draws one line at a time: name one picture.")
    if steps is not None and steps.suffix not in (".png", ".svg", ".pdf"):
        raise CourseError(f"{steps}: give the file a name that ends in .png, .svg or .pdf.")
    grammar = grammars.NUMBER if number else grammars.ARITHMETIC if expression else grammars.DIGIT
    done = {}
    for path in images:
        try:
            done[str(path)] = answers.reading_of(path, grammar)
        except CourseError as error:
            typer.echo(f"{path}: {error}", err=True)
        else:
            typer.echo(answers.answer(str(path), done[str(path)]))
    if steps is not None and done:
        answers.draw(done, steps)
        typer.echo(f"preparation in {short(steps)}")
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
    from lenet_helpers.pen.photos import make_numbers, make_pictures, write_pictures
    from lenet_helpers.pen.sums import make_expressions

    test = read_splits(data_dir).test
    makers = {"": make_pictures, "numbers": make_numbers, "expressions": make_expressions}
    for name, make in makers.items():
        folder = output / name
        written = write_pictures(folder, make(test.images.numpy(), test.labels.numpy()))
        typer.echo(f"{len(written)} pictures and labels.csv in {short(folder)}")


@app.command()
def progress() -> None:
    """Show which tasks of the exercise notebooks are done."""
    from lenet_helpers import exercises

    typer.echo(exercises.progress().text)


@app.command()
def demo(
    port: Annotated[
        int | None, Option(min=1, max=65535, help="Serve the page here, to this machine only.")
    ] = None,
    browser: Annotated[bool, Option(help="Open the page in the browser.")] = True,
) -> None:
    """Draw a digit in the browser and ask any number of the network where it comes from."""
    import webbrowser

    from lenet_helpers.playground import page

    path = page.write_page()
    address, server, where = path.as_uri(), None, f"{path}; it opens from the disk."
    if port is not None:
        address, server = f"http://{page.HOST}:{port}/", page.serve_page(path.parent, port)
        where = f"at {address} for this machine only. Ctrl-C ends it."
    typer.echo(f"The playground is {where}")
    if browser:
        webbrowser.open(address)
    if server is not None:
        server.serve_forever()


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
