"""Lesson 06: turn any picture of a digit into an image as MNIST would have it.

The makers of MNIST scaled each digit into 20×20 pixels and put its centre of mass into the middle
of 28×28 ([1]_, section III-A), more exactly at pixel (14, 14). A network that learned from such
images reads a stranger's picture only after the same preparation. The threshold is Otsu's [2]_.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998.
.. [2] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
   Systems, Man, and Cybernetics 9(1), 1979.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold, threshold_otsu
from skimage.measure import label, regionprops
from skimage.morphology import skeletonize
from skimage.segmentation import clear_border

from lenet_helpers.data import IMAGE_SIZE, MEAN, STANDARD_DEVIATION, fit_images
from lenet_helpers.errors import CourseError
from lenet_helpers.reading.pictures import Picture, open_picture, resize

LONGEST = 20  # pixels: the longest side of a digit of MNIST
CENTRE = 14  # row and column, counted from 0, that the centre of mass comes nearest to
STROKE = 2.25  # pixels: the median width of a stroke in MNIST
GROW_LIMIT = 1.0  # pixels by which the outline of a stroke may move at most
FINE = 4  # the shape of the digit is worked out on a grid this many times finer
MIN_CONTRAST = 0.12  # ink differs from paper by at least this share of the paper's brightness
NOISE_LIMIT = 4.0  # and by at least this many standard deviations of the paper
WIDEST_STROKE = 0.25  # share of the picture's longest side
SPECK = 0.04  # what is smaller than this share of the picture's longest side is no digit
MOST_PARTS = 8  # pieces of a broken digit
MOST_BORDER = 0.35  # share of the picture's border that a digit may touch
FADED = 0.4  # just beside a stroke there is at most this share of its strength


class NoInkError(CourseError):
    """The picture shows paper and nothing written on it."""


@dataclass(frozen=True)
class Ink:
    """What is written, and how it was found; all arrays have the picture's size."""

    grey: np.ndarray  # 0 black … 1 white
    paper: np.ndarray  # grey level of the bare paper
    strength: np.ndarray  # 0 paper … 1 full ink
    mask: np.ndarray  # where ink is, specks included
    threshold: float  # of the strength
    quality: float  # at most 1; see `quality`


@dataclass(frozen=True)
class Prepared:
    """A digit as the network wants it, and every step on the way, for looking at."""

    tensor: torch.Tensor  # (1, 1, 32, 32), normalised
    steps: dict[str, np.ndarray]  # name -> picture, in order


def prepare_digit(image: Picture) -> Prepared:
    """Prepare the picture of one digit as MNIST's digits were prepared.

    Parameters
    ----------
    image
        A path, `PIL.Image`, array or tensor; see `open_picture`.

    Raises
    ------
    CourseError
        If it cannot be read as a picture; as `NoInkError` if nothing is written on it.
    """
    picture = open_picture(image)
    ink = find_ink(picture)
    if ink.quality < 0:
        raise NoInkError("There is no ink on the paper: the picture shows no digit.")
    mask = keep_digit(ink.mask)
    check_written(mask, ink.strength)
    crop = cut_out(ink.strength, mask)
    small = shrink(crop, ink.threshold)
    centred = centre(small)
    tensor = fit_images(torch.from_numpy(np.round(centred * 255)).unsqueeze(0))
    steps = {
        "picture": picture,
        "grey": ink.grey,
        "paper": ink.paper,
        "ink": ink.strength,
        "threshold": mask,
        "crop": crop,
        "20 pixels": small,
        "28×28": centred,
    }
    return Prepared(tensor, steps)


def prepare_as_published(image: Picture) -> torch.Tensor:
    """The same picture as well-known tutorials prepare it: grey, 32×32 pixels, normalised."""
    grey = to_brightness(open_picture(image))
    small = Image.fromarray(grey).resize((32, 32), Image.Resampling.BILINEAR)
    levels = torch.from_numpy(np.asarray(small).copy()).reshape(1, 1, 32, 32)
    return (levels - MEAN) / STANDARD_DEVIATION


def find_ink(picture: np.ndarray) -> Ink:
    """Tell ink from paper in a picture that `open_picture` gave.

    Where nothing stands out from the paper, the result's `quality` is negative.
    """
    grey = ndimage.gaussian_filter(to_grey(picture), 0.8)
    smooth = fit_paper(grey)
    dark, light = fill_paper(grey)
    even = _better(_ink_on(grey, smooth, True), _ink_on(grey, smooth, False))
    shaded = _better(_ink_on(grey, dark, True, True), _ink_on(grey, light, False, True))
    # A smooth surface is the better guess: filling also fills whatever is broad, such as a shirt.
    return shaded if shaded.quality > even.quality + 0.1 else even


