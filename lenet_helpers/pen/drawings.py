"""Lesson 08: the symbols of arithmetic, and digits as they are written where MNIST is not from.

MNIST has no `+` and no `=`: a symbol is a few strokes. And MNIST was written by Americans.
Elsewhere a 1 has a long upstroke, a 7 a bar, a 4 is open, a 3 has a flat top, and a 2 has loops.
Every stroke is a curve through a few points that vary at random. A digit is 1 high.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lenet_helpers.pen.strokes import Drawing, Random, curve, dot, hook, join, shaky, smooth, write


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
        falling = join(hook(falling[0], random, 0.3), falling, hook(falling[-1], random, 0.3)[::-1])
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
    """A 1 with a long upstroke, which may meet the stem below its top, sometimes with a foot."""
    start = (random.uniform(-0.6, -0.2), random.uniform(0.2, 0.9))
    bottom, over = random.normal(0, 0.08), max(0.0, random.normal(0, 0.12))
    up = curve(start, (0, over), random.uniform(-0.25, 0.3))
    down = curve((0, 0), (bottom, 1))
    strokes = [join(up, down)] if over == 0 else [up, down]
    if random.random() < 0.2:
        left, right = random.uniform(0.1, 0.4, 2)
        strokes.append(curve((bottom - left, 1), (bottom + right, random.normal(1, 0.03))))
    return strokes


def draw_two(random: Random) -> Drawing:
    """A 2 with a curl in its head or a loop at its foot."""
    width, foot = random.uniform(0.4, 0.7), random.uniform(-0.1, 0.15)
    if random.random() < 0.5:
        head = [(width * 0.35, random.uniform(0.3, 0.45)), (width * 0.1, random.uniform(0.22, 0.3))]
        head += [(width * 0.3, 0.04), (width * 0.75, 0.02), (width, 0.24)]
    else:
        head = [(0, random.uniform(0.15, 0.3)), (width * 0.35, 0)]
        head += [(width * 0.85, 0.08), (width * 0.9, 0.3)]
    if random.random() < 0.5:
        tail = [(foot - 0.02, 0.98), (foot - 0.04, 0.86), (foot + 0.18, 0.86), (width * 0.6, 0.98)]
        tail += [(width * 1.1, random.uniform(0.88, 1.02))]
    else:
        tail = [(foot, 1), (width * 0.5, 0.97)]
        tail += [(width * random.uniform(0.9, 1.3), random.uniform(0.92, 1.02))]
    return [shaky([*head, (width * 0.55, 0.62), (foot + 0.08, 0.9), *tail], 0.03, random)]


def draw_three(random: Random) -> Drawing:
    """A 3 whose upper half is a 7, or begins with a curl."""
    width = random.uniform(0.4, 0.65)
    middle = (width * random.uniform(0.3, 0.55), random.uniform(0.36, 0.48))
    if random.random() < 0.5:
        corner = (width * random.uniform(0.8, 1.05), random.normal(0, 0.03))
        start = (0, random.normal(0.03, 0.03))
        head = join(curve(start, corner, random.normal(0, 0.08)), curve(corner, middle))
    else:
        curl = [(width * 0.25, random.uniform(0.2, 0.35)), (0, random.uniform(0.12, 0.25))]
        points = [*curl[random.integers(2) :], (width * 0.4, 0), (width * 0.9, 0.15), middle]
        head = shaky(points, 0.02, random)
    bowl = [middle, (width * 0.85, 0.5), (width, 0.72), (width * 0.6, 0.97)]
    bowl += [(0, random.uniform(0.8, 1))]
    return [join(head, shaky(bowl, 0.025, random))]


def draw_four(random: Random) -> Drawing:
    """An open 4, in one stroke or in two."""
    corner, level = random.uniform(0, 0.15), random.uniform(0.5, 0.75)
    right, top = random.uniform(0.35, 0.65), random.uniform(0.2, 0.55)
    left = [(random.uniform(0.15, 0.45), 0), (corner + 0.05, level / 2), (corner, level)]
    stem = [(right, top), (right + random.normal(0, 0.06), 1)]
    if random.random() < 0.4:  # the pen stays on the paper and turns upwards
        turn = [(right - 0.08, level), stem[0], (right, level), stem[1]]
        return [shaky([*left, *turn], 0.03, random, 0.0)]
    across = curve(left[-1], (right + random.uniform(0, 0.25), level), random.normal(0, 0.06))
    return [join(smooth(left), across), curve(*stem, random.normal(0, 0.04))]


def draw_five(random: Random) -> Drawing:
    """A 5 in two strokes; its bar may stand off."""
    width, left = random.uniform(0.35, 0.6), random.uniform(-0.05, 0.2)
    body = [(0.1 * width, 0.03), (0, random.uniform(0.38, 0.48)), (width * 0.6, 0.4)]
    body += [(width * 0.95, 0.65), (width * 0.6, 0.96), (-0.1 * width, random.uniform(0.85, 1))]
    start = (left * width, random.normal(0, 0.04))
    end = ((left + random.uniform(0.5, 1.2)) * width, random.normal(-0.02, 0.06))
    return [shaky(body, 0.02, random), curve(start, end, random.normal(0, 0.08))]


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


def draw_eight(random: Random) -> Drawing:
    """A narrow 8 that begins at its upper right; its waist lies high or low."""
    width, waist = random.uniform(0.3, 0.6), random.uniform(0.36, 0.62)
    upper, lower = random.uniform(0.6, 1.0, 2)  # widths of the loops
    points = [(0.5 + 0.4 * upper, random.uniform(0.05, 0.25)), (0.5, 0), (0.5 - 0.5 * upper, 0.2)]
    points += [(0.5, waist), (0.5 + 0.5 * lower, (1 + waist) / 2), (0.5, 1)]
    points += [(0.5 - 0.5 * lower, (1 + waist) / 2), (0.45, waist), (0.5 + 0.4 * upper, 0.2)]
    points += [(random.uniform(0.5, 0.9), random.uniform(0, 0.1))][: random.integers(2)]
    return [shaky([(width * x, y) for x, y in points], 0.025, random)]


def draw_nine(random: Random) -> Drawing:
    """A 9 whose tail swings to the left and may stand off its ring, which may be open."""
    width, radius = random.uniform(0.35, 0.6), random.uniform(0.18, 0.3)
    turn = 2 * np.pi + random.uniform(-1.0, 0.5)
    angles = np.linspace(-0.6, -0.6 - turn, 30) + random.normal(0, 0.25)
    ring = np.stack([width / 2 * (1 + np.cos(angles)), radius * (1 + np.sin(angles))], axis=1)
    apart = random.random() < 0.3
    top = (width * random.uniform(0.95, 1.2), random.uniform(0, 0.2))
    tail = [top if apart else tuple(ring[-1])]
    tail += [(width * random.uniform(0.9, 1.15), random.uniform(0.5, 0.65))]
    tail += [(width * random.uniform(0.8, 1.1), 0.85), (width * 0.5, 1)]
    tail += [(random.uniform(-0.3, 0.25) * width, random.uniform(0.75, 1))]
    swing = shaky(tail, 0.025, random)
    return [ring, swing] if apart else [join(ring, swing)]


DRAWINGS: dict[str, Callable[[Random], Drawing]] = {
    "+": draw_plus, "-": draw_minus, "×": draw_times, "÷": draw_divided, "/": draw_slash,
    "=": draw_equals, "(": draw_opening, ")": draw_closing, ".": draw_point,
    "1": draw_one, "2": draw_two, "3": draw_three, "4": draw_four, "5": draw_five,
    "7": draw_seven, "8": draw_eight, "9": draw_nine,
}  # fmt: skip


def draw_character(character: str, random: Random) -> np.ndarray:
    """A large picture of one character, ink 1 on paper 0, float32 `(height, width)`.

    Slant, proportions, a trembling hand, the width of the pen and its pressure vary.
    """
    strokes = DRAWINGS[character](random)
    lean, turn = random.normal(0, 0.1), random.normal(0, np.radians(4))
    if character == "/":
        lean, turn = 0.0, 0.0  # its slant is what it is
    stretch, cos, sin = np.exp(random.normal(0, 0.12)), np.cos(turn), np.sin(turn)
    change = np.array([[stretch, lean], [0, 1]]) @ [[cos, -sin], [sin, cos]]
    return write([stroke @ change.T for stroke in strokes], random)
