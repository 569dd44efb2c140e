"""Lesson 09's tasks, answered wrongly and rightly in other ways than their own checks do."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from scipy import stats
from torch.nn import functional


def interval(accuracies, t=None, ddof=1, root=None):
    n = len(accuracies)
    t = stats.t.ppf(0.975, n - 1) if t is None else t
    reach = t * np.std(accuracies, ddof=ddof) * (math.sqrt(1 + 1 / n) if root is None else root(n))
    return np.mean(accuracies) - reach, np.mean(accuracies) + reach


def interval_in_torch(accuracies):
    values = torch.tensor(accuracies, dtype=torch.float64)
    t = stats.t(df=len(values) - 1).isf(0.025)
    width = t * (values.var() + values.var() / len(values)).sqrt()
    return [values.mean() - width, values.mean() + width]


def last_share(model, batches):
    for images, labels in batches:
        share = (model(images).argmax(dim=1) == labels).float().mean().item()
    return share


def mean_share(model, batches):
    shares = [(model(x).argmax(dim=1) == y).float().mean().item() for x, y in batches]
    return sum(shares) / len(shares)


def counted(model, batches, each=None):
    right = seen = 0
    for images, labels in batches:
        right += int((model(images).argmax(dim=1) == labels).sum())
        seen += each or len(labels)
    return right / seen


def steps(network, parameters, batches, forget=True):
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for images, labels in batches:
        if forget:
            optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    return network


def trained(model, batches, forget=True):
    network = copy.deepcopy(model)
    return steps(network, network.parameters(), batches, forget)


def old_optimizer(model, batches):
    return steps(copy.deepcopy(model), model.parameters(), batches)


def last_layer(model, batches):
    network = copy.deepcopy(model)
    return steps(network, list(network.parameters())[-2:], batches)


def by_hand(model, batches):
    network = copy.deepcopy(model)
    for images, labels in batches:
        loss = functional.cross_entropy(network(images), labels)
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(network.parameters(), gradients, strict=True):
                weight -= 0.1 * gradient
    return network


def of_differences(differences, further=False, t=None):
    differences = np.asarray(differences)
    n, mean, spread = len(differences), differences.mean(), differences.std(ddof=1)
    t = stats.t.ppf(0.975, n - 1) if t is None else t
    reach = t * spread * (math.sqrt(1 + 1 / n) if further else math.sqrt(1 / n))
    return mean, mean - reach, mean + reach


def joined(with_slip, without):
    return [accuracy - without[seed] for seed, accuracy in with_slip.items() if seed in without]


def in_order(with_slip, without):
    pairs = zip(sorted(with_slip.items()), sorted(without.items()), strict=True)
    return of_differences([a - b for (_, a), (_, b) in pairs])


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "09-1": [
        (lambda a: interval(a, root=lambda n: math.sqrt(1 / n)), "mean of all runs"),
        (lambda a: interval(a, t=1.96), "1.96"),
        (lambda a: interval(a, ddof=0), "divided by n"),
        (lambda a: interval(a, root=lambda _: 1), "root is missing"),
        (lambda a: interval(a, t=stats.t.ppf(0.95, len(a) - 1)), "beyond each bound"),
        (lambda a: interval(a, t=stats.t.ppf(0.975, len(a))), "degrees of freedom"),
        (lambda a: (min(a), max(a)), "lower bound"),
        (lambda a: np.mean(a), "2 results"),
    ],
    "09-2": [
        (("agrees", "agrees", "agrees", "disagrees", "agrees"), "To meet is not enough"),
        (("agrees", "agrees", "cannot tell", "disagrees", "cannot tell"), "cut stands for"),
        (("cannot tell", "cannot tell", "agrees", "disagrees", "cannot tell"), "other way round"),
        (("agrees", "cannot tell", "cannot tell", "disagrees", "agrees"), "Our mean is above"),
        (("agrees", "disagrees", "disagrees", "disagrees", "disagrees"), "third verdict"),
        (("agrees", "agrees", "cannot tell", "disagrees", "agrees"), "both begin"),
        (("agrees", "agrees", "agrees", "agrees", "agrees"), "98 % cut"),
    ],
    "09-3": [(11, "1 + 1/n"), (2, "1.96"), (4, "interval of the mean"), (5, "one question"),
             (8, "one side"), (12, "One too few"), (14, "One too many"), (40, "another one")],
    "09-4": [
        ((0.82887, 459), "at least one"),
        ((17.1, 459), "in percent"),
        ((0.171, 458), "a little more"),
        ((0.171, 167), "not 97.28"),
        ((0.171, 100), "in the mean"),
        ((0.5, 459), "the probability"),
    ],
    "09-5": [(3.258, "one step"), (162.9, "sum of the 50"), (5.756, "ten classes"),
             (3.537, "base 10"), (11.751, "base 2"), (0.0962, "not a probability")],
    "09-6": [
        (last_share, "last batch"),
        (lambda m, b: last_share(m, b[:1]), "first batch"),
        (mean_share, "as much there"),
        (lambda m, b: counted(m, b, each=8), "smaller than the others"),
        (lambda m, b: 1 - counted(m, b), "wrongly"),
        (lambda m, b: 100 * counted(m, b), "percent"),
        (lambda m, b: sum(int((m(x).argmax(1) == y).sum()) for x, y in b), "share of them"),
    ],
    "09-7": [
        (old_optimizer, "Not one weight"),
        (lambda m, b: steps(m, m.parameters(), b), "that was given has changed. A copy"),
        (lambda m, b: (copy.deepcopy(m), steps(m, m.parameters(), b))[0], "The copy has the old"),
        (lambda m, b: trained(m, b, forget=False), "gradients of the steps before"),
        (lambda m, b: trained(m, b[:1]), "Only the first batch"),
        (last_layer, "Only the last layer"),
        (lambda m, b: trained(m, b).state_dict(), "2 results"),
    ],
    "09-8": [
        (lambda a, b: of_differences(np.subtract([*a.values()], [*b.values()])), "by their place"),
        (in_order, "moved up"),
        (lambda a, b: of_differences(np.subtract(sorted(a.values()), sorted(b.values()))),
         "were sorted"),
        (lambda a, b: of_differences(joined(b, a)), "sign is turned"),
        (lambda a, b: of_differences(joined(a, b), further=True), "one more pair"),
        (lambda a, b: of_differences(joined(a, b), t=1.96), "1.96"),
        (lambda a, b: [np.mean([*a.values()]) - np.mean([*b.values()])] * 3, "Look at the mean"),
    ],
    "09-9": [
        (lambda _, t: (t.mean(axis=1).argmax(), t.mean(axis=1).max()), "has a part in the choice"),
        (lambda v, _: (v.mean(1).argmax(), v.mean(1).max()), "split that chose"),
        (lambda v, t: (v.max(1).argmax(), t[v.max(1).argmax()].mean()), "single run has chosen"),
        (lambda v, t: (v.mean(1).argmax(), t[v.mean(1).argmax()].max()), "best run on the test"),
        (lambda v, t: (v.mean(1).argmax(), t[v.mean(1).argmax(), 0]), "one seed"),
        (lambda v, t: (v.min(1).argmax(), t[v.min(1).argmax()].mean()), "worst run"),
        (lambda v, t: (np.median(v, 1).argmax(), t[np.median(v, 1).argmax()].mean()), "median"),
        (lambda _, t: (7, t.mean()), "the technique"),
    ],
}  # fmt: skip
# Name -> right answers in another form.
RIGHT = {
    "09-1": [interval, interval_in_torch, lambda a: np.array(interval(a))],
    "09-2": [["agrees", "cannot tell", "Cannot tell ", "disagrees", "cannot tell"]],
    "09-3": [13.0, np.int64(13)],
    "09-4": [(0.171, 459), [np.float32(0.17113), 459.0]],
    "09-5": [8.145, torch.tensor(8.15), -2.5 * math.log(1 / 26)],
    "09-6": [counted],
    "09-7": [trained, by_hand],
    "09-8": [lambda a, b: of_differences(joined(a, b))],
    "09-9": [lambda v, t: [int(np.argmax(v.sum(1))), t[np.argmax(v.sum(1))].mean()]],
}
