"""Grammar, parser and exact values, against Python's own reading of the same text."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from conftest import accepts
from hypothesis import example, given
from hypothesis import strategies as st

from lenet_helpers.errors import CourseError
from lenet_helpers.reading.arithmetic import value_of, work_out, write_tree, write_value
from lenet_helpers.reading.grammar import (
    ARITHMETIC,
    ExpressionError,
    Tree,
    parse,
)

NUMBERS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,2})?", fullmatch=True)
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-×÷/"), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-({text})" if text.startswith("-") else f"-{text}"),
    ),
    max_leaves=8,
)


def by_python(text: str) -> Fraction:
    """Python's own grammar and precedence, with every number an exact fraction."""
    source = text.replace("×", "*").replace("÷", "/")
    return eval(re.sub(r"[0-9.]+", r"Fraction('\g<0>')", source), {"Fraction": Fraction})


@given(SUMS)
@example("2-3-4")
@example("8/4/2")
@example("-2×-3")
@example("1+2×3")
def test_a_sum_has_the_value_python_gives_it(text):
    try:
        expected = by_python(text)
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="divides by zero"):
            value_of(parse(text)[0])
    else:
        (tree,) = parse(text)
        assert value_of(tree) == expected


@given(st.text("0123456789+-×÷/=().", min_size=1, max_size=7) | SUMS)
@example("-(1)")
@example("--1")
@example("1=-(2.5)")
def test_reading_from_left_to_right_accepts_what_the_parser_accepts(text):
    try:
        parse(text)
        parses = True
    except ExpressionError:
        parses = False
    assert accepts(ARITHMETIC, text) == parses


@given(SUMS)
def test_a_written_tree_is_read_as_the_same_tree(text):
    (tree,) = parse(text)
    assert parse(write_tree(tree)) == [tree]


def test_the_tree_of_a_product_in_a_sum():
    expected = Tree("+", (Tree("1"), Tree("×", (Tree("2"), Tree("3")))))
    assert parse("1+2×3") == [expected]


@pytest.mark.parametrize("text", ["3x4", "3X4", "3*4", "3 × 4", "3·4"])
def test_signs_that_mean_times(text):
    assert work_out(text).values == [12]


def test_a_comma_a_colon_and_a_real_minus_sign():
    assert work_out("1,5:3−1").values == [Fraction(-1, 2)]


@pytest.mark.parametrize("minus", "-−–—‐‑")
def test_every_dash_is_a_minus(minus):
    assert work_out(f"5 {minus} 3 = 2").equality == "holds"


def test_blanks_stand_between_signs_and_not_inside_a_number():
    assert work_out("  12 +  3\u00a0= 15 ").equality == "holds"
    for text, place in (("3 4=34", 2), ("1  2", 2), ("1. 5", 3), ("1 .5", 2), ("2+1 000", 4)):
        with pytest.raises(ExpressionError, match=f"the blank at place {place} parts a number"):
            work_out(text)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("1+1=2", "holds"),
        ("6×6=4×9", "holds"),
        ("25=1+3×8=1+3×(2+3×2)", "holds"),
        ("24/125=0.19", "holds to the decimals given"),
        ("0.19=24/125", "holds to the decimals given"),
        ("1/8=0.13", "holds to the decimals given"),  # 0.125 lies in the middle
        ("1/8=0.12", "holds to the decimals given"),
        ("0-2/3=-0.67", "holds to the decimals given"),
        ("0.5=0.54", "does not hold: 1/2 = 0.5 is not 27/50 = 0.54"),  # nothing was rounded here
        ("3.0=2.95", "does not hold: 3 is not 59/20 = 2.95"),
        ("-0.5=-0.54", "does not hold: -1/2 = -0.5 is not -27/50 = -0.54"),
        ("24/125=0.192=0.19", "does not hold: 24/125 = 0.192 is not 19/100 = 0.19"),
        ("0.50=0.5", "holds"),
        ("24/125=0.2-0.01", "does not hold: 24/125 = 0.192 is not 19/100 = 0.19"),
        ("24/125=0.18", "does not hold: 24/125 = 0.192 is not 9/50 = 0.18"),
        ("10/3=3", "does not hold: 10/3 ≈ 3.33333 is not 3"),
        ("14+61=74", "does not hold: 75 is not 74"),
        ("872-91=881-100=781", "holds"),
        ("1=1=2", "does not hold: 1 is not 2"),
        ("2+2", ""),
    ],
)
def test_what_an_equals_sign_is_worth(text, verdict):
    assert work_out(text).equality == verdict


def test_an_equation_has_the_value_of_each_side():
    assert work_out("0.1+0.2=0.3").values == [Fraction(3, 10)] * 2  # floats would not agree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to read"),
        ("  ", "nothing to read"),
        ("5/(2-2)", r"5/\(2-2\) divides by zero"),
        ("(1+2", "unbalanced brackets: the one at place 1 is never closed"),
        ("2×((1+2)=6", "unbalanced brackets: the one at place 3 is never closed"),
        ("1+2)", "unbalanced brackets: the one at place 4 was never opened"),
        ("1+", "ends too early"),
        ("()", r"no arithmetic: '\)' at place 2"),
        ("3++4", r"no arithmetic: '\+' at place 3"),
        ("2(3+4)", r"no arithmetic: '\(' at place 2"),
        ("1.2.3", r"no arithmetic: '\.' at place 4"),
        (".5", r"no arithmetic: '\.' at place 1"),
        ("2=", "ends too early"),
        ("__import__", "no arithmetic"),
        ("²", "no arithmetic"),
        ("(" * 10_000, "10000 characters; at most 200"),
    ],
)
def test_what_is_wrong_is_said_in_words(text, message):
    with pytest.raises(CourseError, match=message):
        work_out(text)


def test_the_longest_text_with_the_deepest_brackets_is_read():
    assert work_out("(" * 99 + "7" + ")" * 99).values == [7]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(12), "12"),
        (Fraction(24, 125), "24/125 = 0.192"),
        (Fraction(-1, 3), "-1/3 ≈ -0.333333"),
        (Fraction(1, 10**9), "1/1000000000 = 0.000000001"),
        (Fraction(1, 3 * 10**9), "1/3000000000 ≈ 0.000000000333333"),
        (Fraction(10**10, 3), "10000000000/3 ≈ 3333333333"),
        (Fraction(1, 10**400), None),
        (Fraction(10**400, 3), None),
    ],
)
def test_values_in_words(value, text):
    written = write_value(value)
    if text is not None:
        assert written == text
    assert Fraction(written.split()[0]) == value
