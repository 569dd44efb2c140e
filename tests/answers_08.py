"""Lesson 08's tasks, answered wrongly and rightly in other ways than its own checks do."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache

import numpy as np
import torch

from lenet_helpers.commands.answers import edit_distance
from lenet_helpers.reading.search import Candidate, search


def greedy(candidates):
    place, text, score = 0, "", 0.0
    while place < len(candidates):
        end, symbol, more = sorted(candidates[place], key=lambda c: -c[2])[0]
        place, text, score = end, text + symbol, score + more
    return text, score


def last_stays(candidates):
    """A candidate replaces what was found before."""
    best = {0: ("", 0.0)}
    for place, starting in enumerate(candidates):
        for end, symbol, more in starting:
            best[end] = (best[place][0] + symbol, best[place][1] + more)
    return best[len(candidates)]


def best_of_zero(candidates):
    """All places begin with the score 0."""
    scores, texts = [0.0] * (len(candidates) + 1), [""] * (len(candidates) + 1)
    for place, starting in enumerate(candidates):
        for end, symbol, more in starting:
            if scores[place] + more > scores[end]:
                scores[end], texts[end] = scores[place] + more, texts[place] + symbol
    return texts[-1], scores[-1]


def fewest_symbols(candidates):
    best = [(0, 0.0, "")] + [(99, 0.0, "")] * len(candidates)
    for place, starting in enumerate(candidates):
        count, score, text = best[place]
        for end, symbol, more in starting:
            best[end] = min(best[end], (count + 1, score - more, text + symbol))
    return best[-1][2], -best[-1][1]


def backwards(candidates):
    """From the end of the line, by recursion."""

    @cache
    def rest(place):
        if place == len(candidates):
            return 0.0, ""
        return max(
            (score + rest(end)[0], symbol + rest(end)[1])
            for end, symbol, score in candidates[place]
        )

    score, text = rest(0)
    return text, score


def by_the_kit(candidates):
    box = (0, 0, 1, 1)
    starting = [
        [Candidate(place, end, symbol, score, 1.0, box) for end, symbol, score in options]
        for place, options in enumerate(candidates)
    ]
    path = search(starting, [0.0] * (len(candidates) + 1), None)[0]
    return [path.text, np.float64(path.score)]


def letter_by_letter(text, signs=1, number=Fraction):
    """A factor without a regular expression."""
    minus = 0
    while text[minus : minus + 1] == "-" and minus < signs:
        minus += 1
    end = minus
    while text[end : end + 1].isdigit():
        end += 1
    if end == minus:
        raise ValueError("a digit is missing")
    if text[end : end + 1] == ".":
        digits = len(text[end + 1 :]) - len(text[end + 1 :].lstrip("0123456789"))
        if digits == 0:
            raise ValueError("decimals are missing")
        end += 1 + digits
    return (-1) ** minus * number(text[minus:end]), text[end:]


def none_for_refused(text):
    try:
        return letter_by_letter(text)
    except ValueError:
        return None


def float_factor(text):
    value, rest = letter_by_letter(text)
    return float(value), rest


def by_pattern(pattern):
    def read(text):
        found = re.match(pattern, text)
        if not found or not found[0]:
            raise ValueError
        return Fraction(found[0]), text[found.end() :]

    return read


def many_signs(text):
    value, rest = letter_by_letter(text.lstrip("-"))
    return (-value if text[0] == "-" else value), rest


def whole_text(text):
    value, rest = letter_by_letter(text)
    if rest:
        raise ValueError("something is left over")
    return value, rest


def too_kind(text):
    negative = text.startswith("-")
    text = text.lstrip("-")
    number = re.match(r"[0-9]*\.?[0-9]*", text)[0]
    return (-Fraction(number) if negative else Fraction(number)), text[len(number) :]


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "08-1": [
        (greedy, "What it leaves may be bad"),
        (last_stays, "most symbols"),
        (best_of_zero, "Begin lower"),
        (fewest_symbols, "fewest symbols"),
        (lambda c: (by_the_kit(c)[0], 0.0), "Look at the score"),
        (lambda c: by_the_kit(c)[1], "2 results"),
    ],
    "08-2": [
        ((46, 62), "does not go through M"),
        ((50, 50), "straight"),
        ([38, 86], "do not count the same"),
        ((58, 26), "other side"),
        ((74, 42), "swapped"),
        (42, "2 values expected"),
    ],
    "08-3": [
        (0.142857, "smaller, not larger"),
        (0.4, "add up to 1"),
        (0.85, "goes to both"),
        (0.272727, "of the slash"),
        (1.6, "not between"),
    ],
    "08-4": [
        (too_kind, "All three"),
        (by_pattern(r"-?[0-9]+\.?[0-9]*"), "end with a point"),
        (by_pattern(r"-?[0-9]*\.[0-9]+|-?[0-9]+"), "begin with a point"),
        (many_signs, "Two minus signs"),
        (by_pattern(r"-?[0-9]+"), "Decimals are refused"),
        (by_pattern(r"-?[0-9](\.[0-9])?"), "one digit"),
        (by_pattern(r"[0-9]+(\.[0-9]+)?"), "minus before a number is refused"),
        (float_factor, "float"),
        (whole_text, "as the rest"),
        (lambda text: letter_by_letter(text, number=str), "Look at a whole number"),
        (by_pattern(r"-?[0-9]+\.?[0-9]+"), "Look at a number of one digit"),
        (none_for_refused, "the rest of the text, or raise"),
    ],
    "08-5": [
        ((64, 4, 18), "grouped from the left. "),
        ((512, -4, 18), "whose is the minus"),
        ((64, -4, 18), "and the minus is not"),
        ((512, 4, 36), "inside the product"),
        ((64, 4, 36), "without a grammar"),
        ((512, 4), "3 results"),
    ],
    "08-6": [
        (0.000303446, "differ by more"),
        (1.2589e-12, "powers of 10"),
        (0.9999932, "not of the point"),
        (11.9, "Which odds"),
        (147266.6, "other side"),
        (0.5, "another one"),
    ],
    "08-7": [
        (("12+31", 2), "finds the best one is another"),
        (("12+31", 4), "narrower beam"),
        (("12+3+", 3), "end with a sign"),
        (("(2+3)", 3), "The width is right. But with two"),
        (("(2+3)", 2), "(2) is likelier"),
        (("12)3)", 3), "never opened"),
    ],
    "08-8": [
        (5 / 7, "align"),
        (4 / 7, "twice"),
        (1 / 7, "come and go"),
        (3, "number of errors"),
    ],
}
# Name -> right answers in another form.
RIGHT = {
    "08-1": [backwards, by_the_kit],
    "08-2": [(42, 74), np.array([42, 74]), torch.tensor([42.0, 74.0])],
    "08-3": [8 / 11, 0.727, Fraction(8, 11)],
    "08-4": [
        letter_by_letter,
        by_pattern(r"-?[0-9]+(\.[0-9]+)?"),
        lambda text: letter_by_letter(text, number=lambda digits: Fraction(Decimal(digits))),
    ],
    "08-5": [[2**3**2, (-2) ** 2, 2 * 3**2], (512.0, 4.0, 18.0)],
    "08-6": [math.exp(-11.9) / (1 + math.exp(-11.9)), 6.8e-6],
    "08-7": [["12+31", 3], (" 12+31", np.int64(3))],
    "08-8": [edit_distance("12+7=19", "2+1=119") / 7, 0.43, np.float32(3 / 7)],
}
