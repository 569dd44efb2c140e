"""Lesson 07: the network of 1998 trained as the paper says, and the way from it to today."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from lenet_helpers import lenet_1998 as paper
from lenet_helpers.augmentation import vary
from lenet_helpers.data import MNIST, Batches, Split
from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import EVALUATION_BATCH, Recipe, TrainedModel, find_recipe
from lenet_helpers.studies.records import Run, Study, cross
from lenet_helpers.training import evaluate

WALK_PASSES, WALK_SEEDS = 5, 3


def levenberg_marquardt(
    recipe: Recipe, model: nn.Module, train: Split, warm_up: int = paper.WARM_UP
) -> paper.LevenbergMarquardt:
    """The optimizer of 1998 for a recipe whose epochs are the paper's passes."""
    batch, rate, passes = recipe.batch_size, recipe.learning_rate, recipe.epochs
    return paper.LevenbergMarquardt(model, train, recipe.loss, batch, rate, passes, warm_up)


RECIPES = {
    "lenet-1998": Recipe(
        name="lenet-1998",
        source='Y. LeCun and others, "Gradient-based learning applied to document recognition"',
        learning_rate=paper.LEARNING_RATE,
        epochs=len(paper.STEP_SIZES),
        batch_size=8,
        optimizer=levenberg_marquardt,
        model=paper.lenet_1998,
        normalize=False,
        validation_size=0,
        loss=paper.discriminative_loss,
        claim="0.95 % errors on the test set, 0.35 % on the training set, after 19 passes",
        note="A quarter of the paper's step sizes, and 8 samples in a step, not one. "
        "Over the first 8,000 images our steps grow to their size.",
    )
}


def walk() -> dict[str, Recipe]:
    """From 1998 to today: each variant changes one thing of the one before."""
    old = replace(find_recipe("lenet-1998"), name="from 1998", epochs=WALK_PASSES)
    variants, parts = {"1998": old}, {}
    for name, part in (
        ("output units", "radial_basis"),
        ("squashing", "squash"),
        ("subsampling", "subsampling"),
        ("connection table", "table"),
    ):
        parts = parts | {part: False}
        network = partial(paper.lenet_1998, **parts)
        variants[name] = replace(old, model=network, loss=functional.cross_entropy)
    today = replace(find_recipe("course"), name=old.name, epochs=WALK_PASSES, validation_size=0)
    variants["optimizer"] = replace(today, model=scaled_lenet5, normalize=False)
    return variants | {"input": today}


def scaled_lenet5() -> nn.Sequential:
    """Today's LeNet-5, its first weights too, with the input of 1998."""
    return nn.Sequential(paper.ScaleInput(), LeNet5())


def to_the_letter() -> nn.Sequential:
    """The network with the first weights of appendix A."""
    model = paper.lenet_1998()
    for layer in model:
        paper.first_weights(layer, paper.SPREAD, power=1)
    return model


def first_weights_runs(seeds: int) -> list[Run]:
    """Two kinds of first weights, each with the same cures, seeds 0, 1, … `seeds` - 1.

    Short trainings in batches of 8, judged on images held out of the training set.
    """
    letter = replace(
        find_recipe("lenet-1998"),
        learning_rate=paper.STEP_SIZES[0],
        epochs=1,
        optimizer=partial(levenberg_marquardt, warm_up=0),
        train_size=paper.WARM_UP,  # so that with a warm-up the last step has its whole size
        validation_size=1000,
        read_test=False,
    )
    slow = replace(letter, optimizer=levenberg_marquardt)
    ways = {
        "the paper's steps": letter,
        "with a warm-up": slow,
        "a quarter": replace(letter, learning_rate=paper.STEP_SIZES[0] / 4),
        "a quarter, warm-up": replace(slow, learning_rate=paper.STEP_SIZES[0] / 4),
        "a sixteenth, warm-up": replace(slow, learning_rate=paper.STEP_SIZES[0] / 16),
    }
    runs = []
    for name, model in (("2.4 / F", to_the_letter), ("1.2 / √F", paper.lenet_1998)):
        started = {way: replace(r, name=name, model=model) for way, r in ways.items()}
        runs += cross(started, range(seeds))
    return runs


def study_runs(seeds: int) -> list[Run]:
    """The runs of the study, with seeds 0, 1, … `seeds` - 1 for the training of 1998.

    Of the walk three seeds. One each of the trainings that take a single sample at a time, with
    our step sizes and with the paper's, and of the one with distorted images.
    """
    ours = find_recipe("lenet-1998")
    single = replace(ours, batch_size=1)
    once = {
        "one sample": single,
        "the paper's steps": replace(single, learning_rate=paper.STEP_SIZES[0]),
        "distorted": replace(ours, augment=partial(vary, bent=0.0)),
    }
    losses = {"equation 8": replace(walk()["1998"], loss=paper.squared_loss)}
    # the longest come first, so that no core waits for them in the end
    runs = cross(once, [0]) + cross({"small batches": ours}, range(seeds))
    return runs + cross(walk() | losses, range(min(seeds, WALK_SEEDS)))


def measure(run: Run, trained: TrainedModel, mnist: MNIST) -> dict[str, Any]:  # noqa: ARG001
    """Accuracy on the training images after the training."""
    metrics = evaluate(trained.model, Batches(mnist.train, EVALUATION_BATCH))
    return {"training_accuracy": metrics.accuracy}


@torch.no_grad()
def measure_f6(run: Run, trained: TrainedModel, mnist: MNIST) -> dict[str, Any]:  # noqa: ARG001
    """Share of F6's values within 1 % of their limit, on the images held out."""
    codes = trained.model[:-1](mnist.validation.images)
    return {"at_limit": (codes.abs() > 0.99 * paper.AMPLITUDE).float().mean().item()}


STUDIES = {
    "lenet_1998": Study(study_runs, seeds=5, measure=measure),
    "first_weights": Study(first_weights_runs, seeds=24, measure=measure_f6),
}
