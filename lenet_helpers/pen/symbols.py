"""Lesson 08: the symbols of arithmetic as a pen draws them, prepared as MNIST's digits were.

MNIST has no `+` and no `=`. A symbol is a few strokes, so a small generator draws them: each
stroke is a curve through a few points, and every writer, pen and hurry is a random number. Some
digits are drawn as well. MNIST was written by Americans; elsewhere a 1 has a long upstroke, a 7 a
bar, a 4 is open, and a 2 has loops.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline
from tqdm.auto import tqdm

from lenet_helpers.data import MNIST, Split, fit_images
from lenet_helpers.reading.digit import centre, shrink
from lenet_helpers.reading.grammar import CLASSES
from lenet_helpers.training import bars_off

SIDE = 64  # pixels: longest side of a drawn symbol
OUTLINE = 0.5  # coverage at the edge of a stroke
OFTEN = {"/": 4}  # drawn so many times as often: MNIST is full of slanted 1s
Stroke = np.ndarray  # (points, 2): x to the right, y downwards; a digit is 1 high
Random = np.random.Generator


def curve(start: tuple, end: tuple, bulge: float = 0.0) -> Stroke:
    """A stroke from `start` to `end` that leaves the straight line by `bulge` of its length.

    A quadratic Bézier curve; a positive bulge lies to the right of who walks along.
    """
    start, end = np.float64(start), np.float64(end)
    aside = np.array([start[1] - end[1], end[0] - start[0]])
    middle = (start + end) / 2 + 2 * bulge * aside
    t = np.linspace(0, 1, 30)[:, np.newaxis]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end


def smooth(points: np.ndarray) -> Stroke:
    """A smooth stroke through these points, a cubic spline."""
    return CubicSpline(range(len(points)), points)(np.linspace(0, len(points) - 1, 60))


def join(*strokes: Stroke) -> Stroke:
    """One stroke without lifting the pen."""
    return np.concatenate(strokes)


def draw_plus(random: Random) -> list[Stroke]:
    x, y = random.normal(0, 0.1, 2)
    width, height = random.uniform(0.35, 0.65, 2)
    across = curve((-width, y), (width, y + random.normal(0, 0.06)), random.normal(0, 0.04))
    down = curve((x, -height), (x + random.normal(0, 0.06), height), random.normal(0, 0.04))
    return [across, down]


def draw_minus(random: Random) -> list[Stroke]:
    width = random.uniform(0.15, 0.9)
    stroke = curve((-width, 0), (width, 0), random.normal(0, 0.04))
    return [stroke if random.random() < 0.8 else join(hook(stroke[0], random), stroke)]


def draw_times(random: Random) -> list[Stroke]:
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
        ends = hook(falling[0], random, 0.3), hook(falling[-1], random, 0.3)[::-1]
        falling = join(ends[0], falling, ends[1])
    return [falling, rising]


def draw_divided(random: Random) -> list[Stroke]:
    width, (above, below) = random.uniform(0.3, 0.6), random.uniform(0.2, 0.5, 2)
    x = random.normal(0, 0.06, 2)
    bar = curve((-width, 0), (width, 0), random.normal(0, 0.04))
    return [bar, dot((x[0], -above), random), dot((x[1], below), random)]


def draw_slash(random: Random) -> list[Stroke]:
    lean = np.radians(random.uniform(20, 50))  # an upright one would be a 1
    half = np.array([np.sin(lean), -np.cos(lean)]) * 0.5
    return [curve(half, -half, random.normal(0, 0.03))]


def draw_equals(random: Random) -> list[Stroke]:
    half, gap = random.uniform(0.25, 0.5), random.uniform(0.22, 0.55)
    bars = []
    for y in (-gap / 2, gap / 2):
        left, right = random.normal([-half, half], 0.2 * half)
        shift = random.normal(0, 0.2 * half)
        tilt = random.normal(0, 0.03)
        bars.append(
            curve((left + shift, y + tilt), (right + shift, y - tilt), random.normal(0, 0.05))
        )
    return bars


def draw_opening(random: Random) -> list[Stroke]:
    bulge = random.uniform(0.1, 0.32)
    if random.random() < 0.7:
        stroke = curve((0, -0.5), (0, 0.5), bulge)
    else:  # straight in the middle, bent at its ends
        bend, at = random.uniform(0.1, 0.3, 2)
        inner = (-bulge, -0.5 + at), (-bulge, 0.5 - at)
        ends = (
            curve((-bulge + bend, -0.5), inner[0], 0.1),
            curve(inner[1], (bend - bulge, 0.5), 0.1),
        )
        stroke = join(ends[0], curve(*inner), ends[1])
    return [join(hook(stroke[0], random, 0.1), stroke) if random.random() < 0.1 else stroke]


def draw_closing(random: Random) -> list[Stroke]:
    return [stroke * [-1, 1] for stroke in draw_opening(random)]


def draw_point(random: Random) -> list[Stroke]:
    """A dot, or a comma."""
    if random.random() < 0.6:
        return [dot((0, 0), random)]
    lean, length = random.uniform(-0.2, 0.8), random.uniform(0.12, 0.4)
    return [curve((length * lean, 0), (0, length), random.uniform(-0.05, 0.2))]


def draw_one(random: Random) -> list[Stroke]:
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


def draw_two(random: Random) -> list[Stroke]:
    """A 2 that begins with a curl and turns in a loop."""
    points = [(0.3, 0.42), (0.08, 0.25), (0.3, 0), (0.55, 0.25), (0.35, 0.65), (0.1, 0.95)]
    points += [(0.02, 0.85), (0.2, 0.82), (0.4, 0.95), (0.65, 0.9)]
    first, loop = random.integers(0, 2), random.random() < 0.6
    kept = points[first:6] + points[6 if loop else 9 :]
    return [smooth(kept + random.normal(0, 0.035, (len(kept), 2)))]


def draw_four(random: Random) -> list[Stroke]:
    """An open 4, in one stroke or in two."""
    corner, level = random.uniform(0, 0.15), random.uniform(0.5, 0.75)
    right, top = random.uniform(0.35, 0.65), random.uniform(0.2, 0.55)
    left = [(random.uniform(0.15, 0.45), 0), (corner + 0.05, level / 2), (corner, level)]
    stem = [(right, top), (right + random.normal(0, 0.06), 1)]
    if random.random() < 0.4:  # the pen stays on the paper and turns upwards
        turn = [(right - 0.08, level), stem[0], (right, level), stem[1]]
        return [smooth(np.add([*left, *turn], random.normal(0, 0.03, (7, 2))))]
    end = (right + random.uniform(0, 0.25), level)
    across = curve(left[-1], end, random.normal(0, 0.06))
    return [join(smooth(left), across), curve(*stem, random.normal(0, 0.04))]


def draw_nine(random: Random) -> list[Stroke]:
    """A 9 whose tail swings to the left, as in a handwritten g."""
    points = [(0.48, 0.12), (0.25, 0), (0.02, 0.25), (0.22, 0.48), (0.46, 0.3), (0.5, 0.12)]
    points += [(0.5, 0.6), (0.35, 0.97), (random.uniform(-0.1, 0.4), random.uniform(0.8, 1))]
    return [smooth(points + random.normal(0, 0.045, (len(points), 2)))]


def draw_seven(random: Random) -> list[Stroke]:
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


DRAWINGS: dict[str, Callable[[Random], list[Stroke]]] = {
    "+": draw_plus, "-": draw_minus, "×": draw_times, "÷": draw_divided, "/": draw_slash,
    "=": draw_equals, "(": draw_opening, ")": draw_closing, ".": draw_point, "1": draw_one,
    "2": draw_two, "4": draw_four, "7": draw_seven, "9": draw_nine,
}  # fmt: skip


def hook(end: np.ndarray, random: Random, size: float = 0.2) -> Stroke:
    """A short stroke that arrives at `end`, as a hurried pen leaves it."""
    start = end + random.uniform(-size, size, 2)
    return curve(start, end, random.uniform(-0.3, 0.3))


def dot(place: tuple, random: Random) -> Stroke:
    """A point, a dash, or a small circle."""
    kind, size = random.random(), random.uniform(0.02, 0.09)
    if kind < 0.5:
        return place + random.normal(0, 0.01, (4, 2))
    if kind < 0.7:
        return curve(np.add(place, random.uniform(-size, size, 2)), place)
    angles = np.linspace(0, random.uniform(5, 8), 24) + random.uniform(0, 7)
    return place + size * np.stack([np.cos(angles), random.uniform(0.7, 1.4) * np.sin(angles)], 1)


def draw_symbol(symbol: str, random: Random) -> np.ndarray:
    """A large picture of one symbol, ink 1 on paper 0, float32 `(height, width)`.

    Slant, proportions, a trembling hand, the width of the pen and its pressure vary.
    """
    strokes = DRAWINGS[symbol](random)
    lean, turn = random.normal(0, 0.1), random.normal(0, np.radians(4))
    if symbol == "/":
        lean, turn = 0.0, 0.0  # its slant is what it is
    stretch = np.exp(random.normal(0, 0.12))
    change = np.array([[stretch, lean], [0, 1]]) @ [
        [np.cos(turn), -np.sin(turn)],
        [np.sin(turn), np.cos(turn)],
    ]
    strokes = [tremble(stroke @ change.T, random) for stroke in strokes]
    pen = random.uniform(0.03, 0.13)  # of the height of a digit
    return ink(strokes, pen, random)


def tremble(stroke: Stroke, random: Random) -> Stroke:
    """The stroke moved aside smoothly, by about 1 % of a digit's height."""
    steps = np.linspace(0, 4, len(stroke))
    return stroke + np.stack(
        [np.interp(steps, range(5), random.normal(0, 0.012, 5)) for _ in "xy"], 1
    )


