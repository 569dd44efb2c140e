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
from lenet_helpers.handwriting import Prepared, prepare_digit
from lenet_helpers.number_network import load_number_network
from lenet_helpers.our_pictures import read_labels
from lenet_helpers.prediction import SURE, Number, Prediction, predict, read_number
from lenet_helpers.recipes import load_pretrained

BAR = 30  # characters for a probability of 1
REFUSED = "-"
Rows = Sequence[tuple[Path, str]]  # pictures and what is written on them
Result = TypeVar("Result")
pretrained = cache(load_pretrained)
number_network = cache(load_number_network)


def prepare(path: Path) -> Prepared:
    """`prepare_digit`, with its warnings as lines of text."""
    return with_notes(prepare_digit, path)


def number(path: Path) -> Number:
    """`read_number` with the kit's network, its warnings as lines of text."""
    return with_notes(partial(read_number, number_network()), path)


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


def draw_number(number: Number, path: Path) -> None:
    """Write a picture of every step from the photo to the number."""
    from lenet_helpers.plots import prediction as plots

    images = [image[0].numpy() for image in number.images]
    figure = plots.number(number.steps, number.boxes, images, number.digits, number.confidence)
    _save(figure, path)


def draw_steps(prepared: Mapping[str, Prepared], path: Path) -> None:
    """Write a picture of every step of the preparation, one row for each picture."""
    from lenet_helpers.plots import prediction as plots

    rows = [digit.steps for digit in prepared.values()]
    _save(plots.preparation(rows, [Path(name).name for name in prepared]), path)


def _save(figure: Figure, path: Path) -> None:
    from lenet_helpers.plots import save_figure

    kind = path.suffix.lstrip(".").lower()
    if kind not in ("png", "svg", "pdf"):
        raise CourseError(f"{path}: give the file a name that ends in .png, .svg or .pdf.")
    save_figure(figure, path.stem, path.parent, formats=(kind,))


def report(folder: Path) -> str:
    """How well the pictures that `labels.csv` of `folder` lists are read, and what is misread.

    If a label has several digits, all are read as numbers. A picture that is refused counts as
    misread. Pictures with other labels are left out.
    """
    rows = [(path, truth) for path, truth in read_labels(folder) if set(truth) <= set(_DIGITS)]
    if not rows:
        raise CourseError(f"No label in {folder} is a digit from 0 to 9, or a number.")
    if any(len(truth) > 1 for _, truth in rows):
        return report_texts(rows, lambda path: number(path).text, "numbers")
    return report_digits([(path, int(truth)) for path, truth in rows])


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


def report_digits(rows: Sequence[tuple[Path, int]]) -> str:
    """Accuracy, confusion and failures over pictures of single digits."""
    confusion = np.zeros((10, 11), dtype=int)
    failures = []
    for path, truth in rows:
        try:
            prediction: Prediction = predict(pretrained(), prepare(path))
        except CourseError as error:
            confusion[truth, 10] += 1
            failures.append(f"{path.name}: {truth}, refused: {error}")
            continue
        digit = prediction.digit.item()
        confusion[truth, digit] += 1
        if digit != truth:
            sure = prediction.confidence.item()
            failures.append(f"{path.name}: {truth}, read as {digit} ({sure:.1%})")
    right = int(confusion.trace())
    lines = [f"accuracy {right / len(rows):.2%} ({right} of {len(rows)} digits)", "", _HEAD]
    for truth, counts in enumerate(confusion):
        lines.append(f"{truth:>4} " + "".join(f"{count or '.':>5}" for count in counts))
    if failures:
        lines += ["", f"misread: {len(failures)}", *failures]
    return "\n".join(lines)


_DIGITS = list("0123456789")
_HEAD = "true " + "".join(f"{digit:>5}" for digit in [*_DIGITS, REFUSED]) + "   read as"
