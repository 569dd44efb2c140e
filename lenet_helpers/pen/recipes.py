"""Lesson 08: the recipe of the network that reads characters, of which MNIST has only digits."""

from __future__ import annotations

from functools import partial

from lenet_helpers.augmentation import vary
from lenet_helpers.model import LeNet5
from lenet_helpers.pen.characters import NO_CHARACTER, add_characters
from lenet_helpers.recipes import Recipe

RECIPES = {
    "characters": Recipe(
        name="characters",
        source="this course",
        learning_rate=0.15,
        epochs=24,
        batch_size=128,
        optimizer="sgd",
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        schedule="one-cycle",
        model=partial(LeNet5, num_classes=NO_CHARACTER + 1),
        augment=partial(vary, bent=0.05),
        draw=partial(add_characters, count=2500),
        claim="96 % of MNIST's digits among 20 classes, 99 % among the ten digits",
    )
}
