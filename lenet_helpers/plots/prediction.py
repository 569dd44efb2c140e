"""Figures of lesson 06."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from lenet_helpers.plots.captions import FigureText
from lenet_helpers.plots.style import draw_picture, given_or_new, new_figure, picture_axes, styled

FIGURES = {
    "06_gallery": FigureText(
        "Test digits with the network's answer and its probability.",
        "Three rows of eight handwritten digits; above each the answer and a probability, nearly "
        "always 100 %.",
    ),
    "06_probabilities": FigureText(
        "The ten probabilities of a clear digit and of the least sure ones.",
        "Four digits, each beside ten bars. The clear digit has one long bar; in the others two "
        "or three bars share the probability.",
    ),
    "06_reliability": FigureText(
        "What the probabilities promise against what they keep, in ten groups of test digits.",
        "Ten dots near the diagonal; nine lie together in the upper right corner, the least sure "
        "group lies apart, lower left of them.",
    ),
    "06_steps": FigureText(
        "Every step of the preparation, for three pictures.",
        "Three rows of eight pictures: photo, grey, paper, ink, threshold, crop, 20 pixels, and "
        "the digit centred in 28 by 28 pixels, white on black.",
    ),
    "06_number": FigureText(
        "From the photo of a number to its digits: every step.",
        "Six pictures of one number: photo, ink, straightened ink, connected parts in colours, the "
        "digits in colours with a box around each, and the images that the network sees, each "
        "with its answer and a probability.",
    ),
    "06_beside": FigureText(
        "The same pictures after the published preparation and after ours.",
        "Two rows. Above, grey squares in which the digit is dark or pale. Below, white digits on "
        "black, all of one size, as in MNIST.",
    ),
    "06_not_digits": FigureText(
        "Letters and clothes, with the digit that the network sees in them.",
        "Letters and silhouettes of clothes, prepared as white shapes on black, each with a digit "
        "and a probability; many are above 90 %.",
    ),
    "06_threshold": FigureText(
        "A threshold refuses non-digits at the price of some digits, and never all of them.",
        "Three curves over the threshold, from 0.1 to 1: share of digits answered, accuracy of "
        "the answers, and share of non-digits refused, which rises slowly and then steeply.",
    ),
}


@styled
def gallery(images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 8) -> Figure:
    """Pictures in rows, each under its title; the second line of a title may hold a number."""
    rows = -(-len(images) // columns)
    figure, axes = new_figure(1.25 * rows, nrows=rows, ncols=columns, squeeze=False)
    for axis in axes.flat:
        picture_axes(axis)
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        draw_picture(axis, image)
        axis.set_title(title, fontsize=9)
    return figure


@styled
def probability_bars(images: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]) -> Figure:
    """Each image `(height, width)` beside its ten probabilities as bars, two pairs in a row."""
    rows = -(-len(images) // 2)
    figure, axes = new_figure(
        1.7 * rows, nrows=rows, ncols=4, squeeze=False, width_ratios=[1, 2, 1, 2]
    )
    for number, (image, row) in enumerate(zip(images, probabilities, strict=True)):
        left, right = axes.flat[2 * number], axes.flat[2 * number + 1]
        picture_axes(left)
        draw_picture(left, image)
        right.bar(range(10), row, color=["C1" if p == max(row) else "C0" for p in row])
        right.set(xticks=range(10), ylim=(0, 1), ylabel="probability")
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        right.grid(axis="x", visible=False)
    for axis in axes.flat[2 * len(images) :]:
        axis.set_visible(False)
    for axis in axes[-1, 1::2]:
        axis.set_xlabel("digit")
    return figure


@styled
def reliability(promised: Sequence[float], kept: Sequence[float], ax: Axes | None = None) -> Figure:
    """Share that is right against the mean probability, one dot for each group."""
    figure, ax = given_or_new(ax, 3.4)
    low = min(*promised, *kept) - 0.02
    ax.plot([low, 1], [low, 1], color="0.6", linestyle="--", linewidth=1, label="promise kept")
    ax.plot(promised, kept, "o", label="groups of test digits")
    ax.set(xlabel="mean probability of the answers", ylabel="share that is right")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=None))
    ax.legend()
    return figure


@styled
def preparation(rows: Sequence[Mapping[str, np.ndarray]], names: Sequence[str] = ()) -> Figure:
    """Every step of the preparation from left to right, one row for each picture."""
    steps = list(rows[0])
    figure, axes = new_figure(
        1.15 * len(rows) + 0.2, nrows=len(rows), ncols=len(steps), squeeze=False
    )
    for number, (line, pictures) in enumerate(zip(axes, rows, strict=True)):
        for axis, step in zip(line, steps, strict=True):
            picture_axes(axis, step if number == 0 else "")
            axis.title.set_fontsize(8.5)
            draw_picture(axis, pictures[step], vmin=0, vmax=1)
        if names:
            line[0].set_ylabel(names[number], fontsize=8)
    return figure


@styled
def number(
    steps: Mapping[str, np.ndarray],
    boxes: Sequence[tuple[int, int, int, int]],
    images: Sequence[np.ndarray],
    digits: Sequence[int],
    confidence: Sequence[float],
) -> Figure:
    """Every step from the photo of a number to its digits.

    Parameters
    ----------
    steps
        Name -> picture, five of them; whole numbers mark parts, which get colours in turn.
    boxes
        Top, left, bottom, right of each digit in the last of the steps.
    images, digits, confidence
        What the network saw, what it answered, and with which probability.
    """
    figure, axes = new_figure(4.6, nrows=3, ncols=2)
    for axis, (name, picture) in zip(axes.flat, steps.items(), strict=False):
        picture_axes(axis, name)
        if picture.dtype.kind == "i":
            draw_picture(axis, _in_colours(picture), interpolation="nearest")
        else:
            draw_picture(axis, picture, vmin=0, vmax=1)
    for (top, left, bottom, right), digit in zip(boxes, digits, strict=True):
        place = (left - 1, top - 1), right - left + 1, bottom - top + 1
        axes[2, 0].add_patch(Rectangle(*place, fill=False, edgecolor="0.4", linewidth=0.7))
        axes[2, 0].text((left + right) / 2, top - 2, digit, ha="center", va="bottom", fontsize=8)
    seen = axes[2, 1]
    picture_axes(seen, "what the network sees and says")
    columns = min(len(images), 6)
    for place, (image, digit, sure) in enumerate(zip(images, digits, confidence, strict=True)):
        row, column = divmod(place, columns)
        left, top = 36 * column, 46 * row
        draw_picture(seen, image, extent=(left, left + 32, top + 32, top))
        seen.text(left + 16, top + 33, f"{digit}  {sure:.0%}", ha="center", va="top", fontsize=7)
    seen.set(xlim=(-2, 36 * columns), ylim=(46 * -(-len(images) // columns), -2))
    return figure


def _in_colours(parts: np.ndarray) -> np.ndarray:
    """Each part in a colour, neighbours in different ones, on white."""
    colours = np.array([to_rgb(f"C{number}") for number in range(4)])
    return np.where(parts[..., np.newaxis] > 0, colours[(parts - 1) % 4], 1.0)


@styled
def beside(
    above: Sequence[np.ndarray],
    below: Sequence[np.ndarray],
    titles_above: Sequence[str],
    titles_below: Sequence[str],
    names: tuple[str, str],
) -> Figure:
    """Two rows of pictures that belong together, each under its title."""
    figure, axes = new_figure(2.9, nrows=2, ncols=len(above), squeeze=False)
    for line, pictures, titles, name in zip(
        axes, (above, below), (titles_above, titles_below), names, strict=True
    ):
        for axis, picture, title in zip(line, pictures, titles, strict=True):
            picture_axes(axis)
            draw_picture(axis, picture, vmin=0, vmax=1)
            axis.set_title(title, fontsize=9)
        line[0].set_ylabel(name, fontsize=9)
    return figure


@styled
def threshold_cost(
    thresholds: Sequence[float],
    answered: Sequence[float],
    accuracy: Sequence[float],
    refused: Sequence[float],
) -> Figure:
    """Left: digits answered and their accuracy; right: non-digits refused; over the threshold."""
    figure, (left, right) = new_figure(3.0, ncols=2)
    left.plot(thresholds, answered, label="test digits answered")
    left.plot(thresholds, accuracy, linestyle="--", label="right among these")
    right.plot(thresholds, refused, color="C2", label="non-digits refused")
    right.set_ylim(0, 1.02)
    for axis in (left, right):
        axis.set(xlabel="threshold of the probability", ylabel="share")
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        axis.legend()
    return figure
