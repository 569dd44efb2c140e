"""How fast the course trains, against the way the tutorials do: `make bench`.

Both ways train the same network, recipe after recipe, in turns within one run, so that a busy
machine slows both. What counts is the ratio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch.nn import functional
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

from lenet_helpers.data import DATA_DIR, MEAN, STANDARD_DEVIATION, Batches, fetch_mnist
from lenet_helpers.model import LeNet5, layer_table
from lenet_helpers.recipes import (
    EVALUATION_BATCH,
    Recipe,
    find_recipe,
    load_recipe_data,
    make_optimizer,
    train_recipe,
)
from lenet_helpers.training import evaluate, fit, seed_everything

GOAL = 0.98


class PublishedWay:
    """PIL pictures, prepared one by one in a `DataLoader`, and a plain training loop."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        steps = [transforms.Resize((32, 32))] if recipe.fit == "resize" else [transforms.Pad(2)]
        steps.append(transforms.ToTensor())
        if recipe.normalize:
            steps.append(transforms.Normalize((MEAN,), (STANDARD_DEVIATION,)))
        prepare = transforms.Compose(steps)
        train, test = (datasets.MNIST(DATA_DIR, part, prepare) for part in (True, False))
        if recipe.validation_size:
            sizes = [len(train) - recipe.validation_size, recipe.validation_size]
            train, _ = random_split(train, sizes)
        seed_everything(seed)
        self.train = DataLoader(train, recipe.batch_size, shuffle=True)
        self.test = DataLoader(test, recipe.batch_size)
        self.model = recipe.model()
        weights = self.model.parameters()  # the optimizers with their defaults, as published
        if recipe.optimizer == "adam":
            self.optimizer = torch.optim.Adam(weights, recipe.learning_rate)
        else:
            self.optimizer = torch.optim.SGD(weights, recipe.learning_rate, recipe.momentum)

    def epoch(self) -> float:
        """Train one epoch; the test accuracy after it."""
        self.model.train()
        for images, labels in self.train:
            loss = functional.cross_entropy(self.model(images), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.model.eval()
        correct = 0
        with torch.no_grad():
            for images, labels in self.test:
                correct += (self.model(images).argmax(dim=1) == labels).sum().item()
        return correct / len(self.test.dataset)


class OurWay:
    """Tensors in memory in `Batches`, and `fit`, as `train_recipe` does it."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        mnist = load_recipe_data(recipe)
        seed_everything(seed)
        self.train = Batches(mnist.train, recipe.batch_size, shuffle=True)
        self.test = Batches(mnist.test, EVALUATION_BATCH)
        self.model = recipe.model().to(memory_format=torch.channels_last)
        self.optimizer = make_optimizer(recipe, self.model, mnist.train)

    def epoch(self) -> float:
        """Train one epoch; the test accuracy after it."""
        fit(self.model, self.train, epochs=1, optimizer=self.optimizer, progress=False)
        return evaluate(self.model, self.test).accuracy


def seconds_of(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare_epochs(pairs: int) -> None:
    """One epoch of `adam-split`, training and test, both ways in turns."""
    recipe = find_recipe("adam-split")
    published, ours = PublishedWay(recipe, seed=0), OurWay(recipe, seed=0)
    print(f"adam-split, one epoch of {len(ours.train.split):,} images, training and test")
    print(f"{'pair':>6} {'published':>12} {'ours':>9} {'ratio':>7}")
    ratios = []
    for pair in range(1, pairs + 1):
        slow, fast = seconds_of(published.epoch), seconds_of(ours.epoch)
        ratios.append(slow / fast)
        print(f"{pair:>6} {slow:>10.1f} s {fast:>7.1f} s {slow / fast:>7.1f}", flush=True)
    print(f"median ratio {median(ratios):.1f}\n")


def compare_time_to_goal() -> None:
    """Time to the goal: `sgd-plain` the published way against `quick`, loading included."""
    print(f"time to {GOAL:.0%} test accuracy")
    recipe = find_recipe("sgd-plain")
    start = time.perf_counter()
    published = PublishedWay(recipe, seed=0)
    for epoch in range(1, 3 * recipe.epochs + 1):
        accuracy = published.epoch()
        theirs = time.perf_counter() - start
        print(f"  published sgd-plain, epoch {epoch}: {accuracy:.2%}, {theirs:.0f} s", flush=True)
        if accuracy >= GOAL:
            break
    else:
        raise SystemExit(f"sgd-plain did not reach {GOAL:.0%}: there is no ratio")
    quick = find_recipe("quick")
    start = time.perf_counter()
    accuracy = train_recipe(quick, load_recipe_data(quick), 0, progress=False).test.accuracy
    ours = time.perf_counter() - start
    print(f"  our quick, epoch 1: {accuracy:.2%}, {ours:.1f} s")
    if accuracy < GOAL:
        raise SystemExit(f"quick did not reach {GOAL:.0%}: there is no ratio")
    print(f"ratio {theirs / ours:.1f}\n")


def print_peak() -> None:
    """What the matrix-multiply peak of this machine would allow."""
    size, repeats = 2048, 5
    one, other = torch.rand(size, size), torch.rand(size, size)
    one @ other
    seconds = min(seconds_of(lambda: one @ other) for _ in range(repeats))
    peak = 2 * size**3 / seconds
    multiply_adds = sum(
        row.connections
        for row in layer_table(LeNet5(), (1, 32, 32))
        if row.name.startswith(("conv", "linear"))
    )
    # A multiply-add is two operations; backward costs about twice forward.
    epoch = 54_000 * multiply_adds * 2 * 3 / peak
    print(
        f"matrix multiply {peak / 1e9:.0f} GFLOP/s on {torch.get_num_threads()} threads: ", end=""
    )
    print(f"an epoch of 54,000 images would take {epoch:.1f} s at that speed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="how often both ways take turns")
    pairs = parser.parse_args().pairs
    fetch_mnist()
    compare_epochs(pairs)
    compare_time_to_goal()
    print_peak()


if __name__ == "__main__":
    main()
