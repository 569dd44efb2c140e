"""Lesson 06: open a picture of any common kind, and refuse quickly what is none.

A picture comes out as grey levels or colours 0…1 on white paper, in a size that is good to work
with. What can be refused is refused before its pixels are decoded.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from contextlib import nullcontext, suppress
from pathlib import Path

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from lenet_helpers.errors import CourseError
from lenet_helpers.files import at_home
from lenet_helpers.reading import tuned

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # Pillow knows more; fewer are safer
MOST_PIXELS = 100_000_000
TOO_LARGE = "{} has {} pixels; at most 100 megapixels are read. Make it smaller."
# The kinds of photo that phones save in the container of ISO/IEC 14496-12, by its first brand.
PHONE_KINDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"avif": "AVIF"}
# What Pillow's readers raise when the bytes are not what they should be.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, OverflowError)
SMALLEST_WORK, LARGEST_WORK = 112, 800  # longest side to work with, in pixels
WHOLE = (0.0, 0.0, 1.0, 1.0)  # top, left, bottom and right as shares of the picture's sides
Picture = str | Path | Image.Image | np.ndarray | torch.Tensor


def open_picture(
    source: Picture, largest: int = LARGEST_WORK, box: tuple[float, ...] = WHOLE
) -> np.ndarray:
    """The picture on white paper: `(height, width)` grey or `(height, width, 3)`, float32 0…1.

    A photo is turned the way its camera was held. Of an animation the first frame is taken, with
    a warning. Pictures with a longest side over `largest` pixels are made smaller, tiny ones
    larger, so that all that follows meets strokes of a similar size.

    Parameters
    ----------
    source
        Path of a PNG, JPEG, WebP, BMP, GIF or TIFF file (a ~ at its start is the home folder); a
        `PIL.Image`; or an array or tensor
        `(height, width)` or with 1, 3 or 4 channels last or first: bool, uint8, uint16, or
        float 0…1.
    largest
        Longest side of the result in pixels.
    box
        The part of the picture to open: top, left, bottom, right, as shares of its sides.

    Raises
    ------
    CourseError
        If it is no picture, is damaged or empty, or has more than 100 megapixels.
    """
    if isinstance(source, torch.Tensor):
        source = source.detach().cpu().numpy()
    if isinstance(source, str | Path | Image.Image):
        source, box = _decoded(source, largest, box), WHOLE
    if not isinstance(source, np.ndarray):
        kind = type(source).__name__
        raise CourseError(f"A picture is a path, a PIL.Image or an array, not {kind}.")
    values = _on_white(_levels(source, largest, box))
    longest = max(values.shape[:2])
    side = min(max(longest, SMALLEST_WORK), largest)
    return values if side == longest else resize(values, side / longest)


def _decoded(source: str | Path | Image.Image, largest: int, box: tuple) -> np.ndarray:
    """The pixels of a file or of Pillow's picture, errors in words."""
    given = isinstance(source, Image.Image)
    path = at_home("the picture" if given else source)  # for the messages
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is lower
            warnings.filterwarnings("ignore", ".*corrupt EXIF")  # the pixels may be whole
            with nullcontext(source) if given else Image.open(path, formats=FORMATS) as image:
                return _decode(image, path.name, largest, box)
    except UnidentifiedImageError as error:
        raise CourseError(_unknown(path)) from error
    except Image.DecompressionBombError as error:
        raise CourseError(TOO_LARGE.format(path.name, "far too many")) from error
    except FileNotFoundError as error:
        raise CourseError(f"There is no file {path}.") from error
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not Pillow's
            raise CourseError(f"Cannot read {path}: {error.strerror}.") from error
        words = f"{path.name} is damaged or cut off ({error}). Save or copy it again."
        raise CourseError(words) from error