def ink(strokes: list[Stroke], pen: float, random: Random) -> np.ndarray:
    """Strokes drawn with a round pen whose pressure varies; the longest side has `SIDE` pixels."""
    points = np.concatenate(strokes)
    low, size = points.min(axis=0) - pen, np.ptp(points, axis=0) + 2 * pen
    scale = SIDE / size.max()
    width, height = np.ceil(size * scale).astype(int) + 2
    picture = Image.new("L", (int(width), int(height)))
    pencil = ImageDraw.Draw(picture)
    for stroke in strokes:
        places = dense((stroke - low) * scale + 1)
        pressure = np.exp(
            np.interp(np.linspace(0, 3, len(places)), range(4), random.normal(0, 0.15, 4))
        )
        for (x, y), radius in zip(places, pen / 2 * scale * pressure, strict=True):
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.pad(np.asarray(picture, dtype=np.float32) / 255, 8)


def dense(stroke: Stroke) -> Stroke:
    """The same stroke with a point at every 2 pixels."""
    way = np.concatenate([[0], np.hypot(*np.diff(stroke, axis=0).T).cumsum()])
    steps = np.linspace(0, way[-1], max(2, round(way[-1] / 2)))
    return np.stack([np.interp(steps, way, stroke[:, axis]) for axis in (0, 1)], axis=1)


def generate_symbols(count: int, seed: int, symbols: str = "".join(DRAWINGS)) -> Split:
    """`count` drawings of each symbol as the network takes them, `(n, 1, 32, 32)` normalised.

    They are prepared by the steps of `prepare_digit`: 20 pixels, strokes as wide as MNIST's, the
    centre of mass where MNIST has it.
    """
    levels, labels = draw_symbols(count, seed, symbols)
    return Split(fit_images(levels), labels)


def draw_symbols(count: int, seed: int, symbols: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The same as grey levels `(n, 28, 28)`, uint8, and their labels."""
    random = np.random.default_rng(seed)
    images, labels = [], []
    for symbol in tqdm(symbols, "drawing", leave=False, disable=bars_off(True)):
        for _ in range(count * OFTEN.get(symbol, 1)):
            image = centre(shrink(draw_symbol(symbol, random), OUTLINE))
            images.append(np.round(image * 255).astype(np.uint8))
            labels.append(CLASSES.index(symbol))
    return torch.from_numpy(np.stack(images)), torch.tensor(labels)


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
