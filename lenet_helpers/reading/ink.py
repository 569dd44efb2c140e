"""Lessons 06 and 08: tell ink from paper in a picture, and writing from shadows and grain.

The threshold is Otsu's [1]_.

.. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
   Systems, Man, and Cybernetics 9(1), 1979.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold, threshold_otsu
from skimage.segmentation import clear_border

from lenet_helpers.errors import CourseError
from lenet_helpers.reading import tuned
from lenet_helpers.reading.parts import Ink, count_ends, find_parts, frame
from lenet_helpers.reading.pictures import SMALLEST_WORK, resize
from lenet_helpers.reading.rules import remove_rules
from lenet_helpers.reading.sheet import continue_sheet, find_sheet, is_within

QUARTER = 0.3186  # standard deviations of a normal density within which a quarter of it lies


class NoInkError(CourseError):
    """The picture shows paper and nothing written on it."""


def find_ink(picture: np.ndarray) -> Ink:
    """Tell ink from paper in a picture that `open_picture` gave.

    Where nothing stands out from the paper, the result's `quality` is negative.
    """
    grey = ndimage.gaussian_filter(to_grey(picture), tuned.SMOOTHING)
    ink = _best_ink(grey)
    if sheets := find_sheet(grey):
        sheet_ink = _best_ink(continue_sheet(grey, sheets[0]))
        blank = sheet_ink.quality < 0 and ink.mask[~sheets[1]].mean() > tuned.DESK_INK
        if blank or (sheet_ink.quality > 0 and is_within(sheet_ink.mask, ink.mask, sheets)):
            ink = replace(sheet_ink, grey=grey)
    # A picture that had to be enlarged is too small to show printed lines.
    return remove_rules(ink) if max(grey.shape) > SMALLEST_WORK else ink


def _best_ink(grey: np.ndarray) -> Ink:
    either = [_ink_on(grey, dark, shaded=False) for dark in (True, False)]
    even = max(either, key=lambda ink: ink.quality)
    if even.quality >= 1 - tuned.SHADED_GAIN:  # nothing is better by so much
        return even
    shaded = _ink_on(grey, even.dark, shaded=True)
    # A smooth surface is the better guess: filling also fills whatever is broad, such as a shirt.
    return shaded if shaded.quality > even.quality + tuned.SHADED_GAIN else even


def _ink_on(grey: np.ndarray, dark_ink: bool, shaded: bool) -> Ink:
    seen = grey if dark_ink else 1 - grey
    paper = find_paper(seen, shaded)
    # A share of the largest possible difference does not change when the light does.
    strength = (paper - seen) / np.maximum(paper, tuned.LEAST_ROOM)
    # Of the lightest quarter, as the digit may be larger than its paper. These two quantiles of a
    # normal density are one standard deviation apart.
    noise = np.subtract(*np.quantile(strength[::2, ::2], (0.25, 0.05)))
    strength = strength.clip(0, 1)
    threshold = max(tuned.MIN_CONTRAST / 2, tuned.NOISE_LIMIT * noise)
    if strength.max() > threshold:
        threshold = max(threshold, threshold_otsu(strength))
    # Pale pieces count where they continue a dark one, but not the soft edges of a picture that
    # was enlarged.
    pale = tuned.PALE if max(grey.shape) > SMALLEST_WORK else tuned.SOFT
    low = max(pale * threshold, min(threshold, tuned.NOISE_LIMIT * noise))
    mask = apply_hysteresis_threshold(strength, low, max(low, threshold))
    at_border = frame(mask).mean()
    if shaded:  # what reaches the border is the shadow
        mask = clear_border(mask)
    paper = paper if dark_ink else 1 - paper
    return Ink(grey, paper, strength, mask, low, dark_ink, quality(strength, mask) - at_border)


def quality(strength: np.ndarray, mask: np.ndarray) -> float:
    """How well a mask tells ink from paper, at most 1.

    The share of the variance that lies between the two classes, Otsu's own measure.
    """
    if not mask.any() or mask.all() or strength[mask].mean() < tuned.MIN_CONTRAST:
        return -1.0
    share = mask.mean()
    between = share * (1 - share) * (strength[mask].mean() - strength[~mask].mean()) ** 2
    return float(between / strength.var())


def find_paper(grey: np.ndarray, shaded: bool) -> np.ndarray:
    """Brightness of the bare paper below dark ink, worked out on a coarse picture.

    Parameters
    ----------
    shaded
        Whether the paper may have shadows with sharp edges: whatever is narrower than a stroke can
        be is filled like a valley (a morphological closing). Else the paper is a smooth surface.
    """
    coarse = resize(grey, min(1, tuned.COARSE / max(grey.shape)))
    wide = round(max(coarse.shape) * tuned.WIDEST_STROKE)
    filled = ndimage.grey_dilation(coarse, wide)
    paper = ndimage.grey_erosion(filled, wide) if shaded else fit_paper(coarse, filled)
    smooth = Image.fromarray(paper.astype(np.float32))
    return np.asarray(smooth.resize(grey.shape[::-1], Image.Resampling.BILINEAR))


def to_grey(picture: np.ndarray) -> np.ndarray:
    """One grey level per pixel: brightness, or the colour in which the ink shows far better."""
    if picture.ndim == 2:
        return picture

    def contrast(channel: np.ndarray) -> float:
        away = ndimage.uniform_filter(channel, 3)[::2, ::2] - np.median(_border(channel))
        return np.percentile(np.abs(away), tuned.STRONGEST)

    best = max(np.moveaxis(picture, -1, 0), key=contrast)
    brightness = to_brightness(picture)
    return best if contrast(best) > tuned.COLOUR_GAIN * contrast(brightness) else brightness


def to_brightness(picture: np.ndarray) -> np.ndarray:
    """The usual mean of red, green and blue, weighted as the eye does."""
    return picture if picture.ndim == 2 else picture @ np.float32([0.299, 0.587, 0.114])


def fit_paper(coarse: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """Brightness of the bare paper: a smooth surface through the pixels that are not ink.

    The surface is a polynomial of degree 2 in both directions, which follows the fall of the
    light from a lamp or a window. It starts from a picture whose strokes are filled, moved so
    that the lightest part of the picture lies above it.
    """
    terms = _polynomial(coarse.shape)
    near = np.ones(coarse.shape, dtype=bool)
    for goal in [filled] + [coarse] * tuned.PAPER_ROUNDS:
        weights, *_ = np.linalg.lstsq(terms[near.ravel()], goal[near], rcond=None)
        surface = (terms @ weights).reshape(coarse.shape)
        if goal is filled:
            surface += np.quantile(coarse - surface, tuned.LIGHT_PAPER)
        distance = np.abs(coarse - surface)
        spread = tuned.PAPER_SPREAD * np.quantile(distance, 0.25) / QUARTER
        near = distance <= np.clip(spread, tuned.LEAST_SPREAD, tuned.MOST_SPREAD)
    if near.mean() < tuned.LEAST_PAPER:  # a bent surface through a few pixels
        return np.full_like(coarse, filled.max())
    return surface.clip(0, 1)


def _polynomial(shape: tuple[int, int]) -> np.ndarray:
    y, x = (g.ravel() for g in np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j])
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1).astype(np.float32)


def _border(values: np.ndarray) -> np.ndarray:
    width = max(1, min(values.shape) // tuned.BORDER_SHARE)
    border = np.ones(values.shape, dtype=bool)
    border[width:-width, width:-width] = False
    return values[border]


def check_written(mask: np.ndarray, strength: np.ndarray, most_parts: int) -> None:
    """Refuse what is no stroke of a pen: a shadow, a grid, grains of noise.

    Raises
    ------
    NoInkError
        If the mask has too many parts, or lies along the border, or fades into the paper.
    """
    near, far = (ndimage.binary_dilation(mask, iterations=steps) for steps in tuned.BESIDE)
    beside = strength[far & ~near]
    faded = beside.size > 0 and beside.mean() > tuned.FADED * strength[mask].mean()
    sides = [side.mean() for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1])]
    along_border = max(sides) > tuned.WHOLE_SIDE or frame(mask).mean() > tuned.MOST_BORDER
    if max(len(find_parts(mask)), count_ends(mask)) > most_parts or along_border or faded:
        raise NoInkError("What stands out from the paper is no writing: a shadow, lines or grain.")
