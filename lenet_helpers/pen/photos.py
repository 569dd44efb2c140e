"""Lesson 06: rendered pictures, of digits and of what is no digit.

Digits of MNIST's test set are put onto paper by a program. They stand in for photos of the
reader's own: each has a paper, a pen, uneven light, a tilt, a little blur and the noise of a
camera. Letters come from a font, clothes are silhouettes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from lenet_helpers.errors import CourseError
from lenet_helpers.files import write_whole
from lenet_helpers.mnist_files import DATA_DIR

PICTURES = DATA_DIR / "pictures"
LABELS = "labels.csv"
JPEG_QUALITY = 85


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


def write_on_paper(
    digit: np.ndarray, paper: Paper, generator: np.random.Generator, zoom: int = 6
) -> np.ndarray:
    """A digit `(28, 28)` of grey levels 0…255, white on black, rendered on paper.

    Returns uint8 colours `(height, width, 3)`.
    """
    large = ndimage.zoom(np.pad(digit, 2) / 255.0, zoom, order=3)
    large = ndimage.rotate(large, generator.uniform(-10, 10), order=1)
    covered = ((ndimage.gaussian_filter(large, 1) - paper.stroke) * 4 + 0.5).clip(0, 1)
    above, below, left, right = generator.integers(0, 30, size=4)
    covered = np.pad(covered, ((above, below), (left, right)))[..., np.newaxis]
    return render(covered, paper, generator)


def write_number(
    digits: Sequence[np.ndarray],
    paper: Paper,
    generator: np.random.Generator,
    touching: float = 0.0,
    broken: float = 0.0,
    specks: int = 0,
    zoom: int = 4,
) -> np.ndarray:
    """Digits `(28, 28)` in one line, tilted by up to 8 degrees, rendered on paper.

    Parameters
    ----------
    digits
        Grey levels 0…255, white on black.
    paper
        What they are written on, and with which pen.
    generator
        Decides sizes, gaps, tilt, light, blur and noise.
    touching
        Probability that a digit touches the one before it.
    broken
        Probability that a digit has a gap in its strokes.
    specks
        Number of small spots on the paper.
    zoom
        Pixels of the picture for each pixel of a digit.

    Returns
    -------
    numpy.ndarray
        uint8 colours `(height, width, 3)`.
    """
    line = np.zeros((44 * zoom, 44 * zoom * (len(digits) + 1)))
    end = 12 * zoom
    for digit in digits:
        large = ndimage.zoom(digit / 255.0, zoom * generator.uniform(0.9, 1.1), order=3)
        large = large[:, (large > 0.5).any(axis=0)]
        if generator.random() < broken:
            row = round(large.shape[0] * generator.uniform(0.35, 0.65))
            large[row : row + round(1.5 * zoom)] = 0
        top = round(8 * zoom + generator.normal(0, zoom))
        if end > 12 * zoom:  # not the first
            end += round(zoom * generator.uniform(2, 8))
        if generator.random() < touching:
            rows = slice(top, top + large.shape[0])
            while not ((line[rows, end : end + large.shape[1]] > 0.5) & (large > 0.5)).any():
                if end <= 12 * zoom:
                    break
                end -= 1
        here = line[top : top + large.shape[0], end : end + large.shape[1]]
        np.maximum(here, large, out=here)
        end = int(np.flatnonzero((line > 0.5).any(axis=0))[-1]) + 1
    line = line[:, : end + 12 * zoom]
    for _ in range(specks):
        y, x = (int(generator.integers(0, side - 3)) for side in line.shape)
        line[y : y + 2, x : x + 2] = 1
    line = ndimage.rotate(line, generator.uniform(-8, 8), order=1)
    covered = ((ndimage.gaussian_filter(line, 1) - paper.stroke) * 4 + 0.5).clip(0, 1)
    return render(covered[..., np.newaxis], paper, generator)


def render(covered: np.ndarray, paper: Paper, generator: np.random.Generator) -> np.ndarray:
    """Paper with this share of ink, under uneven light, a little blurred, with a camera's noise."""
    picture = covered * np.float64(paper.ink) + (1 - covered) * np.float64(paper.colour)
    picture *= light(picture.shape[:2], generator)[..., np.newaxis]
    picture = ndimage.gaussian_filter(picture, (*[generator.uniform(0.3, 1.5)] * 2, 0))
    picture += generator.normal(0, generator.uniform(1, 6), size=picture.shape)
    return picture.round().clip(0, 255).astype(np.uint8)


