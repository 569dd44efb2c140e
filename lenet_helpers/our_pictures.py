"""Lesson 06: pictures made by code, of digits and of what is no digit.

Digits of MNIST's test set are written onto paper, as a phone would photograph them. They stand in
for pictures of the reader's own: each has a paper, a pen, uneven light, a tilt, a little blur and
the noise of a camera. Letters come from a font, clothes are silhouettes.
"""

from __future__ import annotations

import csv
import io
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
    """A digit `(28, 28)` of grey levels 0…255, white on black, as a photo of paper.

    Returns uint8 colours `(height, width, 3)`.
    """
    large = ndimage.zoom(np.pad(digit, 2) / 255.0, zoom, order=3)
    large = ndimage.rotate(large, generator.uniform(-10, 10), order=1)
    covered = ((ndimage.gaussian_filter(large, 1) - paper.stroke) * 4 + 0.5).clip(0, 1)
    above, below, left, right = generator.integers(0, 30, size=4)
    covered = np.pad(covered, ((above, below), (left, right)))[..., np.newaxis]
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
    """A photo of paper with nothing on it, uint8 colours `(height, width, 3)`."""
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
    written, rows = [], []
    chosen = [np.flatnonzero(labels == digit)[:per_digit] for digit in range(10)]
    for number, index in enumerate(np.concatenate(chosen)):
        paper = PAPERS[(number + number // len(PAPERS)) % len(PAPERS)]
        photo = write_on_paper(images[index], paper, generator)
        name = f"{labels[index]}_{paper.name}_{index:04}.jpg"
        written.append(Path(folder) / name)
        write_whole(written[-1], _as_jpeg(photo))
        rows.append((name, int(labels[index])))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("file", "label"), *rows])
    write_whole(Path(folder) / LABELS, table.getvalue().encode())
    return written


def read_labels(folder: str | Path) -> list[tuple[Path, str]]:
    """Path and label of each picture that `labels.csv` in `folder` lists."""
    table = Path(folder) / LABELS
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = [(row["file"], row["label"]) for row in csv.DictReader(file)]
    except FileNotFoundError as error:
        raise CourseError(f"There is no {table}. It lists the pictures: file,label.") from error
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{table} has no columns file,label.") from error
    if not rows:
        raise CourseError(f"{table} lists no pictures.")
    return [(Path(folder) / name, answer.strip()) for name, answer in rows]


def _as_jpeg(photo: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
