"""Lessons 06 and 08: take the printed lines of ruled or squared paper out of the ink.

A printed line is straight, goes from border to border and is equally dark all along: most pixels
along it are, while a stroke of the pen covers few of them. How dark it is comes off the ink, as the
paper's brightness did before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold, threshold_otsu

from lenet_helpers.errors import CourseError
from lenet_helpers.reading import tuned
from lenet_helpers.reading.parts import Ink, count_ends


def remove_rules(ink: Ink) -> Ink:
    """The ink without the printed lines, nearly level and nearly upright; as it is without any.

    What is darker than a line and lies upon it is writing. Where a line is as dark as the ink, a
    stroke goes on upon it if it does on both sides.

    Parameters
    ----------
    ink
        As `find_ink` finds it. A mask that does not reach the border holds no printed line.

    Raises
    ------
    CourseError
        If nothing is written between the lines.
    """
    down, right = (round(tuned.RULE_SHORT * side) for side in ink.mask.shape)
    if not count_ends(ink.mask[down : -down or None, right : -right or None]):
        return ink  # no line reaches the border
    clean, slender = ink.strength, []
    on = np.zeros_like(ink.mask)
    for _ in range(tuned.RULE_ROUNDS):  # lines that run together are found one after another
        level, rows = _find_rules(clean, ink.threshold)
        upright, columns = _find_rules(clean.T, ink.threshold)
        if sum(rows) + sum(columns) < tuned.RULE:
            break
        slender += rows + columns
        on |= level + upright.T > 0
        clean = _take_out(clean, level, upright.T, ink.threshold)
    if not slender:
        return ink
    high = max(ink.threshold, threshold_otsu(clean))
    low = max(ink.threshold, tuned.PALE * high)
    mask = apply_hysteresis_threshold(clean, low, high)
    if (mask & ~ndimage.binary_dilation(on)).sum() <= mask.sum() * tuned.RULE_REST:  # remains alone
        if len(slender) <= tuned.FEW_RULES:
            return ink  # a 1 or a + that fills the picture
        raise CourseError(
            "The paper has printed lines, or a long line is drawn. Write on plain paper, or "
            "crop the picture to the digits."
        )
    return replace(ink, strength=clean, mask=mask, threshold=low)


def _take_out(
    strength: np.ndarray, level: np.ndarray, upright: np.ndarray, low: float
) -> np.ndarray:
    """Strength of the writing alone; `level` and `upright` say how dark lines are printed."""
    written = strength[(level + upright == 0) & (strength > low)]
    full = np.quantile(written, tuned.FULL_INK) if written.size else 1.0
    printed = level + upright - level * upright / full  # a crossing is darker
    room = full - printed
    clear = room > tuned.RULE_ROOM * full  # so much darker than the line is the ink
    share = np.divide(strength - printed, room, out=np.zeros_like(strength), where=clear)
    clean = np.where(printed == 0, strength, full * share.clip(0, 1))
    for lines, values in ((level, clean), (upright.T, clean.T)):
        rows = ndimage.grey_closing(values, (1 + tuned.RULE_THICKEST, 1))
        values[lines > 0] = np.maximum(values, rows)[lines > 0]
    return clean


def _find_rules(strength: np.ndarray, low: float) -> tuple[np.ndarray, list[float]]:
    """How dark nearly level lines are printed at each pixel, and how slender each of them is.

    The latter is its length over its thickness.
    """
    width = strength.shape[1]
    short = 3 + round(tuned.RULE_SHORT * width)
    if min(strength[:, :short].max(), strength[:, -short:].max()) <= low:
        return np.zeros_like(strength), []  # nothing reaches both borders
    strips = np.array_split(strength, min(tuned.RULE_STRIPS, width), axis=1)
    coarse = np.stack([strip.mean(axis=1) for strip in strips], axis=1)
    fall, reach = 0, round(np.tan(np.radians(tuned.RULE_TILT)) * width)
    for step in (max(1, reach // 16), 1):  # pixels by which a line falls from side to side
        tried = range(fall - reach, fall + reach + 1, step)
        fall = max(tried, key=lambda each: (_profile(coarse, each)[0] ** 2).sum())
        reach = step
    profile, whole = _profile(strength, fall)
    found = profile > max(low, profile[whole].max(initial=0)) / 2
    numbers, _ = ndimage.label(found)
    rules = np.unique(numbers[found & whole])
    peaks, areas = (each(profile, numbers, rules) for each in (ndimage.maximum, ndimage.sum))
    printed = ndimage.maximum_filter1d(np.where(found, profile, 0), 3)
    return printed[_rows(strength.shape, -fall) + abs(fall)], list(width * np.divide(peaks, areas))


def _profile(strength: np.ndarray, fall: int) -> tuple[np.ndarray, np.ndarray]:
    """Darkness of a printed line at each height, and where such a line crosses the picture."""
    height, width = strength.shape
    rows = _rows((height + 2 * abs(fall), width), fall) - abs(fall)
    inside = (rows >= 0) & (rows < height)
    along = np.where(inside, strength[rows.clip(0, height - 1), np.arange(width)], np.inf)
    count = inside.sum(axis=1)
    each, first = np.arange(len(rows)), inside.argmax(axis=1)
    short = np.minimum(round(tuned.RULE_SHORT * width), count // 2)
    ends = along[each, first + short], along[each, (first + count - 1 - short).clip(0)]
    along.sort(axis=1)
    place = (tuned.RULE_GAPS * count).astype(int).clip(0, width - 1)
    dark = np.where(count > tuned.RULE_CORNER * width, along[each, place], 0)
    return ndimage.white_tophat(dark, tuned.RULE_THICKEST), (count > width / 2) & (
        np.minimum(*ends) > dark / 2
    )


def _rows(shape: tuple[int, int], fall: int) -> np.ndarray:
    """Rows of a picture of this shape, each bent so that it falls by so many pixels."""
    bend = np.rint(fall * np.linspace(-0.5, 0.5, shape[1])).astype(int)
    return np.arange(shape[0])[:, np.newaxis] + bend
