"""Lesson 03's tasks, answered wrongly and rightly in other ways than its own checks do."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn


def backward_in_numpy(x, y, w1, b1, w2, b2):
    x, w1, b1, w2, b2 = (np.asarray(each) for each in (x, w1, b1, w2, b2))
    z1 = w1 @ x + b1
    h = np.maximum(z1, 0)
    exponentials = np.exp(w2 @ h + b2)
    error = exponentials / exponentials.sum() - np.eye(4)[y]
    before = np.where(z1 > 0, error @ w2, 0)
    return [before[:, None] * x, before, error[:, None] * h, error]


def backward_by_a_loss(x, y, w1, b1, w2, b2, activation=torch.relu):
    """Autograd's own way, with the activation that is given."""
    weights = [each.requires_grad_() for each in (w1, b1, w2, b2)]
    (-(w2 @ activation(w1 @ x + b1) + b2).log_softmax(0)[y]).backward()
    return [each.grad for each in weights]


def backward_without_slope(x, y, w1, b1, w2, b2):
    *_, table, error = backward_by_a_loss(x, y, w1, b1, w2, b2)
    return w2.T @ error[:, None] * x, w2.T @ error, table, error


def backward_with_z(x, y, w1, b1, w2, b2):
    gw1, gb1, _, error = backward_in_numpy(x, y, w1, b1, w2, b2)
    return gw1, gb1, np.outer(error, w1 @ x + b1), error


def loop(model, batches, optimizer, *, clear="before", softmax=False, answer=list):
    losses = []
    for images, labels in batches:
        logits = model(images)
        loss = nn.CrossEntropyLoss()(logits.softmax(1) if softmax else logits, labels)
        if clear == "before":
            model.zero_grad()
        loss.backward()
        if clear == "after":
            model.zero_grad(set_to_none=False)
        optimizer.step()
        losses.append(loss)
    return answer(losses)


def broken_loop(**how):
    return lambda *given: loop(*given, **how)


def stop_by_slices(losses, patience):
    for epoch in range(patience + 1, len(losses) + 1):
        if min(losses[: epoch - patience]) <= min(losses[epoch - patience : epoch]):
            return [epoch, 1 + losses.index(min(losses[:epoch]))]
    return [len(losses), 1 + losses.index(min(losses))]


def stop_and_keep_the_last(losses, patience):
    return [stop_by_slices(losses, patience)[0]] * 2


def stop_after_worse_epochs(losses, patience):
    worse, kept = 0, 0
    for epoch in range(len(losses)):
        if epoch == 0 or losses[epoch] < losses[kept]:
            kept = epoch
        else:
            worse += 1
        if worse == patience:
            return epoch + 1, kept + 1
    return len(losses), kept + 1


def stop_in_a_loop(losses, patience, *, equal=False, at_the_end=lambda epoch, kept: (epoch, kept)):
    """As the solution does it; `at_the_end` says what is returned if it never stops."""
    kept, lowest = 0, float("inf")
    for epoch, loss in enumerate(losses, start=1):
        if loss < lowest or (equal and loss == lowest):
            kept, lowest = epoch, loss
        elif epoch - kept == patience:
            return epoch, kept
    return at_the_end(epoch, kept)


def stop_beyond_the_end(losses, patience):
    return stop_in_a_loop(losses, patience, at_the_end=lambda _, kept: (kept + patience, kept))


def keep_a_copy(model, optimizer):
    kept = {"random": torch.random.get_rng_state().clone(), "epoch": 3}
    kept["weights"] = {name: value.clone() for name, value in model.state_dict().items()}
    return kept | {"optimizer": copy.deepcopy(optimizer.state_dict())}


def keep_weights(model, _):
    return {"weights": model.state_dict()}


def keep_all_but_the_random_state(model, optimizer):
    return {"weights": model.state_dict(), "optimizer": optimizer.state_dict()}


