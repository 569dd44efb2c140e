"""Lesson 09: what each technique of training buys LeNet-5, and the recipe `best` over seeds.

Techniques are added one at a time and chosen on a validation split of 10,000 images. The test set
is not read while they are compared.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from torch.nn import functional

from lenet_helpers.augmentation import vary
from lenet_helpers.data import MNIST, Batches
from lenet_helpers.recipes import EVALUATION_BATCH, Recipe, TrainedModel, find_recipe
from lenet_helpers.studies.records import Run, Study, cross
from lenet_helpers.training import evaluate

EPOCHS = 15
LONGER = 45


def techniques() -> dict[str, Recipe]:
    """Each variant is an earlier one with one thing changed."""
    adam = replace(
        find_recipe("course"),
        name="techniques",
        epochs=EPOCHS,
        validation_size=10_000,
        read_test=False,
    )
    sgd = replace(
        adam,
        optimizer="sgd",
        learning_rate=0.1,
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
    )
    affine = replace(sgd, augment=partial(vary, bent=0.0))
    elastic = replace(sgd, augment=vary)
    return {
        "Adam": adam,
        "SGD": sgd,
        "affine": affine,
        "elastic": elastic,
        "smoothing": replace(elastic, loss=partial(functional.cross_entropy, label_smoothing=0.1)),
        "averaging": replace(elastic, averaging=0.999),
        "longer": replace(elastic, epochs=LONGER),
    }


def study_runs(seeds: int) -> list[Run]:
    """The runs of the study: every technique, seeds 0, 1, … `seeds` - 1."""
    return cross(techniques(), range(seeds))


def best_runs(seeds: int) -> list[Run]:
    """The recipe `best`, seeds 0, 1, … `seeds` - 1."""
    return cross({"best": find_recipe("best")}, range(seeds))


def measure(run: Run, trained: TrainedModel, mnist: MNIST) -> dict[str, Any]:  # noqa: ARG001
    """Loss and accuracy on the validation split, of the averaged weights where there are such."""
    metrics = evaluate(trained.model, Batches(mnist.validation, EVALUATION_BATCH))
    return {"validation_loss": metrics.loss, "validation_accuracy": metrics.accuracy}


STUDIES = {
    "techniques": Study(study_runs, seeds=2, measure=measure),
    "best": Study(best_runs, seeds=5),
}
