"""Lesson 06's tasks: fresh inputs, and what comes out when all is done as it should be, or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from scipy import ndimage, special
from torch import Tensor, nn

# ---- 06-1: a confidence


def small_network(random: np.random.Generator) -> tuple[dict[str, Tensor], Tensor]:
    """Weights and running statistics of a network with batch norm, and some images."""
    shapes = {
        "1.weight": (12, 16), "1.bias": (12,), "2.weight": (12,), "2.bias": (12,),
        "2.running_mean": (12,), "2.running_var": (12,), "4.weight": (10, 12), "4.bias": (10,),
    }  # fmt: skip
    state = {name: torch.from_numpy(random.normal(size=s)).float() for name, s in shapes.items()}
    state["2.running_var"] = state["2.running_var"].abs() * 10 + 5
    state["4.weight"] /= 3  # or two probabilities are 1 in float32 and no longer differ
    return state, torch.from_numpy(random.normal(size=(6, 1, 4, 4))).float()


def run_reading(answer: Callable, state: dict[str, Tensor], images: Tensor) -> object:
    """What an answer says of the images; the network comes in the mode for training."""
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(16, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 10)
    )
    network.load_state_dict(state, strict=False)
    return answer(network, images)


def as_is(logits: np.ndarray, _: int) -> np.ndarray:
    """In place of softmax."""
    return logits


def read(
    state: dict[str, Tensor],
    images: Tensor,
    train: bool = False,
    dim: int = 1,
    softmax: Callable = special.softmax,
) -> tuple[np.ndarray, np.ndarray]:
    """The same network in NumPy, in float64."""
    w = {name: tensor.double().numpy() for name, tensor in state.items()}
    z = images.double().numpy().reshape(len(images), 16) @ w["1.weight"].T + w["1.bias"]
    mean, variance = (z.mean(0), z.var(0)) if train else (w["2.running_mean"], w["2.running_var"])
    z = (z - mean) / np.sqrt(variance + 1e-5) * w["2.weight"] + w["2.bias"]
    p = softmax(np.maximum(z, 0) @ w["4.weight"].T + w["4.bias"], dim)
    return p.argmax(1), p.max(1)


# ---- 06-3: the centre of mass


def with_centre_at(
    ink: np.ndarray,
    middle: float = 14,
    weights: np.ndarray | None = None,
    exchanged: bool = False,
    up: float = 0.5,
) -> np.ndarray:
    """The box in 28×28, its centre of mass where it is said."""
    weights = ink if weights is None else weights
    mass = np.argwhere(weights).T @ weights[weights > 0] / weights.sum()
    top, left = np.floor(middle - mass[:: -1 if exchanged else 1] + up).astype(int)
    return placed(ink, top, left)


def middle_of_box(ink: np.ndarray) -> np.ndarray:
    """The box in the middle of 28×28."""
    return placed(ink, *((28 - np.array(ink.shape)) // 2))


def placed(ink: np.ndarray, top: int, left: int) -> np.ndarray:
    """The box in 28×28, at this place or the nearest that the edge allows."""
    starts = [max(0, min(start, 28 - n)) for start, n in zip((top, left), ink.shape, strict=True)]
    return np.pad(ink, [(s, 28 - s - n) for s, n in zip(starts, ink.shape, strict=True)])


def some_ink(random: np.random.Generator) -> tuple[np.ndarray]:
    """A box of pale ink with a heavy place, drawn again until every mistake shows."""
    while True:
        ink = np.where(random.random(random.integers((13, 8), (17, 12))) < 0.5, 0.05, 0)
        row, column = np.array(ink.shape) // 2 + random.integers(-3, 3, 2)
        ink[row : row + 2, column : column + 2] = random.uniform(0.6, 1, (2, 2))
        ways = [
            with_centre_at(ink),
            with_centre_at(ink, middle=13.5),
            with_centre_at(ink, weights=1.0 * (ink > 0)),
            with_centre_at(ink, exchanged=True),
            with_centre_at(ink, up=1),
            middle_of_box(ink),
        ]
        centres = np.array([ndimage.center_of_mass(each) for each in (ink, ink > 0)])
        from_a_tie = np.abs(centres % 1 - 0.5).min()  # where ways to round differ
        if from_a_tie > 0.01 and len({way.tobytes() for way in ways}) == len(ways):
            return (ink,)


# ---- 06-4: the order of the steps


def crop(image: np.ndarray) -> np.ndarray:
    """The box around what is not 0."""
    return image[ndimage.find_objects((image > 0).astype(int))[0]]


def scale(image: np.ndarray) -> np.ndarray:
    """The longest side at 20 pixels."""
    factor = 20 / max(image.shape)
    size = [max(1, round(side * factor)) for side in image.shape[::-1]]
    picture = Image.fromarray(image.astype(np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BOX))


def steps(ink: np.ndarray, threshold: float, order: str = "mask crop scale") -> np.ndarray:
    """Some steps in some order, and then the centre of mass at (14, 14)."""
    ways = {"mask": lambda image: (image > threshold) * 1.0, "crop": crop, "scale": scale}
    for step in order.removesuffix("*").split():
        ink = ways[step](ink)
    return ink if order.endswith("*") else with_centre_at(ink)


def seven(random: np.random.Generator) -> tuple[np.ndarray, float]:
    """The ink of a 7 on a page, with pale ink around it, and a threshold."""
    page = np.zeros((90, 80))
    top, left = random.integers(8, 20, 2)
    page[top : top + 4, left : left + random.integers(26, 33)] = 1
    for row in range(int(random.integers(44, 54))):
        start = left + 24 - row // 3
        page[top + row, start : start + 5] = 1
    return ndimage.gaussian_filter(page, 1.0), float(random.uniform(0.4, 0.6))


def some_page(random: np.random.Generator) -> tuple[np.ndarray, float]:
    """Such a page, on which no centre of mass is equally near to two places, or to the edge."""
    orders = ("mask crop scale", "scale mask crop", "mask crop scale mask", "mask scale crop")
    while True:
        ink, threshold = seven(random)
        made = [steps(ink, threshold, f"{order}*") for order in (*orders, "crop scale")]
        masses = np.array([ndimage.center_of_mass(image) for image in made])
        starts = np.floor(14.5 - masses)
        inside = (starts >= 0) & (starts + [image.shape for image in made] <= 28)
        if np.abs(masses % 1 - 0.5).min() > 0.01 and inside.all():
            return ink, threshold


# ---- 06-7: a threshold


def some_readings(random: np.random.Generator) -> tuple[Tensor, Tensor, float]:
    """Forty-eight confidences, of which some are equal.

    From the top down: right ones, seven wrong, right ones, and one wrong, with which just 3/4 are
    right; two right and one wrong of equal confidence, with which fewer are; the rest is wrong.
    """
    confidence = 1 - np.cumsum(random.uniform(0.005, 0.018, 48))
    confidence[32:35] = confidence[33]
    right = np.zeros(48, dtype=bool)
    right[: int(random.integers(9, 15))] = True
    again = right.sum() + 7
    right[again:31] = True
    right[random.permutation(range(32, 35))[:2]] = True
    order = random.permutation(48)
    return torch.from_numpy(confidence[order]), torch.from_numpy(right[order]), 0.75


def choose(
    confidence: Tensor,
    right: Tensor,
    wanted: float,
    shift: int = 0,
    first: bool = False,
    largest: bool = False,
    more: bool = False,
    split: bool = False,
    counted: str = "answered",
) -> tuple[float, float]:
    """The smallest threshold that keeps the promise, and the share of digits answered."""
    order = np.lexsort((~right.numpy(), -confidence.numpy()))  # of equal ones the right ones first
    falling, hits = confidence.numpy()[order], np.cumsum(right.numpy()[order])
    shares = hits / np.arange(1, len(hits) + 1)
    kept = shares > wanted if more else shares >= wanted
    ends = np.append(falling[1:] < falling[:-1], True)  # no equal one follows
    places = np.arange(len(hits)) if split else np.flatnonzero(ends)
    if first:
        places = places[: np.argmin(kept[places])]
    last = int(places[kept[places]][0 if largest else -1])
    counts = {"answered": last + 1, "right": hits[last], "refused": len(hits) - last - 1}
    return float(falling[last + shift]), float(counts[counted] / len(hits))


# ---- 06-8: none of these


def some_logits(random: np.random.Generator) -> tuple[Tensor, float]:
    """Twenty classes: clear digits, clear others, and cases for which each mistake shows."""
    rows = [
        {"digit": 0.98}, {"digit": 0.97}, {"other": 0.98}, {"digit": 0.7, "other": 0.29},
        {"digit": 0.55, "second": 0.44}, {"digit": 0.09, "other": 0.9},
        {"digit": 0.4, "second": 0.1, "other": 0.5}, {"digit": 0.25, "second": 0.2, "other": 0.22},
    ]  # fmt: skip
    p = random.uniform(1e-4, 3e-4, (len(rows), 20))
    for row, shares in zip(p, rows, strict=True):
        digit, second = random.permutation(10)[:2]
        places = {"digit": digit, "second": second, "other": random.integers(10, 20)}
        for name, share in shares.items():
            row[places[name]] = share
    logits = np.log(p[random.permutation(len(rows))]) + random.normal(size=(len(rows), 1))
    threshold = random.uniform(0.85, 0.95) - 0.55 * random.integers(2)
    return torch.from_numpy(logits).float(), float(threshold)


def answer_or_refuse(
    logits: Tensor, threshold: float, classes: int = 10, together: bool = False
) -> np.ndarray:
    """The digit of each row, or -1."""
    p = special.softmax(logits.double().numpy(), axis=1)[:, :classes]
    enough = (p.sum(1) if together else p.max(1)) >= threshold
    return np.where(enough, p.argmax(1), -1)


def answer_if_first(logits: Tensor, threshold: float) -> np.ndarray:
    """The digit of each row in which it is the most probable of the twenty classes, or -1."""
    answer = answer_or_refuse(logits, threshold, classes=20)
    return np.where(answer < 10, answer, -1)


def probabilities_of_digits(logits: Tensor, threshold: float) -> np.ndarray:
    """With a softmax over the ten digits alone."""
    return answer_or_refuse(logits[:, :10], threshold)
