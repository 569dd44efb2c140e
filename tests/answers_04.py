"""Lesson 04's tasks, answered wrongly and rightly in other ways than their own checks do."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import torch
from scipy import stats


def normalise(maps, scale, shift, axes=(0, 2, 3), ddof=0, power=0.5):
    """In NumPy."""
    maps, scale, shift = (np.asarray(each) for each in (maps, scale, shift))
    centred = maps - maps.mean(axis=axes, keepdims=True)
    spread = maps.var(axis=axes, ddof=ddof, keepdims=True) ** power
    return centred / spread * scale[:, None, None] + shift[:, None, None]


def normalise_by_channel(maps, scale, shift):
    result = torch.empty_like(maps)
    for c in range(maps.shape[1]):
        values = maps[:, c]
        z = (values - values.mean()) / (values.var(unbiased=False) + 1e-5).sqrt()
        result[:, c] = scale[c] * z + shift[c]
    return result.float()


def drop_in_numpy(values, p):
    values = values.numpy()
    stays = np.random.default_rng().random(values.shape) > p
    return np.where(stays, values / (1 - p), 0.0)


def drop_in_place(values, p):
    values[torch.rand(values.shape) < p] = 0
    return values.div_(1 - p)


def drop_alike(values, p):
    torch.manual_seed(3)
    return drop_in_place(values, p)


def after(model, images):
    """eval() behind the forward pass."""
    with torch.no_grad():
        logits = model(images)
    model.eval()
    return logits.softmax(dim=1)


def left_in_evaluation(model, images):
    model.eval()
    with torch.no_grad():
        return model(images).softmax(dim=1)


def give_back(model, images, softmax=True):
    before = model.training
    answers = model.eval()(images)
    model.train(before)
    return answers.softmax(dim=1) if softmax else answers


def one_by_one(model, images):
    """Nobody's neighbour, and still in training mode."""
    with torch.no_grad():
        return torch.cat([model(image[None]) for image in images]).softmax(dim=1)


def flips(differences):
    for signs in itertools.product([1, -1], repeat=len(differences)):
        yield sum(s * d for s, d in zip(signs, differences, strict=True))


def p_value(differences, far=lambda flipped, measured: abs(flipped) >= abs(measured) - 1e-9):
    found = [far(flipped, sum(differences)) for flipped in flips(differences)]
    return sum(found) / len(found)


def signs_as_bits(differences):
    d = np.asarray(differences)
    bits = (np.arange(2 ** len(d))[:, None] >> np.arange(len(d))) & 1
    far = np.abs((2 * bits - 1) @ d) >= abs(d.sum()) - 1e-9
    return torch.tensor(far).double().mean()


