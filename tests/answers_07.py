"""Lesson 07's tasks, answered wrongly and rightly in other ways than its own checks do."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from lenet_helpers import lenet_1998 as paper
from lenet_helpers.model import layer_table


def four_added(maps):
    maps = np.asarray(maps)
    shape = (*maps.shape[:2], maps.shape[2] // 2, 2, maps.shape[3] // 2, 2)
    return maps.reshape(shape).sum(axis=(3, 5))


def sums(maps, weights, biases):
    weights, biases = (np.asarray(each)[:, None, None] for each in (weights, biases))
    return weights * four_added(maps) + biases


def average(maps, weights, biases):
    mean = functional.avg_pool2d(maps, 2)
    return 1.7159 * torch.tanh((weights[:, None, None] * mean + biases[:, None, None]) * 2 / 3)


def largest(maps, weights, biases):
    most = functional.max_pool2d(maps, 2)
    return 1.7159 * torch.tanh((weights[:, None, None] * most + biases[:, None, None]) * 2 / 3)


def squashed_first(maps, weights, biases):
    return sums(1.7159 * np.tanh(2 / 3 * maps.numpy()), weights, biases)


def bias_outside(maps, weights, biases):
    inner = sums(maps, weights, torch.zeros(3))
    return 1.7159 * np.tanh(2 / 3 * inner) + biases.numpy()[:, None, None]


def logistic(maps, weights, biases):
    return 1 / (1 + np.exp(-sums(maps, weights, biases)))


def equation_9_in_numpy(distances, labels, kappa, sign=1.0, rubbish=1.0, over=slice(None)):
    losses = []
    for d, label in zip(distances.numpy(), labels.tolist(), strict=True):
        total = rubbish * np.exp(-sign * kappa) + np.exp(-d[over]).sum()
        losses.append(d[label] + np.log(total))
    return np.mean(losses)


def only_the_rivals(distances, labels, kappa):
    losses = []
    for d, label in zip(distances.numpy(), labels.tolist(), strict=True):
        rivals = np.delete(d, label)
        losses.append(d[label] + math.log(math.exp(-kappa) + np.exp(-rivals).sum()))
    return sum(losses) / len(losses)


def equation_9_by_the_kit(distances, labels, kappa):
    return paper.discriminative_loss(-distances, labels, rubbish=kappa)


def by_loops(x, w1, b1, w2, slope_power=2, weight_power=2, input_power=2, factor=2):
    curvatures = np.zeros((5, 4))
    for j in range(5):
        t = math.tanh(2 / 3 * float(w1[j] @ x + b1[j]))
        slope = 1.7159 * 2 / 3 * (1 - t * t)
        of_h = sum(factor * float(w2[k, j]) ** weight_power for k in range(3))
        for i in range(4):
            curvatures[j, i] = of_h * slope**slope_power * float(x[i]) ** input_power
    return curvatures


def as_kit_layers(x, w1, b1, w2):
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), paper.Squash(), torch.nn.Linear(5, 3)).double()
    with torch.no_grad():
        for parameter, values in zip(net.parameters(), (w1, b1, w2), strict=False):
            parameter.copy_(values)

    def loss(outputs, labels):
        return (outputs**2).sum(dim=1).mean() + 0 * labels.sum()

    return paper.curvature(net, x[None], torch.tensor([0]), loss)[0]


def plain_tanh(x, w1, b1, w2):
    t = torch.tanh(w1 @ x + b1)
    return torch.outer(2 * (w2 * w2).sum(0) * (1 - t * t) ** 2, x * x)


def sizes_by_loops(inputs, curvatures, square=True, room=0.02, behind=0.0, mean=True):
    found = np.zeros((3, 4))
    for o in range(3):
        for i in range(4):
            pairs = zip(inputs[:, i].tolist(), curvatures[:, o].tolist(), strict=True)
            terms = [h * (x * x if square else x) for x, h in pairs]
            second = sum(terms) / (len(terms) if mean else 1)
            found[o, i] = 0.0005 / (room + second) + behind
    return found


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "07-1": [
        (average, "w times the mean"),
        (sums, "not squashed yet"),
        (squashed_first, "squashes last"),
        (logistic, "never negative"),
        (bias_outside, "behind the squashing"),
        (lambda x, w, b: np.tanh(sums(x, w, b)), "amplitude and a slope"),
        (lambda x, w, b: 1.7159 * np.tanh(2 / 3 * sums(x, w, 4 * b)), "four times"),
        (lambda x, w, b: 1.7159 * np.tanh(2 / 3 * sums(x, w, 0 * b)), "biases are missing"),
        (largest, "max pooling"),
        (lambda x, w, b: functional.avg_pool2d(torch.sigmoid(x), 2), "is right, and "),  # noqa: ARG005
    ],
    "07-2": [
        ((900, 90_000), "comes on top"),
        ((60_900, 341_808), "each place of its map"),
        ((60_036, 344_508), "whole kernel"),
        ((60_900, 517_308), "10×10"),
        ((60_936, 434_508), "No bias is new"),
        ((2_416, 241_600), "C3's own"),
        ((61_706, 429_342), "today's LeNet-5"),
        ((60_900, 1), "Look at the connections"),
    ],
    "07-3": [
        ((42, 41), "squared"),
        ((21, 22), "sign of κ"),
        ((21, 0), "rubbish class is missing"),
        ((21, 21), "logarithm is not 0"),
        ((84, 83), "code of zeros"),
        (21, "2 results"),
    ],
    "07-4": [
        (lambda d, y, k: d[range(6), y].mean(), "equation 8"),  # noqa: ARG005
        (lambda d, y, k: equation_9_in_numpy(d, y, k, sign=-1), "sign of κ"),
        (lambda d, y, k: equation_9_in_numpy(d, y, k, rubbish=0), "rubbish class is missing"),
        (only_the_rivals, "all ten digits"),
        (lambda d, y, k: 6 * equation_9_in_numpy(d, y, k), "not the mean"),
        (lambda d, y, k: equation_9_in_numpy(d, y, k) - d[range(6), y].mean(), "bitmap is missing"),
        (lambda d, y, k: 2 * d[range(6), y].mean() - equation_9_in_numpy(d, y, k), "is added"),
        (
            lambda d, y, k: (
                d[range(6), y].mean() + torch.log(np.exp(-k) + torch.exp(d).sum(1)).mean()
            ),
            "in the exponent",
        ),
        (
            lambda d, y, k: (
                d[range(6), y].mean() + torch.log((np.exp(-k) + torch.exp(-d).sum(1)).mean())
            ),
            "all images together",
        ),
        (lambda d, y, k: -torch.log_softmax(-d, 1)[range(6), y], "one number"),  # noqa: ARG005
    ],
    "07-5": [
        (lambda *net: by_loops(*net, weight_power=1), "second layer are not squared"),
        (lambda *net: by_loops(*net, slope_power=1), "slope of the squashing is not squared"),
        (lambda *net: by_loops(*net, input_power=1), "inputs are not squared"),
        (lambda *net: by_loops(*net, factor=1), "factor 2"),
        (plain_tanh, "plain tanh"),
        (lambda *net: by_loops(*net) / 1.7159**2, "amplitude"),
        (lambda *net: by_loops(*net) * 2.25, "twice"),
        (
            lambda x, w1, b1, w2: (
                by_loops(x, w1, b1, w2) * (w2.sum(0) ** 2 / (w2**2).sum(0)).numpy()[:, None]
            ),
            "first, then add",
        ),
        (lambda *net: by_loops(*net).T, "5×4 values expected"),
    ],
    "07-6": [
        (lambda x, h: sizes_by_loops(x, h, room=0, behind=0.02), "nearly zero"),
        (lambda x, h: sizes_by_loops(x, h, room=0), "exploding"),
        (lambda x, h: sizes_by_loops(x, h, square=False), "can still be negative"),
        (lambda x, h: sizes_by_loops(x, h, mean=False), "not the sum"),
        (lambda x, h: sizes_by_loops(x, h * h), "no square"),
        (lambda x, h: 0.0005 / (0.02 + (h.T @ x / len(x)) ** 2), "of each image"),
        (lambda x, h: 0.0005 / (0.02 + torch.sqrt(h.T @ (x * x) / len(x))), "Adam's"),
        (lambda x, h: 0.0005 / (h.T @ x / len(x)) + 0.02, "as it stands"),
        (lambda x, h: 0.0005 / (0.02 + h.mean(0)[:, None] * (x * x).mean(0)), "Multiply for each"),
        (lambda x, h: sizes_by_loops(x.abs(), h, square=False), "is right, and "),
    ],
    "07-7": [
        (0.11547005, "standard deviation. How far"),
        (0.0230940, "does not grow with F: "),
        (0.0133333, "and a reach"),
        (0.04, "square"),
        (0.032, "paper's rule"),
        (0.1385641, "0.69"),
        (1.7320508, "one input"),
    ],
}
# Name -> right answers in another form.
RIGHT = {
    "07-1": [
        lambda x, w, b: 1.7159 * np.tanh(2 / 3 * sums(x, w, b)),
        lambda x, w, b: (1.7159 * torch.tanh(2 / 3 * torch.from_numpy(sums(x, w, b)))).float(),
    ],
    "07-2": [
        [60900.0, 430908.0],
        tuple(
            np.sum([(row.parameters, row.connections) for row in layer_table(
                paper.lenet_1998(table=False), (1, 32, 32))], axis=0)
        ),
    ],
    "07-3": [(21, 20), [21.0, 20.00000001], torch.tensor([21.0, 20.0]), np.array([21, 20])],
    "07-4": [equation_9_in_numpy, equation_9_by_the_kit],
    "07-5": [by_loops, as_kit_layers],
    "07-6": [sizes_by_loops, lambda x, h: (0.0005 / (0.02 + h.T @ x**2 / len(x))).float().tolist()],
    "07-7": [0.2, 3**0.5 / 75**0.5, torch.tensor([0.2])],
}  # fmt: skip
