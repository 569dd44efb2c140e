"""Lesson 08: what counts as right, and what is often wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial

import numpy as np

from lenet_helpers.errors import CourseError
from lenet_helpers.exercises.task import Task
from lenet_helpers.reading.arithmetic import value_of
from lenet_helpers.reading.grammar import parse

Candidates = list[list[tuple[int, str, float]]]  # at each piece: end, symbol and score
Way = list[tuple[int, str, float]]

# ---- 08-1: the best way through a line


def every_way(candidates: Candidates, place: int = 0) -> Iterator[Way]:
    """All ways from a piece to the end of the line, one by one."""
    if place == len(candidates):
        yield []
        return
    for candidate in candidates[place]:
        yield from ([candidate, *way] for way in every_way(candidates, candidate[0]))


def total(way: Way) -> float:
    """The score of a way."""
    return sum(score for _, _, score in way)


def best_by(rule: Callable[[Way], float], candidates: Candidates) -> tuple[str, float]:
    """Text and score of the way that has most of something."""
    way = max(every_way(candidates), key=rule)
    return "".join(symbol for _, symbol, _ in way), total(way)


def step_by_step(candidates: Candidates) -> tuple[str, float]:
    """At each place the candidate that looks best."""
    place, way = 0, []
    while place < len(candidates):
        way.append(max(candidates[place], key=lambda candidate: candidate[2]))
        place = way[-1][0]
    return "".join(symbol for _, symbol, _ in way), total(way)


WRONG_WAYS = {
    "Each step takes what looks best now. What it leaves may be bad.": step_by_step,
    "No score is above 0, so nothing replaces a 0. Begin lower.": lambda _: ("", 0.0),
    "That way has the best mean. Scores are added up.": (
        partial(best_by, lambda way: total(way) / len(way))
    ),
    "That way has the fewest symbols. The score decides.": (
        partial(best_by, lambda way: (-len(way), total(way)))
    ),
    "That way has the most symbols. Does a candidate replace a better one found before?": (
        partial(best_by, lambda way: (len(way), total(way)))
    ),
}


def some_candidates(random: np.random.Generator) -> tuple[Candidates]:
    """Seven pieces; the best way and what each mistake gives all differ."""
    while True:
        candidates: Candidates = []
        for place in range(7):
            ends = range(place + 1, min(place + random.integers(2, 5), 8))
            options = [
                (end, str(random.integers(10)), -random.uniform(0.1, 4) * (end - place) ** 0.5)
                for end in ends
            ]
            candidates.append([options[i] for i in random.permutation(len(options))])
        found = [best_by(total, candidates), *(wrong(candidates) for wrong in WRONG_WAYS.values())]
        if len({text for text, _ in found}) == len(found):
            return (candidates,)


# ---- 08-4: a factor true to its grammar

REFUSED = {  # whole texts that the grammar refuses
    "a point with nothing behind it": "{0}.",
    "a point with nothing before it": ".{1}",
    "two minus signs": "--{0}",
    "a number with two points": "{0}.{1}.{1}",
    "a minus alone": "-",
}
ALLOWED = {
    "a whole number": "{0}",
    "a number of one digit": "{1}",
    "a number with decimals": "{0}.{1}",
    "a minus before a number": "-{0}.{1}",
    "what is left of a sum": "{0}+{1}",
}


SOUND = r"(-?)([0-9]+(?:\.[0-9]+)?)"


def texts(random: np.random.Generator) -> tuple[str, ...]:
    """One for each kind. A float cannot hold the decimals exactly."""
    numbers = random.integers(11, 100), random.choice([1, 2, 3, 4, 6, 7, 8, 9])
    return tuple(text.format(*numbers) for text in (ALLOWED | REFUSED).values())


def outcomes(read: Callable[[str], tuple[Fraction, str]], *given: str) -> tuple[str, ...] | None:
    """What a function makes of each text: refused, or accepted with its value and rest."""
    found = []
    for number, text in enumerate(given):
        try:
            result = read(text)
        except (ValueError, CourseError):
            found.append("refused")
            continue
        if number == 0 and (result is None or result is ...):
            return None  # not started
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise TypeError("give a value and the rest of the text, or raise a ValueError")
        value, rest = result
        exact = str(Fraction(value)) if isinstance(value, int | float | Fraction) else repr(value)
        whole = f"{exact} {rest}" if number < len(ALLOWED) else "accepted"
        found.append("refused" if str(rest).startswith(".") else whole)
    return tuple(found)


def by_the_helper(text: str) -> tuple[Fraction, str]:
    """The kit's own parser, of what stands before a plus."""
    number, plus, rest = text.partition("+")
    return value_of(parse(number)[0]), plus + rest