def light(shape: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """Brightness of uneven light, 1 at the lamp: it falls with the distance from it."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    lamp_y, lamp_x = generator.uniform(-1.5, 1.5, size=2)
    reach = generator.uniform(2.0, 4.0)
    return 1 / (1 + ((x - lamp_x) ** 2 + (y - lamp_y) ** 2) / reach**2)


def blank_page(
    paper: Paper, generator: np.random.Generator, shape: tuple[int, int] = (240, 200)
) -> np.ndarray:
    """Rendered paper with nothing on it, uint8 colours `(height, width, 3)`."""
    picture = light(shape, generator)[..., np.newaxis] * np.float64(paper.colour)
    picture += generator.normal(0, generator.uniform(1, 6), size=picture.shape)
    return picture.round().clip(0, 255).astype(np.uint8)


def letter(character: str, bold: bool = False) -> Image.Image:
    """A character of the font DejaVu Sans, which comes with Matplotlib, black on white."""
    font = findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal"))
    picture = Image.new("L", (140, 160), 255)
    draw = ImageDraw.Draw(picture)
    draw.text((70, 80), character, fill=0, font=ImageFont.truetype(font, 90), anchor="mm")
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


def clothes(name: str, zoom: int = 4) -> Image.Image:
    """A silhouette of `CLOTHES`, black on a white page with a margin."""
    margin = 14
    side = (28 + 2 * margin) * zoom
    picture = Image.new("L", (side, side), 255)
    outline = [((x + margin) * zoom, (y + margin) * zoom) for x, y in CLOTHES[name]]
    ImageDraw.Draw(picture).polygon(outline, fill=30)
    return picture


def make_pictures(
    images: np.ndarray,
    labels: np.ndarray,
    folder: str | Path = PICTURES,
    per_digit: int = 4,
    seed: int = 6,
) -> list[Path]:
    """Write the pictures that come with the kit, and their `labels.csv`.

    The first `per_digit` images of each digit are taken, good and bad ones, in the order of the
    test set; the papers take turns.

    Parameters
    ----------
    images, labels
        MNIST's test set: grey levels `(n, 28, 28)` and classes `(n,)`.
    folder
        Where to write.
    per_digit
        Pictures of each digit.
    seed
        Decides light, tilt, blur and noise.
    """
    generator = np.random.default_rng(seed)
    made = []
    chosen = [np.flatnonzero(labels == digit)[:per_digit] for digit in range(10)]
    for number, index in enumerate(np.concatenate(chosen)):
        paper = PAPERS[(number + number // len(PAPERS)) % len(PAPERS)]
        picture = write_on_paper(images[index], paper, generator)
        made.append((f"{labels[index]}_{paper.name}_{index:04}.jpg", str(labels[index]), picture))
    return write_pictures(folder, made)


# Digits of each picture, and how they are written: touching, broken, specks.
NUMBERS = (
    (4, 0.0, 0.0, 0), (7, 0.0, 0.0, 5), (5, 0.4, 0.0, 0), (6, 0.0, 0.3, 0), (10, 0.0, 0.0, 0),
    (3, 1.0, 0.0, 0), (8, 0.2, 0.0, 8), (5, 0.0, 0.2, 0), (12, 0.1, 0.0, 0), (6, 0.5, 0.0, 0),
    (4, 0.0, 0.5, 5), (9, 0.2, 0.1, 3),
)  # fmt: skip


def make_numbers(
    images: np.ndarray, labels: np.ndarray, folder: str | Path = PICTURES / "numbers", seed: int = 7
) -> list[Path]:
    """Write the pictures of numbers that come with the kit, and their `labels.csv`.

    Images of the test set in its order, from number 1,000 on; the papers take turns.

    Parameters
    ----------
    images, labels
        MNIST's test set: grey levels `(n, 28, 28)` and classes `(n,)`.
    folder
        Where to write.
    seed
        Decides gaps, tilt, light, blur and noise.
    """
    generator = np.random.default_rng(seed)
    made, start = [], 1000
    for number, (length, touching, broken, specks) in enumerate(NUMBERS):
        paper = PAPERS[number % len(PAPERS)]
        chosen = slice(start, start + length)
        start += length
        picture = write_number(images[chosen], paper, generator, touching, broken, specks)
        text = "".join(map(str, labels[chosen]))
        made.append((f"{number + 1:02}_{paper.name}.jpg", text, picture))
    return write_pictures(folder, made)


def write_pictures(folder: str | Path, made: Sequence[tuple[str, str, np.ndarray]]) -> list[Path]:
    """Write pictures, each with its name and label, as JPEG files with their `labels.csv`."""
    written = []
    for name, _, picture in made:
        written.append(Path(folder) / name)
        write_whole(written[-1], as_jpeg(picture))
    write_labels(folder, [(name, text) for name, text, _ in made])
    return written


def write_labels(folder: str | Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write the table that `read_labels` reads."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("file", "label"), *rows])
    write_whole(Path(folder) / LABELS, table.getvalue().encode())


def read_labels(folder: str | Path) -> list[tuple[Path, str]]:
    """Path and label of each picture that `labels.csv` in `folder` lists."""
    table = Path(folder) / LABELS
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [(row["file"], row["label"]) for row in csv.DictReader(file)]
    except FileNotFoundError as error:
        raise CourseError(f"There is no {table}. It lists the pictures: file,label.") from error
    except OSError as error:
        raise CourseError(f"Cannot read {table}: {error.strerror or error}.") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{table} has no columns file,label.") from error
    if not rows:
        raise CourseError(f"{table} lists no pictures.")
    for number, row in enumerate(rows, start=1):
        if None in row:
            raise CourseError(f"Picture {number} of {table} has no label. A row is: file,label")
    return [(Path(folder) / name, answer.strip()) for name, answer in rows]


def as_jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
