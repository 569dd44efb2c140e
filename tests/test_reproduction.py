"""The study of the published trainings: its runs, what is measured, and the continuation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import assert_is_of_today
from torch import nn

from lenet_helpers.data import MNIST, Batches, Split, load_mnist
from lenet_helpers.recipes import find_recipe, make_test_batches, train_recipe
from lenet_helpers.studies import reproduction
from lenet_helpers.studies.published import random_flip
from lenet_helpers.studies.records import Comparison, describe, fingerprint
from lenet_helpers.studies.reproduction import (
    ABLATION_SEEDS,
    AS_PUBLISHED,
    CLAIMED_ABLATION,
    PUBLISHED,
    batch_accuracies,
    continue_as_published,
    right_by_class,
    study_runs,
)
from lenet_helpers.studies.runner import load_study
from lenet_helpers.studies.statistics import paired_variants


@pytest.fixture(scope="module")
def few(mnist) -> MNIST:
    """The first images of each split: these tests are not about accuracy."""
    return MNIST(*(Split(split.images[:640], split.labels[:640]) for split in mnist))


def test_every_published_recipe_is_trained_with_every_seed():
    published = [(r.recipe.name, r.seed) for r in study_runs(3) if r.variant == AS_PUBLISHED]
    assert published == [(name, seed) for seed in range(3) for name in PUBLISHED]
    as_published = [r for r in study_runs(1) if r.variant == AS_PUBLISHED]
    assert all(r.recipe == find_recipe(r.recipe.name) for r in as_published)


def test_what_is_claimed_has_all_seeds_and_the_other_ablations_the_first_five():
    seeds = {}
    for run in study_runs(20):
        seeds.setdefault((run.recipe.name, run.variant), []).append(run.seed)
    claimed = {(name, AS_PUBLISHED) for name in PUBLISHED} | {("adam-flip", CLAIMED_ABLATION)}
    assert all(found == list(range(20 if row in claimed else 5)) for row, found in seeds.items())
    assert claimed < set(seeds)


def test_an_ablation_changes_one_thing():
    for name, variants in reproduction.ablations().items():
        published = find_recipe(name)
        for variant, recipe in variants.items():
            changed = {f for f in vars(recipe) if getattr(recipe, f) != getattr(published, f)}
            # other images need another network
            assert len(changed) == 1 or (variant, changed) == ("28×28", {"image_size", "model"})


def test_a_study_lists_what_a_variant_changes_and_no_field_that_nobody_uses():
    described = describe(study_runs(1))
    assert described["adam-flip"][AS_PUBLISHED]["augment"] == "random_flip()"
    assert described["adam-flip"]["no flip"]["augment"] is None
    assert described["momentum-slow"]["mended"]["epochs"] == 9
    assert described["momentum-3"][AS_PUBLISHED]["drop_last"] is True
    assert "note" not in described["sgd-plain"][AS_PUBLISHED]


# Incomplete batches


def test_an_incomplete_last_batch_is_dropped_in_testing():
    test = Split(torch.zeros(10_000, 1), torch.zeros(10_000, dtype=torch.int64))
    mnist = MNIST(test, test, test)
    kept = make_test_batches(find_recipe("momentum-3"), mnist)
    assert len(kept) == 10_000 // 32 == 312
    assert sum(len(labels) for _, labels in kept) == 312 * 32 == 9_984
    every = make_test_batches(find_recipe("momentum-slow"), mnist)
    assert sum(len(labels) for _, labels in every) == 10_000


@pytest.mark.parametrize(("count", "size", "full"), [(100, 32, 3), (96, 32, 3), (31, 32, 0)])
def test_dropping_leaves_only_full_batches(count, size, full):
    split = Split(torch.arange(float(count)), torch.arange(count))
    batches = list(Batches(split, size, drop_last=True))
    assert len(batches) == len(Batches(split, size, drop_last=True)) == full
    assert all(len(labels) == size for _, labels in batches)
    assert torch.equal(
        torch.cat([split.labels[:0], *(b for _, b in batches)]), split.labels[: full * size]
    )


def test_a_recipe_that_drops_makes_fewer_steps(few):
    odd = few._replace(train=Split(few.train.images[:100], few.train.labels[:100]))
    recipe = replace(find_recipe("momentum-3"), epochs=1)
    steps = {
        drop: len(
            train_recipe(
                replace(recipe, drop_last=drop), odd, 0, progress=False
            ).history.step_losses
        )
        for drop in (True, False)
    }
    assert steps == {True: 3, False: 4}


# What is measured


class SaysThree(nn.Module):
    """Answers 3 for each image."""

    def forward(self, images):
        return nn.functional.one_hot(torch.full((len(images),), 3), 10).float()


def test_right_answers_are_counted_by_class():
    labels = torch.tensor([3, 3, 1, 9, 3])
    assert right_by_class(SaysThree(), Split(torch.zeros(5, 1), labels)) == [0] * 3 + [3] + [0] * 6


def test_the_accuracy_of_each_batch_is_its_own():
    labels = torch.tensor([3, 3, 3, 1, 1])
    batches = Batches(Split(torch.zeros(5, 1), labels), 2)
    assert batch_accuracies(SaysThree(), batches) == [1.0, 0.5, 0.0]


def test_a_recipe_augments_its_training_images_only(few):
    seen = []

    def watched(images):
        seen.append(len(images))
        return random_flip(images)

    recipe = replace(find_recipe("adam-flip"), epochs=2, augment=watched)
    train_recipe(recipe, few, 0, progress=False)
    assert seen == [64] * 20  # 640 images in batches of 64, twice


# The continuation


def test_continued_as_published_no_weight_moves(few):
    recipe = find_recipe("momentum-slow")
    old = train_recipe(replace(recipe, epochs=1), few, 0, progress=False).model
    before = fingerprint(old)
    new = continue_as_published(recipe, old, few, seed=0)
    assert new is not old
    assert fingerprint(new) == before == fingerprint(old)
    assert any(p.grad is not None and p.grad.any() for p in new.parameters())  # and yet it learned


@pytest.mark.parametrize("name", ["momentum-slow", "adam-flip"])
def test_mended_a_new_network_and_optimizer_go_on_as_if_nothing_had_stopped(name, few, tmp_path):
    recipe = replace(find_recipe(name), epochs=1)
    stopped = train_recipe(recipe, few, 0, checkpoint=tmp_path / "state.pt", progress=False)
    longer = replace(recipe, epochs=3)
    mended = train_recipe(longer, few, 0, checkpoint=tmp_path / "state.pt", progress=False)
    whole = train_recipe(longer, few, 0, progress=False)
    assert fingerprint(mended.model) == fingerprint(whole.model) != fingerprint(stopped.model)


# The committed study


@pytest.fixture(scope="module")
def study() -> Comparison:
    return load_study("claims")


def test_the_study_is_what_the_command_runs_today(study):
    assert_is_of_today("claims")
    assert len({record.seed for record in study.records}) == 20  # fixed before the training
    assert {r.train_images for r in study.records} == {54_000, 60_000}


def test_counts_by_class_add_up_to_the_accuracy(study):
    flips = [record for record in study.records if record.recipe == "adam-flip"]
    for record in flips:
        assert sum(record.measured["right_by_class"]) == round(record.test_accuracy * 10_000)
    assert flips


def test_in_the_study_the_continuation_as_published_trains_nothing(study):
    for record in study.of("momentum-slow", AS_PUBLISHED):
        assert record.measured["continued_weights"] == record.weights
        assert record.measured["continued_accuracy"] == record.test_accuracy


def test_mended_it_is_the_same_training_up_to_where_it_was_stopped(study):
    pairs = paired_variants(study, "momentum-slow", AS_PUBLISHED, "mended")
    assert len(pairs) == ABLATION_SEEDS
    for stopped, mended in pairs:
        watched = stopped.column("validation_accuracy")
        assert mended.column("validation_accuracy")[: len(watched)] == watched
        assert mended.weights != stopped.weights


def test_the_tutorial_with_the_layers_is_the_arm_of_lesson_04():
    from lenet_helpers.studies.bn_dropout import variants_of

    both, here = variants_of("sgd-plain")["both"], find_recipe("sgd-bn-dropout")
    assert (here.model.func, here.model.keywords) == (both.model.func, both.model.keywords)
    words = {"model": None, "name": "", "source": "", "claim": "", "note": ""}
    assert replace(here, **words) == replace(both, **words)


@pytest.mark.lessons
def test_a_recipe_trained_again_lies_where_the_study_says(study, data_dir):
    from lenet_helpers.studies.statistics import further_run

    recipe = find_recipe("momentum-slow")
    mnist = load_mnist(data_dir, fit=recipe.fit, validation_size=0)
    again = train_recipe(recipe, mnist, 0, progress=False)
    accuracies = [record.test_accuracy for record in study.of(recipe.name, AS_PUBLISHED)]
    _, low, high = further_run(accuracies)
    assert low <= again.test.accuracy <= high