def reader(pattern: str, number: Callable = Fraction) -> Callable:
    """What a function makes of texts that reads what follows this pattern."""

    def read(text: str) -> tuple[Fraction, str]:
        match = re.match(pattern, text)
        if match is None:
            raise ValueError
        return (-1) ** len(match[1]) * number(match[2]), text[match.end() :]

    return partial(outcomes, read)


TASKS = (
    Task(
        name="08-1",
        title="find the likeliest way",
        inputs=some_candidates,
        right=partial(best_by, total),
        parts=("the text", "the score"),
        mistakes=WRONG_WAYS,
        hints=(
            "For each place keep the best text and score of all that stands before it.",
            "From left to right, each candidate offers a longer text to the place where it ends.",
            "The answer stands behind the last piece.",
        ),
    ),
    Task(
        name="08-2",
        title="a stroke through a given point",
        right=[42.0, 74.0],
        mistakes={
            "That is where the stroke should pass. It does not go through M.": [46.0, 62.0],
            "That is the middle between A and B: the stroke would be straight.": [50.0, 50.0],
            "The three points do not count the same: put t = 1/2 in.": [38.0, 86.0],
            "That bends to the other side.": [58.0, 26.0],
            "Columns and rows are swapped.": [74.0, 42.0],
        },
        hints=(
            "Put t = 1/2 into the formula: what are the three factors?",
            "Half of the point is M, a quarter each are A and B. Now solve for M.",
        ),
    ),
    Task(
        name="08-3",
        title="predict: a symbol that was drawn too often",
        right=0.4 / (0.4 + 0.6 / 4),
        tolerance=2e-3,
        mistakes={
            "The slash was learned too often: make it smaller, not larger.": 0.4 / (0.4 + 0.6 * 4),
            "The two probabilities have to add up to 1 again.": 0.4,
            "The slash's share is right. What is left over goes to both, not to the 1.": 0.85,
            "That is the probability of the slash.": 0.15 / 0.55,
            "That is not between 0 and 1.": 1.6,
        },
        hints=(
            "Dividing by how often a class was learned leaves what the image alone says.",
            "Only the slash was learned 4 times as often. Afterwards the two do not add up to 1.",
            "Divide each of the two by their sum.",
        ),
    ),
    Task(
        name="08-4",
        title="find what a parser lets through",
        inputs=texts,
        right=partial(outcomes, by_the_helper),
        use=outcomes,
        parts=(*ALLOWED, *REFUSED),
        mistakes={
            "All three are still read.": reader(r"(-*)([0-9]+\.?[0-9]*|\.[0-9]+)"),
            "A number may still end with a point: `3.` is read.": reader(r"(-?)([0-9]+\.?[0-9]*)"),
            "A number may still begin with a point: `.5` is read.": (
                reader(r"(-?)([0-9]*\.[0-9]+|[0-9]+)")
            ),
            "Two minus signs are still read: `--3`.": reader(SOUND.replace("?", "*", 1)),
            "Decimals are refused now. The grammar has them.": reader(r"(-?)([0-9]+)"),
            "Only one digit is read.": reader(r"(-?)([0-9](?:\.[0-9])?)"),
            "A minus before a number is refused now. One may stand there.": (
                reader(SOUND.replace("-?", ""))
            ),
            "A float does not hold 0.1 exactly. A Fraction does.": reader(SOUND, float),
            "What comes behind the number is for other rules: give it back as the rest.": (
                reader(SOUND + "$")
            ),
        },
        hints=(
            "`lstrip` takes all minus signs away. How many does the grammar allow?",
            "In a regular expression `+` means at least one, `( )?` that all of it may be gone.",
            "The point and its decimals come together or not at all.",
        ),
    ),
    Task(
        name="08-5",
        title="predict: a power in the grammar",
        right=(512, 4, 18),
        parts=("2^3^2", "-2^2", "2×3^2"),
        mistakes={
            "2^3^2 is grouped from the left. Which power is inside the other one?": (64, 4, 18),
            "In this grammar, whose is the minus: the factor's or the power's?": (512, -4, 18),
            "2^3^2 is grouped from the left, and the minus is not the factor's.": (64, -4, 18),
            "In 2×3^2 the power is inside the product.": (512, 4, 36),
            "So it is without a grammar, from left to right.": (64, 4, 36),
        },
        hints=(
            "Draw the tree of each text: the rule `power` begins with a factor. What is it?",
            "Behind `^` stands a power, not a factor: all that is left of 2^3^2 belongs to it.",
            "A factor may begin with a minus, and a power begins with a factor.",
        ),
    ),
    Task(
        name="08-6",
        title="how sure must the network be?",
        right=1 / (1 + math.exp(11.9)),
        tolerance=2e-3,
        mistakes={
            "The places differ by more: one score is negative.": 1 / (1 + math.exp(8.1)),
            "Those are natural logarithms, not powers of 10.": 1 / (1 + 10**11.9),
            "That is the probability of the 1, not of the point.": 1 / (1 + math.exp(-11.9)),
            "That is the difference of two logarithms. Which odds does it balance?": 11.9,
            "Those are odds to the other side: how many times likelier the 1 is.": math.exp(11.9),
        },
        hints=(
            "The total of each reading is its logarithm of the network plus its place.",
            "At the limit both totals are the same: log(p) + 1.9 = log(1 - p) - 10.0.",
            "So log(p / (1 - p)) = -11.9. Solve this for p.",
        ),
    ),
    Task(
        name="08-7",
        title="predict: a narrow beam",
        right=("12+31", 3),
        parts=("the reading", "the width"),
        mistakes={
            "The reading is right. The width that finds the best one is another.": ("12+31", 2),
            "The reading is right. A narrower beam finds the best one, too.": ("12+31", 4),
            "The width is right. But a text does not end with a sign.": ("12+3+", 3),
            "The width is right. But with two readings at each place (2+ is lost.": ("(2+3)", 3),
            "With two readings at each place (2+ is lost: (2) is likelier.": ("(2+3)", 2),
            "A bracket that was never opened cannot be closed.": ("12)3)", 3),
        },
        hints=(
            "Multiply from left to right, and cross out all but the two best at each place.",
            "Behind the third place six readings are allowed. Which two are the best?",
            "The best reading of all must be in the beam at each place. Where is it hardest?",
        ),
    ),
    Task(
        name="08-8",
        title="a character error rate by hand",
        right=3 / 7,
        tolerance=5e-3,
        mistakes={
            "It compares place by place. First align the two: what is missing, what is new?": 5 / 7,
            "A replaced symbol counts twice, as deleted and inserted. It is one error.": 4 / 7,
            "Two texts of the same length can differ by symbols that come and go.": 1 / 7,
            "That is the number of errors. The rate divides it by the symbols written.": 3,
        },
        hints=(
            "Write the two below one another, so that as many symbols as possible agree.",
            "At the first place one is missing. Behind the equals sign there is one too many.",
            "Count the gaps in both lines, and the places where two symbols differ.",
        ),
    ),
)
