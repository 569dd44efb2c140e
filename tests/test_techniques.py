"""The recipe `best`: how it was chosen, and what the committed studies and weights hold."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from conftest import assert_is_of_today

from lenet_helpers.data import MNIST, Batches, Split
from lenet_helpers.errors import CourseError
from lenet_helpers.recipes import find_recipe, load_pretrained, train_recipe
from lenet_helpers.studies import techniques
from lenet_helpers.studies.records import Comparison, fingerprint
from lenet_helpers.studies.runner import load_study
from lenet_helpers.training import evaluate


@pytest.fixture(scope="module")
def tried() -> Comparison:
    return load_study("techniques")


@pytest.fixture(scope="module")
def best() -> Comparison:
    return load_study("best")


def one_batch(mnist: MNIST) -> MNIST:
    """MNIST with only 64 images to learn from."""
    return mnist._replace(train=Split(mnist.train.images[:64], mnist.train.labels[:64]))


@pytest.mark.parametrize(
    ("name", "before", "changed"),
    [
        ("affine", "SGD", {"augment"}),
        ("elastic", "affine", {"augment"}),
        ("smoothing", "elastic", {"loss"}),
        ("averaging", "elastic", {"averaging"}),
        ("longer", "elastic", {"epochs"}),
    ],
)
def test_a_technique_is_one_change(name, before, changed):
    arms = techniques.techniques()
    values = (
        (f.name, getattr(arms[name], f.name), getattr(arms[before], f.name))
        for f in fields(arms[name])
    )
    assert {field for field, new, old in values if new != old} == changed


def test_techniques_are_compared_without_the_test_set(tried):
    assert all(
        not r.read_test and r.validation_size == 10_000 for r in techniques.techniques().values()
    )
    assert all(record.test_accuracy is None for record in tried.records)
    assert all(0.98 < record.measured["validation_accuracy"] < 1 for record in tried.records)


def test_a_recipe_that_leaves_the_test_set_alone_gives_no_test(mnist):
    recipe = replace(find_recipe("quick"), read_test=False)
    assert train_recipe(recipe, one_batch(mnist), 0, progress=False).test is None


def test_averaged_weights_are_a_running_mean_over_the_steps(mnist):
    few = one_batch(mnist)
    recipe = replace(find_recipe("quick"), optimizer="sgd", learning_rate=0.1, schedule="constant")

    def weights(epochs, averaging):
        changed = replace(recipe, epochs=epochs, averaging=averaging)
        model = train_recipe(changed, few, 0, progress=False).model
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    first, second = weights(1, 0.0), weights(2, 0.0)
    assert torch.allclose(weights(2, 0.9), 0.9 * first + 0.1 * second, atol=1e-6)


def test_averaged_weights_cannot_be_continued_from_a_checkpoint(mnist, tmp_path):
    recipe = replace(find_recipe("quick"), averaging=0.9)
    with pytest.raises(CourseError, match="averages weights"):
        train_recipe(recipe, one_batch(mnist), 0, checkpoint=tmp_path / "state.pt")


def test_the_committed_studies_are_of_todays_recipes_and_complete():
    assert_is_of_today("techniques")
    assert_is_of_today("best")


def test_best_has_five_seeds_and_the_parameters_of_lenet5(best):
    records = best.of("best", "best")
    assert [record.seed for record in records] == [0, 1, 2, 3, 4]
    assert {record.parameters for record in records} == {61_706}


def test_the_weights_of_best_are_those_of_the_study_and_reach_its_accuracy(best, mnist):
    model, (record, *_) = load_pretrained("best"), best.of("best", "best")
    assert fingerprint(model) == record.weights
    accuracy = evaluate(model, Batches(mnist.test, 400)).accuracy
    assert accuracy == pytest.approx(record.test_accuracy, abs=0.0002)
