"""What the commands predict and evaluate print: answers, bars, and a report on a folder."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from lenet_helpers.errors import CourseError
from lenet_helpers.handwriting import Prepared, prepare_digit
from lenet_helpers.our_pictures import read_labels
from lenet_helpers.prediction import SURE, Prediction, predict
from lenet_helpers.recipes import load_pretrained

BAR = 30  # characters for a probability of 1
REFUSED = "-"
pretrained = cache(load_pretrained)


def prepare(path: Path) -> Prepared:
    """`prepare_digit`, with its warnings as lines of text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        prepared = prepare_digit(path)
    for warning in caught:
        print(f"{path}: note: {warning.message}", file=sys.stderr)
    return prepared


def answer(name: str, prepared: Prepared) -> str:
    """Digit, probability and a bar for each class."""
    prediction = predict(pretrained(), prepared)
    sure = prediction.confidence.item()
    doubt = "" if sure >= SURE else "  (not sure: is this one digit?)"
    lines = [f"{name}: {prediction.digit.item()}  {sure:.1%}{doubt}"]
    for digit, probability in enumerate(prediction.probabilities[0].tolist()):
        lines.append(f"  {digit} {probability:7.1%} {'#' * round(BAR * probability)}".rstrip())
    return "\n".join(lines)


def draw_steps(prepared: Mapping[str, Prepared], path: Path) -> None:
    """Write a picture of every step of the preparation, one row for each picture."""
    from lenet_helpers.plots import prediction as plots
    from lenet_helpers.plots import save_figure

    kind = path.suffix.lstrip(".").lower()
    if kind not in ("png", "svg", "pdf"):
        raise CourseError(f"{path}: give the file a name that ends in .png, .svg or .pdf.")
    rows = [digit.steps for digit in prepared.values()]
    figure = plots.preparation(rows, [Path(name).name for name in prepared])
    save_figure(figure, path.stem, path.parent, formats=(kind,))


def report(folder: Path) -> str:
    """Accuracy, confusion and failures over the digits that `labels.csv` of `folder` lists.

    A picture that is refused counts as misread. Pictures with other labels are left out.
    """
    rows = [(path, int(truth)) for path, truth in read_labels(folder) if truth in _DIGITS]
    if not rows:
        raise CourseError(f"No label in {folder} is a digit from 0 to 9.")
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
