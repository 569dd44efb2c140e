"""Lessons 06 and 08: recipes of the networks that learn drawings beside MNIST."""

from __future__ import annotations

from functools import partial

from lenet_helpers.augmentation import vary
from lenet_helpers.model import LeNet5
from lenet_helpers.pen.numbers import BEND, NO_DIGIT, add_numbers
from lenet_helpers.pen.symbols import add_symbols
from lenet_helpers.reading.grammar import CLASSES
from lenet_helpers.recipes import Recipe

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="symbols",
            source="this course",
            learning_rate=0.1,
            epochs=8,
            optimizer="sgd",
            momentum=0.9,
            nesterov=True,
            weight_decay=5e-4,
            schedule="one-cycle",
            model=partial(LeNet5, num_classes=len(CLASSES)),
            augment=vary,
            draw=partial(add_symbols, count=1000),
            claim="97.6 % of digits and drawn symbols together, 19 classes",
        ),
        Recipe(
            name="numbers",
            source="this course",
            learning_rate=0.003,
            epochs=8,
            schedule="one-cycle",
            model=partial(LeNet5, num_classes=NO_DIGIT + 1),
            augment=partial(vary, bent=BEND),
            draw=partial(add_numbers, count=2000),
            claim="99 % of MNIST's digits among 11 classes, one of them for what is no digit",
        ),
    )
}
