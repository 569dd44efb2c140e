"""Lesson 06: strokes of a pen as MNIST would have them; static/strokes.js does the same.

A stroke is smoothed by cutting corners [1]_, made so large that the ink's longest side has 20
pixels, drawn with a round pen 2.25 pixels wide, and moved so that the centre of mass lies at pixel
(14, 14) of 28×28.

.. [1] G. M. Chaikin, "An algorithm for high-speed curve generation", Computer Graphics and Image
   Processing 3(4), 1974.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lenet_helpers.data import IMAGE_SIZE
from lenet_helpers.reading.digit import CENTRE, LONGEST, STROKE


def render_strokes(strokes: Sequence[np.ndarray], least: float = 0.0) -> np.ndarray | None:
    """The image of some strokes, grey levels 0…1, `(28, 28)`; None where nothing is drawn.

    Parameters
    ----------
    strokes
        Each `(points, 2)`: x to the right and y downwards, in any unit.
    least
        The size in that unit below which a drawing is not made larger: a dot stays a dot.
    """
    smooth = [_cut_corners(np.float64(stroke)) for stroke in strokes if len(stroke)]
    if not smooth:
        return None
    points = np.concatenate(smooth)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = max(*(high - low), least)
    scale = (LONGEST - STROKE) / extent if extent > 0 else 0.0
    placed = [(stroke - (low + high) / 2) * scale for stroke in smooth]
    once = _draw([stroke + CENTRE for stroke in placed])
    places = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE][::-1]  # x before y
    centre = (places * once).sum(axis=(1, 2)) / once.sum()
    return _draw([stroke + (2 * CENTRE - centre) for stroke in placed])


def _cut_corners(stroke: np.ndarray) -> np.ndarray:
    """Each corner becomes two points a quarter of the way before and behind it, twice over."""
    for _ in range(2):
        if len(stroke) > 2:
            here, there = stroke[:-1], stroke[1:]
            cut = np.stack([0.75 * here + 0.25 * there, 0.25 * here + 0.75 * there], axis=1)
            stroke = np.concatenate([stroke[:1], cut.reshape(-1, 2), stroke[-1:]])
    return stroke


def _draw(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """How much of each pixel the pen covers: a ramp one pixel wide at the edge of the stroke."""
    starts = np.concatenate([stroke[: max(1, len(stroke) - 1)] for stroke in strokes])
    ends = np.concatenate([stroke[1:] if len(stroke) > 1 else stroke for stroke in strokes])
    (x, y), (across, down) = starts.T, (ends - starts).T
    row, column = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE][..., np.newaxis]
    right, below = column - x, row - y
    square = across**2 + down**2
    along = ((right * across + below * down) / np.where(square > 0, square, 1)).clip(0, 1)
    squares = (right - along * across) ** 2 + (below - along * down) ** 2
    return (STROKE / 2 + 0.5 - np.sqrt(squares.min(axis=-1))).clip(0, 1)
