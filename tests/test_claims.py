"""Claims, the rule that judges them, and the table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lenet_helpers.commands import command_line
from lenet_helpers.commands.command_line import app
from lenet_helpers.studies import claims
from lenet_helpers.studies.claims import (
    CLAIMS,
    Claim,
    confidence_of_a_row,
    interval_of,
    judge,
    table,
    verdict,
)
from lenet_helpers.studies.records import Comparison, Record, versions
from lenet_helpers.studies.reproduction import AS_PUBLISHED, PUBLISHED, study_runs
from lenet_helpers.studies.runner import load_study
from lenet_helpers.studies.statistics import Interval, further_run, mean_interval, reach


def record(
    recipe: str, seed: int, accuracies: list[float], seconds: float = 10.0, **more
) -> Record:
    epochs = [{"validation_accuracy": accuracy} for accuracy in accuracies]
    settings = {"variant": AS_PUBLISHED, "test_accuracy": accuracies[-1], **more}
    return Record(recipe, seed=seed, epochs=epochs, cpu_seconds=seconds, **settings)


# The rule


def test_the_interval_of_one_further_run_by_hand():
    # two values 0 and 2: mean 1, s = √2; t for one degree of freedom is 12.7062
    mean, low, high = further_run([0.0, 2.0])
    reach = 12.7062 * 2**0.5 * 1.5**0.5
    assert (mean, low, high) == pytest.approx((1, 1 - reach, 1 + reach), abs=1e-3)


def test_nineteen_of_twenty_further_runs_lie_in_it():
    random = np.random.default_rng(0)
    trials = random.normal(98.5, 0.2, (4000, 6))
    inside = 0
    for *seeds, one_more in trials:
        _, low, high = further_run(seeds)
        inside += low <= one_more <= high
    # 4,000 coins that fall right with 95 %: standard deviation √(4000 · 0.95 · 0.05) = 13.8
    assert abs(inside - 3800) < 4 * 13.8


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_it_is_wider_than_the_interval_of_the_mean(values):
    one, mean = further_run(values), mean_interval(values)
    factor = (len(values) + 1) ** 0.5  # √(1 + 1/n) against √(1/n)
    assert one.high - one.low == pytest.approx(factor * (mean.high - mean.low), abs=1e-9)


def test_one_run_says_nothing_about_the_spread():
    with pytest.raises(ValueError, match="at least 2 values"):
        further_run([0.98])


@pytest.mark.parametrize(("count", "spreads"), [(5, 3.04), (20, 2.14), (2, 15.56)])
def test_how_far_off_a_claim_has_to_be_in_standard_deviations(count, spreads):
    # t from a table: 2.776, 2.093, 12.706 for 4, 19 and 1 degrees of freedom; times √(1 + 1/n)
    assert reach(count) == pytest.approx(spreads, abs=0.01)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.975, 0.995, "agrees"),  # the whole interval lies in the range
        (0.98, 0.99, "agrees"),  # a bound belongs to both
        (0.9845, 0.9855, "cannot tell"),  # 98.5 %, rounded, in the middle of our runs
        (0.97, 0.9805, "cannot tell"),
        (0.995, 0.995, "disagrees"),
        (0.95, 0.95, "disagrees"),
        (0.97, float("inf"), "agrees"),  # "over 97 %"
        (0.984, float("inf"), "cannot tell"),  # the mean on the claim's side, some runs are not
        (0.989, float("inf"), "cannot tell"),  # they touch, and the mean is on the wrong side
        (0.991, float("inf"), "disagrees"),
    ],
)
def test_the_three_verdicts(low, high, expected):
    assert verdict(low, high, Interval(0.985, 0.98, 0.99)) == expected


@given(st.lists(st.floats(0.9, 1), min_size=2, max_size=20), st.floats(0.9, 1))
def test_a_claim_with_the_mean_on_the_wrong_side_never_agrees(values, bound):
    interval = interval_of(values, "%", 0.95)
    if interval.mean < bound:
        assert verdict(bound, float("inf"), interval) != "agrees"


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_an_interval_of_an_accuracy_ends_at_0_and_100_per_cent(values):
    for unit in ("%", "batch"):
        _, low, high = interval_of(values, unit, 0.99)
        assert 0 <= low <= high <= 1


def test_epochs_are_counts_with_the_range_of_the_seeds():
    assert interval_of([6, 6, 7, 5, 6], "epochs", 0.99) == (6, 5, 7)
    assert interval_of([3, 3, 3], "epochs", 0.99) == (3, 3, 3)


def test_more_and_longer_are_said_of_the_mean():
    gains = [0.004, 0.006, 0.005]
    assert interval_of(gains, "points", 0.99) == mean_interval(gains, 0.99)
    assert interval_of(gains, "times", 0.99) == mean_interval(gains, 0.99)


def test_a_batch_of_64_is_a_binomial_draw():
    # p = 0.98: P(64 of 64) = 0.98^64 = 27 %, P(≤ 58) = 0.12 %, P(≤ 59) = 0.78 %, P(≤ 60) = 3.9 %
    mean, low, high = interval_of([0.97, 0.99], "batch", 0.95)
    assert (mean, low, high) == pytest.approx((0.98, 60 / 64, 1))
    assert interval_of([0.97, 0.99], "batch", 0.99).low == 59 / 64


def test_the_level_is_shared_by_the_rows_that_are_judged():
    rows = sum(not claim.ours for claim in CLAIMS)
    assert rows == len(CLAIMS) - 1 == 11
    assert rows * (1 - confidence_of_a_row()) == pytest.approx(0.05)


def test_eleven_rows_that_are_all_true_are_seldom_contradicted():
    random = np.random.default_rng(0)
    studies = random.normal(0.98, 0.002, (1000, 11, 20))
    published = random.normal(0.98, 0.002, (1000, 11))
    width = reach(20, confidence_of_a_row()) * studies.std(axis=2, ddof=1)
    strays = np.abs(published - studies.mean(axis=2)) > width
    # at most 5 % of the tables; standard deviation √(1000 · 0.05 · 0.95) = 6.9
    assert strays.any(axis=1).sum() < 50 + 4 * 6.9
    assert strays.any(axis=1).sum() > 50 - 4 * 6.9  # and not for want of any


# The claims


def test_every_published_recipe_has_a_claim_and_every_claim_a_training():
    assert {claim.recipe for claim in CLAIMS} == set(PUBLISHED)
    trained = {(run.recipe.name, run.variant) for run in study_runs(1)}
    assert {(claim.recipe, claim.variant) for claim in CLAIMS} <= trained
    assert all(claim.low <= claim.high for claim in CLAIMS)


@pytest.mark.parametrize(
    ("text", "decimals"), [("98.8 %", 2), ("97.0 % of 9,984", 2), ("97.28 %, if after epoch 5", 3)]
)
def test_a_rounded_number_stands_for_all_that_round_to_it(text, decimals):
    (claim,) = (claim for claim in CLAIMS if claim.text == text)
    published = float(text.split()[0]) / 100
    half = 0.5 * 10.0 ** -(decimals + 1)
    assert (claim.low, claim.high) == pytest.approx((published - half, published + half))


def test_a_cut_number_stands_for_all_that_are_cut_to_it():
    (claim,) = (claim for claim in CLAIMS if "cut" in claim.text)
    assert claim.low == 0.98
    assert int(100 * (claim.high - 1e-9)) == 98


def test_each_claim_has_one_row():
    assert len({(c.recipe, c.variant, c.values, c.low) for c in CLAIMS}) == len(CLAIMS)
    assert not any("mended" in claim.text for claim in CLAIMS)  # that claims nothing


MADE_UP = Comparison(
    [
        record("sgd-plain", 0, [0.90, 0.98], 10),
        record("sgd-plain", 1, [0.90, 0.96], 10),
        record("sgd-bn-dropout", 0, [0.98, 0.985], 15),
        record("sgd-bn-dropout", 1, [0.97, 0.98], 20),
    ]
)


@pytest.mark.parametrize(
    ("values", "recipe", "expected"),
    [
        (claims.final_accuracy, "sgd-plain", [0.98, 0.96]),
        (claims.mean_accuracy, "sgd-plain", [0.94, 0.93]),
        (claims.epochs_to_98, "sgd-plain", [2, 3]),  # seed 1 never: one more than it had
        (claims.epochs_to_98, "sgd-bn-dropout", [1, 2]),
        (claims.gain_over_plain, "sgd-bn-dropout", [0.005, 0.02]),
        (claims.times_plain, "sgd-bn-dropout", [1.5, 2.0]),
    ],
)
def test_what_a_claim_is_about_is_measured_for_each_seed(values, recipe, expected):
    assert values(MADE_UP, recipe, AS_PUBLISHED) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        (
            # mean 98.25, s = 0.5 / √2 = 0.354, t √1.5 s = 12.706 · 1.2247 · 0.354 = 5.50
            Claim("sgd-bn-dropout", "99 %", 0.99, 0.99),
            "99 % | 98.25 ± 0.35 % | 92.75 to 100.00 | cannot tell | 18 |",
        ),
        (
            Claim("sgd-plain", "98 % in epoch 6", 6, 6, claims.epochs_to_98, "epochs"),
            "98 % in epoch 6 | median 2.5 epochs | 2 to 3 | disagrees | 10 |",
        ),
        (
            Claim("sgd-plain", "over 90 %", 0.9, 1, ours="epochs"),
            # s = 2 / √2 = 1.414, 12.706 · 1.2247 · 1.414 = 22.0
            "over 90 % | 97.00 ± 1.41 % | 74.99 to 100.00 | not judged (epochs are ours) | 10 |",
        ),
    ],
)
def test_the_table_has_claim_measured_interval_verdict_and_seconds(monkeypatch, claim, row):
    judged_alone = Claim("sgd-plain", "99 %", 0.99, 0.99)
    # one row that is judged, so that its level is 5 %
    monkeypatch.setattr(claims, "CLAIMS", (claim, judged_alone) if claim.ours else (claim,))
    head, _, first, *_ = table(judge(MADE_UP)).splitlines()
    assert first == f"| `{claim.recipe}` | {row}"
    assert head.count("|") == first.count("|")


# The committed study


@pytest.fixture(scope="module")
def study() -> Comparison:
    return load_study("claims")


def test_the_table_has_a_row_for_each_claim(study):
    rows = [line for line in table(judge(study)).splitlines() if line.startswith("| `")]
    assert len(rows) == len(claims.CLAIMS)


def test_a_study_that_is_whole_is_not_trained_again(study, tmp_path, monkeypatch):
    monkeypatch.setattr(command_line, "ROOT", tmp_path)
    kept = replace(study, versions=versions())  # so nothing is left to train
    kept.save(tmp_path / "build" / "mine_20_seeds.partial.json")
    output = tmp_path / "mine.json"
    shown = CliRunner().invoke(app, ["study", "claims", "--output", str(output)])
    assert shown.exit_code == 0, shown.output
    assert {r.run for r in Comparison.load(output).records} == {r.run for r in study.records}
    assert not list((tmp_path / "build").glob("*.partial.json"))
