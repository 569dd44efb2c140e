"""Intervals, the paired test and the rules of the verdicts, against arithmetic and simulation."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet_helpers.studies.bn_dropout import (
    tutorial_findings,
    verdict_on_difference,
    verdict_on_epoch,
)
from lenet_helpers.studies.records import Comparison, Record
from lenet_helpers.studies.statistics import (
    Interval,
    Paired,
    epochs_or_one_more,
    mean_interval,
    paired_test,
    paired_variants,
)


def record(variant: str, seed: int, accuracies: list[float], cpu_seconds: float = 80.0) -> Record:
    return Record(
        recipe="sgd-plain",
        variant=variant,
        seed=seed,
        test_accuracy=accuracies[-1],
        epochs=[{"validation_accuracy": value} for value in accuracies],
        cpu_seconds=cpu_seconds,
    )


def test_the_interval_of_five_numbers_from_a_table_of_t():
    # mean 3, standard deviation sqrt(2.5), t(4, 97.5 %) = 2.776
    mean, low, high = mean_interval([1, 2, 3, 4, 5])
    reach = 2.776 * np.sqrt(2.5 / 5)
    assert (mean, low, high) == pytest.approx((3, 3 - reach, 3 + reach), abs=1e-3)


def test_one_value_has_no_interval():
    with pytest.raises(ValueError, match="at least 2 values"):
        mean_interval([0.98])


def test_the_interval_covers_the_true_mean_in_95_of_100_studies():
    generator = np.random.default_rng(0)
    intervals = [mean_interval(generator.normal(0, 1, 10)) for _ in range(1000)]
    covered = np.mean([low <= 0 <= high for _, low, high in intervals])
    assert 0.93 < covered < 0.97


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=8))
def test_the_p_value_is_the_share_of_sign_patterns(differences):
    signs = np.array(list(itertools.product([1, -1], repeat=len(differences))))
    means = np.abs((signs * differences).mean(axis=1))
    expected = np.mean(means >= abs(np.mean(differences)) - 1e-9)
    found = paired_test(differences, [0] * len(differences))
    assert found.p_value == pytest.approx(expected)
    assert found.pairs == len(differences)


def test_twenty_five_pairs_are_counted_exactly_in_little_memory():
    # 22 ones and three minus ones sum to 19: at most 3 of 25 signs, or at least 22, differ
    differences = [1.0] * 22 + [-1.0] * 3
    tracemalloc.start()
    found = paired_test(differences, [0.0] * 25)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.p_value == 2 * sum(math.comb(25, k) for k in range(4)) / 2**25
    assert peak < 10e6  # all 2^25 patterns at once would be 7 GB


def test_sums_that_differ_by_rounding_alone_are_equal():
    # 0.1 + 0.2 - 0.3 is 5.6e-17: every pattern of these three has a sum at least as far from zero
    assert paired_test([0.1, 0.2, -0.3], [0.0] * 3).p_value == 1


def test_no_difference_at_all_has_p_value_1():
    assert paired_test([0.98, 0.99], [0.98, 0.99]).p_value == 1


def test_different_lengths_cannot_be_paired():
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_test([1, 2], [1, 2, 3])


def test_epochs_to_98_per_cent_counts_from_1_and_knows_never():
    slow, fast = record("none", 0, [0.5, 0.97, 0.98]), record("none", 1, [0.99, 0.97, 0.97])
    never = record("none", 2, [0.5, 0.6, 0.7])
    assert epochs_or_one_more([slow, fast, never]) == [3, 1, 4]


@pytest.mark.parametrize(
    ("mean", "p_value", "expected"),
    [
        (0.01, 0.001, "confirmed"),
        (-0.01, 0.001, "contradicted"),
        (0.01, 0.02, "not shown"),
        (-0.01, 0.9, "not shown"),
    ],
)
def test_the_rule_of_a_verdict(mean, p_value, expected):
    test = Paired(Interval(mean, mean - 0.01, mean + 0.01), p_value, 10)
    assert verdict_on_difference(test, +1, level=0.05 / 3) == expected


def test_a_claimed_epoch_is_compared_with_the_range():
    assert verdict_on_epoch([2, 3, 3], 3) == "as published"
    assert verdict_on_epoch([2, 2], 3) == "sooner than published"
    assert verdict_on_epoch([4, 5], 3) == "later than published"


def test_variants_are_paired_by_their_seed():
    runs = [record("none", seed, [0.9]) for seed in (0, 1, 2)]
    runs += [record("both", seed, [0.9]) for seed in (2, 1, 5)]
    pairs = paired_variants(Comparison(runs), "sgd-plain", "both", "none")
    assert [(a.seed, b.seed) for a, b in pairs] == [(1, 1), (2, 2)]
    assert all((a.variant, b.variant) == ("both", "none") for a, b in pairs)


def test_the_claims_are_judged_from_the_numbers():
    shift = [0.0001 * seed for seed in range(10)]
    none = [record("none", s, [0.9] * 5 + [0.985 + shift[s]]) for s in range(10)]
    both = [record("both", s, [0.9, 0.98, 0.981, 0.98, 0.97, 0.96], 90 + s) for s in range(10)]
    findings = tutorial_findings(Comparison(none + both))
    assert [finding.verdict for finding in findings] == [
        "as published",
        "sooner than published",
        "confirmed",
        "contradicted",
        "confirmed",
    ]
    assert findings[2].measured == "-4.0 epochs"
