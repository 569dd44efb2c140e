"""What the recipes promise, on real MNIST."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from statistics import mean

import pytest
import torch

from lenet_helpers.data import Split
from lenet_helpers.errors import CourseError
from lenet_helpers.recipes import RECIPES, find_recipe, load_recipe_data, train_recipe

# One thread per process: two processes with one thread each do more than one with two threads.
TRAIN = """
import sys, torch
torch.set_num_threads(1)
from lenet_helpers.recipes import find_recipe, load_recipe_data, train_recipe
recipe = find_recipe(sys.argv[1])
mnist = load_recipe_data(recipe, sys.argv[2])
for seed in sys.argv[3:]:
    print(train_recipe(recipe, mnist, int(seed), progress=False).test.accuracy)
"""


def accuracies_of(name: str, data_dir) -> list[float]:
    """Test accuracy of a recipe for seeds 0 to 4, from two processes."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN, name, str(data_dir), *seeds],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seeds in (["0", "1", "2"], ["3", "4"])
    ]
    outputs = [child.communicate()[0] for child in children]
    assert all(child.returncode == 0 for child in children)
    return [float(line) for output in outputs for line in output.split()]


@pytest.mark.lessons
def test_quick_reaches_98_3_per_cent_on_each_of_five_seeds(data_dir):
    accuracies = accuracies_of("quick", data_dir)
    assert len(accuracies) == 5
    assert min(accuracies) >= 0.983, accuracies


@pytest.mark.lessons
def test_course_reaches_99_0_per_cent_in_the_mean_over_five_seeds(data_dir):
    accuracies = accuracies_of("course", data_dir)
    assert len(accuracies) == 5
    assert mean(accuracies) >= 0.990, accuracies


def test_quick_is_one_epoch_and_course_three():
    assert RECIPES["quick"].epochs == 1
    assert RECIPES["course"].epochs == 3


def test_every_recipe_is_found_by_its_name_and_says_what_it_claims():
    for name, recipe in RECIPES.items():
        assert find_recipe(name) is recipe
        assert recipe.name == name
        assert recipe.source
        assert recipe.claim


def test_an_unknown_recipe_is_refused_with_the_known_names():
    with pytest.raises(CourseError, match=r"no recipe 'slow'.*quick, course"):
        find_recipe("slow")


def test_a_recipe_cannot_be_changed_by_accident():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RECIPES["quick"].epochs = 2


def test_a_recipe_gets_its_own_split_and_image_size(data_dir):
    recipe = dataclasses.replace(
        find_recipe("quick"), image_size=28, validation_size=6000, normalize=False
    )
    mnist = load_recipe_data(recipe, data_dir)
    assert len(mnist.train) == 54_000
    assert mnist.train.images.shape[-1] == 28
    assert mnist.train.images.min() == 0


def test_the_seed_decides_a_training(mnist):
    few = mnist._replace(train=Split(mnist.train.images[:640], mnist.train.labels[:640]))
    recipe = find_recipe("quick")
    one, same, other = (train_recipe(recipe, few, seed, progress=False) for seed in (0, 0, 1))
    assert one.history.step_losses == same.history.step_losses != other.history.step_losses
    for first, second in zip(one.model.parameters(), same.model.parameters(), strict=True):
        assert torch.equal(first, second)


def test_one_cycle_ends_far_below_its_peak(mnist):
    few = mnist._replace(train=Split(mnist.train.images[:640], mnist.train.labels[:640]))
    trained = train_recipe(find_recipe("quick"), few, 0, progress=False)
    assert trained.history.epochs[-1].learning_rate < find_recipe("quick").learning_rate / 100
