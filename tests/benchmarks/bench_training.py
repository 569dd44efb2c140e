"""How fast the course trains, against the way the tutorials do: `make bench`.

Both ways train the same network, recipe after recipe, in turns within one run, so that a busy
machine slows both. What counts is the ratio.

With `--device cuda` (four minutes at most) both train on the graphics card: an epoch, and the
time to 98 % and to 99 % test accuracy. The clock runs while a network is trained. It does not run
while it is tested, while our splits are brought to the card, or while PyTorch and cuDNN start.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, Subset, random_split
from torchvision import datasets, transforms

from lenet_helpers.data import (
    DATA_DIR,
    MEAN,
    STANDARD_DEVIATION,
    Batches,
    Split,
    fetch_mnist,
    load_mnist,
)
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
PATIENCE = 170  # seconds after which the published way is given up


class Large(NamedTuple):
    """A training in large batches, with Adam and a one-cycle learning rate."""

    batch_size: int
    learning_rate: float
    epochs: int


# On a graphics card a step of 512 images takes no longer than one of 64: to start its computations
# takes more time than they do. So few large steps, at twice the learning rate of `course`. Chosen
# on seeds 0 and 1, on a CPU.
FOR_GOAL = {0.98: Large(512, 0.02, 2), 0.99: Large(512, 0.01, 8)}


class PublishedWay:
    """PIL pictures, prepared one by one in a `DataLoader`, and a plain training loop."""

    def __init__(
        self, recipe: Recipe, seed: int, device: str = "cpu", images: int | None = None
    ) -> None:
        steps = [transforms.Resize((32, 32))] if recipe.fit == "resize" else [transforms.Pad(2)]
        steps.append(transforms.ToTensor())
        if recipe.normalize:
            steps.append(transforms.Normalize((MEAN,), (STANDARD_DEVIATION,)))
        prepare = transforms.Compose(steps)
        train, test = (datasets.MNIST(DATA_DIR, part, prepare) for part in (True, False))
        if recipe.validation_size:
            sizes = [len(train) - recipe.validation_size, recipe.validation_size]
            train, _ = random_split(train, sizes)
        if images is not None:
            train = Subset(train, range(images))
        seed_everything(seed)
        self.device = device
        self.train = DataLoader(train, recipe.batch_size, shuffle=True)
        self.test = DataLoader(test, recipe.batch_size)
        self.model = recipe.model().to(device)
        weights = self.model.parameters()  # the optimizers with their defaults, as published
        if recipe.optimizer == "adam":
            self.optimizer = torch.optim.Adam(weights, recipe.learning_rate)
        else:
            self.optimizer = torch.optim.SGD(weights, recipe.learning_rate, recipe.momentum)

    def train_epoch(self) -> None:
        """The loop of the tutorials."""
        self.model.train()
        for images, labels in self.train:
            images, labels = images.to(self.device), labels.to(self.device)
            loss = functional.cross_entropy(self.model(images), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def epoch(self) -> float:
        """Train one epoch; the test accuracy after it."""
        self.train_epoch()
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
    wait_for_device()
    start = time.perf_counter()
    function()
    wait_for_device()
    return time.perf_counter() - start


def wait_for_device() -> None:
    """A graphics card computes on while Python goes on: a clock is read when it is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


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


class Ours(NamedTuple):
    """What our way reached: seconds and test accuracy for each seed."""

    seconds: list[float]
    accuracies: list[float]


def train_large(large: Large, train: Split, test: Split, seeds: range) -> Ours:
    """Train as `large` says, once for each seed, on the device where the splits lie."""
    ours = Ours([], [])
    for seed in seeds:
        seed_everything(seed)
        model = LeNet5().to(train.images.device, memory_format=torch.channels_last)
        generator = torch.Generator().manual_seed(seed)
        batches = Batches(train, large.batch_size, shuffle=True, generator=generator)
        optimizer = torch.optim.Adam(model.parameters(), large.learning_rate, fused=True)
        steps = large.epochs * len(batches)
        settings = {
            "epochs": large.epochs,
            "optimizer": optimizer,
            "scheduler": OneCycleLR(optimizer, large.learning_rate, total_steps=steps),
            "progress": False,
        }
        ours.seconds.append(seconds_of(lambda: fit(model, batches, **settings)))  # noqa: B023
        ours.accuracies.append(evaluate(model, Batches(test, EVALUATION_BATCH)).accuracy)
    return ours


