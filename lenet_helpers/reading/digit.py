"""Lesson 06: turn any picture of a digit into an image as MNIST would have it.

The makers of MNIST scaled each digit into 20×20 pixels and put its centre of mass into the middle
of 28×28 ([1]_, section III-A), more exactly at pixel (14, 14). A network that learned from such
images reads a stranger's picture only after the same preparation.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from lenet_helpers.data import IMAGE_SIZE, MEAN, STANDARD_DEVIATION, fit_images
from lenet_helpers.reading import tuned
from lenet_helpers.reading.ink import NoInkError, check_written, find_ink, to_brightness
from lenet_helpers.reading.parts import Ink, Part, around, bounds, find_parts, paint, pen_width
from lenet_helpers.reading.pictures import LARGEST_WORK, Picture, open_picture, resize

LONGEST = 20  # pixels: the longest side of a digit of MNIST
CENTRE = 14  # row and column, counted from 0, that the centre of mass comes nearest to
STROKE = 2.25  # pixels: the median width of a stroke in MNIST


@dataclass(frozen=True)
class Prepared:
    """A digit as the network wants it, and every step on the way, for looking at."""

    tensor: torch.Tensor  # (1, 1, 32, 32), normalised
    steps: dict[str, np.ndarray]  # name -> picture, in order
    ink: Ink  # of the picture
    parts: list[Part]  # of the digit
    left_out: list[Part]  # ink that is taken for no part of it


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
    if max(picture.shape) == LARGEST_WORK and (box := box_of_small(ink.mask)):
        picture = open_picture(image, box=box)
        ink = find_ink(picture)
    if ink.quality < 0:
        raise NoInkError("There is no ink on the paper: the picture shows no digit.")
    kept, left_out = keep_digit(ink.mask)
    mask = paint(kept, ink.mask.shape)
    check_written(mask, ink.strength, tuned.MOST_PARTS)
    crop = cut_out(ink.strength, mask)
    small = shrink(crop, ink.threshold)
    centred = centre(small)
    steps = {
        "picture": picture,
        "grey": ink.grey,
        "paper": ink.paper,
        "ink": ink.strength,
        "threshold": mask + np.float32(0.5) * paint(left_out, mask.shape),
        "crop": crop,
        "20 pixels": small,
        "28×28": centred,
    }
    return Prepared(as_tensor(centred), steps, ink, kept, left_out)


def as_tensor(centred: np.ndarray) -> torch.Tensor:
    """What `centre` gives as the network wants it, `(1, 1, 32, 32)` and normalised."""
    return fit_images(torch.from_numpy(np.round(centred * 255)).unsqueeze(0))


def prepare_as_published(image: Picture) -> torch.Tensor:
    """The same picture as well-known tutorials prepare it: grey, 32×32 pixels, normalised."""
    grey = to_brightness(open_picture(image))
    small = Image.fromarray(grey).resize((32, 32), Image.Resampling.BILINEAR)
    levels = torch.from_numpy(np.asarray(small).copy()).reshape(1, 1, 32, 32)
    return (levels - MEAN) / STANDARD_DEVIATION


def box_of_small(mask: np.ndarray) -> tuple[float, ...] | None:
    """Where something small stands alone on a large page, with a margin: shares of the sides.

    None where nothing does. A large photo is looked at first in a small version of it.
    """
    first, *others = sorted(find_parts(mask), key=lambda part: -part.area)[:20] or [None]
    side = first.side if first else 0
    if not tuned.LEAST_SIDE <= side <= tuned.SMALL * max(mask.shape) or first.is_cut(mask.shape):
        return None
    box = np.array(first.box) + side * np.array([-1, -1, 1, 1])
    box = tuple(np.clip(box, 0, mask.shape * 2).tolist())
    elsewhere = [other.area for other in others if around([other.box, box]) != box]
    if max(elsewhere, default=0) > tuned.SPECK_SHARE * first.area:
        return None
    return tuple(np.divide(box, mask.shape * 2).tolist())


def keep_digit(mask: np.ndarray) -> tuple[list[Part], list[Part]]:
    """The parts of the ink that belong to the digit, and those that a pen made beside it.

    Specks much smaller than a dot of the pen are neither.

    Raises
    ------
    NoInkError
        If there are only specks.
    """
    parts = find_parts(mask)
    largest = max(parts, key=lambda part: part.side, default=None)
    if largest is None or largest.side < max(tuned.LEAST_SIDE, tuned.SPECK * max(mask.shape)):
        raise NoInkError("There are only specks on the paper: the picture shows no digit.")
    whole = [part for part in parts if not part.is_cut(mask.shape)]
    large = [part for part in whole if part.side > largest.side / tuned.MAIN_SIZE]
    main = max(large, key=lambda part: part.area, default=largest)
    near = parts if main.is_cut(mask.shape) else whole
    kept = [part for part in near if part.area >= tuned.PIECE_AREA * main.area]
    dot = tuned.SPECK_AREA * pen_width(main.mask) ** 2
    return kept, [part for part in parts if part not in kept and part.area >= dot]


def cut_out(strength: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The strength of the ink in the smallest box around the mask, and a margin."""
    near = ndimage.binary_dilation(mask, iterations=2)  # pale edges belong to the stroke
    box = (strength * near)[bounds(mask)]
    return np.pad(box, max(2, round(max(box.shape) / LONGEST * 2)))


def shrink(crop: np.ndarray, threshold: float) -> np.ndarray:
    """The digit with its longest side at 20 pixels and strokes as wide as MNIST's, 0…1."""
    longest = max(crop[bounds(crop > threshold)].shape)
    fine = resize(crop, LONGEST * tuned.FINE / longest)
    fine = fine > min(threshold, fine.max() / 2)  # a thin stroke is paler when made smaller
    # Signed distance from the outline, so that the outline can be moved by part of a pixel.
    distance = ndimage.distance_transform_edt(~fine) - ndimage.distance_transform_edt(fine)
    width = pen_width(fine)
    most = tuned.GROW_LIMIT * tuned.FINE
    shape = distance <= np.clip((STROKE * tuned.FINE - width) / 2, -most, most)
    shape = shape[bounds(shape)]
    return resize(shape.astype(np.float32), LONGEST / max(shape.shape))


def centre(crop: np.ndarray) -> np.ndarray:
    """28×28 with the centre of mass at pixel (14, 14), as near as whole pixels and the edge allow.

    That is half a pixel below and to the right of the middle, (13.5, 13.5). MNIST's makers chose
    it: from its ink alone, each of the 10,000 test digits is put back where it was.
    """
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.float32)
    nearest = np.ceil(CENTRE - 0.5 - np.array(ndimage.center_of_mass(crop)))  # or the upper left
    top, left = np.clip(nearest, 0, np.subtract(IMAGE_SIZE, crop.shape)).astype(int)
    image[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return image
