"""What the commands predict and evaluate print: answers, bars, and a report on a folder."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from lenet_helpers.errors import CourseError
from lenet_helpers.pen.photos import read_labels
from lenet_helpers.reading.arithmetic import write_value
from lenet_helpers.reading.digit import Prepared, prepare_digit
from lenet_helpers.reading.expressions import Expression, classify, read_expression
from lenet_helpers.reading.grammar import CLASSES, parse, plain
from lenet_helpers.reading.numbers import Number, read_number
from lenet_helpers.reading.prediction import predict
from lenet_helpers.reading.tuned import SURE
from lenet_helpers.recipes import load_pretrained

BAR = 30  # characters for a probability of 1
REFUSED = "none"
Rows = Sequence[tuple[Path, str]]  # pictures and what is written on them
Result = TypeVar("Result")
pretrained = cache(load_pretrained)
NUMBERS = "numbers"  # the recipe of the network with a class for what is no digit
SYMBOLS = "symbols"  # the recipe of the network with 19 classes


def prepare(path: Path) -> Prepared:
    """`prepare_digit`, with its warnings as lines of text."""
    return with_notes(prepare_digit, path)


def number(path: Path) -> Number:
    """`read_number` with the kit's network, its warnings as lines of text."""
    return with_notes(partial(read_number, pretrained(NUMBERS)), path)


def expression(path: Path) -> Expression:
    """`read_expression` with the kit's network, its warnings as lines of text."""
    return with_notes(partial(read_expression, pretrained(SYMBOLS)), path)


def with_notes(read: Callable[[Path], Result], path: Path) -> Result:
    """Read a picture; what it warns of becomes lines of text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        result = read(path)
    for warning in caught:
        print(f"{path}: note: {warning.message}", file=sys.stderr)
    return result


def answer(name: str, prepared: Prepared) -> str:
    """Digit, probability and a bar for each class."""
    prediction = predict(pretrained(), prepared)
    sure = prediction.confidence.item()
    doubt = "" if sure >= SURE else "  (not sure: is this one digit?)"
    lines = [f"{name}: {prediction.digit.item()}  {sure:.1%}{doubt}"]
    for digit, probability in enumerate(prediction.probabilities[0].tolist()):
        lines.append(f"  {digit} {probability:7.1%} {'#' * round(BAR * probability)}".rstrip())
    return "\n".join(lines)


def answer_number(name: str, number: Number) -> str:
    """The number, and below it each digit with its probability and a bar."""
    doubt = "" if number.sure else "  (not sure: is this a number?)"
    lines = [f"{name}: {number.text}{doubt}"]
    for digit, sure in zip(number.digits, number.confidence.tolist(), strict=True):
        mark = "" if sure >= SURE else "  not sure"
        lines.append(f"  {digit} {sure:7.1%} {'#' * round(BAR * sure)}{mark}")
    return "\n".join(lines)


def answer_expression(name: str, expression: Expression) -> str:
    """The text with its value or judgement, and below it the likeliest texts."""
    doubt = "" if expression.confidence >= SURE else "  (not sure)"
    lines = [f"{name}: {expression.text}{doubt}", f"  {result(expression)}"]
    for text, probability in expression.alternatives:
        lines.append(f"  {probability:7.1%} {text}")
    return "\n".join(lines)


def result(expression: Expression) -> str:
    """Value, judgement, or what is wrong, in words."""
    if expression.worth is None:
        return expression.problem
    return expression.worth.equality or f"value {write_value(expression.worth.values[0])}"


def draw_expression(expression: Expression, path: Path) -> None:
    """Write a figure of the picture, the symbols, the tree and the value."""
    from lenet_helpers.plots import expressions as plots

    symbols = expression.symbols
    figure = plots.expression(
        expression.line.picture,
        expression.line.strength,
        [symbol.box for symbol in symbols],
        [symbol.symbol for symbol in symbols],
        [symbol.probability for symbol in symbols],
        parse(expression.text) if expression.worth else [],
        f"{expression.text}   {result(expression)}",
    )
    _save(figure, path)


def draw_number(number: Number, path: Path) -> None:
    """Write a figure of every step from the picture to the number."""
    from lenet_helpers.plots import prediction as plots

    images = [image[0].numpy() for image in number.images]
    figure = plots.number(number.steps, number.boxes, images, number.digits, number.confidence)
    _save(figure, path)


def draw_steps(prepared: Mapping[str, Prepared], path: Path) -> None:
    """Write a picture of every step of the preparation, one row for each picture."""
    from lenet_helpers.plots import prediction as plots

    rows = [digit.steps for digit in prepared.values()]
    _save(plots.preparation(rows, [Path(name).name for name in prepared]), path)


def check_steps(path: Path) -> None:
    """Refuse a name for the picture of the steps that says no kind of picture."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise CourseError(f"{path}: give the file a name that ends in .png, .svg or .pdf.")


