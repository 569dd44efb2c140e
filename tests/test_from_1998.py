"""Lesson 07's study: what it trains, and that the committed result is of today's recipes."""

from __future__ import annotations

import pytest
import torch
from conftest import assert_is_of_today

from lenet_helpers import from_1998
from lenet_helpers.comparison import Comparison, Run, train_run
from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import find_recipe


@pytest.fixture(scope="module")
def study() -> Comparison:
    return Comparison.load(from_1998.STUDY)


def test_the_walk_goes_from_60_000_parameters_to_todays_61_706():
    networks = [recipe.model() for recipe in from_1998.walk().values()]
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    # A linear output: 84·10 + 10. Pooling without weights: -12 - 32. All of C3: 2,416 - 1,516.
    expected = [60_000, 60_850, 60_850, 60_850 - 44, 61_706, 61_706, 61_706]
    assert counts == expected


def test_the_walk_ends_with_todays_network_and_recipe():
    last, course = list(from_1998.walk().values())[-1], find_recipe("course")
    assert last.model is LeNet5
    for name in ("optimizer", "learning_rate", "batch_size", "schedule", "normalize", "fit"):
        assert getattr(last, name) == getattr(course, name), name


def test_the_last_change_is_only_the_input():
    *_, before, after = from_1998.walk().values()
    torch.manual_seed(0)
    old = before.model()
    new = after.model()
    new.load_state_dict(old[1].state_dict())
    levels = torch.rand(3, 1, 32, 32)
    assert torch.allclose(old(levels), new(1.275 * levels - 0.1), atol=1e-6)


def test_the_committed_study_is_of_todays_recipes_and_complete(study):
    seeds = len(study.of("lenet-1998", "small batches"))
    assert seeds >= 3
    assert_is_of_today(study, "lenet-1998", from_1998.study_runs(seeds))


@pytest.mark.lessons
def test_a_run_of_the_study_trained_again_has_the_same_accuracy(study, data_dir):
    recipe = from_1998.walk()["input"]
    (stored,) = (r for r in study.of("from 1998", "input") if r.seed == 0)
    again = train_run(Run("input", recipe, 0), str(data_dir))
    assert again.test_accuracy == pytest.approx(stored.test_accuracy, abs=0.003)
