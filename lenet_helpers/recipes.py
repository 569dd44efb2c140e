"""Lesson 03: named recipes: every hyperparameter of one training in one place.

A recipe of a later lesson stands with its study, or with the pen; `find_recipe` imports it late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from lenet_helpers.augmentation import vary
from lenet_helpers.checkpoints import load_network
from lenet_helpers.data import DATA_DIR, MNIST, Batches, Fit, Split, fit_splits, read_splits
from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.training import History, Metrics, evaluate, fit, seed_everything

EVALUATION_BATCH = 400  # the fastest: its feature maps fit the cache; no result depends on it
PRETRAINED = DATA_DIR / "pretrained"  # weights that come with the kit; see README.md there


@dataclass(frozen=True)
class Recipe:
    """All hyperparameters of one training.

    `schedule` "one-cycle" raises the learning rate to `learning_rate` and lowers it to almost
    nothing, as L. N. Smith and N. Topin do in "Super-convergence" (arXiv:1708.07120, section 3).
    """

    name: str
    source: str  # where the recipe was published
    learning_rate: float
    epochs: int
    batch_size: int = 64
    optimizer: Literal["adam", "sgd"] | MakeOptimizer = "adam"
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: Literal["constant", "one-cycle"] = "constant"
    model: Callable[[], nn.Module] = LeNet5
    image_size: int = 32
    fit: Fit = "pad"
    normalize: bool = True
    validation_size: int = 5000
    train_size: int | None = None  # only the first training images; None for all
    draw: Callable[[MNIST], MNIST] | None = None  # what is drawn, added to MNIST's grey levels
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None  # of training batches
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = functional.cross_entropy
    averaging: float = 0.0  # of the weights over the steps: how much of the average each step keeps
    drop_last: bool = False  # a last batch that is not full, in training and in testing
    read_test: bool = True  # not while recipes are compared to choose one of them
    claim: str = ""  # what the publication says it reaches
    note: str = ""  # what the publication left open, and our choice


# An optimizer that is not PyTorch's, made for this recipe, model and training split.
MakeOptimizer = Callable[[Recipe, nn.Module, Split], torch.optim.Optimizer]


class TrainedModel(NamedTuple):
    """A trained network, how it was trained, and what it reaches on the test set."""

    model: nn.Module
    history: History
    test: Metrics | None  # None where the recipe leaves the test set alone


QUICK = Recipe(
    name="quick",
    source="this course",
    learning_rate=0.005,
    epochs=1,
    schedule="one-cycle",
    claim="more than 98.3 % after one epoch",
)
COURSE = replace(
    QUICK, name="course", epochs=3, claim="99.0 % in the mean over seeds after three epochs"
)
BEST = Recipe(
    name="best",
    source="this course",
    learning_rate=0.1,
    epochs=60,
    optimizer="sgd",
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    schedule="one-cycle",
    validation_size=1000,  # the rest is worth more in training; choices were made before
    augment=vary,
    claim="99.59 % in the mean over five seeds, with the parameters of LeNet-5",
)
RECIPES = {recipe.name: recipe for recipe in (QUICK, COURSE, BEST)}

# Where the recipes of later lessons are.
LATER = ("studies.lenet_1998", "studies.published", "pen.recipes")


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; CourseError with the known names if there is none."""
    known = dict(RECIPES)
    for module in LATER:
        if name not in known:
            known |= import_module(f"lenet_helpers.{module}").RECIPES
    if name not in known:
        raise CourseError(f"There is no recipe {name!r}. Choose one of {', '.join(known)}.")
    return known[name]


def load_pretrained(name: str = "course") -> nn.Module:
    """The trained network of a recipe, from the weights that come with the kit.

    Returned in evaluation mode, on the CPU.

    Raises
    ------
    CourseError
        If there is no recipe of that name, or no weights of it.
    """
    path = PRETRAINED / f"{name}.safetensors"
    if not path.exists():
        find_recipe(name)  # a name that nobody knows is refused with the known ones
    return load_network(path)


