"""Lines of a pen, and how they become a picture: lessons 06 and 08 draw symbols and digits so.

A stroke is a curve through a few points. Every writer, pen and hurry is a random number.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import CubicSpline

SIDE = 64  # pixels: longest side of a drawn symbol
Stroke = np.ndarray  # (points, 2): x to the right, y downwards; a digit is 1 high
Drawing = list[Stroke]
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


def smooth(points: np.ndarray, power: float = 0.0) -> Stroke:
    """A smooth stroke through these points `(n, 2)`, a cubic spline.

    From point to point its parameter grows by their distance to this power: by 1 where it is 0,
    by the root of the distance where it is 0.5, the centripetal one: it keeps from overshooting.
    """
    steps = np.hypot(*np.diff(points, axis=0).T) ** power
    times = np.concatenate([[0], steps.cumsum()])
    return CubicSpline(times, points)(np.linspace(0, times[-1], 60))


def shaky(points: list[tuple], jitter: float, random: Random, power: float = 0.5) -> Stroke:
    """The smooth stroke through points that are moved by about `jitter`."""
    return smooth(points + random.normal(0, jitter, (len(points), 2)), power)


def join(*strokes: Stroke) -> Stroke:
    """One stroke without lifting the pen."""
    return np.concatenate(strokes)


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


def write(strokes: Drawing, random: Random) -> np.ndarray:
    """A picture of these strokes by a trembling hand with some pen, see `ink`.

    It moves each stroke aside smoothly, by about 1 % of a digit's height.
    """
    aside = [[drift(5, 0.012, len(stroke), random) for _ in "xy"] for stroke in strokes]
    strokes = [stroke + np.transpose(by) for stroke, by in zip(strokes, aside, strict=True)]
    return ink(strokes, random.uniform(0.03, 0.13), random)  # in heights of a digit


def drift(turns: int, size: float, count: int, random: Random) -> np.ndarray:
    """`count` numbers of about `size` that change evenly between a few random ones, `turns`."""
    places = np.linspace(0, turns - 1, count)
    return np.interp(places, range(turns), random.normal(0, size, turns))


def ink(strokes: Drawing, pen: float, random: Random) -> np.ndarray:
    """Strokes drawn with a round pen whose pressure varies; the longest side has `SIDE` pixels.

    `pen` is its width, in the unit of the strokes. Ink is 1 and paper 0, float32 `(height, width)`,
    with a margin of 8 pixels.
    """
    points = np.concatenate(strokes)
    low, size = points.min(axis=0) - pen, np.ptp(points, axis=0) + 2 * pen
    scale = SIDE / size.max()
    picture = Image.new("L", (np.ceil(size * scale).astype(int) + 2).tolist())
    pencil = ImageDraw.Draw(picture)
    for stroke in strokes:
        places = dense((stroke - low) * scale + 1)
        pressure = np.exp(drift(4, 0.15, len(places), random))
        for (x, y), radius in zip(places, pen / 2 * scale * pressure, strict=True):
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.pad(np.asarray(picture, dtype=np.float32) / 255, 8)


def dense(stroke: Stroke) -> Stroke:
    """The same stroke with a point at every 2 pixels."""
    way = np.concatenate([[0], np.hypot(*np.diff(stroke, axis=0).T).cumsum()])
    steps = np.linspace(0, way[-1], max(2, round(way[-1] / 2)))
    return np.stack([np.interp(steps, way, stroke[:, axis]) for axis in (0, 1)], axis=1)


def under(line: np.ndarray, drawn: np.ndarray, top: int, left: int) -> np.ndarray:
    """What lies in a line of writing under a drawing with its upper left corner there, a view."""
    return line[top : top + drawn.shape[0], left : left + drawn.shape[1]]


def put(line: np.ndarray, drawn: np.ndarray, top: int, left: int) -> None:
    """Add a drawing to a line of writing, its upper left corner there; ink stays ink."""
    here = under(line, drawn, top, left)
    np.maximum(here, drawn, out=here)