VERDICTS = ("confirmed", "contradicted", "not shown", "as published")
# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "04-1": [
        (lambda m, s, b: normalise(m, s, b, ddof=1), "n - 1"),
        (lambda m, s, b: normalise(m, s, b, power=1), "root is the spread"),
        (lambda m, s, b: normalise(m, s, b, axes=(2, 3)), "Each image"),
        (lambda m, s, b: normalise(m, s, b, axes=(0,)), "Each pixel"),
        (lambda m, s, b: normalise(m, s, b, axes=(0, 1, 2, 3)), "All channels"),
        (lambda m, s, b: normalise(m, s**0, 0 * b), "Scale and shift"),
        (lambda m, s, b: normalise(m, s, s * b), "multiplies the shift"),
        (lambda m, s, b: normalise(m, s**0, b), "The scale has no part"),
        (lambda m, s, b: normalise(m, s, 0 * b), "The shift has no part"),
        (lambda m, s, b: normalise(m, s, b)[0], "expected"),
    ],
    "04-2": [
        ((0.4, 1.5667), "after one step"),
        ((3.96, 6.61), "turned round"),
        ((0.76, 1.76), "Only normalising"),
        ((4, 6.6667), "batch alone"),
        ([0.76, 1.2667], "starts at 1"),
        ([1.57, 2.0767], "starts at 0"),
        ((0.76, 1.30058), "not its root"),
        (0.76, "2 results"),
    ],
    "04-3": [(112, "are not counted"), (168, "buffers"), (224, "no parameters, and"),
             (-56, "gets two"), (44, "another one")],
    "04-4": [
        (lambda v, p: v * (torch.rand(v.shape) > p), "not made larger"),
        (lambda v, p: v * (torch.rand(v.shape) < p) / p, "the one that it stays"),
        (lambda v, p: v * (torch.rand(v.shape) > p) / p, "which share is left"),
        (lambda v, p: v * torch.bernoulli(torch.full(v.shape, p)) / (1 - p), "factor is right"),
        (drop_alike, "same mask"),
        (lambda v, p: v * (torch.rand(v.shape[1]) > p) / (1 - p), "All images share"),
        (lambda v, p: v * (torch.rand(len(v), 1) > p) / (1 - p), "go together"),
        (lambda v, p: drop_in_place(v, p)[0], "became (200,)"),
        (lambda v, p: 0 * v * p, "no value is left"),
        (lambda v, p: v, "what becomes"),  # noqa: ARG005
    ],
    "04-5": [
        (lambda m, x: m(x).softmax(dim=1), "no_grad() is not eval()"),
        (left_in_evaluation, "no longer is"),
        (after, "too late"),
        (lambda m, x: copy.deepcopy(m)(x).softmax(dim=1), "A copy keeps"),
        (lambda m, x: give_back(m, x, softmax=False), "logits"),
        (one_by_one, "Look at the probabilities. The shape"),
        (lambda m, x: give_back(m, x)[0], "values expected"),
    ],
    "04-6": [
        (lambda d: p_value(d) / 2, "one side"),
        (lambda d: p_value(d, lambda f, m: abs(f) >= m - 1e-9), "distance from zero"),
        (lambda d: p_value(d, lambda f, m: f >= m - 1e-9), "at or above"),
        (lambda d: p_value(d, lambda f, m: abs(f) > abs(m) + 1e-9), "counted too"),
        (lambda d: 1 - p_value(d), "nearer to zero"),
        (lambda d: stats.ttest_1samp(d, 0)[1], "Student"),
        (lambda d: min(1, 2 * stats.binom.cdf(min(np.sum(np.sign(d) > 0), np.sum(np.sign(d) < 0)),
                                              len(d), 0.5)), "sign test"),
        (lambda d: abs(np.mean(d)), "another one"),
    ],
    "04-7": [(8, "Two patterns"), (6, "one question."), (5, "one side"), (10, "smaller number"),
             (20, "another one")],
    "04-8": [
        ((*VERDICTS[:2], "confirmed", "as published"), "Which level"),
        (("confirmed", "confirmed", *VERDICTS[2:]), "Look at the sign"),
        (("confirmed", "confirmed", "confirmed", "as published"), "and at the sign"),
        (("confirmed", "contradicted", "contradicted", "as published"), "neither direction"),
        ((*VERDICTS[:3], "not as published"), "median or not"),
        (["not shown", *VERDICTS[1:]], "the first"),
    ],
    "04-9": [
        ((10, 0.1, 0.01), "would grow"),
        ((1, 1, 0.1), "chain rule"),
        ((1, 10, 1), "turned round"),
        ((1, 0.1, 0.1), "compared with are larger"),
        ((2, 2, 2), "the output"),
    ],
}  # fmt: skip
# Name -> right answers in another form.
RIGHT = {
    "04-1": [normalise, normalise_by_channel],
    "04-2": [[0.76, 2.08], np.array([0.76, 2.0767]), torch.tensor([0.76, 2.0767])],
    "04-3": [56.0],
    "04-4": [drop_in_numpy, drop_in_place, torch.nn.functional.dropout],
    "04-5": [give_back, lambda m, x: copy.deepcopy(m).eval()(x).softmax(1).detach().numpy()],
    "04-6": [p_value, signs_as_bits, lambda d: p_value([round(1000 * x) for x in d])],
    "04-7": [math.ceil(math.log2(2 * 12 / 0.05))],
    "04-8": [list(VERDICTS), tuple(verdict.upper() for verdict in VERDICTS)],
    "04-9": [[1, 1 / 10, 1 / 100], torch.tensor([1.0, 0.1, 0.01])],
}
