"""Lesson 08: the grammar of arithmetic: what may follow what, and the tree of a text.

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
from collections.abc import Callable
from typing import NamedTuple

from lenet_helpers.errors import CourseError

DIGITS = "0123456789"
CLASSES = DIGITS + "+-×÷/=()."  # what is read of arithmetic; the network's 19 classes, in order
MOST_CHARACTERS = 200  # a line of handwriting has fewer
NUMERAL = re.compile(f"[{DIGITS}.]+")  # where the grammar allows one
# What keyboards and word processors write in their place.
OTHER_SIGNS = str.maketrans("xX*·⋅−–—‐‑∕⁄:,", "×" * 5 + "-" * 5 + "//" + "÷.")


class ExpressionError(CourseError):
    """The text is no arithmetic, or has no value."""


class Grammar(NamedTuple):
    """What may follow what, read from left to right; it needs only the kind of the last symbol.

    Brackets are counted beside it. `followers` says for each kind which symbols may come next, and
    what kind they are; reading starts at "start" and may stop at the kinds of `ends`.
    """

    name: str  # of what follows it, in words
    followers: dict[str, dict[str, str]]
    ends: tuple[str, ...]

    @property
    def symbols(self) -> set[str]:
        return {symbol for after in self.followers.values() for symbol in after}


class State(NamedTuple):
    """Where a reader of a grammar stands."""

    kind: str = "start"
    depth: int = 0  # open brackets


SIGNS = dict.fromkeys("+-×÷/=", "start")
FIGURES = dict.fromkeys(DIGITS, "digit")
DIGIT = Grammar("one digit", {"start": FIGURES, "digit": {}}, ("digit",))
CHARACTER = Grammar("one character", {"start": dict.fromkeys(CLASSES, "end"), "end": {}}, ("end",))
NUMBER = Grammar("a number", {"start": FIGURES, "digit": FIGURES}, ("digit",))
ARITHMETIC = Grammar(
    "arithmetic",
    {
        "start": {**dict.fromkeys(DIGITS, "whole"), "(": "start", "-": "sign"},
        "sign": {**dict.fromkeys(DIGITS, "whole"), "(": "start"},
        "whole": {**dict.fromkeys(DIGITS, "whole"), ".": "point", ")": "closed", **SIGNS},
        "point": dict.fromkeys(DIGITS, "decimals"),
        "decimals": {**dict.fromkeys(DIGITS, "decimals"), ")": "closed", **SIGNS},
        "closed": {")": "closed", **SIGNS},
    },
    ("whole", "decimals", "closed"),
)


def follow(grammar: Grammar, state: State, symbol: str) -> State | None:
    """The state after one more symbol; None where the grammar forbids it."""
    kind = grammar.followers[state.kind].get(symbol)
    paired = bool(grammar.followers.get(kind))  # a bracket that stands alone has no other one
    depth = state.depth + paired * ((symbol == "(") - (symbol == ")"))
    unbalanced = depth < 0 or (symbol == "=" and depth > 0)
    return None if kind is None or unbalanced else State(kind, depth)


def may_end(grammar: Grammar, state: State) -> bool:
    """Whether a reading may stop here."""
    return state.depth == 0 and state.kind in grammar.ends


class Tree(NamedTuple):
    """A number as it was written, or a sign with what it stands between or before."""

    text: str  # the number, or the sign
    branches: tuple[Tree, ...] = ()  # none of a number, one behind a minus, two of an operation


def plain(text: str) -> str:
    """The text in the signs of this module: × for x and *, a point for a comma.

    Blanks go, but for those inside a number: 3 4 is not 34.
    """
    text = " ".join(text.split()).translate(OTHER_SIGNS)
    return re.sub("(?<![0-9.]) | (?![0-9.])", "", text)


def parse(text: str) -> list[Tree]:
    """The tree of each side of a line of arithmetic; one tree if there is no equals sign.

    `ARITHMETIC` says whether the text follows the grammar; the rules below only read it.

    Raises
    ------
    ExpressionError
        If the text is empty, too long, or does not follow the grammar; it says where.
    """
    text = plain(text)
    if not text:
        raise ExpressionError("There is nothing to read: the text is empty.")
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(
            f"The text has {len(text)} characters; at most {MOST_CHARACTERS} are read."
        )
    state = State()
    for place, sign in enumerate(text + "="):  # it may end where an equals sign may stand
        after = follow(ARITHMETIC, state, sign)
        if after is None:
            raise _unexpected(text, place, state)
        state = after
    return [_sum(side, 0)[0] for side in text.split("=")]


def _sum(text: str, place: int) -> tuple[Tree, int]:
    """A rule takes the text and a place in it; it gives the tree and the place behind it."""
    return _chain(text, place, ("+", "-"), _product)


def _product(text: str, place: int) -> tuple[Tree, int]:
    return _chain(text, place, ("×", "÷", "/"), _factor)


def _chain(text: str, place: int, signs: tuple[str, ...], rule: Callable) -> tuple[Tree, int]:
    """What sums and products share: one rule again and again, with signs between."""
    tree, place = rule(text, place)
    while text.startswith(signs, place):
        right, end = rule(text, place + 1)
        tree, place = Tree(text[place], (tree, right)), end
    return tree, place


def _factor(text: str, place: int) -> tuple[Tree, int]:
    """The number is the last one of the rules; `NUMERAL` reads it."""
    if text[place] == "-":
        tree, end = _factor(text, place + 1)
        return Tree("-", (tree,)), end
    if text[place] == "(":
        tree, end = _sum(text, place + 1)
        return tree, end + 1
    number = NUMERAL.match(text, place)
    return Tree(number[0]), number.end()


def _unexpected(text: str, place: int, state: State) -> ExpressionError:
    """Why the text cannot go on at a place, or end there."""
    unbalanced = f"{text} has unbalanced brackets: the one at place"
    if state.depth and state.kind in ARITHMETIC.ends and text[place : place + 1] in ("=", ""):
        before = [text[n:place] for n in range(place)]
        bracket = max(n for n, some in enumerate(before) if some.count("(") > some.count(")"))
        return ExpressionError(f"{unbalanced} {bracket + 1} is never closed.")
    if place == len(text):
        return ExpressionError(f"{text} ends too early: a number is missing.")
    if text[place] == ")" and not state.depth:
        return ExpressionError(f"{unbalanced} {place + 1} was never opened.")
    if text[place] == " ":
        return ExpressionError(
            f"{text} is no arithmetic: the blank at place {place + 1} parts a number. Write it "
            "without the blank, or put a sign there."
        )
    return ExpressionError(f"{text} is no arithmetic: {text[place]!r} at place {place + 1}.")