def train_published(
    recipe: Recipe, test: Split, device: str, images: int | None, patience: float
) -> tuple[list[float], list[float]]:
    """Seconds of training so far, and test accuracy, after each epoch until the last goal."""
    published = PublishedWay(recipe, 0, device, images)
    batches = Batches(test, EVALUATION_BATCH)
    evaluate(published.model, batches)  # what is started at the first use is not measured
    seconds, accuracies = [], [0.0]
    while max(accuracies) < max(FOR_GOAL) and sum(seconds) < patience:
        seconds.append(seconds_of(published.train_epoch))
        accuracies.append(evaluate(published.model, batches).accuracy)
        print(
            f"  published {recipe.name}, epoch {len(seconds)}: {accuracies[-1]:.2%}, "
            f"{sum(seconds):.1f} s",
            flush=True,
        )
    so_far = [sum(seconds[: number + 1]) for number in range(len(seconds))]
    return so_far, accuracies[1:]


def compare_on(device: str, seeds: range, images: int | None, patience: float) -> None:
    """An epoch and the times to the goals on one device, in a table."""
    recipe = find_recipe("adam-split")
    mnist, theirs_test = load_mnist(), load_recipe_data(recipe).test.to(device)
    train = Split(mnist.train.images[:images], mnist.train.labels[:images]).to(device)
    test = mnist.test.to(device)
    same = Split(train.images[:54_000], train.labels[:54_000])  # as many as the published way has
    one_epoch = Large(recipe.batch_size, recipe.learning_rate, 1)
    for large in (one_epoch, *FOR_GOAL.values()):  # cuDNN starts here, and is not measured
        train_large(large._replace(epochs=1), train, test, range(1))
    epoch = train_large(one_epoch, same, test, seeds)
    ours = {goal: train_large(large, train, test, seeds) for goal, large in FOR_GOAL.items()}
    so_far, accuracies = train_published(recipe, theirs_test, device, images, patience)

    card = torch.cuda.get_device_name() if device.startswith("cuda") else device
    print(f"\n{card}, torch {torch.__version__}, seconds of training")
    print(f"{'':26}{'published':>10}{'ours, median':>14}{'slowest':>9}{'ratio':>8}   our seeds")
    name = f"epoch, {len(same):,} images in {recipe.batch_size}s"
    print(row(name, so_far[0], epoch, f"{len(seeds)}"))
    for goal, large in FOR_GOAL.items():
        reached = [
            seconds
            for seconds, accuracy in zip(so_far, accuracies, strict=True)
            if accuracy >= goal
        ]
        share = sum(accuracy >= goal for accuracy in ours[goal].accuracies)
        note = f"{share} of {len(seeds)} reached it, lowest {min(ours[goal].accuracies):.2%}; "
        note += f"{large.epochs} epochs in batches of {large.batch_size}"
        print(row(f"to {goal:.0%} test accuracy", *(reached[:1] or [None]), ours[goal], note))
        if not reached:
            print(f"{'':26}published: not reached in {len(so_far)} epochs, {so_far[-1]:.1f} s")


def row(name: str, theirs: float | None, ours: Ours, note: str) -> str:
    """A line of the table."""
    middle = median(ours.seconds)
    published = "-" if theirs is None else f"{theirs:.2f}"
    ratio = "-" if theirs is None else f"{theirs / middle:.1f}"
    return f"{name:26}{published:>10}{middle:>14.3f}{max(ours.seconds):>9.3f}{ratio:>8}   {note}"


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
    parser.add_argument("--device", help="cuda, or cpu to try that comparison out")
    parser.add_argument("--seeds", type=int, default=5, help="of our way, with --device")
    parser.add_argument("--images", type=int, help="train on the first alone, with --device")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds, with --device")
    options = parser.parse_args()
    device = options.device
    if device and device.startswith("cuda") and not torch.cuda.is_available():
        raise SystemExit(
            "PyTorch finds no graphics card with CUDA here. Run this on a machine that has one, or "
            "try it out with --device cpu --images 2000 --seeds 2 --patience 10."
        )
    fetch_mnist()
    if device:
        compare_on(device, range(options.seeds), options.images, options.patience)
        return
    compare_epochs(options.pairs)
    compare_time_to_goal()
    print_peak()


if __name__ == "__main__":
    main()
