"""Lesson 04: which learning rates LeNet-5 survives, without and with batch norm, over seeds."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from lenet_helpers.data import MNIST, Batches, Split
from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import Recipe, TrainedModel
from lenet_helpers.studies.records import Run, Study, cross
from lenet_helpers.training import seed_everything

NAME = "learning rates"
RATES = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
STEPS, BATCH_SIZE = 300, 32
COUNTED = 50  # the last steps, whose accuracy counts


def accuracy_at(
    rate: float, seed: int, train: Split, steps: int = STEPS, batch_norm: bool = False
) -> float | None:
    """Train LeNet-5 by plain SGD at a constant rate.

    Returns
    -------
    float or None
        Mean training accuracy of the last 50 batches of 32; None if a loss was not finite.
    """
    seed_everything(seed)
    model = LeNet5(batch_norm=batch_norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    accuracies = []
    for images, labels in itertools.islice(Batches(train, BATCH_SIZE, True, generator), steps):
        logits = model(images)
        loss = functional.cross_entropy(logits, labels)
        if not math.isfinite(loss.item()):
            return None
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        accuracies.append((logits.argmax(dim=1) == labels).float().mean().item())
    counted = accuracies[-COUNTED:]
    return sum(counted) / len(counted)


def study_runs(seeds: int) -> list[Run]:
    """Both networks with seeds 0, 1, … `seeds` - 1; `measure_rates` trains them."""
    recipe = Recipe(
        name=NAME,
        source="this course",
        learning_rate=0.0,
        optimizer="sgd",
        batch_size=BATCH_SIZE,
        epochs=0,  # each rate is a training of its own, from the first weights on
        normalize=False,
        read_test=False,
    )
    normed = replace(recipe, model=partial(LeNet5, batch_norm=True))
    return cross({"none": recipe, "batch norm": normed}, range(seeds))


def measure_rates(
    run: Run, _trained: TrainedModel, mnist: MNIST, rates: tuple[float, ...], steps: int
) -> dict[str, Any]:
    """What `accuracy_at` gives at each rate."""
    batch_norm = run.variant == "batch norm"
    found = [accuracy_at(rate, run.seed, mnist.train, steps, batch_norm) for rate in rates]
    return {"accuracies": [a if a is None else round(a, 6) for a in found]}


MEASURE = partial(measure_rates, rates=RATES, steps=STEPS)
STUDIES = {"learning_rates": Study(study_runs, seeds=24, measure=MEASURE)}
