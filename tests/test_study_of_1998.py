"""Lesson 07's study: what it trains, and that the committed result is of today's recipes."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import assert_is_of_today

from lenet_helpers.data import Split
from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import find_recipe, make_optimizer
from lenet_helpers.studies import lenet_1998
from lenet_helpers.studies.records import Comparison, Run
from lenet_helpers.studies.runner import load_study, train_run


@pytest.fixture(scope="module")
def study() -> Comparison:
    return load_study("lenet_1998")


def test_the_walk_goes_from_60_000_parameters_to_todays_61_706():
    networks = [recipe.model() for recipe in lenet_1998.walk().values()]
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    # A linear output: 84·10 + 10. Pooling without weights: -12 - 32. All of C3: 2,416 - 1,516.
    expected = [60_000, 60_850, 60_850, 60_850 - 44, 61_706, 61_706, 61_706]
    assert counts == expected


def test_the_walk_ends_with_todays_network_and_recipe():
    last, course = list(lenet_1998.walk().values())[-1], find_recipe("course")
    assert last.model is LeNet5
    for name in ("optimizer", "learning_rate", "batch_size", "schedule", "normalize", "fit"):
        assert getattr(last, name) == getattr(course, name), name


def test_the_last_change_is_only_the_input():
    *_, before, after = lenet_1998.walk().values()
    torch.manual_seed(0)
    old = before.model()
    new = after.model()
    new.load_state_dict(old[1].state_dict())
    levels = torch.rand(3, 1, 32, 32)
    assert torch.allclose(old(levels), new(1.275 * levels - 0.1), atol=1e-6)


def test_the_committed_study_is_of_todays_recipes_and_complete(study):
    seeds = len(study.of("lenet-1998", "small batches"))
    assert seeds >= 3
    assert_is_of_today("lenet_1998")


def test_to_the_letter_the_first_weights_lie_within_2_4_over_the_fan_in():
    torch.manual_seed(0)
    network = lenet_1998.to_the_letter()
    for layer, inputs in ((network.c1, 25), (network.s2, 4), (network.c5, 400), (network.f6, 120)):
        assert layer.weight.abs().max() <= 2.4 / inputs
    assert network.c5.weight.std().item() == pytest.approx(2.4 / 400 / math.sqrt(3), rel=0.05)


def test_both_kinds_of_first_weights_get_the_same_cures():
    cures = {"2.4 / F": [], "1.2 / √F": []}
    for variant, recipe, seed in lenet_1998.first_weights_runs(2):
        nothing = Split(torch.empty(0, 1, 32, 32), torch.empty(0, dtype=torch.long))
        warm_up = make_optimizer(recipe, recipe.model(), nothing).warm_up
        cures[recipe.name].append((variant, recipe.learning_rate, warm_up, seed))
    paper = 0.0005
    one_seed = [(paper, 0), (paper, 8000), (paper / 4, 0), (paper / 4, 8000), (paper / 16, 8000)]
    assert [way[1:3] for way in cures["2.4 / F"]] == 2 * one_seed
    assert cures["2.4 / F"] == cures["1.2 / √F"]


def test_first_weights_are_compared_without_the_test_set():
    for _, recipe, _ in lenet_1998.first_weights_runs(2):
        assert recipe.validation_size
        assert not recipe.read_test


def test_the_committed_study_of_first_weights_is_of_today_and_complete():
    assert len(load_study("first_weights").records) == 2 * 5 * 24
    assert_is_of_today("first_weights")


@pytest.mark.lessons
def test_a_run_of_the_study_trained_again_has_the_same_accuracy(study, data_dir):
    recipe = lenet_1998.walk()["input"]
    (stored,) = (r for r in study.of("from 1998", "input") if r.seed == 0)
    again = train_run(Run("input", recipe, 0), str(data_dir))
    assert again.test_accuracy == pytest.approx(stored.test_accuracy, abs=0.003)
