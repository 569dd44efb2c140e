"""Lesson 08: the grammar of arithmetic, its parser, and exact values.

The parser is a recursive descent [1]_: one function for each rule of the grammar. In Wirth's
notation, braces repeat and brackets may be left out:

    line    = sum { "=" sum }
    sum     = product { ( "+" | "-" ) product }
    product = factor { ( "×" | "÷" | "/" ) factor }
    factor  = [ "-" ] ( number | "(" sum ")" )
    number  = digit { digit } [ "." digit { digit } ]

A product without its sign, as in `2(3+4)`, is not part of it: a 1 and a / look too much alike.

.. [1] N. Wirth, "Compiler Construction", Addison-Wesley, 1996, chapter 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from lenet_helpers.errors import CourseError

DIGITS = "0123456789"
TIMES = ("×", "÷", "/")
LONGEST = 200  # characters; a line of handwriting has fewer
OTHER_SIGNS = str.maketrans(  # what keyboards and word processors write in their place
    {
        **dict.fromkeys("xX*·⋅", "×"),
        **dict.fromkeys("−–—‐‑", "-"),
        **dict.fromkeys("∕⁄", "/"),
        ":": "÷",
        ",": ".",
    }
)


class ExpressionError(CourseError):
    """The text is no arithmetic, or has no value."""


@dataclass(frozen=True)
class Number:
    """A number as it was written."""

    text: str


@dataclass(frozen=True)
class Negative:
    """A minus before a number or a bracket."""

    operand: Tree


@dataclass(frozen=True)
class Operation:
    """Two operands and the sign between them."""

    sign: str
    left: Tree
    right: Tree


Tree = Number | Negative | Operation


class Judgement(NamedTuple):
    """What a line is worth."""

    values: list[Fraction]  # of each side
    verdict: str  # what the equals signs are worth, in words; empty if there are none


def plain(text: str) -> str:
    """The text in the signs of this module: × for x and *, a point for a comma.

    Blanks go, but for those inside a number: 3 4 is not 34.
    """
    text = " ".join(text.split()).translate(OTHER_SIGNS)
    return re.sub("(?<![0-9.]) | (?![0-9.])", "", text)


def parse(text: str) -> list[Tree]:
    """The tree of each side of a line of arithmetic; one tree if there is no equals sign.

    Raises
    ------
    ExpressionError
        If the text is empty, too long, or does not follow the grammar; it says where.
    """
    text = plain(text)
    if not text:
        raise ExpressionError("There is nothing to read: the text is empty.")
    if len(text) > LONGEST:
        raise ExpressionError(f"The text has {len(text)} characters; at most {LONGEST} are read.")
    sides, place = [], 0
    while True:
        tree, place = _sum(text, place)
        sides.append(tree)
        if place == len(text):
            return sides
        if text[place] != "=":
            raise _unexpected(text, place)
        place += 1


def _sum(text: str, place: int) -> tuple[Tree, int]:
    """A rule takes the text and a place in it; it gives the tree and the place behind it."""
    tree, place = _product(text, place)
    while text[place : place + 1] in ("+", "-"):
        right, end = _product(text, place + 1)
        tree, place = Operation(text[place], tree, right), end
    return tree, place


def _product(text: str, place: int) -> tuple[Tree, int]:
    tree, place = _factor(text, place)
    while text[place : place + 1] in TIMES:
        right, end = _factor(text, place + 1)
        tree, place = Operation(text[place], tree, right), end
    return tree, place


def _factor(text: str, place: int) -> tuple[Tree, int]:
    if text[place : place + 1] == "-":
        tree, place = _atom(text, place + 1)
        return Negative(tree), place
    return _atom(text, place)


def _atom(text: str, place: int) -> tuple[Tree, int]:
    if text[place : place + 1] != "(":
        return _number(text, place)
    tree, end = _sum(text, place + 1)
    if end == len(text) or text[end] == "=":
        raise ExpressionError(
            f"{text} has unbalanced brackets: the one at place {place + 1} is never closed."
        )
    if text[end] != ")":
        raise _unexpected(text, end)
    return tree, end + 1


def _number(text: str, place: int) -> tuple[Tree, int]:
    end = _digits(text, place)
    if text[end : end + 1] == ".":
        end = _digits(text, end + 1)
    return Number(text[place:end]), end


def _digits(text: str, place: int) -> int:
    end = place
    while text[end : end + 1] and text[end] in DIGITS:
        end += 1
    if end == place:
        raise _unexpected(text, place)
    return end


def _unexpected(text: str, place: int) -> ExpressionError:
    if place == len(text):
        return ExpressionError(f"{text} ends too early: a number is missing.")
    if text[place] == ")":
        closed_too_often = text[:place].count("(") <= text[:place].count(")")
        if closed_too_often:
            return ExpressionError(
                f"{text} has unbalanced brackets: the one at place {place + 1} was never opened."
            )
    if text[place] == " ":
        return ExpressionError(
            f"{text} is no arithmetic: the blank at place {place + 1} parts a number. Write it "
            "without the blank, or put a sign there."
        )
    return ExpressionError(f"{text} is no arithmetic: {text[place]!r} at place {place + 1}.")


def evaluate(tree: Tree) -> Fraction:
    """The exact value of a tree.

    Raises
    ------
    ExpressionError
        If it divides by zero.
    """
    match tree:
        case Number(text):
            return Fraction(text)
        case Negative(operand):
            return -evaluate(operand)
        case Operation(sign, left, right):
            return _calculate(sign, evaluate(left), evaluate(right), tree)


def _calculate(sign: str, one: Fraction, other: Fraction, tree: Operation) -> Fraction:
    if sign == "+":
        return one + other
    if sign == "-":
        return one - other
    if sign == "×":
        return one * other
    if other == 0:
        raise ExpressionError(f"{write(tree)} divides by zero: it has no value.")
    return one / other


def write(tree: Tree) -> str:
    """A tree as text, with a bracket around each operation inside another."""
    match tree:
        case Number(text):
            return text
        case Negative(operand):
            inner = write(operand)
            return f"-{inner}" if isinstance(operand, Number) else f"-({inner})"
        case Operation(sign, left, right):
            return f"{_inner(left)}{sign}{_inner(right)}"


def _inner(tree: Tree) -> str:
    return f"({write(tree)})" if isinstance(tree, Operation) else write(tree)


def branches(tree: Tree) -> tuple[str, list]:
    """A tree as plain data: its sign or number, and the branches below."""
    match tree:
        case Number(text):
            return text, []
        case Negative(operand):
            return "-", [branches(operand)]
        case Operation(sign, left, right):
            return sign, [branches(left), branches(right)]


def judge(text: str) -> Judgement:
    """Value of each side, and whether the equals signs hold.

    A plain decimal number beside a sum may be rounded: 24/125=0.19 holds to the decimals given,
    since 0.19 is the nearest number of two decimals. Two plain numbers are equal or they are not.

    Raises
    ------
    ExpressionError
        If the text is no arithmetic, or divides by zero.
    """
    sides = parse(text)
    values = [evaluate(side) for side in sides]
    verdict = "holds" if len(sides) > 1 else ""
    for number in range(1, len(sides)):
        difference = abs(values[number] - values[number - 1])
        if difference == 0:
            continue
        if difference > _rounding(sides[number - 1], sides[number]):
            left = write_value(values[number - 1])
            right = write_value(values[number])
            return Judgement(values, f"does not hold: {left} is not {right}")
        verdict = "holds to the decimals given"
    return Judgement(values, verdict)


def _rounding(one: Tree, other: Tree) -> Fraction:
    """Half a unit of the last decimal of the plain number, if one of two sides is one; else 0."""
    bare = [side.operand if isinstance(side, Negative) else side for side in (one, other)]
    numbers = [number for number in bare if isinstance(number, Number)]
    decimals = numbers[0].text.partition(".")[2] if len(numbers) == 1 else ""
    return Fraction(1, 2 * 10 ** len(decimals)) if decimals else Fraction(0)


def write_value(value: Fraction) -> str:
    """An exact value in words a student reads: 12, 24/125 = 0.192, or 1/3 ≈ 0.333333.

    Six digits are given, and those before the point in any case.
    """
    if value.denominator == 1:
        return str(value.numerator)
    digits = max(6, len(str(abs(value.numerator) // value.denominator)))
    decimal = Context(prec=digits).divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{value} {'=' if Fraction(decimal) == value else '≈'} {decimal:f}"


class State(NamedTuple):
    """Where a reader of the grammar stands, from left to right."""

    place: str = "operand"  # what came last, or must come: see `follow`
    depth: int = 0  # open brackets

    @property
    def may_end(self) -> bool:
        return self.depth == 0 and self.place in ("whole", "decimals", "closed")


def follow(state: State, symbol: str) -> State | None:
    """The state after one more symbol; None where the grammar forbids it.

    From left to right the grammar needs only the last kind of symbol and the open brackets.
    """
    place, depth = state
    if symbol in DIGITS:
        after = {"operand": "whole", "sign": "whole", "point": "decimals", "closed": None}
        place = after.get(place, place)  # within a number nothing changes
        return State(place, depth) if place else None
    if place in ("operand", "sign"):
        if symbol == "(":
            return State("operand", depth + 1)
        return State("sign", depth) if symbol == "-" and place == "operand" else None
    if symbol == ".":
        return State("point", depth) if place == "whole" else None
    if place == "point" or symbol == "(":
        return None
    if symbol == ")":
        return State("closed", depth - 1) if depth else None
    if symbol == "=":
        return State("operand", 0) if depth == 0 else None
    return State("operand", depth)
