"""Lesson 08: the symbols of arithmetic as a pen draws them, prepared as MNIST's digits were.

MNIST has no `+` and no `=`. A symbol is a few strokes, so a small generator draws them. Some
digits are drawn as well. MNIST was written by Americans; elsewhere a 1 has a long upstroke, a 7 a
bar, a 4 is open, and a 2 has loops.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from tqdm.auto import tqdm

from lenet_helpers.data import MNIST, Split, fit_images
from lenet_helpers.pen.strokes import Drawing, Random, curve, dot, hook, join, shaky, smooth, write
from lenet_helpers.reading.digit import centre, shrink
from lenet_helpers.reading.grammar import CLASSES
from lenet_helpers.training import bars_off

OUTLINE = 0.5  # coverage at the edge of a stroke
OFTEN = {"/": 4}  # drawn so many times as often: MNIST is full of slanted 1s


def draw_plus(random: Random) -> Drawing:
    x, y = random.normal(0, 0.1, 2)
    width, height = random.uniform(0.35, 0.65, 2)
    across = curve((-width, y), (width, y + random.normal(0, 0.06)), random.normal(0, 0.04))
    down = curve((x, -height), (x + random.normal(0, 0.06), height), random.normal(0, 0.04))
    return [across, down]


def draw_minus(random: Random) -> Drawing:
    width = random.uniform(0.15, 0.9)
    stroke = curve((-width, 0), (width, 0), random.normal(0, 0.04))
    return [stroke if random.random() < 0.8 else join(hook(stroke[0], random), stroke)]


def draw_times(random: Random) -> Drawing:
    left, right, top, bottom = random.uniform(0.3, 0.5, 4)
    if random.random() < 0.2:  # the printed x of two arcs, back to back
        bulge, gap = random.uniform(0.15, 0.35), random.uniform(-0.1, 0.02)
        one = curve((-left, -top), (-left, bottom), bulge=-bulge)
        other = curve((right, -top), (right, bottom), bulge=bulge)
        return [one - [one[:, 0].max() + gap, 0], other - [other[:, 0].min() - gap, 0]]
    falling = curve((-left, -top), (right, bottom), random.normal(0, 0.08))
    rising = curve((right, -top), (-left, bottom), random.normal(0, 0.08))
    if random.random() < 0.25:  # rising from below, sometimes in one go
        rising = rising[::-1]
        loop = curve(falling[-1], rising[0], random.uniform(-0.5, 0.2))
        return [join(falling, loop, rising)] if random.random() < 0.3 else [falling, rising]
    if random.random() < 0.3:  # curls at the ends of one stroke
        end = hook(falling[0], random, 0.3)
        falling = join(end, falling, hook(falling[-1], random, 0.3)[::-1])
    return [falling, rising]


def draw_divided(random: Random) -> Drawing:
    width, (above, below) = random.uniform(0.3, 0.6), random.uniform(0.2, 0.5, 2)
    x = random.normal(0, 0.06, 2)
    bar = curve((-width, 0), (width, 0), random.normal(0, 0.04))
    return [bar, dot((x[0], -above), random), dot((x[1], below), random)]


def draw_slash(random: Random) -> Drawing:
    lean = np.radians(random.uniform(20, 50))  # an upright one would be a 1
    half = np.array([np.sin(lean), -np.cos(lean)]) * 0.5
    return [curve(half, -half, random.normal(0, 0.03))]


def draw_equals(random: Random) -> Drawing:
    half, gap = random.uniform(0.25, 0.5), random.uniform(0.22, 0.55)
    bars = []
    for y in (-gap / 2, gap / 2):
        left, right = random.normal([-half, half], 0.2 * half) + random.normal(0, 0.2 * half)
        tilt = random.normal(0, 0.03)
        bars.append(curve((left, y + tilt), (right, y - tilt), random.normal(0, 0.05)))
    return bars


def draw_opening(random: Random) -> Drawing:
    bulge = random.uniform(0.1, 0.32)
    if random.random() < 0.7:
        stroke = curve((0, -0.5), (0, 0.5), bulge)
    else:  # straight in the middle, bent at its ends
        bend, at = random.uniform(0.1, 0.3, 2)
        middle = curve((-bulge, -0.5 + at), (-bulge, 0.5 - at))
        upper = curve((bend - bulge, -0.5), middle[0], 0.1)
        lower = curve(middle[-1], (bend - bulge, 0.5), 0.1)
        stroke = join(upper, middle, lower)
    return [join(hook(stroke[0], random, 0.1), stroke) if random.random() < 0.1 else stroke]


def draw_closing(random: Random) -> Drawing:
    return [stroke * [-1, 1] for stroke in draw_opening(random)]


def draw_point(random: Random) -> Drawing:
    """A dot, or a comma."""
    if random.random() < 0.6:
        return [dot((0, 0), random)]
    lean, length = random.uniform(-0.2, 0.8), random.uniform(0.12, 0.4)
    return [curve((length * lean, 0), (0, length), random.uniform(-0.05, 0.2))]


def draw_one(random: Random) -> Drawing:
    """A 1 with a long upstroke, sometimes with a foot."""
    start = (random.uniform(-0.6, -0.2), random.uniform(0.2, 0.9))
    bottom = random.normal(0, 0.08)
    up = curve(start, (0, 0), random.uniform(-0.1, 0.25))
    down = curve((0, 0), (bottom, 1))
    strokes = [join(up, down)]
    if random.random() < 0.2:
        left, right = random.uniform(0.1, 0.4, 2)
        strokes.append(curve((bottom - left, 1), (bottom + right, random.normal(1, 0.03))))
    return strokes


def draw_two(random: Random) -> Drawing:
    """A 2 that begins with a curl and turns in a loop."""
    points = [(0.3, 0.42), (0.08, 0.25), (0.3, 0), (0.55, 0.25), (0.35, 0.65), (0.1, 0.95)]
    points += [(0.02, 0.85), (0.2, 0.82), (0.4, 0.95), (0.65, 0.9)]
    first, loop = random.integers(0, 2), random.random() < 0.6
    kept = points[first:6] + points[6 if loop else 9 :]
    return [shaky(kept, 0.035, random)]


def draw_four(random: Random) -> Drawing:
    """An open 4, in one stroke or in two."""
    corner, level = random.uniform(0, 0.15), random.uniform(0.5, 0.75)
    right, top = random.uniform(0.35, 0.65), random.uniform(0.2, 0.55)
    left = [(random.uniform(0.15, 0.45), 0), (corner + 0.05, level / 2), (corner, level)]
    stem = [(right, top), (right + random.normal(0, 0.06), 1)]
    if random.random() < 0.4:  # the pen stays on the paper and turns upwards
        turn = [(right - 0.08, level), stem[0], (right, level), stem[1]]
        return [shaky([*left, *turn], 0.03, random)]
    end = (right + random.uniform(0, 0.25), level)
    across = curve(left[-1], end, random.normal(0, 0.06))
    return [join(smooth(left), across), curve(*stem, random.normal(0, 0.04))]


def draw_nine(random: Random) -> Drawing:
    """A 9 whose tail swings to the left, as in a handwritten g."""
    points = [(0.48, 0.12), (0.25, 0), (0.02, 0.25), (0.22, 0.48), (0.46, 0.3), (0.5, 0.12)]
    points += [(0.5, 0.6), (0.35, 0.97), (random.uniform(-0.1, 0.4), random.uniform(0.8, 1))]
    return [shaky(points, 0.045, random)]


def draw_seven(random: Random) -> Drawing:
    """A 7 with a bar through its stem."""
    width, foot = random.uniform(0.4, 0.75), random.uniform(-0.05, 0.35)
    corner, bottom = (width, random.normal(0, 0.05)), (foot, 1.0)
    bar = curve((0, random.normal(0.04, 0.05)), corner, random.normal(0, 0.06))
    down = curve(corner, bottom, random.uniform(-0.02, 0.14))
    if random.random() < 0.4:
        bar = join(curve((bar[0, 0], bar[0, 1] + random.uniform(0.08, 0.25)), bar[0]), bar)
    middle, half = down[random.integers(11, 19)], random.uniform(0.15, 0.35)
    tilt = random.normal(-0.02, 0.06)
    return [join(bar, down), middle + curve((-half, -tilt), (half, tilt))]


DRAWINGS: dict[str, Callable[[Random], Drawing]] = {
    "+": draw_plus, "-": draw_minus, "×": draw_times, "÷": draw_divided, "/": draw_slash,
    "=": draw_equals, "(": draw_opening, ")": draw_closing, ".": draw_point, "1": draw_one,
    "2": draw_two, "4": draw_four, "7": draw_seven, "9": draw_nine,
}  # fmt: skip


def draw_symbol(symbol: str, random: Random) -> np.ndarray:
    """A large picture of one symbol, ink 1 on paper 0, float32 `(height, width)`.

    Slant, proportions, a trembling hand, the width of the pen and its pressure vary.
    """
    strokes = DRAWINGS[symbol](random)
    lean, turn = random.normal(0, 0.1), random.normal(0, np.radians(4))
    if symbol == "/":
        lean, turn = 0.0, 0.0  # its slant is what it is
    stretch, cos, sin = np.exp(random.normal(0, 0.12)), np.cos(turn), np.sin(turn)
    change = np.array([[stretch, lean], [0, 1]]) @ [[cos, -sin], [sin, cos]]
    return write([stroke @ change.T for stroke in strokes], random)


def prepare_drawing(picture: np.ndarray) -> np.ndarray:
    """A picture, ink 1 on paper 0, as MNIST's digits are: grey levels `(28, 28)`, uint8.

    These are the steps of `prepare_digit`: 20 pixels, strokes as wide as MNIST's, the centre of
    mass where MNIST has it.
    """
    return np.round(centre(shrink(picture, OUTLINE)) * 255).astype(np.uint8)


def draw_symbols(
    count: int, seed: int, symbols: str, draw: Callable[[str, Random], np.ndarray] = draw_symbol
) -> tuple[torch.Tensor, torch.Tensor]:
    """`count` drawings of each symbol: grey levels `(n, 28, 28)`, uint8, and their labels.

    `draw` makes one large picture of a symbol.
    """
    random = np.random.default_rng(seed)
    every = "".join(symbol * count * OFTEN.get(symbol, 1) for symbol in symbols)
    bar = tqdm(every, "drawing", leave=False, disable=bars_off(True))
    images = [prepare_drawing(draw(symbol, random)) for symbol in bar]
    labels = [CLASSES.index(symbol) for symbol in every]
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


def generate_symbols(count: int, seed: int, symbols: str = "".join(DRAWINGS)) -> Split:
    """`count` drawings of each symbol as the network takes them, `(n, 1, 32, 32)` normalised."""
    levels, labels = draw_symbols(count, seed, symbols)
    return Split(fit_images(levels), labels)


def add_symbols(levels: MNIST, count: int, seed: int = 8) -> MNIST:
    """MNIST's grey levels with drawn symbols: `count` of each to learn from, a tenth to check.

    Each split has drawings of its own.
    """
    counts = (count, max(1, count // 10), max(1, count // 10))
    splits = []
    for place, (split, number) in enumerate(zip(levels, counts, strict=True)):
        drawn, labels = draw_symbols(number, 3 * seed + place, "".join(DRAWINGS))
        splits.append(Split(torch.cat([split.images, drawn]), torch.cat([split.labels, labels])))
    return MNIST(*splits)
