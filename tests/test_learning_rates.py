"""Lesson 04's study of learning rates: what a run gives, what is kept, and the committed result."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import torch
from conftest import command
from typer.testing import CliRunner

from lenet_helpers.commands.command_line import app
from lenet_helpers.data import Batches, Split
from lenet_helpers.model import LeNet5
from lenet_helpers.studies import learning_rates
from lenet_helpers.studies.learning_rates import (
    BATCH_NORM,
    NAME,
    RATES,
    STUDY,
    accuracy_at,
    settings,
)
from lenet_helpers.studies.runner import Comparison
from lenet_helpers.training import seed_everything


def some_images() -> Split:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(320, 1, 32, 32, generator=generator)
    return Split(images, torch.randint(0, 10, (320,), generator=generator))


def test_a_rate_too_small_to_learn_leaves_the_accuracy_of_the_first_weights():
    train = some_images()
    seed_everything(3)
    untrained = LeNet5()
    batches = Batches(train, 32, True, torch.Generator().manual_seed(3))
    with torch.no_grad():
        right = [
            (untrained(images).argmax(dim=1) == labels).float().mean().item()
            for images, labels in itertools.islice(batches, 6)
        ]
    assert accuracy_at(1e-12, 3, train, steps=6) == pytest.approx(np.mean(right))


def test_only_the_last_steps_count(monkeypatch):
    monkeypatch.setattr(learning_rates, "COUNTED", 1)
    images, labels = torch.zeros(64, 1, 32, 32), torch.zeros(64, dtype=torch.int64)
    assert accuracy_at(0.5, 0, Split(images, labels), steps=2) in (0, 1)  # one batch, one class
    assert accuracy_at(10.0, 0, Split(images, labels), steps=2) == 1  # the second, after one step


def test_a_loss_that_is_not_finite_has_no_accuracy():
    assert accuracy_at(1e30, 0, some_images(), steps=5) is None


def test_the_command_keeps_every_rate_of_every_run_and_lost_ones_as_null(
    data_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(learning_rates, "RATES", (0.1, 1e30))
    monkeypatch.setattr(learning_rates, "STEPS", 5)
    output = tmp_path / "rates.json"
    options = ["learning-rates", "--seeds", "2", "--processes", "1", "--output", str(output)]
    shown = CliRunner().invoke(app, [*options, "--data-dir", str(data_dir)])
    assert shown.exception is None
    assert "4 runs in" in shown.output
    kept = Comparison.load(output)
    assert kept.command == "python -m lenet_helpers learning-rates --seeds 2"
    assert kept.recipes == settings()
    for name, batch_norm in BATCH_NORM.items():
        runs = kept.of(NAME, name)
        assert [run.seed for run in runs] == [0, 1]
        for run in runs:
            assert run.parameters == 61_706 + 44 * batch_norm
            learned, lost = run.measured["accuracies"]
            assert 0 <= learned <= 1
            assert lost is None


def test_a_result_that_is_not_named_json_is_refused_before_the_training(tmp_path):
    result = command("learning-rates", "--output", tmp_path / "rates.csv")
    assert result.returncode == 1
    assert "must have a name that ends in .json" in result.stderr


# The committed study


@pytest.fixture(scope="module")
def study() -> Comparison:
    return Comparison.load(STUDY)


def test_the_study_is_what_the_command_runs_today(study):
    pattern = r"python -m lenet_helpers learning-rates --seeds (\d+)"
    seeds = int(re.fullmatch(pattern, study.command)[1])
    assert seeds >= 24
    assert study.recipes == settings()
    assert not study.failed
    for name in BATCH_NORM:
        runs = study.of(NAME, name)
        assert [run.seed for run in runs] == list(range(seeds))
        assert {run.train_images for run in runs} == {55_000}
        assert {len(run.measured["accuracies"]) for run in runs} == {len(RATES)}


@pytest.mark.lessons
def test_a_run_of_the_study_trained_again_has_about_the_same_accuracy(study, mnist):
    rate = 0.1
    record = study.of(NAME, "none")[0]
    train = Split((mnist.train.images * 0.3081 + 0.1307).clamp(0, 1), mnist.train.labels)
    again = accuracy_at(rate, record.seed, train)
    assert abs(again - record.measured["accuracies"][RATES.index(rate)]) < 0.05
