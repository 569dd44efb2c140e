"""Lesson 04: what a comparison over seeds shows: intervals, a paired test, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from lenet_helpers.studies.runner import Comparison, Record

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


class Finding(NamedTuple):
    """A claim beside what was measured, and the verdict."""

    claim: str
    measured: str
    p_value: float | None  # None where no difference is tested
    verdict: str


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of independent values and its confidence interval by Student's t distribution.

    Raises
    ------
    ValueError
        If there are fewer than two values: one run says nothing about the spread.
    """
    if len(values) < 2:
        raise ValueError(f"an interval needs at least 2 values, not {len(values)}")
    mean, error = float(np.mean(values)), float(stats.sem(values))
    reach = error * float(stats.t.ppf((1 + confidence) / 2, len(values) - 1))
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
    middle = len(differences) // 2
    left, right = (_signed_sums(half) for half in (differences[:middle], differences[middle:]))
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


def epochs_to(record: Record, accuracy: float = 0.98) -> int | None:
    """First epoch after which the watched accuracy is at least `accuracy`; None if never."""
    for number, value in enumerate(record.column("validation_accuracy"), start=1):
        if value >= accuracy:
            return number
    return None


def epochs_or_one_more(records: Sequence[Record], accuracy: float = 0.98) -> list[int]:
    """`epochs_to` of each run; one that never got there counts as one epoch more than it had."""
    return [epochs_to(r, accuracy) or len(r.epochs) + 1 for r in records]


def verdict_on_difference(test: Paired, expected_sign: int, level: float) -> str:
    """Whether a claimed difference of that sign (+1 or -1) was found.

    "confirmed" if the test finds a difference and the mean has the claimed sign, "contradicted"
    if it finds one of the other sign, "not shown" if the p-value is not below `level`.
    """
    if test.p_value >= level:
        return "not shown"
    return "confirmed" if test.difference.mean * expected_sign > 0 else "contradicted"


def verdict_on_epoch(epochs: Sequence[int], claimed: int) -> str:
    """ "as published" if the claimed epoch lies in the range seen over the seeds."""
    low, high = min(epochs), max(epochs)
    if low <= claimed <= high:
        return "as published"
    return "sooner than published" if high < claimed else "later than published"


def paired_variants(
    comparison: Comparison, recipe: str, first: str, second: str
) -> list[tuple[Record, Record]]:
    """The runs of two variants, joined by their seed; a seed that only one has is left out."""
    others = {record.seed: record for record in comparison.of(recipe, second)}
    return [(r, others[r.seed]) for r in comparison.of(recipe, first) if r.seed in others]


def tutorial_findings(comparison: Comparison) -> list[Finding]:
    """The tutorial's claims beside the study of `sgd-plain`, each with its verdict.

    Three differences are tested, so each at a third of `LEVEL` (Bonferroni's correction).
    """
    pairs = paired_variants(comparison, "sgd-plain", "both", "none")
    both, none = [list(records) for records in zip(*pairs, strict=True)]
    findings = [
        _epoch_finding("98 % first in epoch 6, without the layers", none, 6),
        _epoch_finding("98 % first in epoch 3, with both", both, 3),
    ]
    tests = (
        ("98 % in fewer epochs with both", epochs_or_one_more, -1, "{:+.1f} epochs", 1),
        ("higher final accuracy with both", final_accuracies, +1, "{:+.2f} points", 100),
        ("longer training with both", cpu_seconds_per_epoch, +1, "{:+.1f} s per epoch", 1),
    )
    for claim, values_of, sign, form, scale in tests:
        test = paired_test(values_of(both), values_of(none))
        measured = form.format(test.difference.mean * scale)
        found = verdict_on_difference(test, sign, LEVEL / len(tests))
        findings.append(Finding(claim, measured, test.p_value, found))
    return findings


def final_accuracies(records: Sequence[Record]) -> list[float]:
    """Test accuracy after the last epoch of each run."""
    return [record.test_accuracy for record in records]


def cpu_seconds_per_epoch(records: Sequence[Record]) -> list[float]:
    """Processor seconds of each run, its measuring included, divided by its epochs."""
    return [record.cpu_seconds / len(record.epochs) for record in records]


def _epoch_finding(claim: str, records: Sequence[Record], claimed: int) -> Finding:
    epochs = epochs_or_one_more(records)
    measured = f"epoch {min(epochs)} to {max(epochs)}, median {np.median(epochs):g}"
    return Finding(claim, measured, None, verdict_on_epoch(epochs, claimed))
