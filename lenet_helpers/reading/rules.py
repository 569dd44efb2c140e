"""Lessons 06 and 08: take the printed lines of ruled or squared paper out of the ink."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from lenet_helpers.errors import CourseError
from lenet_helpers.reading import tuned

if TYPE_CHECKING:  # `ink` imports this module
    from lenet_helpers.reading.ink import Ink


def remove_rules(ink: Ink) -> Ink:
    """The ink without printed lines, near level or near upright, from border to border.

    A printed line is as dark all along. What is darker upon it is writing; where the line is as
    dark as the writing, a stroke goes on if it does above and below the line.

    Raises
    ------
    CourseError
        If the lines cannot be told from the writing, or nothing is written between them.
    """
    strength, low = ink.strength, ink.threshold
    level, upright = _printed(strength, low), _printed(strength.T, low).T
    printed = np.maximum(level, upright)
    if not printed.any():
        return ink
    bare = printed == 0
    written = strength[bare & (strength > low)]
    if not written.size:
        raise CourseError(MESSAGE)
    full = np.quantile(written, 0.75)
    room = full - printed
    clean = full * ((strength - printed) / np.maximum(room, 1e-6)).clip(0, 1)
    clean[bare] = strength[bare]
    clean[room < tuned.RULE_ROOM * full] = 0
    for values, lines in ((clean, level), (clean.T, upright.T)):
        on_rule = lines > 0
        if on_rule.any():
            steps = _thickest(on_rule) + 1
            closed = ndimage.grey_closing(values, (steps, 1))
            values[on_rule] = np.maximum(values, closed)[on_rule]
    from skimage.filters import apply_hysteresis_threshold, threshold_otsu
    high = max(low, threshold_otsu(clean))
    low = max(low, tuned.PALE * high)
    mask = apply_hysteresis_threshold(clean, low, high)
    return replace(ink, strength=clean, mask=mask, threshold=low)


MESSAGE = (
    "The paper has printed lines, or a long line is drawn. Write on plain paper, or "
    "crop the picture to the digits."
)


def _thickest(on_rule):
    """Most pixels of rule one below another."""
    column = np.pad(on_rule[:, on_rule.shape[1] // 2], 1)
    edges = np.flatnonzero(np.diff(column.astype(int)))
    return int(np.diff(edges)[::2].max(initial=1))


def _printed(strength: np.ndarray, threshold: float) -> np.ndarray:
    """How dark near level lines are printed at each pixel, 0 where none is."""
    height, width = strength.shape
    nothing = np.zeros_like(strength)
    ends = strength[:, :3], strength[:, -3:]
    if min(end.max() for end in ends) <= threshold:
        return nothing  # no line can reach both borders
    strips = np.array_split(strength, min(32, width), axis=1)
    strips = np.stack([strip.mean(axis=1) for strip in strips], axis=1)
    most = round(np.tan(np.radians(tuned.RULE_TILT)) * width)
    rise, best = 0, None
    for step in (max(1, most // 16), 1):
        tried = [rise + step * k for k in range(-16, 17)] if best is None else range(rise - steps0, rise + steps0 + 1)
        steps0 = step
        rise = max(tried, key=lambda rise: (_peaks(_along(strips, rise)) ** 2).sum())
        best = rise
    profile = _along(strength, rise)
    peaks = _peaks(profile)
    peaks[peaks < 0.5 * threshold] = 0
    if not peaks.any():
        return nothing
    peaks = np.where(ndimage.maximum_filter1d(peaks, 3) > 0, ndimage.maximum_filter1d(profile, 3), 0)
    places = _places(strength.shape, rise)
    return peaks[places]


def _places(shape, rise):
    height, width = shape
    down = np.round(rise * np.linspace(-0.5, 0.5, width)).astype(int)
    return np.arange(height)[:, None] - down + abs(rise)


def _along(values: np.ndarray, rise: int) -> np.ndarray:
    """Darkness that most of each line exceeds, for lines that fall by `rise` pixels."""
    height, width = values.shape
    margin = abs(rise)
    down = np.round(rise * np.linspace(-0.5, 0.5, width)).astype(int)
    rows = np.arange(-margin, height + margin)[:, None] + down
    inside = (rows >= 0) & (rows < height)
    along = np.where(inside, values[rows.clip(0, height - 1), np.arange(width)], 2)
    count = inside.sum(axis=1)
    along.sort(axis=1)
    found = along[np.arange(len(rows)), (tuned.RULE_SHARE * count).astype(int).clip(0, width - 1)]
    return np.where(count > width * 0.3, found, 0).clip(0, 1)


def _peaks(profile: np.ndarray) -> np.ndarray:
    return ndimage.white_tophat(profile, tuned.RULE_THICKEST)
