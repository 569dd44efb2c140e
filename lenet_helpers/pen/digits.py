"""Lesson 06: digits as they are written where MNIST does not come from, drawn as pen strokes.

MNIST has few open 4s, 2s and 9s with loops and hooks, and 3s with a flat top. The strokes are
curves through a few points that vary at random, drawn by the pen of `strokes`. A digit is 1 high.
"""

from __future__ import annotations

import numpy as np
import torch

from lenet_helpers.pen.strokes import CENTRIPETAL, Drawing, Random, curve, join, shaky, write
from lenet_helpers.pen.symbols import draw_symbols


def draw_looped_two(random: Random) -> Drawing:
    """A 2 with a curl in its head or a loop at its foot."""
    width, foot = random.uniform(0.4, 0.7), random.uniform(-0.1, 0.15)
    if random.random() < 0.5:
        head = [(width * 0.35, random.uniform(0.3, 0.45)), (width * 0.1, random.uniform(0.22, 0.3))]
        head += [(width * 0.3, 0.04), (width * 0.75, 0.02), (width, 0.24)]
    else:
        head = [(0, random.uniform(0.15, 0.3)), (width * 0.35, 0)]
        head += [(width * 0.85, 0.08), (width * 0.9, 0.3)]
    down = [(width * 0.55, 0.62), (foot + 0.08, 0.9)]
    if random.random() < 0.5:
        tail = [(foot - 0.02, 0.98), (foot - 0.04, 0.86), (foot + 0.18, 0.86), (width * 0.6, 0.98)]
        tail += [(width * 1.1, random.uniform(0.88, 1.02))]
    else:
        tail = [(foot, 1), (width * 0.5, 0.97)]
        tail += [(width * random.uniform(0.9, 1.3), random.uniform(0.92, 1.02))]
    return [shaky(head + down + tail, 0.02, random, CENTRIPETAL)]


def draw_flat_three(random: Random) -> Drawing:
    """A 3 whose upper half is a 7."""
    width = random.uniform(0.4, 0.65)
    middle = (width * random.uniform(0.3, 0.55), random.uniform(0.36, 0.48))
    corner = (width * random.uniform(0.8, 1.05), random.normal(0, 0.03))
    top = curve((0, random.normal(0.03, 0.03)), corner, random.normal(0, 0.08))
    down = curve(corner, middle, random.normal(0, 0.1))
    bowl = [middle, (width * 0.85, 0.5), (width, 0.72), (width * 0.6, 0.97)]
    bowl += [(0, random.uniform(0.85, 1))]
    return [join(top, down, shaky(bowl, 0.025, random, CENTRIPETAL))]


def draw_low_four(random: Random) -> Drawing:
    """An open 4 whose right stroke begins lower than its left one."""
    width, low = random.uniform(0.4, 0.65), random.uniform(0.5, 0.8)
    start = (random.uniform(0.15, 0.7) * width, 0)
    down = curve(start, (0, low), random.uniform(-0.05, 0.12))
    across = curve((0, low), (width, low + random.normal(-0.03, 0.08)), random.normal(0, 0.08))
    at, top = width * random.uniform(0.5, 0.85), random.uniform(0.1, low - 0.08)
    lean = random.uniform(-0.05, 0.2) * (1 - top)
    return [join(down, across), curve((at + lean, top), (at, 1), random.normal(0, 0.04))]


def draw_barred_five(random: Random) -> Drawing:
    """A 5 in two strokes; its bar may stand off."""
    width, left = random.uniform(0.35, 0.6), random.uniform(-0.05, 0.2)
    body = [(0.1 * width, 0.03), (0, random.uniform(0.38, 0.48)), (width * 0.6, 0.4)]
    body += [(width * 0.95, 0.65), (width * 0.6, 0.96), (-0.1 * width, random.uniform(0.85, 1))]
    start = (left * width, random.normal(0, 0.04))
    end = ((left + random.uniform(0.5, 1.2)) * width, random.normal(-0.02, 0.06))
    return [shaky(body, 0.02, random, CENTRIPETAL), curve(start, end, random.normal(0, 0.08))]


def draw_narrow_eight(random: Random) -> Drawing:
    """A narrow 8 that begins at its upper right."""
    width = random.uniform(0.35, 0.6)
    points = [(random.uniform(0.6, 1), random.uniform(0.05, 0.2)), (0.5, 0), (0.1, 0.2)]
    points += [(0.5, 0.46), (0.95, 0.75), (0.5, 1), (0.03, 0.76), (0.45, 0.48), (0.85, 0.2)]
    points += [(random.uniform(0.5, 0.9), random.uniform(0, 0.1))]
    return [shaky([(width * x, y) for x, y in points], 0.025, random, CENTRIPETAL)]


def draw_swung_nine(random: Random) -> Drawing:
    """A 9 whose tail swings to the left."""
    width, radius = random.uniform(0.4, 0.6), random.uniform(0.22, 0.3)
    angles = np.linspace(-0.6, -2 * np.pi - random.uniform(-0.2, 0.5), 30) + random.normal(0, 0.2)
    ring = np.stack([width / 2 * (1 + np.cos(angles)), radius * (1 + np.sin(angles))], axis=1)
    tail = [tuple(ring[-1]), (width * random.uniform(0.9, 1.1), random.uniform(0.5, 0.65))]
    tail += [(width * random.uniform(0.8, 1.1), 0.85), (width * 0.5, 1)]
    tail += [(random.uniform(-0.2, 0.25) * width, random.uniform(0.82, 1))]
    return [join(ring, shaky(tail, 0.025, random, CENTRIPETAL))]


DRAWINGS = {
    "2": draw_looped_two, "3": draw_flat_three, "4": draw_low_four, "5": draw_barred_five,
    "8": draw_narrow_eight, "9": draw_swung_nine,
}  # fmt: skip


def draw_digit(digit: str, random: Random) -> np.ndarray:
    """A large picture of one digit, ink 1 on paper 0, float32 `(height, width)`."""
    return write(DRAWINGS[digit](random), random)


def draw_digits(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`count` drawings of each digit: grey levels `(n, 28, 28)`, uint8, and their labels."""
    return draw_symbols(count, seed, "".join(DRAWINGS), draw_digit)
