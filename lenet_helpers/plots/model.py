"""Figures of lesson 02."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox
from torch import Tensor

from lenet_helpers.model import LayerRow
from lenet_helpers.plots import style
from lenet_helpers.plots.style import CENTRED, Tensors, styled

INCHES_PER_PIXEL = 0.028  # of a map in the block diagram
MIDDLE = 1.25  # height at which its blocks are centred


@styled
def convolution(image: Tensor, kernels: Tensors, maps: Tensors, window: Sequence[int]) -> Figure:
    """Image, kernel and feature map, a row for each kernel; `window` is a place in the map."""
    figure, axes = style.new_figure(2.35 * len(kernels), nrows=len(kernels), ncols=3, squeeze=False)
    largest = max(feature_map.abs().max() for feature_map in maps.values())
    for (left, middle, right), (name, kernel) in zip(axes, kernels.items(), strict=True):
        side, shown = len(kernel), maps[name]
        style.draw_picture(left, image, "image {}×{}".format(*image.shape))
        _frame(left, window, side)
        colours = style.signed(2 * kernel.max())
        style.draw_picture(middle, kernel, f"{name}, {side}×{side}", **colours)
        for (row, column), weight in np.ndenumerate(kernel.numpy()):
            middle.text(column, row, f"{weight:+.1f}", fontsize=8, **CENTRED)
        title = "feature map {}×{}".format(*shown.shape)
        drawn = style.draw_picture(right, shown, title, **style.signed(largest))
        _frame(right, window, 1)
        figure.colorbar(drawn, ax=right, fraction=0.045, label="value")
    return figure


@styled
def pooling(feature_map: Tensor, pooled: Tensors) -> Figure:
    """A feature map beside its pooled versions, all in one scale of brightness."""
    panels = {"feature map": feature_map, **pooled}
    figure, axes = style.new_figure(2.6, ncols=len(panels))
    titles = ["{} {}×{}".format(name, *values.shape) for name, values in panels.items()]
    brightness = {"vmin": 0, "vmax": feature_map.max()}
    drawn = style.draw_pictures(axes, list(panels.values()), titles, **brightness)
    figure.colorbar(drawn, ax=list(axes), fraction=0.02, shrink=0.83, label="value")
    return figure


@styled
def activations(inputs: Tensor, values: Tensors, derivatives: Tensors) -> Figure:
    """Curves of activation functions and of their derivatives, side by side."""
    figure, axes = style.new_figure(2.9, ncols=2)
    panels = {"$f(z)$": values, "slope $f'(z)$": derivatives}
    for ax, (label, curves) in zip(axes, panels.items(), strict=True):
        for (name, curve), dash in zip(curves.items(), ("-", "--", "-."), strict=False):
            ax.plot(inputs, curve, dash, label=name)
        ax.set(xlabel="$z$", ylabel=label)
    axes[0].set_ylim(-1.2, 2.2)  # ReLU goes on: the bend is what matters
    axes[0].legend(loc="upper left")
    return figure


@styled
def architecture(
    image: Tensor, shapes: Mapping[str, tuple[int, ...]], operations: Sequence[tuple[str, int]]
) -> Figure:
    """Block diagram of a network: the image, stacks of maps to scale, columns of numbers.

    Parameters
    ----------
    image
        Picture `(height, width)` that stands for the input.
    shapes
        Name and output shape of each layer: `(channels, height, width)` or `(numbers,)`.
    operations
        What leads to each layer, and the side of its window, 0 if it reads everything.
    """
    figure, ax = style.new_figure(2.45)
    blocks = {"image": (1, *image.shape), **shapes}
    widths = [_sheets(shape)[-1] for shape in blocks.values()]
    gap = (7.1 - sum(widths)) / (len(widths) - 1)
    lefts = 0.05 + np.cumsum([0, *widths[:-1]]) + gap * np.arange(len(widths))
    fronts = [_block(ax, left, *block) for left, block in zip(lefts, blocks.items(), strict=True)]
    ax.imshow(image.numpy(), extent=fronts[0].extents[[0, 2, 1, 3]], zorder=3)
    for number, (text, window) in enumerate(operations):
        _fan(ax, fronts[number], fronts[number + 1], window * INCHES_PER_PIXEL)
        middle = lefts[number + 1] - gap / 2
        ax.text(middle, 2.12, text, fontsize=8, color="C1", **CENTRED)
    ax.set(xlim=(0, 7.2), ylim=(0.05, 2.4), aspect="equal")
    ax.axis("off")
    return figure


@styled
def parameters_and_connections(rows: Sequence[LayerRow]) -> Figure:
    """Share of each row of the layer table in all parameters and in all connections."""
    figure, ax, places = style.new_rows([row.name for row in rows], 0.4, 0.4)
    for kind, shift in (("parameters", 0.2), ("connections", -0.2)):
        counts = np.array([getattr(row, kind) for row in rows])
        bars = ax.barh(places + shift, 100 * counts / counts.sum(), 0.38, label=kind)
        ax.bar_label(bars, [f"{count:,}" for count in counts], padding=3, fontsize=8)
    ax.set(xlabel="share of all, per cent", xlim=(0, 88))
    ax.grid(False, axis="y")
    ax.legend(loc="center right")
    return figure


@styled
def receptive_fields(
    image: Tensor, squares: Mapping[str, tuple[int, int, int]], seen: Tensors
) -> Figure:
    """Squares `(top, left, side)` of the arithmetic over the pixels that were measured as seen."""
    figure, axes = style.new_figure(2.2, ncols=len(squares))
    for ax, (name, (top, left, side)) in zip(axes, squares.items(), strict=True):
        style.draw_picture(ax, image, f"{name}\n{side}×{side}")
        ax.imshow(np.multiply.outer(seen[name].numpy(), to_rgba("C5", 0.5)))  # 0: transparent
        _frame(ax, (top, left), side)
    return figure


def _sheets(shape: tuple[int, ...]) -> tuple[int, float, float, float, float]:
    """Sheets of a block, how far each lies beside the one before, height, width, width of all."""
    if len(shape) == 1:
        return 1, 0.0, 0.069 * shape[0] ** 0.5, 0.14, 0.14  # 400 would dwarf 10 on a linear scale
    sheets, height, width = shape[0], *np.multiply(shape[1:], INCHES_PER_PIXEL)
    offset = 0.3 / max(sheets, 6)  # more maps lie closer together
    return sheets, offset, height, width, width + (sheets - 1) * offset


def _block(ax: Axes, left: float, name: str, shape: tuple[int, ...]) -> Bbox:
    """Draw one block; its front sheet."""
    sheets, offset, height, width, whole = _sheets(shape)
    top = MIDDLE + (sheets - 1) * offset / 2
    for sheet in range(sheets):
        corner = (left + sheet * offset, top - sheet * offset - height / 2)
        look = {"facecolor": "#d6e8f4", "edgecolor": "C0", "linewidth": 0.7}
        front = ax.add_patch(Rectangle(corner, width, height, zorder=2, **look))
    size = "×".join(map(str, shape[-2:]))
    if sheets > 1:
        size = f"{sheets} @ {size}"
    ax.text(left + whole / 2, 0.42, name, fontsize=8.5, **CENTRED)
    ax.text(left + whole / 2, 0.22, size, fontsize=8, **CENTRED)
    return front.get_bbox()


def _fan(ax: Axes, source: Bbox, target: Bbox, window: float) -> None:
    """Two lines: from a window (or the whole side) of a sheet to a point (or side) of the next."""
    if window:
        corner = source.min + 0.62 * (source.size - window)
        look = {"fill": False, "edgecolor": "C1", "linewidth": 1, "zorder": 5}
        source = ax.add_patch(Rectangle(corner, window, window, **look)).get_bbox()
        point = target.min + (0.4, 0.62) * target.size
        target = Bbox([point, point])
    edges = [source.intervaly, target.intervaly]
    ax.plot([source.x1, target.x0], edges, color="C1", linewidth=0.7, zorder=5)


def _frame(ax: Axes, corner: tuple[int, int], side: int) -> None:
    """Outline of the square whose upper left pixel is `corner` (row, column)."""
    row, column = corner
    frame = style.draw_frame(ax, (row, column, row + side, column + side), edgecolor="C1")
    frame.set(linewidth=1.8, path_effects=[withStroke(foreground="w", linewidth=3.4)])
