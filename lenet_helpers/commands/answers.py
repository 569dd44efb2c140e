"""What the commands predict and evaluate print: answers, bars, and a report on a folder.

What only figures and folders need is imported where it is needed: Matplotlib takes longer to load
than a digit to read.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from lenet_helpers.errors import CourseError
from lenet_helpers.reading.arithmetic import write_value
from lenet_helpers.reading.digit import Prepared, prepare_digit
from lenet_helpers.reading.expressions import Expression, classify, read_expression
from lenet_helpers.reading.grammar import CLASSES, DIGITS, parse, plain
from lenet_helpers.reading.numbers import Number, read_number
from lenet_helpers.reading.prediction import predict
from lenet_helpers.reading.tuned import SURE
from lenet_helpers.recipes import load_pretrained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR = 30  # characters for a probability of 1
REFUSED = "none"
Rows = Sequence[tuple[Path, str]]  # pictures and what is written on them
pretrained = cache(load_pretrained)


def prepare(path: Path) -> Prepared:
    """`prepare_digit`, with its warnings as lines of text."""
    with notes(path):
        return prepare_digit(path)


def number(path: Path) -> Number:
    """`read_number` with the kit's network, its warnings as lines of text."""
    with notes(path):
        return read_number(pretrained("numbers"), path)


def expression(path: Path) -> Expression:
    """`read_expression` with the kit's network, its warnings as lines of text."""
    with notes(path):
        return read_expression(pretrained("symbols"), path)


