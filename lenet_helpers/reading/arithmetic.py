"""Lesson 08: exact values of arithmetic, and whether an equals sign holds."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from operator import add, mul, sub, truediv
from typing import NamedTuple

from lenet_helpers.reading.grammar import ExpressionError, Tree, parse

OPERATIONS = {"+": add, "-": sub, "×": mul, "÷": truediv, "/": truediv}


class Worth(NamedTuple):
    """What a line is worth."""

    values: list[Fraction]  # of each side
    equality: str  # whether the equals signs hold, in words; empty if there are none


def value_of(tree: Tree) -> Fraction:
    """The exact value of a tree.

    Raises
    ------
    ExpressionError
        If it divides by zero.
    """
    values = [value_of(branch) for branch in tree.branches]
    if not values:
        return Fraction(tree.text)
    if len(values) == 1:
        return -values[0]
    try:
        return OPERATIONS[tree.text](*values)
    except ZeroDivisionError as error:
        raise ExpressionError(f"{write_tree(tree)} divides by zero: it has no value.") from error


def write_tree(tree: Tree) -> str:
    """A tree as text, with a bracket around each operation inside another."""
    inner = [f"({write_tree(each)})" if each.branches else each.text for each in tree.branches]
    return "".join([*inner[:-1], tree.text, *inner[-1:]])


def work_out(text: str) -> Worth:
    """Value of each side, and whether the equals signs hold.

    A plain decimal number beside a sum may be rounded: 24/125=0.19 holds to the decimals given,
    since 0.19 is the nearest number of two decimals. Two plain numbers are equal or they are not.

    Raises
    ------
    ExpressionError
        If the text is no arithmetic, or divides by zero.
    """
    sides = parse(text)
    values = [value_of(side) for side in sides]
    equality = "holds" if len(sides) > 1 else ""
    for number in range(1, len(sides)):
        one, other = values[number - 1 : number + 1]
        if abs(one - other) > _rounding(*sides[number - 1 : number + 1]):
            return Worth(values, f"does not hold: {write_value(one)} is not {write_value(other)}")
        if one != other:
            equality = "holds to the decimals given"
    return Worth(values, equality)


def _rounding(one: Tree, other: Tree) -> Fraction:
    """Half a unit of the last decimal of the plain number, if one of two sides is one; else 0."""
    bare = [side.branches[0] if len(side.branches) == 1 else side for side in (one, other)]
    numbers = [number.text for number in bare if not number.branches]
    decimals = numbers[0].partition(".")[2] if len(numbers) == 1 else ""
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
