"""Lesson 04's study of learning rates: what a run gives, what is kept, and the committed result."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from conftest import assert_is_of_today

from lenet_helpers.data import Batches, Split
from lenet_helpers.model import LeNet5
from lenet_helpers.studies import learning_rates
from lenet_helpers.studies.learning_rates import (
    NAME,
    RATES,
    accuracy_at,
    measure_rates,
    study_runs,
)
from lenet_helpers.studies.runner import compare, load_study
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


def test_a_run_keeps_every_rate_and_a_lost_one_as_none(data_dir):
    few = [run._replace(recipe=replace(run.recipe, train_size=160)) for run in study_runs(1)]
    measure = partial(measure_rates, rates=(0.1, 1e30), steps=5)
    kept = compare(few, data_dir, processes=1, measure=measure, progress=False)
    assert not kept.failed
    for name, parameters in (("none", 61_706), ("batch norm", 61_750)):
        (run,) = kept.of(NAME, name)
        assert run.parameters == parameters
        assert run.cpu_seconds > 0  # trained while it was measured
        learned, lost = run.measured["accuracies"]
        assert 0 <= learned <= 1
        assert lost is None


# The committed study


def test_the_study_is_what_the_command_runs_today():
    assert_is_of_today("learning_rates")


def test_the_study_has_every_rate_of_24_seeds_on_all_training_images():
    for name in ("none", "batch norm"):
        runs = load_study("learning_rates").of(NAME, name)
        assert len(runs) >= 24
        assert {run.train_images for run in runs} == {55_000}
        assert {len(run.measured["accuracies"]) for run in runs} == {len(RATES)}


@pytest.mark.lessons
def test_a_run_of_the_study_trained_again_has_about_the_same_accuracy(mnist):
    rate = 0.1
    record = load_study("learning_rates").of(NAME, "none")[0]
    train = Split((mnist.train.images * 0.3081 + 0.1307).clamp(0, 1), mnist.train.labels)
    again = accuracy_at(rate, record.seed, train)
    assert abs(again - record.measured["accuracies"][RATES.index(rate)]) < 0.05
