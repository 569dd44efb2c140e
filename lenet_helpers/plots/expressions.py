"""Figures of lesson 08."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lenet_helpers.plots import style
from lenet_helpers.plots.style import CENTRED, Values, styled
from lenet_helpers.reading.cutting import Segments
from lenet_helpers.reading.grammar import ARITHMETIC, ExpressionError, parse
from lenet_helpers.reading.lines import Line
from lenet_helpers.reading.parts import around
from lenet_helpers.reading.reader import Reading
from lenet_helpers.reading.search import Candidate

FEWEST_LEAVES = 8  # a small tree is not drawn wider than that
Branch = tuple[str, Sequence]  # a sign or a number, and the branches below it


def printed(text: str) -> str:
    """Arithmetic as printers set it: a hyphen is too short for a minus."""
    return text.replace("-", "−")


@styled
def drawings(rows: Sequence[Sequence[np.ndarray]], names: Sequence[str]) -> Figure:
    """Rows of images `(height, width)`, one row for each kind with its name, close together."""
    page = np.vstack([np.hstack([np.pad(image, 1) for image in row]) for row in rows])
    figure, axis = style.new_figure(style.WIDTH * page.shape[0] / page.shape[1])
    style.draw_picture(axis, page)
    middles = (np.arange(len(rows)) + 0.5) * page.shape[0] / len(rows)
    axis.set_yticks(middles, [printed(name) for name in names], fontsize=12)
    axis.tick_params(length=0)
    return figure


@styled
def cut_at(
    ink: np.ndarray, curve: tuple[Values, Values], column: int, halves: Sequence, titles: Sequence
) -> Figure:
    """Ink that is cut at a column, how well each cut would do, and both halves as images.

    `curve` holds the columns that were tried, and the product of the two probabilities.
    """
    figure, axes = style.new_figure(2.9, ncols=3, width_ratios=(1.25, 1, 1))
    style.draw_picture(axes[0], 1 - 0.3 * np.float32(ink), vmin=0, vmax=1)
    foot = len(ink) - 1  # of the ink, where the product is 0; at its top it is 1
    axes[0].plot(curve[0], foot * (1 - np.array(curve[1])))
    axes[0].axvline(column - 0.5, color="C1", linestyle="--")
    axes[0].set_yticks([0, foot / 2, foot], ["1", "0.5", "0"])
    axes[0].set_xticks(range(0, ink.shape[1], 20))
    axes[0].set(xlabel="column of the cut", ylabel="product of the two\nprobabilities")
    style.draw_pictures(axes[1:], halves, titles)
    return figure


@styled
def pieces(line: Line, segments: Segments, way: Sequence[Candidate]) -> Figure:
    """Numbered pieces of ink; below them what `way` reads, and a bar for each group."""
    figure, (ink, bars) = style.new_figure(3.9, nrows=2, sharex=True, height_ratios=(1.2, 1))
    page = np.ones((*line.mask.shape, 3))
    white = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
    for number, piece in enumerate(segments.pieces):
        top, left, bottom, right = piece.box
        page[top:bottom, left:right][piece.mask] = to_rgb(("C0", "0.55")[number % 2])
        ink.text((left + right) / 2, top - 3, number, fontsize=8, bbox=white, **CENTRED)
    style.draw_picture(ink, page)
    top, left, bottom, right = around([piece.box for piece in segments.pieces])
    ink.set(xlim=(left - 9, right + 9), ylim=(bottom + 3, top - 22))
    for symbol in way:
        _, left, _, right = symbol.box
        bars.plot([left, right], [1.6, 1.6], color="C1", linewidth=3)
        bars.text((left + right) / 2, 2.5, symbol.symbol, ha="center")
    ends: list[int] = []  # where the last bar of each row ends
    for group in segments.groups:
        _, left, _, right = group.part.box
        row = next((n for n, last in enumerate(ends) if last < left), len(ends))
        ends[row : row + 1] = [right]
        bars.plot([left, right], [-row] * 2, color="0.6", linewidth=3)
    style.picture_axes(bars)
    bars.set_ylim(-len(ends), 4.5)
    return figure


@styled
def places(geometry: Mapping[str, Values], symbols: str) -> Figure:
    """Usual box of each symbol.

    `geometry` has height and width in heights of a digit at 0 and 2, and at 4 how far the middle
    lies below that of the digits.
    """
    figure, axis = style.new_figure(2.6)
    for line in (-0.5, 0.5):
        axis.axhline(line, color="0.5", linestyle="--", linewidth=1)
    for x, symbol in enumerate(symbols):
        height, _, width, _, low, _ = geometry[symbol]
        corner = (x - width / 2, low - height / 2)
        axis.add_patch(Rectangle(corner, width, height, facecolor="C0", alpha=0.5))
        axis.text(x, 1.0, printed(symbol), fontsize=12, **CENTRED)
    axis.set(xlim=(-0.7, len(symbols) - 0.3), ylim=(1.2, -0.9), xticks=[])
    axis.set(ylabel="below the middle of\nthe digits, in heights")
    axis.grid(False)
    return figure


@styled
def tree(branches: Sequence[Branch]) -> Figure:
    """A tree for each side of a line of arithmetic."""
    figure, axis = style.new_figure(0.7 + 0.45 * _depth(branches))
    draw_trees(axis, branches)
    return figure


def draw_trees(axis: Axes, branches: Sequence[Branch]) -> None:
    """Trees side by side: leaves from left to right, each sign above its operands."""
    style.picture_axes(axis)
    leaves = 0

    def place(branch: Branch, depth: int) -> float:
        nonlocal leaves
        name, below = branch
        middles = [place(other, depth + 1) for other in below]
        x = float(np.mean(middles)) if middles else float(leaves)
        leaves += not middles
        for other in middles:
            axis.plot([x, other], [-depth, -depth - 1], color="0.6", linewidth=1, zorder=1)
        frame = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "C0"}
        axis.text(x, -depth, printed(name), fontsize=9, bbox=frame, zorder=2, **CENTRED)
        return x

    for number, branch in enumerate(branches):
        if number:
            axis.text(leaves, 0, "=", fontsize=12, **CENTRED)
            leaves += 1
        place(branch, 0)
    middle, room = (leaves - 1) / 2, max(leaves, FEWEST_LEAVES) / 2
    axis.set(xlim=(middle - room, middle + room), ylim=(-_depth(branches) - 0.3, 0.5))


def _depth(branches: Sequence[Branch]) -> int:
    """How many levels of branches lie below these."""
    return max((1 + _depth(below) for _, below in branches if below), default=0)


@styled
def reading(read: Reading, words: str = "") -> Figure:
    """Picture, ink with a box around each symbol, and a tree for each side of arithmetic.

    Below each box stand the symbol and the probability that the network alone gave it. A dashed
    box surrounds ink that was left out.

    Parameters
    ----------
    read
        A line of writing.
    words
        Value or judgement.
    """
    boxes = [symbol.box for symbol in read.symbols]
    branches: Sequence[Branch] = []
    if read.grammar == ARITHMETIC:
        with suppress(ExpressionError):  # the text may be no whole sum
            branches = parse(read.text)
    top, left, bottom, right = around([*boxes, *read.left_out])
    room = 0.25 * (bottom - top)
    picture = read.line.picture
    shapes = [picture.shape[:2], (bottom - top + 4.5 * room, right - left + 2 * room)]
    # As high as the full width asks for, within limits.
    ratios = [float(np.clip(style.WIDTH * height / width, 0.8, 1.9)) for height, width in shapes]
    ratios += [0.3 + 0.36 * _depth(branches)] if branches else []
    figure, axes = style.new_figure(sum(ratios) + 0.6, nrows=len(ratios), height_ratios=ratios)
    style.draw_picture(axes[0], picture, vmin=0, vmax=1)
    style.draw_picture(axes[1], 1 - read.line.strength, vmin=0, vmax=1)
    size = float(np.clip(72 / len(boxes), 4, 9))
    for box, symbol in zip(boxes, read.symbols, strict=True):
        style.draw_frame(axes[1], box, 0.5, edgecolor="C1")
        below = f"{printed(symbol.symbol)}\n{symbol.probability:.0%}"
        middle = (box[1] + box[3]) / 2
        axes[1].text(middle, bottom + room, below, ha="center", va="top", fontsize=size)
    for box in read.left_out:
        style.draw_frame(axes[1], box, 0.5, edgecolor="C3", linestyle="--")
    axes[1].set(xlim=(left - room, right + room), ylim=(bottom + 3.5 * room, top - room))
    if branches:
        draw_trees(axes[2], branches)
    axes[-1].set_title(printed(f"{read.text}   {words}"))
    return figure


@styled
def lines(images: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Pictures of lines, two in a row, each under its title, all equally high."""
    widest = max(image.shape[1] / image.shape[0] for image in images)
    height = style.WIDTH / 2 / widest + 0.17 * (1.5 + titles[0].count("\n"))
    words = {"fontsize": 8.5, "pad": 3, "loc": "left"}
    titles = list(map(printed, titles))
    figure = style.picture_grid(images, titles, columns=2, height=height, words=words)
    for axis, image in zip(figure.axes, images, strict=False):
        bottom = len(image) - 0.5
        axis.set(xlim=(-0.5, len(image) * widest - 0.5), ylim=(bottom, -0.5))
    return figure