@contextmanager
def notes(path: Path) -> Iterator[None]:
    """While a picture is read, what it warns of becomes lines of text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        print(f"{path}: note: {warning.message}", file=sys.stderr)


def bar(name: int, probability: float) -> str:
    """A probability in per cent and as a bar."""
    return f"  {name} {probability:7.1%} {'#' * round(BAR * probability)}".rstrip()


def answer(name: str, prepared: Prepared) -> str:
    """Digit, probability and a bar for each class."""
    prediction = predict(pretrained(), prepared)
    sure = prediction.confidence.item()
    doubt = "" if sure >= SURE else "  (not sure: is this one digit?)"
    bars = map(bar, range(10), prediction.probabilities[0].tolist())
    return "\n".join([f"{name}: {prediction.digit.item()}  {sure:.1%}{doubt}", *bars])


def answer_number(name: str, number: Number) -> str:
    """The number, and below it each digit with its probability and a bar."""
    doubt = "" if number.sure else "  (not sure: is this a number?)"
    lines = [f"{name}: {number.text}{doubt}"]
    for digit, sure in zip(number.digits, number.confidence.tolist(), strict=True):
        lines.append(bar(digit, sure) + ("" if sure >= SURE else "  not sure"))
    return "\n".join(lines)


def answer_expression(name: str, expression: Expression) -> str:
    """The text with its value or judgement, and below it the likeliest texts."""
    doubt = "" if expression.confidence >= SURE else "  (not sure)"
    others = [f"  {probability:7.1%} {text}" for text, probability in expression.alternatives]
    return "\n".join([f"{name}: {expression.text}{doubt}", f"  {result(expression)}", *others])


def result(expression: Expression) -> str:
    """Value, judgement, or what is wrong, in words."""
    if expression.worth is None:
        return expression.problem
    return expression.worth.equality or f"value {write_value(expression.worth.values[0])}"


def draw_expression(expression: Expression, path: Path) -> None:
    """Write a figure of the picture, the symbols, the tree and the value."""
    from lenet_helpers.plots import expressions as plots

    line, trees = expression.line, parse(expression.text) if expression.worth else []
    words = f"{expression.text}   {result(expression)}"
    _, _, symbols, _, probabilities, boxes = zip(*expression.symbols, strict=True)
    figure = plots.expression(
        line.picture, line.strength, boxes, symbols, probabilities, trees, words
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
    from lenet_helpers.pen.photos import read_labels

    known = re.compile(f"[{re.escape(CLASSES)}]+").fullmatch
    rows, others = [], []
    for path, label in read_labels(folder):
        if known(truth := plain(label)):
            rows.append((path, truth))
        else:
            others.append(f"{path.name}: {label or 'no label'}")
    if not rows:
        raise CourseError(f"No label in {folder} is a digit, a number or arithmetic.")
    digits = all(set(truth) <= set(DIGITS) for _, truth in rows)
    if all(len(truth) == 1 for _, truth in rows):
        text = report_classes(rows, digits)
    elif digits:
        text = report_texts(rows, lambda path: number(path).text, "numbers")
    else:
        text = report_texts(rows, lambda path: expression(path).text, "expressions")
    return text + listed("left out: {}, whose label is no digit, number or arithmetic", others)


def listed(what: str, rows: Sequence[str]) -> str:
    """Lines below a report: how many, and each; nothing where there is nothing to list."""
    return "\n".join(["", "", what.format(len(rows)), *rows]) if rows else ""


def read_all(rows: Rows, read: Callable[[Path], tuple[str, str]]) -> tuple[list[str], list[str]]:
    """What is read of each picture, nothing if it is refused; and a line on each that is misread.

    `read` gives what it read, and what is to be said of it.
    """
    texts, misread = [], []
    for path, truth in rows:
        try:
            text, words = read(path)
        except CourseError as error:
            text, words = "", f"refused: {error}"
        texts.append(text)
        if text != truth:
            misread.append(f"{path.name}: {truth}, {words}")
    return texts, misread


def report_texts(rows: Rows, read: Callable[[Path], str], what: str) -> str:
    """Share of texts read without a mistake, character error rate, and what was misread.

    The character error rate is the edit distance between what is written and what is read, over
    the characters that are written. A picture that is refused counts as read with nothing in it.
    """
    texts, misread = read_all(rows, lambda path: (text := read(path), f"read as {text}"))
    truths = [truth for _, truth in rows]
    wrong, written = sum(map(edit_distance, truths, texts)), sum(map(len, truths))
    right = len(rows) - len(misread)
    exact = f"exact {right / len(rows):.2%} ({right} of {len(rows)} {what})"
    rate = f"character error rate {wrong / written:.2%} ({wrong} of {written} characters)"
    return f"{exact}\n{rate}" + listed("misread: {}", misread)


def edit_distance(one: str, other: str) -> int:
    """Fewest characters to insert, delete or replace, to make one text of the other."""
    row = list(range(len(other) + 1))  # from the first characters of `one` to each start of `other`
    for count, here in enumerate(one, start=1):
        last, row = row, [count]
        for j, there in enumerate(other):
            row.append(min(last[j + 1] + 1, row[j] + 1, last[j] + (here != there)))
    return row[-1]


def report_classes(rows: Rows, digits: bool) -> str:
    """Accuracy, confusion and failures over pictures of one digit or symbol each."""
    texts, misread = read_all(rows, partial(read_class, digits))
    counts = Counter((truth, text or REFUSED) for (_, truth), text in zip(rows, texts, strict=True))
    names = [*(DIGITS if digits else CLASSES), REFUSED]
    right, what = len(rows) - len(misread), "digits" if digits else "symbols"
    lines = [f"accuracy {right / len(rows):.2%} ({right} of {len(rows)} {what})", ""]
    lines.append("true " + "".join(f"{name:>5}" for name in names) + "   read as")
    for truth in names[:-1]:
        lines.append(f"{truth:>4} " + "".join(f"{counts[truth, name] or '.':>5}" for name in names))
    return "\n".join(lines) + listed("misread: {}", misread)


def read_class(digits: bool, path: Path) -> tuple[str, str]:
    """The likeliest digit or symbol, and with its probability in words."""
    image = prepare(path).tensor
    if digits:
        probabilities = predict(pretrained(), image).probabilities
    else:
        probabilities = classify(pretrained("symbols"), image)
    sure, number = probabilities[0].max(dim=0)
    return CLASSES[number], f"read as {CLASSES[number]} ({sure:.1%})"
