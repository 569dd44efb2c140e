"""Lesson 03's tasks: fresh inputs, and what comes out when all is done as it should be, or not."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

# ---- 03-2: backward through two layers


def backward(x: Tensor, y: int, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple:
    """What autograd finds."""
    weights = [each.clone().requires_grad_() for each in (w1, b1, w2, b2)]
    w1, b1, w2, b2 = weights
    logits = w2 @ (w1 @ x + b1).relu() + b2
    return torch.autograd.grad(functional.cross_entropy(logits[None], torch.tensor([y])), weights)


def by_rules(
    *given: object, truth: float = 1, slope: bool = True, turned: bool = False, early: bool = False
) -> tuple:
    """The rules of the lesson, of which some can be broken."""
    x, y, w1, b1, w2, b2 = given
    z = w1 @ x + b1
    p = (w2 @ z.relu() + b2).softmax(0)
    last = p - truth * functional.one_hot(torch.tensor(y), len(p))
    first = (w2 if turned else w2.T) @ last * ((z > 0) if slope else 1)
    return torch.outer(first, x), first, torch.outer(last, z if early else z.relu()), last


def two_layers(random: np.random.Generator) -> tuple:
    """All sizes are 4, so that no mistake stops with an error; two hidden units are positive."""
    x, w1, w2, b2 = (torch.from_numpy(random.normal(size=s)) for s in (4, (4, 4), (4, 4), 4))
    z = torch.tensor([1.0, -1.0, 1.0, -1.0]) * torch.from_numpy(random.uniform(0.5, 1.5, 4))
    return x, int(random.integers(4)), w1, z - w1 @ x, w2, b2


# ---- 03-5: a training loop


def some_batches(random: np.random.Generator) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """First weights of one linear layer, and four batches of images with labels."""
    weights = torch.from_numpy(random.normal(size=(3, 4))).float()
    batches = random.normal(size=(4, 8, 4)).astype(np.float32)
    labels = random.integers(3, size=(4, 8))
    return weights, list(zip(torch.from_numpy(batches), torch.from_numpy(labels), strict=True))


def run_loop(train: Callable, weights: Tensor, batches: list) -> tuple | None:
    """What a loop returns, and the weights that it leaves."""
    model = nn.Linear(4, 3, bias=False)
    model.load_state_dict({"weight": weights})
    losses = train(model, batches, torch.optim.SGD(model.parameters(), lr=0.5))
    untouched = losses is None and torch.equal(model.weight, weights)
    return None if untouched else ([] if losses is None else losses, model.weight)


def descend(
    weights: Tensor, batches: list, kept: float = 0, softmax: bool = False, rate: float = 0.5
) -> tuple[list[float], Tensor]:
    """Steps of SGD without an optimizer; `kept` of the old gradient is added to the new one."""
    losses, gradient = [], torch.zeros_like(weights)
    for images, labels in batches:
        weights = weights.clone().requires_grad_()
        logits = images @ weights.T
        loss = functional.cross_entropy(logits.softmax(1) if softmax else logits, labels)
        gradient = kept * gradient + torch.autograd.grad(loss, weights)[0]
        weights = weights.detach() - rate * gradient
        losses.append(loss.item())
    return losses, weights


# ---- 03-8: early stopping


def stop_early(losses: list[float], patience: int) -> tuple[int, int]:
    """The epochs of the stop and of the lowest loss up to it, counted from 1."""
    lowest_so_far = np.minimum.accumulate(losses)
    since = [epoch - losses.index(low) for epoch, low in enumerate(lowest_so_far)]
    stop = next((epoch for epoch, waited in enumerate(since) if waited >= patience), len(since) - 1)
    return stop + 1, losses.index(lowest_so_far[stop]) + 1


def first_rise(losses: list[float], _: int) -> tuple[int, int]:
    """Without patience."""
    return stop_early(losses, 1)


def rises_in_a_row(losses: list[float], patience: int) -> tuple[int, int]:
    """Each epoch is compared with the one before, not with the lowest."""
    rises = 0
    for epoch in range(1, len(losses)):
        rises = rises + 1 if losses[epoch] > losses[epoch - 1] else 0
        if rises == patience:
            break
    return epoch + 1, int(np.argmin(losses[: epoch + 1])) + 1


def equal_is_new(losses: list[float], patience: int) -> tuple[int, int]:
    """A loss equal to the lowest is taken as a new lowest."""
    return stop_early([loss - 1e-9 * epoch for epoch, loss in enumerate(losses)], patience)


def waits_in_all(losses: list[float], patience: int) -> tuple[int, int]:
    """A new lowest loss does not end the waiting."""
    lowest_so_far = np.minimum.accumulate(losses)
    waited = np.cumsum(np.diff(lowest_so_far, prepend=np.inf) == 0)
    stop = int(np.argmax(waited == patience)) if waited[-1] >= patience else len(losses) - 1
    return stop + 1, losses.index(lowest_so_far[stop]) + 1


def some_losses(random: np.random.Generator) -> tuple[list[float], int]:
    """They fall with two worse epochs, then are worse long enough for a stop, and fall again.

    Often the patience is 1, often the losses end before the stop, and often the one after the
    lowest is equal to it. Some wrong rules show in a third of the trials only, so there are many.
    """
    patience = 1 if random.random() < 0.5 else int(random.integers(3, 6))
    fall = [2.0, 1.5, 1.6, 1.55, *(1 - 0.1 * np.arange(random.integers(1, 4)))]
    up_and_down = [1.1 + 0.2 * (epoch % 2) for epoch in range(1, patience + 2)]
    later = [0.3, *(0.4 + 0.1 * np.arange(patience)), 0.2]  # so many rises in a row at last
    losses = np.array([*fall, *up_and_down, *later])
    losses += random.uniform(0, 0.02, len(losses))
    stop, kept = stop_early(losses.tolist(), patience)
    if random.random() < 0.6:
        losses[kept] = losses[kept - 1]  # epochs are counted from 1
    if random.random() < 0.5:
        losses = losses[: stop - 1]
    return losses.tolist(), patience


# ---- 03-9: a checkpoint


def train_three_steps(model: nn.Module, optimizer: torch.optim.Optimizer, start: int) -> None:
    """On batches of their own for each step; dropout draws its masks from the random state."""
    for step in range(start, start + 3):
        images = torch.linspace(-1, 1, 32).roll(5 * step).reshape(8, 4)
        optimizer.zero_grad()
        functional.cross_entropy(model(images), torch.arange(8) % 3).backward()
        optimizer.step()


def fresh() -> tuple[nn.Module, torch.optim.Optimizer]:
    """A small network with dropout, and Adam."""
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    return model, torch.optim.Adam(model.parameters(), lr=0.05)


def through_a_file(kept: dict) -> dict:
    """What is kept is written and read, as a checkpoint is."""
    file = io.BytesIO()
    torch.save(kept, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def interrupted(keep: Callable, seed: int) -> object:
    """The weights after three steps, a checkpoint, a new start, and three more steps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, optimizer = fresh()
        train_three_steps(model, optimizer, 0)
        kept = keep(model, optimizer)
        if kept is None or kept is ...:
            return None
        if not isinstance(kept, dict):
            raise TypeError("a dictionary is asked for")
        if "random" in kept and not isinstance(kept["random"], Tensor):
            raise TypeError("`random` is to be `torch.get_rng_state()`")
        model, optimizer = fresh()
        try:
            kept = through_a_file(kept)
            model.load_state_dict(kept.get("weights", model.state_dict()))
            optimizer.load_state_dict(kept.get("optimizer", optimizer.state_dict()))
            torch.set_rng_state(kept.get("random", torch.get_rng_state()))
        except pickle.UnpicklingError:
            raise TypeError("keep what `state_dict()` gives, not the object itself") from None
        except Exception as error:  # PyTorch's own lines would not help
            raise ValueError(f"what was kept cannot be loaded: {error}") from None
        train_three_steps(model, optimizer, 3)
        return torch.cat([each.detach().flatten() for each in model.parameters()])


def in_one_go(seed: int) -> Tensor:
    """The weights after six steps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, optimizer = fresh()
        train_three_steps(model, optimizer, 0)
        train_three_steps(model, optimizer, 3)
        return torch.cat([each.detach().flatten() for each in model.parameters()])


def keeping(*names: str) -> Callable[[int], object]:
    """As interrupted, with only these kept."""

    def keep(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict:
        found = {
            "weights": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }
        return {name: found[name] for name in names}

    return lambda seed: interrupted(keep, seed)
