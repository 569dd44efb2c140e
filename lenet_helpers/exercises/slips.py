"""Lesson 09, the slips: what counts as right, and what is often wrong."""

from __future__ import annotations

import math
import statistics

import numpy as np
import torch
from scipy import stats
from torch import nn
from torch.nn import functional

from lenet_helpers.exercises.task import Task

# ---- 09-6: the accuracy over batches


def score(model: nn.Module, batches: list) -> float:
    """Of all images at once."""
    images, labels = (torch.cat(each) for each in zip(*batches, strict=True))
    return float((model(images).argmax(1) == labels).double().mean())


def scores(model: nn.Module, batches: list) -> list[float]:
    """Of each batch."""
    return [score(model, [batch]) for batch in batches]


def some_batches(random: np.random.Generator) -> tuple[nn.Module, list]:
    """A model that hands on its input, two full batches and a small one that is read rightly."""
    batches = []
    for size, right in ((8, random.integers(3, 5)), (8, random.integers(6, 8)), (3, 3)):
        labels = torch.from_numpy(random.integers(0, 10, size))
        answers = torch.where(torch.arange(size) < int(right), labels, (labels + 1) % 10)
        batches.append((functional.one_hot(answers, 10).double(), labels))
    return nn.Identity(), batches


# ---- 09-7: train a copy further


def some_training(random: np.random.Generator) -> tuple[nn.Module, list]:
    """A small network and three batches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**31)))
        model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
        return model, [(torch.randn(8, 6).double(), torch.randint(3, (8,))) for _ in range(3)]


def flat(model: nn.Module) -> torch.Tensor:
    """All its parameters in one row."""
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()


def train_and_compare(answer, model: nn.Module, batches: list):
    """The weights of what comes back, and those of what was given."""
    trained = answer(model, batches)
    return (flat(trained), flat(model)) if isinstance(trained, nn.Module) else trained


def walk(model: nn.Module, batches: list, keep: float = 0.0, first: int = 0) -> torch.Tensor:
    """The weights after a step w - 0.1 g for each batch; `keep` is what stays of an old g."""
    names, shapes = zip(*((n, p.shape) for n, p in model.named_parameters()), strict=True)
    weights, running = flat(model), 0.0
    for images, labels in batches:

        def loss(w, images=images, labels=labels):
            parts = w.split([shape.numel() for shape in shapes])
            values = {n: p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}
            logits = torch.func.functional_call(model, values, (images,))
            return functional.cross_entropy(logits, labels)

        running = torch.func.grad(loss)(weights) + keep * running
        weights = weights - 0.1 * running * (torch.arange(len(weights)) >= first)
    return weights


# ---- 09-8: what a slip costs, seed by seed


def cost(with_slip: dict[int, float], without: dict[int, float]) -> tuple[float, float, float]:
    """SciPy's paired test, of the seeds that both have."""
    seeds = sorted(with_slip.keys() & without.keys())
    return paired([with_slip[s] for s in seeds], [without[s] for s in seeds])


def paired(first: list[float], second: list[float], test=stats.ttest_rel):
    """Mean difference and its 95 % interval."""
    low, high = test(first, second).confidence_interval(0.95)
    return float(np.mean(first) - np.mean(second)), float(low), float(high)


def quantile(n: int, level: float = 0.975) -> float:
    """Of Student's distribution for n runs."""
    return float(stats.t.ppf(level, n - 1))


def by_seed(accuracies: dict[int, float]) -> list[float]:
    """In the order of the seeds."""
    return [accuracies[seed] for seed in sorted(accuracies)]


def cost_widened(factor_of_n):
    """The cost as somebody has it whose interval is too wide by a factor that depends on n."""

    def answer(with_slip: dict, without: dict) -> tuple[float, float, float]:
        mean, low, _ = cost(with_slip, without)
        reach = (mean - low) * factor_of_n(len(with_slip.keys() & without.keys()))
        return mean, mean - reach, mean + reach

    return answer


def runs_as_they_finished(random: np.random.Generator) -> tuple[dict, dict]:
    """Accuracies in percent of seven seeds, out of order; on each side another seed is missing."""
    luck = random.permutation(np.linspace(-0.6, 0.6, 7))
    effects = [-0.3 + random.uniform(-0.1, 0.1, 7), np.zeros(7)]
    missing = random.choice(7, 2, replace=False)
    sides = []
    for effect, lost in zip(effects, missing, strict=True):
        seeds = random.permutation(np.setdiff1d(np.arange(7), lost))
        sides.append({int(s): float(98 + luck[s] + effect[s]) for s in seeds})
    return sides[0], sides[1]


# ---- 09-9: choose, then report


def report(validation: np.ndarray, test: np.ndarray) -> tuple[int, float]:
    """The technique with the highest mean on the validation split, and its mean on the test set."""
    means = [statistics.fmean(row) for row in validation.tolist()]
    best = means.index(max(means))
    return best, statistics.fmean(test[best].tolist())


