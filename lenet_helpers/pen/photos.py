"""Lesson 06: rendered pictures, of digits and of what is no digit.

Digits of MNIST's test set are put onto paper by a program. They stand in for photos of the
reader's own: each has a paper, a pen, uneven light, a tilt, a little blur and the noise of a
camera. Letters come from a font, clothes are silhouettes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from lenet_helpers.errors import CourseError
from lenet_helpers.files import refused, write_whole
from lenet_helpers.mnist_files import DATA_DIR
from lenet_helpers.pen.strokes import Random, put, under

PICTURES = DATA_DIR / "pictures"
LABELS = "labels.csv"
JPEG_QUALITY = 85
Made = tuple[str, str, np.ndarray]  # name and label of a picture, and its uint8 colours
ZOOM = 4  # pixels of a picture of a number for each pixel of a digit of MNIST


class Paper(NamedTuple):
    """Colours 0…255 of paper and ink, and how thick the strokes are."""

    name: str
    colour: tuple[int, int, int]
    ink: tuple[int, int, int]
    stroke: float  # level of the enlarged digit at its outline: below 0.5 thicker, above thinner


PAPERS = (
    Paper("white", (245, 244, 240), (25, 25, 30), 0.5),
    Paper("yellow", (244, 226, 120), (30, 50, 150), 0.6),
    Paper("grey", (176, 174, 168), (95, 95, 98), 0.55),
    Paper("pink", (238, 190, 196), (170, 25, 35), 0.55),
    Paper("kraft", (186, 148, 104), (20, 18, 16), 0.35),
    Paper("blackboard", (44, 52, 48), (222, 222, 214), 0.5),
    Paper("blue", (120, 160, 214), (250, 250, 250), 0.5),
    Paper("newsprint", (222, 214, 194), (90, 70, 60), 0.7),
)


def write_on_paper(digit: np.ndarray, paper: Paper, random: Random) -> np.ndarray:
    """A digit `(28, 28)` of grey levels 0…255, white on black, rendered on paper.

    It is tilted by up to 10 degrees. Returns uint8 colours `(height, width, 3)`.
    """
    large = ndimage.zoom(np.pad(digit, 2) / 255.0, 6, order=3)
    large = ndimage.rotate(large, random.uniform(-10, 10), order=1)
    return render(np.pad(large, random.integers(0, 30, (2, 2))), paper, random)


def write_number(
    digits: Sequence[np.ndarray],
    paper: Paper,
    random: Random,
    touching: float = 0.0,
    broken: float = 0.0,
    specks: int = 0,
) -> np.ndarray:
    """Digits `(28, 28)` in one line, tilted by up to 8 degrees, rendered on paper.

    Parameters
    ----------
    digits
        Grey levels 0…255, white on black.
    paper
        What they are written on, and with which pen.
    random
        Decides sizes, gaps, tilt, light, blur and noise.
    touching
        Probability that a digit touches the one before it.
    broken
        Probability that a digit has a gap in its strokes.
    specks
        Number of small spots on the paper.

    Returns
    -------
    numpy.ndarray
        uint8 colours `(height, width, 3)`.
    """
    line = np.zeros((44 * ZOOM, 44 * ZOOM * (len(digits) + 1)))
    start = end = 12 * ZOOM
    for digit in digits:
        large = enlarge(digit, ZOOM, random)
        if random.random() < broken:
            row = round(large.shape[0] * random.uniform(0.35, 0.65))
            large[row : row + round(1.5 * ZOOM)] = 0
        top = round(8 * ZOOM + random.normal(0, ZOOM))
        if end > start:  # not the first
            end += round(ZOOM * random.uniform(2, 8))
        if random.random() < touching:
            while end > start and not (np.minimum(under(line, large, top, end), large) > 0.5).any():
                end -= 1
        put(line, large, top, end)
        end = int(np.flatnonzero((line > 0.5).any(axis=0))[-1]) + 1
    line = line[:, : end + 12 * ZOOM]
    for _ in range(specks):
        y, x = (int(random.integers(0, side - 3)) for side in line.shape)
        line[y : y + 2, x : x + 2] = 1
    return render(ndimage.rotate(line, random.uniform(-8, 8), order=1), paper, random)


def enlarge(digit: np.ndarray, zoom: float, random: Random) -> np.ndarray:
    """A digit `(28, 28)`, 0…255, about `zoom` times as large, 0…1, without its empty columns."""
    large = ndimage.zoom(digit / 255.0, zoom * random.uniform(0.9, 1.1), order=3)
    return large[:, (large > 0.5).any(axis=0)]


def render(levels: np.ndarray, paper: Paper, random: Random) -> np.ndarray:
    """Levels 0…1 of ink as a photo of this paper, uint8 colours `(height, width, 3)`.

    The light is uneven, the picture a little blurred.
    """
    covered = ((ndimage.gaussian_filter(levels, 1) - paper.stroke) * 4 + 0.5).clip(0, 1)
    covered = covered[..., np.newaxis]
    picture = covered * np.float64(paper.ink) + (1 - covered) * np.float64(paper.colour)
    picture *= light(levels.shape, random)
    picture = ndimage.gaussian_filter(picture, (*[random.uniform(0.3, 1.5)] * 2, 0))
    return photograph(picture, random)


def light(shape: tuple[int, int], random: Random) -> np.ndarray:
    """Brightness `(height, width, 1)` of uneven light, 1 at the lamp: it falls with distance."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    lamp_y, lamp_x = random.uniform(-1.5, 1.5, size=2)
    reach = random.uniform(2.0, 4.0)
    squared = (x - lamp_x) ** 2 + (y - lamp_y) ** 2
    return (1 / (1 + squared / reach**2))[..., np.newaxis]