def load_recipe_data(recipe: Recipe, data_dir: str | Path = DATA_DIR) -> MNIST:
    """MNIST prepared and split as `recipe` asks for, with drawn images if it learns them."""
    levels = read_splits(data_dir, recipe.validation_size)
    levels = levels._replace(train=Split(*levels.train[: recipe.train_size]))
    if recipe.draw:  # added as grey levels, which take a fifth of the memory
        levels = recipe.draw(levels)
    return fit_splits(levels, recipe.image_size, recipe.fit, recipe.normalize)


def make_optimizer(recipe: Recipe, model: nn.Module, train: Split) -> torch.optim.Optimizer:
    """The optimizer of `recipe` for the parameters of `model`, to be trained on `train`."""
    if callable(recipe.optimizer):
        return recipe.optimizer(recipe, model, train)
    settings = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    # fused: all parameters are updated in one call, with the same result in less time
    if recipe.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), **settings, fused=True)
    settings |= {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
    return torch.optim.SGD(model.parameters(), **settings, fused=True)


def make_test_batches(recipe: Recipe, mnist: MNIST) -> Batches:
    """The test images that `recipe` is measured on."""
    size = recipe.batch_size if recipe.drop_last else EVALUATION_BATCH
    return Batches(mnist.test, size, drop_last=recipe.drop_last)


def train_recipe(
    recipe: Recipe,
    mnist: MNIST,
    seed: int,
    *,
    device: torch.device | str | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> TrainedModel:
    """Train `recipe` from a fresh start and measure it on the test set.

    The test set is read once, at the end. Only a recipe without a validation split is measured
    on it after every epoch too, as its publication did: the history's validation columns hold
    that.

    Parameters
    ----------
    recipe
        What to train.
    mnist
        The splits, as `load_recipe_data` gives them.
    seed
        Decides the first weights and the order of the batches.
    device, checkpoint, progress
        As for `fit`.
    """
    if recipe.averaging and checkpoint is not None:
        raise CourseError(f"{recipe.name} averages weights, which a checkpoint does not keep.")
    if device is not None:  # on a graphics card whole splits lie there and are shuffled there
        mnist = MNIST(*(split.to(device) for split in mnist))
    seed_everything(seed)
    model = recipe.model()
    model.to(memory_format=torch.channels_last)  # convolutions train faster in this layout
    order = torch.Generator().manual_seed(seed)
    batches = Batches(mnist.train, recipe.batch_size, True, order, recipe.drop_last)
    optimizer = make_optimizer(recipe, model, mnist.train)
    averaged = _average(model, optimizer, recipe.averaging) if recipe.averaging else model
    scheduler = None
    if recipe.schedule == "one-cycle":
        steps = recipe.epochs * len(batches)
        scheduler = OneCycleLR(optimizer, max_lr=recipe.learning_rate, total_steps=steps)
    test_batches = make_test_batches(recipe, mnist)
    validation = Batches(mnist.validation, EVALUATION_BATCH)
    history = fit(
        model,
        batches,
        epochs=recipe.epochs,
        optimizer=optimizer,
        validation=validation if recipe.validation_size else test_batches,
        scheduler=scheduler,
        loss_function=recipe.loss,
        augment=recipe.augment,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
    )
    test = evaluate(averaged, test_batches) if recipe.read_test else None
    averaged.to(memory_format=torch.contiguous_format)  # the layout of a network from a file
    return TrainedModel(averaged, history, test)


def _average(model: nn.Module, optimizer: torch.optim.Optimizer, kept: float) -> nn.Module:
    """A network whose weights are the average over the steps that `optimizer` will take."""
    # here: with it comes torch's compiler, which takes a second
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(kept))
    optimizer.register_step_post_hook(lambda *_: averaged.update_parameters(model))
    return averaged.module
