"""Lesson 04: batch norm and dropout, alone and together, over seeds, and what a tutorial says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import Recipe, find_recipe
from lenet_helpers.studies import statistics
from lenet_helpers.studies.records import Comparison, Run, Study, cross
from lenet_helpers.studies.statistics import cpu_seconds_per_epoch

DROPOUT = 0.5  # the rate of N. Srivastava et al., "Dropout", JMLR 15, 2014, for hidden layers


class NeverSwitched(LeNet5):
    """LeNet-5 in which train() and eval() do nothing, as in a script that never calls them."""

    def train(self, mode: bool = True) -> NeverSwitched:  # noqa: ARG002 - nn.Module's signature
        """Leave the mode as it is."""
        return self


def variants_of(name: str, dropout: float = DROPOUT) -> dict[str, Recipe]:
    """The 2×2 arms of a recipe: none, batch norm, dropout, both."""
    recipe = find_recipe(name)
    norm, drop = {"batch_norm": True}, {"dropout": dropout}
    arms = {"none": {}, "batch norm": norm, "dropout": drop, "both": norm | drop}
    return {arm: replace(recipe, model=partial(LeNet5, **layers)) for arm, layers in arms.items()}


def study_runs(seeds: int) -> list[Run]:
    """The runs of lesson 04's study, with seeds 0, 1, … `seeds` - 1.

    The tutorial's published code has no batch norm and no dropout; all it changes is that
    train() and eval() are called. So here "none" never switches the mode and "mode only" does.
    The two must give the same weights: two seeds are enough to see it.
    """
    tutorial = variants_of("sgd-plain")
    mode_only = {"mode only": tutorial["none"]}
    tutorial["none"] = replace(tutorial["none"], model=NeverSwitched)
    runs = cross(tutorial, range(seeds)) + cross(mode_only, range(min(seeds, 2)))
    return runs + cross(variants_of("course"), range(seeds))


STUDIES = {"bn_dropout": Study(study_runs, seeds=10)}


class Finding(NamedTuple):
    """A claim beside what was measured, and the verdict."""

    claim: str
    measured: str
    p_value: float | None  # None where no difference is tested
    verdict: str


def tutorial_findings(comparison: Comparison) -> list[Finding]:
    """The tutorial's claims beside the study of `sgd-plain`, each with its verdict.

    Three differences are tested, so each at a third of `LEVEL` (Bonferroni's correction).
    """
    pairs = statistics.paired_variants(comparison, "sgd-plain", "both", "none")
    both, none = [list(records) for records in zip(*pairs, strict=True)]
    findings = []
    for layers, records, claimed in (("without the layers", none, 6), ("with both", both, 3)):
        epochs = statistics.epochs_or_one_more(records)
        claim = f"98 % first in epoch {claimed}, {layers}"
        measured = f"epoch {min(epochs)} to {max(epochs)}, median {np.median(epochs):g}"
        findings.append(Finding(claim, measured, None, verdict_on_epoch(epochs, claimed)))
    tests = (
        ("98 % in fewer epochs with both", statistics.epochs_or_one_more, -1, "{:+.1f} epochs", 1),
        ("higher final accuracy with both", statistics.final_accuracies, +1, "{:+.2f} points", 100),
        ("longer training with both", cpu_seconds_per_epoch, +1, "{:+.1f} s per epoch", 1),
    )
    for claim, values_of, sign, form, scale in tests:
        test = statistics.paired_test(values_of(both), values_of(none))
        measured = form.format(test.difference.mean * scale)
        found = verdict_on_difference(test, sign, statistics.LEVEL / len(tests))
        findings.append(Finding(claim, measured, test.p_value, found))
    return findings


def verdict_on_difference(test: statistics.Paired, expected_sign: int, level: float) -> str:
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