def photograph(picture: np.ndarray, random: Random) -> np.ndarray:
    """Colours `(height, width, 3)` with the noise of a camera, as uint8."""
    picture = picture + random.normal(0, random.uniform(1, 6), size=picture.shape)
    return picture.round().clip(0, 255).astype(np.uint8)


def blank_page(paper: Paper, random: Random, shape: tuple[int, int] = (240, 200)) -> np.ndarray:
    """Rendered paper with nothing on it, uint8 colours `(height, width, 3)`."""
    return photograph(light(shape, random) * np.float64(paper.colour), random)


def letter(character: str, bold: bool = False) -> Image.Image:
    """A character of the font DejaVu Sans, which comes with Matplotlib, black on white."""
    font = findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal"))
    picture = Image.new("L", (140, 160), 255)
    font = ImageFont.truetype(font, 90)
    ImageDraw.Draw(picture).text((70, 80), character, fill=0, font=font, anchor="mm")
    return picture


# Outlines in a square of side 28, drawn after no photograph.
CLOTHES = {
    "T-shirt": [(9, 4), (19, 4), (27, 9), (24, 14), (20, 12), (20, 25), (8, 25), (8, 12), (4, 14),
                (1, 9)],
    "trousers": [(8, 2), (20, 2), (22, 26), (16, 26), (14, 9), (12, 26), (6, 26)],
    "dress": [(10, 2), (18, 2), (17, 11), (23, 26), (5, 26), (11, 11)],
    "pullover": [(9, 4), (19, 4), (24, 8), (27, 23), (23, 24), (20, 12), (20, 25), (8, 25),
                 (8, 12), (5, 24), (1, 23), (4, 8)],
    "shoe": [(2, 11), (9, 11), (14, 16), (25, 19), (26, 23), (2, 23)],
    "boot": [(7, 3), (15, 3), (15, 16), (25, 20), (25, 25), (7, 25)],
    "bag": [(3, 11), (9, 11), (10, 5), (18, 5), (19, 11), (25, 11), (25, 25), (3, 25)],
}  # fmt: skip


def clothes(name: str) -> Image.Image:
    """A silhouette of `CLOTHES`, 112 pixels wide, black on a white page with a margin."""
    picture = Image.new("L", (224, 224), 255)
    outline = [(4 * x + 56, 4 * y + 56) for x, y in CLOTHES[name]]
    ImageDraw.Draw(picture).polygon(outline, fill=30)
    return picture


def make_pictures(images: np.ndarray, labels: np.ndarray) -> Iterator[Made]:
    """The pictures of digits that come with the kit; `write_pictures` writes them.

    The first four images of each digit are taken, good and bad ones, in the order of the test set;
    the papers take turns.

    Parameters
    ----------
    images, labels
        MNIST's test set: grey levels `(n, 28, 28)` and classes `(n,)`.
    """
    random = np.random.default_rng(6)
    chosen = [np.flatnonzero(labels == digit)[:4] for digit in range(10)]
    for number, index in enumerate(np.concatenate(chosen)):
        paper = PAPERS[(number + number // len(PAPERS)) % len(PAPERS)]
        picture = write_on_paper(images[index], paper, random)
        yield f"{labels[index]}_{paper.name}_{index:04}.jpg", str(labels[index]), picture


# Digits of each picture, and how they are written: touching, broken, specks.
NUMBERS = (
    (4, 0.0, 0.0, 0), (7, 0.0, 0.0, 5), (5, 0.4, 0.0, 0), (6, 0.0, 0.3, 0), (10, 0.0, 0.0, 0),
    (3, 1.0, 0.0, 0), (8, 0.2, 0.0, 8), (5, 0.0, 0.2, 0), (12, 0.1, 0.0, 0), (6, 0.5, 0.0, 0),
    (4, 0.0, 0.5, 5), (9, 0.2, 0.1, 3),
)  # fmt: skip


def make_numbers(images: np.ndarray, labels: np.ndarray) -> Iterator[Made]:
    """The pictures of numbers that come with the kit; `write_pictures` writes them.

    Images of the test set in its order, from number 1,000 on; the papers take turns.

    Parameters
    ----------
    images, labels
        MNIST's test set: grey levels `(n, 28, 28)` and classes `(n,)`.
    """
    random, start = np.random.default_rng(7), 1000
    for number, (length, *how) in enumerate(NUMBERS):
        paper = PAPERS[number % len(PAPERS)]
        chosen = slice(start, start + length)
        start += length
        text = "".join(map(str, labels[chosen]))
        picture = write_number(images[chosen], paper, random, *how)
        yield f"{number + 1:02}_{paper.name}.jpg", text, picture


def write_pictures(folder: str | Path, made: Iterable[Made]) -> list[Path]:
    """Write pictures as JPEG files, and `labels.csv`, which `read_labels` reads."""
    rows, paths = "file,label\n", []
    for name, text, picture in made:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
        paths.append(Path(folder) / name)
        write_whole(paths[-1], file.getvalue())
        rows += f"{name},{text}\n"
    write_whole(Path(folder) / LABELS, rows.encode())
    return paths


def read_labels(folder: str | Path) -> list[tuple[Path, str]]:
    """Path and label of each picture that `labels.csv` in `folder` lists; a label may be empty.

    Raises
    ------
    CourseError
        If there is no such table, or it lists no pictures.
    """
    table = Path(folder) / LABELS
    try:
        with (
            refused(f"Cannot read {table}", "It lists the pictures: file,label."),
            table.open(newline="", encoding="utf-8-sig") as file,
        ):
            rows = [(row["file"], row["label"]) for row in csv.DictReader(file, restval="")]
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{table} has no columns file,label.") from error
    if not rows:
        raise CourseError(f"{table} lists no pictures.")
    return [(Path(folder) / name, label.strip()) for name, label in rows]
