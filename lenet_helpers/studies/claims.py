"""Lesson 09: what six published trainings claim, beside what they give over several seeds.

A published number is one run. Our seeds give the interval in which one further run lies, and the
verdict says how that interval lies to the range of values which the claim allows. All rows of the
table together are right with 95 % probability: each interval has the confidence 1 - 0.05 / rows
(Bonferroni's correction).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from lenet_helpers.studies import statistics
from lenet_helpers.studies.records import Comparison, Record
from lenet_helpers.studies.reproduction import AS_PUBLISHED, CLAIMED_ABLATION

INFINITY = float("inf")
BATCH = 64  # images in the one batch that a publication measured


def final_accuracy(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Test accuracy after the last epoch, one value for each seed; so in what follows."""
    return statistics.final_accuracies(study.of(recipe, variant))


def mean_accuracy(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Mean of the test accuracies after each epoch."""
    return [float(np.mean(r.column("validation_accuracy"))) for r in study.of(recipe, variant)]


def epochs_to_98(study: Comparison, recipe: str, variant: str) -> list[int]:
    """First epoch with 98 %; one more than there are if there is none."""
    return statistics.epochs_or_one_more(study.of(recipe, variant))


def first_batch(study: Comparison, recipe: str, variant: str) -> list[float]:
    """Accuracy on one batch of `BATCH` training images, after the training."""
    return [record.measured["first_batch"] for record in study.of(recipe, variant)]


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


Unit = Literal["%", "batch", "points", "times", "epochs"]


@dataclass(frozen=True)
class Claim:
    """A published statement as the range of values it allows, and what we measure beside it.

    Its `unit` says what kind of statement it is: the accuracy of a run ("%") or of one batch
    ("batch"), a difference of accuracies ("points"), a ratio of seconds ("times"), or a count.
    """

    recipe: str
    text: str
    low: float
    high: float
    values: Callable[[Comparison, str, str], Sequence[float]] = final_accuracy
    unit: Unit = "%"
    variant: str = AS_PUBLISHED
    ours: str = ""  # what of the training was not published; such a claim is not judged


LAST, MEAN = "97.28 %, if after epoch 5", "97.28 %, if the mean over 5 epochs"
CLAIMS = (
    Claim("sgd-plain", "98 % first in epoch 6", 6, 6, epochs_to_98, "epochs"),
    Claim("sgd-bn-dropout", "98 % first in epoch 3", 3, 3, epochs_to_98, "epochs"),
    Claim("sgd-bn-dropout", "more accurate than plain", 0, INFINITY, gain_over_plain, "points"),
    Claim("sgd-bn-dropout", "longer training than plain", 1, INFINITY, times_plain, "times"),
    Claim("adam-split", "98.8 %", 0.9875, 0.9885, ours="batch, rate, epochs"),
    Claim("adam-flip", LAST, 0.97275, 0.97285),
    Claim("adam-flip", MEAN, 0.97275, 0.97285, mean_accuracy),
    Claim("adam-flip", "100 % (one batch of 64)", 1, 1, first_batch, "batch"),
    Claim("adam-flip", "original LeNet: about 92 %", 0.915, 0.925, variant=CLAIMED_ABLATION),
    Claim("momentum-3", "97.0 % of 9,984", 0.9695, 0.9705),
    Claim("momentum-3", "over 95 %", 0.95, 1),
    Claim("momentum-slow", "98 % (cut), after 5 epochs and 4 more", 0.98, 0.99),
)


# The rule, and the table


class Judgement(NamedTuple):
    """A claim, what was measured, and the verdict."""

    claim: Claim
    values: list[float]  # one for each seed
    spread: float  # their standard deviation
    interval: statistics.Interval
    verdict: str
    seconds: float  # of the processor, mean of the trainings


def confidence_of_a_row() -> float:
    """1 - 0.05 / rows, so that all rows that are judged hold together with 95 %."""
    return 1 - statistics.LEVEL / sum(not claim.ours for claim in CLAIMS)


def interval_of(values: Sequence[float], unit: Unit, confidence: float) -> statistics.Interval:
    """Where what a claim speaks of lies, by what we measured.

    - "%": one further run, cut at 0 and 100 %.
    - "batch": the accuracy of one further batch, a binomial draw of `BATCH` images that are read
      rightly with the mean of `values`. Exact; no normal distribution.
    - "points", "times": the mean. Who says "more" or "longer" compares two trainings, not two runs.
    - "epochs": a count, from the least to the most of the seeds, around their median. One further
      run leaves the range of n seeds with a probability of at most 2 / (n + 1), whatever
      `confidence` says.
    """
    if unit == "epochs":
        return statistics.Interval(float(np.median(values)), min(values), max(values))
    if unit in ("points", "times"):
        return statistics.mean_interval(values, confidence)
    if unit == "batch":
        mean = float(np.mean(values))
        low, high = stats.binom.interval(confidence, BATCH, mean)
        return statistics.Interval(mean, float(low) / BATCH, float(high) / BATCH)
    mean, low, high = statistics.further_run(values, confidence)
    return statistics.Interval(mean, max(low, 0.0), min(high, 1.0))


def verdict(low: float, high: float, interval: statistics.Interval) -> str:
    """How a claim that allows the values `low` to `high` stands beside our interval.

    - "agrees": the whole interval lies in the claim's range. Nearly every run of ours gives it.
    - "disagrees": the two do not meet. Nearly no run of ours gives it.
    - "cannot tell": some runs give it and some do not; our spread is wider than the claim is
      precise.

    The mean lies in its interval, so a claim never agrees that has it on the wrong side.
    """
    if low <= interval.low and interval.high <= high:
        return "agrees"
    return "disagrees" if high < interval.low or interval.high < low else "cannot tell"


def judge(study: Comparison) -> list[Judgement]:
    """Every claim beside the study; one whose training is ours is measured and not judged."""
    judgements = []
    for claim in CLAIMS:
        values = [float(v) for v in claim.values(study, claim.recipe, claim.variant)]
        spread = float(np.std(values, ddof=1))
        interval = interval_of(values, claim.unit, confidence_of_a_row())
        found = "not judged" if claim.ours else verdict(claim.low, claim.high, interval)
        seconds = np.mean([r.cpu_seconds for r in study.of(claim.recipe, claim.variant)])
        judgements.append(Judgement(claim, values, spread, interval, found, float(seconds)))
    return judgements


def table(judgements: Sequence[Judgement]) -> str:
    """The claims as a table in Markdown."""
    seeds = len(judgements[0].values)
    head = ("recipe", "claim", f"measured, {seeds} seeds", "interval", "verdict", "seconds")
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|---|---:|"]
    for judged in judgements:
        claim, (middle, low, high) = judged.claim, judged.interval
        spread = shown(judged.spread, claim.unit).lstrip("+")
        unit = "%" if claim.unit == "batch" else claim.unit
        measured = f"{shown(middle, claim.unit)} ± {spread} {unit}"
        if claim.unit == "epochs":
            measured = f"median {middle:g} epochs"
        between = f"{shown(low, claim.unit)} to {shown(high, claim.unit)}"
        ours = f" ({claim.ours} are ours)" if claim.ours else ""
        lines.append(
            f"| `{claim.recipe}` | {claim.text} | {measured} | {between} "
            f"| {judged.verdict}{ours} | {judged.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def shown(value: float, unit: Unit) -> str:
    """A value in its unit, without the unit's name."""
    if unit in ("epochs", "times"):
        return f"{value:.0f}" if unit == "epochs" else f"{value:.2f}"
    return f"{100 * value:+.2f}" if unit == "points" else f"{100 * value:.2f}"
