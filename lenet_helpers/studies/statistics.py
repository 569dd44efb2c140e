"""Lesson 04: what a comparison over seeds shows: intervals, and a paired test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from lenet_helpers.studies.records import Comparison, Record

LEVEL = 0.05  # the chance of finding a difference that is not there, over all claims together


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


class Paired(NamedTuple):
    """Mean difference of two variants over the same seeds, its interval, and a p-value."""

    difference: Interval
    p_value: float
    pairs: int


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of independent values and its confidence interval by Student's t distribution.

    Raises
    ------
    ValueError
        If there are fewer than two values: one run says nothing about the spread.
    """
    return _around(values, _student(len(values), confidence) / len(values) ** 0.5)


def reach(count: int, confidence: float = 0.95) -> float:
    """How many standard deviations around the mean of `count` runs one further run may lie.

    t √(1 + 1/n), with Student's t for n - 1 degrees of freedom. It is also how far from the mean a
    published number has to be before the study can tell it from its own runs.

    Raises
    ------
    ValueError
        If there are fewer than two runs: one says nothing about the spread.
    """
    return _student(count, confidence) * (1 + 1 / count) ** 0.5


def further_run(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of `values`, and the interval in which one further value lies with that probability.

    The prediction interval of a normal distribution whose mean and spread are both estimated,
    mean ± `reach` · s (G. J. Hahn, W. Q. Meeker, "Statistical Intervals", 1991).

    Raises
    ------
    ValueError
        If there are fewer than two values.
    """
    return _around(values, reach(len(values), confidence))


def _student(count: int, confidence: float) -> float:
    """The bound ±t that a mean of `count` values, in its standard errors, keeps to so often."""
    if count < 2:
        raise ValueError(f"an interval needs at least 2 values, not {count}")
    return float(stats.t.ppf((1 + confidence) / 2, count - 1))


def _around(values: Sequence[float], width: float) -> Interval:
    """Their mean, and so many of their standard deviations on either side."""
    mean, reach = float(np.mean(values)), width * float(np.std(values, ddof=1))
    return Interval(mean, mean - reach, mean + reach)


def paired_test(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Whether `first` differs from `second`, value by value for the same seeds.

    The p-value is that of the sign-flip test: had the variant no effect, each difference could
    as well have the other sign. It is the share of all 2^n sign patterns whose mean difference
    is at least as far from zero as the one measured, and supposes no normal distribution.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values cannot be paired with {len(second)}")
    differences = np.subtract(first, second, dtype=float)
    return Paired(mean_interval(differences), _sign_flip_p_value(differences), len(differences))


def _sign_flip_p_value(differences: np.ndarray) -> float:
    """Exact, from the sums of two halves: their 2^(n/2) patterns fit in memory, 2^n do not."""
    left, right = (_signed_sums(half) for half in np.array_split(differences, 2))
    right.sort()
    # equal sums differ in their last digits by the order in which they were added up
    bound = abs(differences.sum()) - 1e-12 * np.abs(differences).sum()
    if bound <= 0:
        return 1.0
    upper = len(right) - np.searchsorted(right, bound - left, side="left")
    return 2 * int(upper.sum()) / (len(left) * len(right))  # as many lie as far below zero


def _signed_sums(values: np.ndarray) -> np.ndarray:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def epochs_or_one_more(records: Sequence[Record], accuracy: float = 0.98) -> list[int]:
    """First epoch of each run after which the watched accuracy is at least `accuracy`.

    A run that never got there counts as one epoch more than it had.
    """
    curves = [np.array([*record.column("validation_accuracy"), accuracy]) for record in records]
    return [int(np.argmax(curve >= accuracy)) + 1 for curve in curves]


def paired_variants(
    comparison: Comparison, recipe: str, first: str, second: str
) -> list[tuple[Record, Record]]:
    """The runs of two variants, joined by their seed; a seed that only one has is left out."""
    others = {record.seed: record for record in comparison.of(recipe, second)}
    return [(r, others[r.seed]) for r in comparison.of(recipe, first) if r.seed in others]


def final_accuracies(records: Sequence[Record]) -> list[float]:
    """Test accuracy after the last epoch of each run."""
    return [record.test_accuracy for record in records]


def cpu_seconds_per_epoch(records: Sequence[Record]) -> list[float]:
    """Processor seconds of each run, its measuring included, divided by its epochs."""
    return [record.cpu_seconds / len(record.epochs) for record in records]
