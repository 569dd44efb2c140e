"""Lesson 09: six published trainings and their ablations, trained over several seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lenet_helpers import recipes
from lenet_helpers.data import MNIST, Batches, Split
from lenet_helpers.model import LeNet5, evaluation_mode
from lenet_helpers.studies import published
from lenet_helpers.studies.records import Run, Study, cross, fingerprint
from lenet_helpers.training import evaluate

PUBLISHED = tuple(published.RECIPES)
AS_PUBLISHED = "as published"
CLAIMED_ABLATION = "tanh, average"  # of adam-flip: the one variant a publication claims a number of
ABLATION_SEEDS = 5  # the others say what a slip costs, and are no row of the table
CONTINUED = 4  # epochs that momentum-slow was continued for


def ablations() -> dict[str, dict[str, recipes.Recipe]]:
    """Variants of the published recipes, each with one thing changed."""
    kept = published.RECIPES
    plain, split, flip = kept["sgd-plain"], kept["adam-split"], kept["adam-flip"]
    three, slow = kept["momentum-3"], kept["momentum-slow"]
    network, layers_1998 = published.mindspore_lenet5, {"activation": "tanh", "pooling": "average"}
    return {
        "sgd-plain": {"28×28": replace(plain, image_size=28, model=partial(LeNet5, image_size=28))},
        "adam-split": {"mean 0.01307": replace(split, model=published.WrongMean)},
        "adam-flip": {
            "no flip": replace(flip, augment=None),
            "second ReLU": replace(flip, model=partial(published.flip_homework, second_relu=True)),
            CLAIMED_ABLATION: replace(flip, model=partial(LeNet5, **layers_1998)),
        },
        "momentum-3": {
            "ReLUs between": replace(three, model=partial(network, linear_relus=True)),
            "PyTorch's start": replace(three, model=partial(network, torch_weights=True)),
            "both": replace(three, model=partial(network, linear_relus=True, torch_weights=True)),
        },
        "momentum-slow": {"mended": replace(slow, epochs=slow.epochs + CONTINUED)},
    }


def study_runs(seeds: int) -> list[Run]:
    """The runs of the study: what a publication claims, seeds 0, 1, … `seeds` - 1.

    The ablations that no publication claims a number of have the first `ABLATION_SEEDS` alone.

    "mended" of momentum-slow trains on where the published code trains nothing. A training that
    is stopped, saved and continued as `fit` does it ends with the very weights of one that is not
    stopped, so it is trained in one go.
    """
    runs = []
    for seed in range(seeds):  # a study that is stopped has all variants for its first seeds
        for name in PUBLISHED:
            variants = ablations().get(name, {})
            if seed >= ABLATION_SEEDS:
                variants = {n: v for n, v in variants.items() if n == CLAIMED_ABLATION}
            runs += cross({AS_PUBLISHED: published.RECIPES[name], **variants}, [seed])
    return runs


def measure(run: Run, trained: recipes.TrainedModel, mnist: MNIST) -> dict[str, Any]:
    """What the claims need besides the test accuracy."""
    measured: dict[str, Any] = {}
    if run.recipe.name == "adam-flip":
        measured["right_by_class"] = right_by_class(trained.model, mnist.test)
        batches = Batches(mnist.train, run.recipe.batch_size, shuffle=True)
        accuracies = batch_accuracies(trained.model, batches, run.recipe.augment)
        measured["first_batch"] = accuracies[0]
        measured["full_batches"] = float(np.mean(np.array(accuracies) == 1))
    if (run.recipe.name, run.variant) == ("momentum-slow", AS_PUBLISHED):
        new = continue_as_published(run.recipe, trained.model, mnist, run.seed)
        test = evaluate(new, recipes.make_test_batches(run.recipe, mnist))
        measured |= {"continued_accuracy": test.accuracy, "continued_weights": fingerprint(new)}
    return measured


@torch.no_grad()
def right_by_class(model: nn.Module, split: Split) -> list[int]:
    """How many images of each of the ten classes the model reads rightly."""
    with evaluation_mode(model):
        parts = split.images.split(recipes.EVALUATION_BATCH)
        answers = torch.cat([model(part).argmax(dim=1) for part in parts])
    return torch.bincount(split.labels[answers == split.labels], minlength=10).tolist()


@torch.no_grad()
def batch_accuracies(
    model: nn.Module,
    batches: Batches,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> list[float]:
    """Accuracy on each batch by itself."""
    accuracies = []
    with evaluation_mode(model):
        for images, labels in batches:
            logits = model(augment(images) if augment else images)
            accuracies.append((logits.argmax(dim=1) == labels).float().mean().item())
    return accuracies


def continue_as_published(
    recipe: recipes.Recipe, old: nn.Module, mnist: MNIST, seed: int, epochs: int = CONTINUED
) -> nn.Module:
    """Put the weights of `old` into a new network, and "continue" with the optimizer of `old`.

    The optimizer holds the parameters of the old network. The backward pass writes gradients into
    the new one, so no step moves anything. Returns the new network.
    """
    optimizer = recipes.make_optimizer(recipe, old, mnist.train)
    new = recipe.model()
    new.load_state_dict(old.state_dict())
    generator = torch.Generator().manual_seed(seed)
    batches = Batches(mnist.train, recipe.batch_size, shuffle=True, generator=generator)
    train_as_published(new, batches, optimizer, epochs)
    return new


def train_as_published(
    model: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer, epochs: int
) -> list[float]:
    """The loop of the publication, which takes any optimizer; `fit` refuses another model's.

    Returns the loss of every step.
    """
    losses = []
    model.train()
    for _ in range(epochs):
        for images, labels in batches:
            loss = functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


STUDIES = {"claims": Study(study_runs, seeds=20, measure=measure)}