def keep_all_but_the_optimizer(model, _):
    return {"weights": model.state_dict(), "random": torch.get_rng_state()}


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "03-1": [(2.302585, "all ten the same"), (0.6931, "other half"), (1.28093, "mean of log"),
             (2.67065, "nine times"), (0.778151, "base 10"), (2.584963, "base 2"),
             (-1.79176, "negative"), (2.13480, "takes logits"), (1.5, "another one")],
    "03-2": [
        (backward_with_z, "after the ReLU"),
        (backward_without_slope, "ReLU has a slope"),
        (lambda *given: [-each for each in backward_in_numpy(*given)], "signs are turned"),
        (lambda *given: [each.T for each in backward_in_numpy(*given)], "on their side"),
        (lambda *given: backward_by_a_loss(*given, activation=torch.tanh), "Look at"),
        (lambda *given: backward_in_numpy(*given)[:2], "4 results are asked for"),
    ],
    "03-3": [
        ([[-16, -14], [-12, -14]], "one place only"),
        ([[-4, -3.5], [-3, -3.5]], "average pooling"),
        (np.array([[-2, -4], [2, 0]]), "the kernel, times the error"),
        ([[2, 3], [0, 1]], "multiplied by the error"),
        ([[4, 6], [0, 2]], "sign"),
        ([-4, -6, 0, -2], "2×2 values expected"),
    ],
    "03-4": [(9, "That many still leave more"), (11, "is enough"), (5, "weights are missing"),
             (7, "hundredth")],
    "03-5": [
        (broken_loop(clear="never", softmax=True), "Nothing has been mended"),
        (broken_loop(clear="never"), "batches before"),
        (broken_loop(softmax=True), "softmax twice"),
        (broken_loop(clear="after"), "never change. Is no step"),
        (broken_loop(answer=lambda losses: None), "no losses are returned"),  # noqa: ARG005
    ],
    "03-6": [([0.95, 1.00001], "SGD"), ([0.968377, 1.031623], "not corrected"),
             ([1.01, 0.99], "uphill"), ([0.99, 0.99], "sign"), ([-0.01, 0.01], "after them")],
    "03-7": [(1.0, "flatter"), (0.25, "twice"), (0.0625, "bottom"), (0.111111, "equally"),
             (0.2, "lesson's valley")],
    "03-8": [
        (stop_and_keep_the_last, "last weights"),
        (lambda losses, _: stop_by_slices(losses, 1), "no patience"),
        (lambda losses, n: stop_by_slices(losses, n + 1), "too many"),
        (lambda losses, _: (len(losses), losses.index(min(losses)) + 1), "never stops"),
        (lambda losses, n: [each - 1 for each in stop_by_slices(losses, n)], "not 0"),
        (stop_after_worse_epochs, "begins again"),
        (lambda losses, n: stop_in_a_loop(losses, n, equal=True), "no new lowest"),
        (lambda losses, n: stop_in_a_loop(losses, n, at_the_end=lambda *_: None), "2 results"),
        (stop_beyond_the_end, "is the last epoch"),
    ],
    "03-9": [
        (keep_weights, "weights alone"),
        (keep_all_but_the_random_state, "dropout draws"),
        (keep_all_but_the_optimizer, "begins anew"),
        (lambda model, _: {"weights": model}, "not the object itself"),
        (lambda model, _: [model.state_dict()], "a dictionary"),
        (lambda *_: {}, "Look at the names"),
        (lambda *_: {"weights": 1}, "cannot be loaded"),
        (lambda *_: {"random": ("MT19937", np.zeros(624), 0)}, "is to be `torch.get_rng_state"),
    ],
}  # fmt: skip
# Name -> right answers in another form.
RIGHT = {
    "03-1": [0.5 * np.log(36), 1.79, torch.tensor([1.79176])],
    "03-2": [backward_in_numpy, backward_by_a_loss],
    "03-3": [np.array([[-4.0, -6], [0, -2]]), torch.tensor([[-4, -6], [0, -2]])],
    "03-4": [10.0, np.int64(10)],
    "03-5": [loop, broken_loop(answer=torch.stack)],
    "03-6": [(0.99, 1.01), torch.tensor([0.99, 1.01], requires_grad=True)],
    "03-7": [1 / 8, np.float32(0.125)],
    "03-8": [stop_by_slices, stop_in_a_loop],
    "03-9": [keep_a_copy],
}
