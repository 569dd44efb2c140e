"""Lesson 08: rendered pictures of arithmetic, from MNIST's test digits and drawn symbols."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from lenet_helpers.pen.drawings import DRAWINGS
from lenet_helpers.pen.photos import PAPERS, PICTURES, Made, Paper, enlarge, render
from lenet_helpers.pen.strokes import SIDE, Random, ink, put

EXPRESSIONS = PICTURES / "expressions"
TEXTS = (
    "3×8-4×2/4",
    "12+7=19",
    "(2+3)×6=30",
    "24÷125=0.19",
    "1-(8-5)/2",
    "60/8=7",
    "5×5=25=30-5",
    "4/(3-3)",
)
ZOOM = 3  # pixels of the picture for each pixel of a digit of MNIST
DIGIT = 20 * ZOOM  # height of a digit in the picture
PEN = 0.11  # width of a stroke, in heights of a digit
# Height of a symbol, or width where it is longer, and how far its middle lies below the digits'.
PLACES = {
    "+": (0.6, 0.1), "-": (0.5, 0.1), "×": (0.5, 0.15), "÷": (0.6, 0.1), "/": (1.2, 0.05),
    "=": (0.55, 0.1), "(": (1.4, 0.05), ")": (1.4, 0.05), ".": (0.12, 0.45),
}  # fmt: skip


def write_expression(
    text: str, images: np.ndarray, labels: np.ndarray, paper: Paper, random: Random
) -> np.ndarray:
    """A line of arithmetic rendered on paper, uint8 colours `(height, width, 3)`.

    Digits are images of MNIST `(n, 28, 28)` with these labels, chosen at random; other symbols
    are drawn.
    """
    line = np.zeros((3 * DIGIT, 2 * DIGIT * (len(text) + 1)))
    end = DIGIT // 2
    for symbol in text:
        if symbol in PLACES:
            size, low = PLACES[symbol]
            size *= np.exp(random.normal(0, 0.08))
            strokes = DRAWINGS[symbol](random)
            extent = np.ptp(np.concatenate(strokes), axis=0).max()
            drawn = ink(strokes, PEN * extent / size, random)
            drawn = ndimage.zoom(drawn, (size + PEN) * DIGIT / SIDE, order=1)
        else:
            low, chosen = 0.0, random.choice(np.flatnonzero(labels == int(symbol)))
            drawn = enlarge(images[chosen], ZOOM, random)
        top = round(line.shape[0] / 2 + (low + random.normal(0, 0.03)) * DIGIT - len(drawn) / 2)
        put(line, drawn, top, end)
        end += drawn.shape[1] + round(DIGIT * random.uniform(0.12, 0.35))
    line = line[:, : end + DIGIT // 2]
    return render(ndimage.rotate(line, random.uniform(-3, 3), order=1), paper, random)


def make_expressions(images: np.ndarray, labels: np.ndarray) -> Iterator[Made]:
    """The pictures of arithmetic that come with the kit; `write_pictures` writes them.

    Parameters
    ----------
    images, labels
        MNIST's test set: grey levels `(n, 28, 28)` and classes `(n,)`.
    """
    # The first seed from 8 on of which a person reads every line at a glance: examples, no
    # measure of the reader.
    random = np.random.default_rng(12)
    for number, (text, paper) in enumerate(zip(TEXTS, PAPERS, strict=True), start=1):
        picture = write_expression(text, images, labels, paper, random)
        yield f"{number:02}_{paper.name}.jpg", text, picture
