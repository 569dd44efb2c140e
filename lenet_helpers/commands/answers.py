"""What the commands predict and evaluate print: answers, bars, and a report on a folder.

What only figures and folders need is imported where it is needed: Matplotlib takes longer to load
than a digit to read.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from lenet_helpers.errors import CourseError
from lenet_helpers.reading import grammar as grammars
from lenet_helpers.reading.arithmetic import work_out, write_value
from lenet_helpers.reading.reader import Reading, read, read_one
from lenet_helpers.recipes import load_pretrained

BAR = 30  # characters for a probability of 1
REFUSED = "none"
Rows = Sequence[tuple[Path, str]]  # pictures and what is written on them
pretrained = cache(partial(load_pretrained, "characters"))


def reading_of(path: Path, grammar: grammars.Grammar) -> Reading:
    """What the kit's network reads in a picture, its warnings as lines of text."""
    reader = read_one if grammar in (grammars.DIGIT, grammars.CHARACTER) else read
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        reading = reader(pretrained(), path, grammar)
    for warning in caught:
        print(f"{path}: note: {warning.message}", file=sys.stderr)
    return reading


def bar(name: str, probability: float) -> str:
    """A probability in per cent and as a bar."""
    return f"  {name} {probability:7.1%} {'#' * round(BAR * probability)}".rstrip()


def answer(name: str, reading: Reading) -> str:
    """Text and probability, doubts, and below it what they rest on.

    That is a bar for each class of one digit, a bar for each digit of a number, or the value of
    arithmetic and the likeliest texts.
    """
    doubt = f"  (not sure: {reading.doubt})" if reading.doubt else ""
    lines = [f"{name}: {reading.text}  {reading.confidence:.1%}{doubt}"]
    if reading.grammar == grammars.DIGIT:
        lines += [bar(*pair) for pair in sorted(reading.alternatives)]
    elif reading.grammar == grammars.NUMBER:
        lines += [bar(symbol.symbol, symbol.probability) for symbol in reading.symbols]
    else:
        others = [f"  {probability:7.1%} {text}" for text, probability in reading.alternatives]
        lines += [f"  {result(reading.text)}", *others]
    return "\n".join(lines)


def result(text: str) -> str:
    """Value of arithmetic, judgement of its equals signs, or what is wrong, in words."""
    try:
        worth = work_out(text)
    except grammars.ExpressionError as error:
        return str(error)
    return worth.equality or f"value {write_value(worth.values[0])}"


def draw(readings: Mapping[str, Reading], path: Path) -> None:
    """Write a figure: every step of the preparation of digits, or the symbols of one line."""
    from lenet_helpers.plots import expressions, prediction, save_figure

    first = next(iter(readings.values()))
    if first.grammar == grammars.DIGIT:
        rows = [reading.steps for reading in readings.values()]
        figure = prediction.preparation(rows, [Path(name).name for name in readings])
    else:
        figure = expressions.reading(first, result(first.text))
    save_figure(figure, path.stem, path.parent, formats=(path.suffix.lstrip("."),))


def report(folder: Path) -> str:
    """How well the pictures that `labels.csv` of `folder` lists are read, and what is misread.

    The labels decide what the pictures are: single digits, numbers, single symbols of arithmetic,
    or expressions. A picture that is refused counts as misread. Pictures with other labels are
    left out, and named at the end.
    """
    from lenet_helpers.pen.photos import read_labels

    rows, others = [], []
    for path, label in read_labels(folder):
        if (truth := grammars.plain(label)) and set(truth) <= set(grammars.CLASSES):
            rows.append((path, truth))
        else:
            others.append(f"{path.name}: {label or 'no label'}")
    if not rows:
        raise CourseError(f"No label in {folder} is a digit, a number or arithmetic.")
    digits = all(set(truth) <= set(grammars.DIGITS) for _, truth in rows)
    if all(len(truth) == 1 for _, truth in rows):
        text = report_classes(rows, digits)
    else:
        text = report_texts(rows, grammars.NUMBER if digits else grammars.ARITHMETIC)
    return text + listed("left out: {}, whose label is no digit, number or arithmetic", others)


def listed(what: str, rows: Sequence[str]) -> str:
    """Lines below a report: how many, and each; nothing where there is nothing to list."""
    return "\n".join(["", "", what.format(len(rows)), *rows]) if rows else ""


def read_all(rows: Rows, grammar: grammars.Grammar) -> tuple[list[str], list[str]]:
    """What is read of each picture, nothing if it is refused; and a line on each misread one."""
    texts, misread = [], []
    for path, truth in rows:
        try:
            reading = reading_of(path, grammar)
            text, words = reading.text, f"read as {reading.text} ({reading.confidence:.1%})"
        except CourseError as error:
            text, words = "", f"refused: {error}"
        texts.append(text)
        if text != truth:
            misread.append(f"{path.name}: {truth}, {words}")
    return texts, misread


def report_texts(rows: Rows, grammar: grammars.Grammar) -> str:
    """Share of texts read without a mistake, character error rate, and what was misread.

    The character error rate is the edit distance between what is written and what is read, over
    the characters that are written. A picture that is refused counts as read with nothing in it.
    """
    texts, misread = read_all(rows, grammar)
    what = "numbers" if grammar == grammars.NUMBER else "expressions"
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
    texts, misread = read_all(rows, grammars.DIGIT if digits else grammars.CHARACTER)
    counts = Counter((truth, text or REFUSED) for (_, truth), text in zip(rows, texts, strict=True))
    names = [*(grammars.DIGITS if digits else grammars.CLASSES), REFUSED]
    right, what = len(rows) - len(misread), "digits" if digits else "symbols"
    lines = [f"accuracy {right / len(rows):.2%} ({right} of {len(rows)} {what})", ""]
    lines.append("true " + "".join(f"{name:>5}" for name in names) + "   read as")
    for truth in names[:-1]:
        lines.append(f"{truth:>4} " + "".join(f"{counts[truth, name] or '.':>5}" for name in names))
    return "\n".join(lines) + listed("misread: {}", misread)