def _decode(image: Image.Image, name: str, largest: int, box: tuple) -> np.ndarray:
    _check_size(name, *image.size)
    # The further frames of a phone's JPEG (MPO) are a preview or its brightness.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        warnings.warn(f"{name} has several frames; the first is read.", stacklevel=5)
        image.seek(0)
    if box == WHOLE:
        image.draft(None, (largest, largest))  # a large JPEG is decoded at a fraction of its size
    image.load()  # damaged pixels are an error, but they may be whole where EXIF is damaged
    with warnings.catch_warnings(), suppress(Exception):  # Pillow raises nearly anything there
        warnings.simplefilter("ignore")
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # the others need no copy
            image = ImageOps.exif_transpose(image)
    if box != WHOLE:
        top, left, bottom, right = np.multiply(box, image.size[::-1] * 2)
        image = image.crop((left, top, right, bottom))
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        whole = np.isfinite(values).all() and not 0 < values.max() <= 1  # not 0…1
        return values.clip(0, np.iinfo(np.uint16).max).astype(np.uint16) if whole else values
    mode = "RGBA" if image.has_transparency_data else "L" if image.mode in ("1", "L") else "RGB"
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _levels(values: np.ndarray, largest: int, box: tuple) -> np.ndarray:
    """Any array of pixels as float32 0…1, channels last; a large uint8 one as means of blocks."""
    if values.ndim == 4 and values.shape[0] == 1:
        values = values[0]
    if values.ndim == 3 and values.shape[-1] not in (1, 2, 3, 4) and values.shape[0] in (1, 3, 4):
        values = np.moveaxis(values, 0, -1)  # PyTorch puts channels first
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[-1] not in (2, 3, 4)):
        raise CourseError(f"An array of shape {values.shape} is not a picture.")
    _check_size("The array", *values.shape[1::-1])
    top, left, bottom, right = np.rint(np.multiply(box, values.shape[:2] * 2)).astype(int)
    values = values[top:bottom, left:right]
    if values.dtype.kind not in "buif":
        raise CourseError(f"An array of {values.dtype} is not a picture; use uint8 or float 0…1.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise CourseError("The array holds values that are not finite.")
    most = 1.0 if values.dtype.kind in "bf" else 255.0
    if values.dtype == np.uint16:  # a scanner may fill 8 or 10 of the 16 bits
        most = 2.0 ** max(8, int(values.max()).bit_length()) - 1
    if values.min() < 0 or values.max() > most:
        raise CourseError(
            f"The array holds values from {values.min():g} to {values.max():g}. Use uint8 0…255 "
            "or float 0…1."
        )
    factor = max(values.shape) // largest
    if factor > 1 and values.dtype == np.uint8:  # before float32 makes it four times as large
        values = np.asarray(Image.fromarray(values).reduce(factor))
    return values.astype(np.float32) / np.float32(most)


def _on_white(values: np.ndarray) -> np.ndarray:
    """Put what is transparent onto white paper, or onto black where only white is opaque."""
    if values.ndim == 2 or values.shape[-1] == 3:
        return values
    colours, opaque = values[..., :-1], values[..., -1:]
    mixed = colours * opaque + (1 - opaque)
    if mixed.min() > tuned.WHITE:
        mixed = colours * opaque
    return mixed[..., 0] if mixed.shape[-1] == 1 else mixed


def resize(values: np.ndarray, scale: float) -> np.ndarray:
    """Float pixels at another size; smooth when larger, means when smaller."""
    size = [max(1, round(side * scale)) for side in (values.shape[1], values.shape[0])]
    method = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
    planes = np.moveaxis(np.atleast_3d(values), -1, 0).copy()  # each in one piece
    resized = [Image.fromarray(plane).resize(size, method) for plane in planes]
    return np.stack(resized, axis=-1).clip(0, 1).reshape(*size[::-1], *values.shape[2:])


def _unknown(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(12)
    kind = PHONE_KINDS.get(start[8:]) if start[4:8] == b"ftyp" else None
    if kind is None:
        return f"{path} is not a picture, or of a kind unknown here. Use PNG, JPEG, WebP or BMP."
    return (
        f"{path} is a photo in the format {kind}, whatever its name says; it cannot be read here. "
        "Open it on the phone or computer and export it as JPEG. An iPhone takes JPEGs after "
        "Settings > Camera > Formats > Most Compatible."
    )


def _check_size(name: str, width: int, height: int) -> None:
    """Refuse what has no pixels, or too many."""
    if width * height == 0:
        raise CourseError(f"{name} is empty: {width}×{height} pixels.")
    if width * height > MOST_PIXELS:
        raise CourseError(TOO_LARGE.format(name, f"{width}×{height}"))