def _better(one: Ink, other: Ink) -> Ink:
    return one if one.quality >= other.quality else other


def _ink_on(grey: np.ndarray, paper: np.ndarray, dark_ink: bool, shaded: bool = False) -> Ink:
    # A share of the largest possible difference does not change when the light does.
    room = np.maximum(paper if dark_ink else 1 - paper, 0.1)
    strength = (paper - grey if dark_ink else grey - paper) / room
    noise = 1.4826 * np.median(np.abs(strength - np.median(strength)))
    strength = strength.clip(0, 1)
    threshold = max(MIN_CONTRAST / 2, NOISE_LIMIT * noise)
    if strength.max() > threshold:
        threshold = max(threshold, threshold_otsu(strength))
    # Pale pieces count where they continue a dark one.
    low = max(0.6 * threshold, min(threshold, NOISE_LIMIT * noise))
    mask = apply_hysteresis_threshold(strength, low, threshold)
    if shaded:  # what reaches the border is the shadow
        mask = clear_border(mask)
    return Ink(grey, paper, strength, mask, low, quality(strength, mask))


def quality(strength: np.ndarray, mask: np.ndarray) -> float:
    """How well a mask tells ink from paper, at most 1.

    The share of the variance that lies between the two classes, Otsu's own measure, less the
    share of the border that would be ink: a shadow reaches the border, a digit seldom does.
    """
    if not mask.any() or mask.all() or strength[mask].mean() < MIN_CONTRAST:
        return -1.0
    share = mask.mean()
    between = share * (1 - share) * (strength[mask].mean() - strength[~mask].mean()) ** 2
    return float(between / strength.var() - mask[_is_border(mask.shape, 1)].mean())


