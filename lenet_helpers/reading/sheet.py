"""Lessons 06 and 08: a sheet of paper that lies on a darker desk."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.segmentation import clear_border

from lenet_helpers.reading import tuned
from lenet_helpers.reading.pictures import resize


def find_sheet(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """A sheet somewhat smaller and one somewhat larger than the one in a picture, as masks.

    It is a bright rectangle, turned by a few degrees, of which the picture may show a part. None
    where there is no such thing.
    """
    coarse = resize(grey, min(1, tuned.COARSE / max(grey.shape)))
    if np.ptp(coarse) < tuned.MIN_CONTRAST:
        return None
    numbers, _ = ndimage.label(coarse > threshold_otsu(coarse))
    bright = numbers == np.bincount(numbers.ravel())[1:].argmax() + 1
    bright = ndimage.binary_fill_holes(bright)

    def score(angle: float) -> float:
        return bright.sum() / _rectangle(bright, angle, bright.shape, 0.0).sum()

    angle = max(np.arange(-tuned.STEEPEST, tuned.STEEPEST + 1, 2), key=score)
    if score(angle) < tuned.SQUARE or not tuned.LEAST_SHEET < bright.mean() < tuned.MOST_SHEET:
        return None
    margin = tuned.SHEET_EDGE * max(coarse.shape)
    return tuple(_rectangle(bright, angle, grey.shape, edge) for edge in (-margin, margin))


def _rectangle(bright: np.ndarray, angle: float, shape: tuple[int, int], wider: float):
    """The smallest rectangle at an angle around `bright`, as a mask of another shape."""
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    inside = np.ones(shape, dtype=bool)
    y, x = (np.linspace(0, side, count) for side, count in zip(bright.shape, shape, strict=True))
    rows, columns = np.nonzero(bright)
    for down, right in ((cos, sin), (-sin, cos)):
        low, high = np.quantile(down * rows + right * columns, (tuned.STRAY, 1 - tuned.STRAY))
        along = down * y[:, np.newaxis] + right * x
        inside &= (along > low - 0.5 - wider) & (along < high + 1.5 + wider)
    return inside


def continue_sheet(grey: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """The picture with the desk covered by the sheet's nearest pixels."""
    nearest = ndimage.distance_transform_edt(~sheet, return_distances=False, return_indices=True)
    return grey[tuple(nearest)]


def is_within(on_sheet: np.ndarray, anywhere: np.ndarray, sheets: tuple) -> bool:
    """Whether all ink lies on the sheet, so that what is around it is no shadow on more writing."""
    inner, outer = sheets
    beside = (clear_border(anywhere) & ~outer).sum()
    return not (on_sheet & ~inner).any() and beside <= tuned.BESIDE_SHEET * on_sheet.sum()