def some_techniques(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Five of them by four seeds; each wrong way to choose takes another one.

    On the validation split the first is best in the mean, the second by its best run, the fourth by
    its median, the fifth by its worst run; on the test set the third is best in the mean.
    """
    validation, test = np.full((5, 4), 98.0), np.full((5, 4), 98.0)
    validation[0], validation[1, 0], test[2] = (98.7, 98.7, 98.7, 98.1), 99.2, 98.8
    validation[3], validation[4] = (97.0, 98.9, 98.9, 98.9), 98.4
    test[:, 2] += 0.3  # one seed is the best of each, so that it is not taken for the first
    noise = random.uniform(-0.08, 0.08, (2, 5, 4))
    order = random.permutation(5)
    return (validation + noise[0])[order], (test + noise[1])[order]


TASKS = (
    Task(
        name="09-6",
        title="find what an accuracy was measured on",
        inputs=some_batches,
        right=score,
        mistakes={
            "That is the accuracy of the last batch.": lambda m, b: score(m, b[-1:]),
            "That is the accuracy of the first batch.": lambda m, b: score(m, b[:1]),
            "A batch of 3 images counts as much there as one of 8.": (
                lambda m, b: statistics.fmean(scores(m, b))
            ),
            "The last batch is smaller than the others. How many images are there in all?": (
                lambda m, b: score(m, b) * 19 / 24
            ),
            "Those are the images that are read wrongly.": lambda m, b: 1 - score(m, b),
            "Those are the images that are read rightly. A share of them is asked for.": (
                lambda m, b: score(m, b) * 19
            ),
            "It is in percent. A fraction from 0 to 1 is asked for.": (
                lambda m, b: score(m, b) * 100
            ),
            "It is divided by the number of batches, not of images.": (
                lambda m, b: score(m, b) * 19 / 3
            ),
        },
        hints=(
            "What does `share` hold after the loop?",
            "Count two things over all batches. Divide once, at the end.",
        ),
    ),
    Task(
        name="09-7",
        title="find why nothing is trained",
        inputs=some_training,
        use=train_and_compare,
        right=lambda model, batches: (walk(model, batches), flat(model)),
        parts=("the weights that are returned", "the weights of the model that was given"),
        mistakes={
            "Not one weight has moved. Whose parameters does the optimizer hold?": (
                lambda model, _: (flat(model), flat(model))
            ),
            "The model that was given has changed. A copy of it was to be trained.": (
                lambda model, batches: (walk(model, batches), walk(model, batches))
            ),
            "The copy has the old weights, and the model that was given has changed.": (
                lambda model, batches: (flat(model), walk(model, batches))
            ),
            "Each step still has the gradients of the steps before it.": (
                lambda model, batches: (walk(model, batches, keep=1), flat(model))
            ),
            "Only the first batch has been used.": (
                lambda model, batches: (walk(model, batches[:1]), flat(model))
            ),
            "Only the last layer has moved.": (
                lambda model, batches: (walk(model, batches, first=35), flat(model))
            ),
        },
        hints=(
            "Print a weight of both networks before and after: which of them moves?",
            "`loss.backward()` writes gradients into the network that made the loss. In which "
            "parameters does the optimizer look for them?",
        ),
    ),
    Task(
        name="09-8",
        title="find why a comparison is so blunt",
        inputs=runs_as_they_finished,
        right=cost,
        parts=("the mean", "the lower bound", "the upper bound"),
        tolerance=1e-3,
        mistakes={
            "Runs were paired by their place. What do the two runs of a pair have in common?": (
                lambda a, b: paired([*a.values()], [*b.values()])
            ),
            "In order. But each side lacks another seed, and what comes behind it has moved up.": (
                lambda a, b: paired(by_seed(a), by_seed(b))
            ),
            "The accuracies were sorted. A pair is two runs with the same seed.": (
                lambda a, b: paired(sorted(a.values()), sorted(b.values()))
            ),
            "There are no pairs in it: the luck of the seeds is still in the interval.": (
                lambda a, b: paired([*a.values()], [*b.values()], stats.ttest_ind)
            ),
            "The sign is turned: what the slip costs is with it less without it.": (
                lambda a, b: cost(b, a)
            ),
            "That is where one more pair would lie. The interval of the mean is asked for.": (
                cost_widened(lambda n: math.sqrt(n + 1))
            ),
            "It looks like 1.96 in place of t.": (cost_widened(lambda n: 1.959964 / quantile(n))),
        },
        hints=(
            "Print both dictionaries. Are their keys the same, and in the same order?",
            "Only a seed that both sides have makes a pair.",
            "`with_slip.keys() & without.keys()` is the set of these seeds. The rest may stay.",
        ),
    ),
    Task(
        name="09-9",
        title="find what is wrong with a choice",
        inputs=some_techniques,
        right=report,
        parts=("the technique", "the accuracy"),
        tolerance=1e-6,
        mistakes={
            "The test set has a part in the choice. Then its accuracy says too much.": (
                lambda _, test: report(test, test)
            ),
            "That is the accuracy on the split that chose: the winner had luck there.": (
                lambda validation, _: report(validation, validation)
            ),
            "The best single run has chosen. One run may be luck: compare means over the seeds.": (
                lambda validation, test: report(validation.max(1, keepdims=True), test)
            ),
            "The worst run has chosen. Compare means over the seeds.": (
                lambda validation, test: report(validation.min(1, keepdims=True), test)
            ),
            "The median has chosen: half of the runs had no say. Compare means.": (
                lambda validation, test: report(np.median(validation, 1, keepdims=True), test)
            ),
            "That is the best run on the test set of the technique that was chosen.": (
                lambda validation, test: report(validation, test.max(1, keepdims=True))
            ),
            "That is its test accuracy with one seed. Take the mean.": (
                lambda validation, test: report(validation, test[:, :1])
            ),
        },
        hints=(
            "Which of the two arrays may be looked at before everything is decided?",
            "Choose with one array, report from the other.",
        ),
    ),
)