def fill_paper(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Brightness of paper with shadows, for dark ink and for light ink.

    Whatever is narrower than a stroke can be is filled like a valley (a morphological closing),
    or cut off like a hill (an opening).
    """
    coarse = resize(grey, min(1, 64 / max(grey.shape)))
    window = round(max(coarse.shape) * WIDEST_STROKE)
    scale = np.divide(grey.shape, coarse.shape)
    return tuple(
        ndimage.zoom(change(coarse, window), scale, order=1, grid_mode=True, mode="nearest")
        for change in (ndimage.grey_closing, ndimage.grey_opening)
    )


def to_grey(picture: np.ndarray) -> np.ndarray:
    """One grey level per pixel: brightness, or the colour in which the ink shows far better."""
    if picture.ndim == 2:
        return picture
    channels = [to_brightness(picture), *np.moveaxis(picture, -1, 0)]
    contrasts = []
    for channel in channels:
        border = np.median(_border(channel))
        contrasts.append(np.percentile(np.abs(ndimage.uniform_filter(channel, 3) - border), 99.5))
    best = int(np.argmax(contrasts))
    return channels[best] if contrasts[best] > 1.3 * contrasts[0] else channels[0]


def to_brightness(picture: np.ndarray) -> np.ndarray:
    """The usual mean of red, green and blue, weighted as the eye does."""
    return picture if picture.ndim == 2 else picture @ np.float32([0.299, 0.587, 0.114])


def fit_paper(grey: np.ndarray) -> np.ndarray:
    """Brightness of the bare paper: a smooth surface through the pixels that are not ink.

    The surface is a polynomial of degree 2 in both directions, which follows the fall of the
    light from a lamp or a window. It starts at the brightness of the border, which is paper.
    """
    coarse = resize(grey, min(1, 64 / max(grey.shape)))
    surface = np.full(coarse.shape, np.median(_border(coarse)), dtype=np.float32)
    for _ in range(12):
        distance = np.abs(coarse - surface)
        near = distance <= max(2.5 * 1.4826 * np.median(distance), 0.02)
        terms = _polynomial(coarse.shape)
        weights, *_ = np.linalg.lstsq(terms[near.ravel()], coarse[near], rcond=None)
        surface = (terms @ weights).reshape(coarse.shape)
    return (_polynomial(grey.shape) @ weights).reshape(grey.shape).clip(0, 1)


def _polynomial(shape: tuple[int, int]) -> np.ndarray:
    y, x = (g.ravel() for g in np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j])
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1).astype(np.float32)


def _border(values: np.ndarray) -> np.ndarray:
    return values[_is_border(values.shape, max(1, min(values.shape) // 12))]


def _is_border(shape: tuple[int, int], width: int) -> np.ndarray:
    border = np.ones(shape, dtype=bool)
    border[width:-width, width:-width] = False
    return border


def keep_digit(mask: np.ndarray) -> np.ndarray:
    """The parts of the ink that belong to the digit: no specks, no neighbours cut by the border.

    Raises
    ------
    NoInkError
        If there are only specks.
    """
    parts = regionprops(label(mask, connectivity=2))
    height, width = mask.shape

    def size(part) -> int:
        top, left, bottom, right = part.bbox
        return max(bottom - top, right - left)

    def is_cut(part) -> bool:
        top, left, bottom, right = part.bbox
        return top == 0 or left == 0 or bottom == height or right == width

    largest = max(parts, key=size, default=None)
    if largest is None or size(largest) < max(8, SPECK * max(mask.shape)):
        raise NoInkError("There are only specks on the paper: the picture shows no digit.")
    whole = [part for part in parts if not is_cut(part) and size(part) > size(largest) / 3]
    main = max(whole, key=lambda part: part.area, default=largest)
    kept = np.zeros(mask.shape, dtype=bool)
    for part in parts:
        if part is main or (part.area >= 0.03 * main.area and (is_cut(main) or not is_cut(part))):
            kept[part.slice] |= part.image
    return kept


def check_written(mask: np.ndarray, strength: np.ndarray, most_parts: int = MOST_PARTS) -> None:
    """Refuse what is no stroke of a pen: a shadow, a grid, grains of noise.

    Raises
    ------
    NoInkError
        If the mask has too many parts, or lies along the border, or fades into the paper.
    """
    frame = np.concatenate([mask[0], mask[1:, -1], mask[-1, -2::-1], mask[-2:0:-1, 0]])
    crossings = (frame & ~np.roll(frame, 1)).sum()
    near, far = (ndimage.binary_dilation(mask, iterations=steps) for steps in (3, 6))
    beside = strength[far & ~near]
    faded = beside.size > 0 and beside.mean() > FADED * strength[mask].mean()
    along_side = max(side.mean() for side in (mask[0], mask[-1], mask[:, 0], mask[:, -1])) > 0.95
    along_border = along_side or frame.mean() > MOST_BORDER
    parts = label(mask, connectivity=2).max()
    if parts > most_parts or crossings > most_parts or along_border or faded:
        raise NoInkError("What stands out from the paper is no writing: a shadow, lines or grain.")


def cut_out(strength: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The strength of the ink in the smallest box around the mask, and a margin."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    near = ndimage.binary_dilation(mask, iterations=2)  # pale edges belong to the stroke
    box = (strength * near)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(box, max(2, round(max(box.shape) / LONGEST * 2)))


def shrink(crop: np.ndarray, threshold: float) -> np.ndarray:
    """The digit with its longest side at 20 pixels and strokes as wide as MNIST's, 0…1."""
    box = max(np.ptp(np.flatnonzero((crop > threshold).any(axis=axis))) + 1 for axis in (0, 1))
    fine = resize(crop, LONGEST * FINE / box) > threshold
    # Signed distance from the outline, so that the outline can be moved by part of a pixel.
    distance = ndimage.distance_transform_edt(~fine) - ndimage.distance_transform_edt(fine)
    middle = skeletonize(fine)
    width = 2 * np.median(-distance[middle]) - 1 if middle.any() else FINE
    grow = np.clip((STROKE * FINE - width) / 2, -GROW_LIMIT * FINE, GROW_LIMIT * FINE)
    shape = distance <= grow
    rows, columns = (np.flatnonzero(shape.any(axis=axis)) for axis in (1, 0))
    shape = shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = LONGEST / max(shape.shape)
    size = [max(1, round(side * scale)) for side in (shape.shape[1], shape.shape[0])]
    picture = Image.fromarray(shape.astype(np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BOX)).clip(0, 1)


def centre(crop: np.ndarray) -> np.ndarray:
    """28×28 with the centre of mass at pixel (14, 14), as near as whole pixels and the edge allow.

    That is half a pixel below and to the right of the middle, (13.5, 13.5). MNIST's makers chose
    it: from its ink alone, each of the 10,000 test digits is put back where it was.
    """
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.float32)
    place = []
    for middle, side in zip(ndimage.center_of_mass(crop), crop.shape, strict=True):
        start = math.ceil(CENTRE - 0.5 - middle)  # the nearest place; of two, the upper left one
        start = min(max(start, 0), IMAGE_SIZE - side)
        place.append(slice(start, start + side))
    image[tuple(place)] = crop
    return image