def _save(figure: Figure, path: Path) -> None:
    from lenet_helpers.plots import save_figure

    save_figure(figure, path.stem, path.parent, formats=(path.suffix.lstrip("."),))


def report(folder: Path) -> str:
    """How well the pictures that `labels.csv` of `folder` lists are read, and what is misread.

    The labels decide what the pictures are: single digits, numbers, single symbols of arithmetic,
    or expressions. A picture that is refused counts as misread. Pictures with other labels are
    left out, and named at the end.
    """
    rows, others = [], []
    for path, label in read_labels(folder):
        truth = plain(label)
        known = bool(truth) and set(truth) <= set(CLASSES)
        (rows if known else others).append((path, truth if known else label))
    if not rows:
        raise CourseError(f"No label in {folder} is a digit, a number or arithmetic.")
    lines = [_report(rows)]
    if others:
        lines += ["", f"left out: {len(others)}, whose label is no digit, number or arithmetic"]
        lines += [f"{path.name}: {label or 'no label'}" for path, label in others]
    return "\n".join(lines)


def _report(rows: Rows) -> str:
    single = all(len(truth) == 1 for _, truth in rows)
    digits = all(set(truth) <= set(_DIGITS) for _, truth in rows)
    if single:
        return report_classes(rows, *(("course", "digits") if digits else (SYMBOLS, "symbols")))
    if digits:
        return report_texts(rows, lambda path: number(path).text, "numbers")
    return report_texts(rows, lambda path: expression(path).text, "expressions")


def report_texts(rows: Rows, read: Callable[[Path], str], what: str) -> str:
    """Share of texts read without a mistake, character error rate, and what was misread.

    The character error rate is the edit distance between what is written and what is read, over
    the characters that are written. A picture that is refused counts as read with nothing in it.
    """
    wrong, failures = 0, []
    for path, truth in rows:
        try:
            text = read(path)
            note = f"read as {text}"
        except CourseError as error:
            text, note = "", f"refused: {error}"
        if text != truth:
            wrong += edit_distance(truth, text)
            failures.append(f"{path.name}: {truth}, {note}")
    right, written = len(rows) - len(failures), sum(len(truth) for _, truth in rows)
    lines = [
        f"exact {right / len(rows):.2%} ({right} of {len(rows)} {what})",
        f"character error rate {wrong / written:.2%} ({wrong} of {written} characters)",
    ]
    if failures:
        lines += ["", f"misread: {len(failures)}", *failures]
    return "\n".join(lines)


def edit_distance(one: str, other: str) -> int:
    """Fewest characters to insert, delete or replace, to make one text of the other."""
    row = list(range(len(other) + 1))
    for i, here in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, there in enumerate(other, start=1):
            replaced = diagonal + (here != there)
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, replaced)
    return row[-1]


def report_classes(rows: Rows, network: str, what: str) -> str:
    """Accuracy, confusion and failures over pictures of one digit or symbol each."""
    classes = CLASSES[: 10 if network == "course" else None]
    confusion = np.zeros((len(classes), len(classes) + 1), dtype=int)
    failures = []
    for path, truth in rows:
        row = confusion[classes.index(truth)]
        try:
            image = prepare(path).tensor
        except CourseError as error:
            row[-1] += 1
            failures.append(f"{path.name}: {truth}, refused: {error}")
            continue
        model = pretrained(network)
        several = network == SYMBOLS
        probabilities = classify(model, image) if several else predict(model, image).probabilities
        sure, number = (value.item() for value in probabilities[0].max(dim=0))
        row[number] += 1
        if classes[number] != truth:
            failures.append(f"{path.name}: {truth}, read as {classes[number]} ({sure:.1%})")
    right = int(confusion.trace())
    lines = [f"accuracy {right / len(rows):.2%} ({right} of {len(rows)} {what})", ""]
    lines.append("true " + "".join(f"{name:>5}" for name in [*classes, REFUSED]) + "   read as")
    for truth, counts in zip(classes, confusion, strict=True):
        lines.append(f"{truth:>4} " + "".join(f"{count or '.':>5}" for count in counts))
    if failures:
        lines += ["", f"misread: {len(failures)}", *failures]
    return "\n".join(lines)


_DIGITS = "0123456789"
