"""Lesson 08: the likeliest way through a line of ink, from left to right.

It is a beam search [1]_: at each place only the best ways so far go on.

.. [1] B. T. Lowerre, "The HARPY speech recognition system", PhD thesis, Carnegie Mellon
   University, 1976.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappush, heapreplace
from typing import NamedTuple

import numpy as np

from lenet_helpers.reading import tuned
from lenet_helpers.reading.grammar import Grammar, State, follow, may_end
from lenet_helpers.reading.parts import Box

ALTERNATIVES = 5
LEFT_OUT = ""  # the symbol of a piece that is no part of the text


class Candidate(NamedTuple):
    """One way to read a group of neighbouring pieces."""

    start: int  # its first piece
    end: int  # the piece behind its last
    symbol: str
    score: float  # logarithm of a probability: network, size and place together
    probability: float  # the network's alone
    box: Box


class Path(NamedTuple):
    """Symbols from left to right, the sum of their scores, and where the grammar stands."""

    score: float
    symbols: tuple[Candidate, ...]
    state: State

    @property
    def text(self) -> str:
        return "".join(candidate.symbol for candidate in self.symbols)


def search(
    candidates: Sequence[Sequence[Candidate]], borders: Sequence[float], grammar: Grammar | None
) -> list[Path]:
    """Ways through the whole line, best first; only what `grammar` allows, if there is one.

    A beam search: at each place only the `tuned.BEAM` best ways so far go on.

    Parameters
    ----------
    candidates
        For each place, those that start there; each says where it ends.
    borders
        Score of a border between two symbols at each place, and at the end.
    grammar
        What may follow what, and where the text may end; None if all may.
    """
    beams: list[list[Path]] = [[] for _ in range(len(candidates) + 1)]  # heaps, the worst first
    beams[0] = [Path(0.0, (), State())]
    for place, starting in enumerate(candidates):
        for path in beams[place]:
            for candidate in starting:
                beam = beams[candidate.end]
                score = path.score + candidate.score + borders[candidate.end]
                if len(beam) == tuned.BEAM and score <= beam[0].score:
                    continue
                state = path.state
                if grammar and candidate.symbol != LEFT_OUT:
                    state = follow(grammar, state, candidate.symbol)
                if state:
                    longer = Path(score, (*path.symbols, candidate), state)
                    (heappush if len(beam) < tuned.BEAM else heapreplace)(beam, longer)
    whole = [path for path in beams[-1] if not grammar or may_end(grammar, path.state)]
    return sorted(whole, reverse=True)


def alternatives(paths: Sequence[Path]) -> list[tuple[str, float]]:
    """The likeliest texts with their probabilities; ways to the same text are added up."""
    scores = np.array([path.score - paths[0].score for path in paths])
    weights = np.exp(scores / tuned.TEMPERATURE)
    texts: dict[str, float] = {}
    for path, weight in zip(paths, weights / weights.sum(), strict=True):
        texts[path.text] = texts.get(path.text, 0.0) + float(weight)
    first = paths[0].text  # what was chosen stays first, whatever the sums say
    order = sorted(texts, key=lambda text: (text != first, -texts[text]))
    return [(text, texts[text]) for text in order[:ALTERNATIVES]]
