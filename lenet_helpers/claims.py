"""Lesson 09: what six published trainings claim, beside what they give over several seeds.

The rule of the verdict: a published number is one run. From our seeds we compute the interval in
which one further run lies with 95 % probability, and see whether the claim lies inside, above or
below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from lenet_helpers import evidence
from lenet_helpers.comparison import Comparison, Record
from lenet_helpers.reproduction import AS_PUBLISHED

INFINITY = float("inf")


def final_accuracy(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Test accuracy after the last epoch, one value for each seed; so in what follows."""
    return evidence.final_accuracies(study.of(recipe, variant))


def mean_accuracy(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Mean of the test accuracies after each epoch."""
    return [float(np.mean(r.column("validation_accuracy"))) for r in study.of(recipe, variant)]


def epochs_to_98(study: Comparison, recipe: str, variant: str) -> list[int]:
    """First epoch with 98 %; one more than there are if there is none."""
    return evidence.epochs_or_one_more(study.of(recipe, variant))


def first_batch(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Accuracy on one batch of training images, after the training."""
    return [record.measured["first_batch"] for record in study.of(recipe, variant)]


def continued_accuracy(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Test accuracy after the continuation as published."""
    return [record.measured["continued_accuracy"] for record in study.of(recipe, variant)]


def gain_over_plain(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Final test accuracy less that of sgd-plain with the same seed."""
    pairs = _beside_plain(study, recipe, variant)
    return [record.test_accuracy - plain.test_accuracy for record, plain in pairs]


def times_plain(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Processor seconds of the training, divided by those of sgd-plain with the same seed."""
    pairs = _beside_plain(study, recipe, variant)
    return [record.cpu_seconds / plain.cpu_seconds for record, plain in pairs]


def _beside_plain(study: Comparison, recipe: str, variant: str) -> list[tuple[Record, Record]]:
    plain = {record.seed: record for record in study.of("sgd-plain", AS_PUBLISHED)}
    return [(r, plain[r.seed]) for r in study.of(recipe, variant) if r.seed in plain]


Unit = Literal["%", "points", "epochs", "times"]


@dataclass(frozen=True)
class Claim:
    """A published statement as the range of values it allows, and what we measure beside it."""

    recipe: str
    text: str
    low: float
    high: float
    values: Callable[[Comparison, str, str], Sequence[float]] = final_accuracy
    unit: Unit = "%"
    variant: str = AS_PUBLISHED


# An epoch is a whole number: epoch 6 stands for 5.5 to 6.5 (the continuity correction).
CLAIMS = (
    Claim("sgd-plain", "98 % first in epoch 6", 5.5, 6.5, epochs_to_98, "epochs"),
    Claim("sgd-bn-dropout", "98 % first in epoch 3", 2.5, 3.5, epochs_to_98, "epochs"),
    Claim("sgd-bn-dropout", "more accurate than plain", 0, INFINITY, gain_over_plain, "points"),
    Claim("sgd-bn-dropout", "longer training than plain", 1, INFINITY, times_plain, "times"),
    Claim("adam-split", "98.8 %", 0.9875, 0.9885),
    Claim("adam-flip", "97.28 %, if after epoch 5", 0.97275, 0.97285),
    Claim("adam-flip", "97.28 %, if the mean over 5 epochs", 0.97275, 0.97285, mean_accuracy),
    Claim("adam-flip", "100 % (one batch of 64)", 1, 1, first_batch),
    Claim("adam-flip", "original LeNet: about 92 %", 0.915, 0.925, variant="tanh, average"),
    Claim("momentum-3", "97.0 % of 9,984", 0.9695, 0.9705),
    Claim("momentum-3", "over 95 %", 0.95, 1),
    Claim("momentum-slow", "98 % (cut) after 5 epochs", 0.98, 0.99),
    Claim("momentum-slow", "98 % (cut) after 4 more", 0.98, 0.99, continued_accuracy),
    Claim("momentum-slow", "the same, mended", 0.98, 0.99, variant="mended"),
)


# The rule, and the table


class Judgement(NamedTuple):
    """A claim, what was measured, and the verdict."""

    claim: Claim
    values: list[float]  # one for each seed
    spread: float  # their standard deviation
    further_run: evidence.Interval
    verdict: str
    seconds: float  # of the processor, mean of the trainings


def further_run(values: Sequence[float], confidence: float = 0.95) -> evidence.Interval:
    """Mean of `values`, and the interval in which one further value lies with that probability.

    The prediction interval of a normal distribution whose mean and spread are both estimated:
    mean ± t s √(1 + 1/n), with Student's t for n - 1 degrees of freedom.

    Raises
    ------
    ValueError
        If there are fewer than two values: one run says nothing about the spread.
    """
    count = len(values)
    if count < 2:
        raise ValueError(f"an interval needs at least 2 values, not {count}")
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = float(stats.t.ppf((1 + confidence) / 2, count - 1)) * spread * (1 + 1 / count) ** 0.5
    return evidence.Interval(mean, mean - reach, mean + reach)


def verdict(low: float, high: float, run: evidence.Interval) -> str:
    """Where a claim that allows the values `low` to `high` lies: "inside", "above" or "below"."""
    if low > run.high:
        return "above"
    return "below" if high < run.low else "inside"


def judge(study: Comparison) -> list[Judgement]:
    """Every claim beside the study, judged by the one rule."""
    return [_judged(claim, study) for claim in CLAIMS]


def _judged(claim: Claim, study: Comparison) -> Judgement:
    values = [float(v) for v in claim.values(study, claim.recipe, claim.variant)]
    run = further_run(values)
    seconds = np.mean([record.cpu_seconds for record in study.of(claim.recipe, claim.variant)])
    return Judgement(
        claim,
        values,
        float(np.std(values, ddof=1)),
        run,
        verdict(claim.low, claim.high, run),
        float(seconds),
    )


def table(judgements: Sequence[Judgement]) -> str:
    """The claims as a table in Markdown."""
    seeds = len(judgements[0].values)
    lines = [
        f"| recipe | claim | measured, {seeds} seeds | one further run | verdict | seconds |",
        "|---|---|---|---|---|---:|",
    ]
    for judged in judgements:
        unit, run = judged.claim.unit, judged.further_run
        spread = shown(judged.spread, unit).lstrip("+")
        lines.append(
            f"| `{judged.claim.recipe}` | {judged.claim.text} | {shown(run.mean, unit)} ± {spread} "
            f"{unit} | {shown(run.low, unit)} to {shown(run.high, unit)} | {judged.verdict} "
            f"| {judged.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def shown(value: float, unit: Unit) -> str:
    """A value in its unit, without the unit's name."""
    scale, form = {
        "%": (100, ".2f"),
        "points": (100, "+.2f"),
        "epochs": (1, ".1f"),
        "times": (1, ".2f"),
    }[unit]
    return f"{value * scale:{form}}"
