"""Claims, the rule that judges them, and the table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lenet_helpers import claims, doctor
from lenet_helpers.__main__ import app
from lenet_helpers.claims import CLAIMS, Claim, further_run, judge, table, verdict
from lenet_helpers.comparison import Comparison, Record, describe, versions
from lenet_helpers.evidence import Interval, mean_interval
from lenet_helpers.reproduction import AS_PUBLISHED, PUBLISHED, STUDY, study_runs


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


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.985, 0.985, "inside"),
        (0.98, 0.98, "inside"),  # a bound belongs to the interval
        (0.995, 0.995, "above"),
        (0.95, 0.95, "below"),
        (0.985, float("inf"), "inside"),  # "over 98.5 %"
        (0.991, float("inf"), "above"),
        (0.90, 0.9799, "below"),
        (0.97, 0.9805, "inside"),  # a range that meets the interval
    ],
)
def test_a_claim_lies_inside_above_or_below(low, high, expected):
    assert verdict(low, high, Interval(0.985, 0.98, 0.99)) == expected


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
    for claim in CLAIMS:
        if "cut" in claim.text or "mended" in claim.text:
            assert int(100 * claim.low) == 98
            assert int(100 * (claim.high - 1e-9)) == 98
            assert claim.low == 0.98


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


def test_the_table_has_claim_mean_spread_verdict_and_seconds(monkeypatch):
    claim = Claim("sgd-bn-dropout", "99 %", 0.99, 0.99)
    monkeypatch.setattr(claims, "CLAIMS", (claim,))
    head, _, row = table(judge(MADE_UP)).splitlines()
    # mean 98.25, s = 0.5 / √2 = 0.354, t √1.5 s = 12.706 · 1.2247 · 0.354 = 5.50
    assert row == ("| `sgd-bn-dropout` | 99 % | 98.25 ± 0.35 % | 92.75 to 103.75 | inside | 18 |")
    assert head.count("|") == row.count("|")


# The committed study


@pytest.fixture(scope="module")
def study() -> Comparison:
    return Comparison.load(STUDY)


def test_the_committed_table_is_that_of_the_committed_study(study):
    assert STUDY.with_suffix(".md").read_text(encoding="utf-8") == table(judge(study))


def test_the_command_prints_and_writes_the_table(study, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    seeds = len({record.seed for record in study.records})
    runs = study_runs(seeds)
    kept = Comparison(study.records, describe(runs), versions())  # so nothing is left to train
    kept.save(tmp_path / "build" / f"mine_{seeds}_seeds.partial.json")
    output = tmp_path / "mine.json"
    shown = CliRunner().invoke(app, ["recipes", "--seeds", str(seeds), "--output", str(output)])
    assert shown.exit_code == 0, shown.output
    expected = table(judge(study))
    assert expected in shown.output
    assert output.with_suffix(".md").read_text(encoding="utf-8") == expected
    assert {r.run for r in Comparison.load(output).records} == {r.run for r in study.records}
    assert not list((tmp_path / "build").glob("*.partial.json"))
