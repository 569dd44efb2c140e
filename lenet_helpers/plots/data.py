"""Figures of lesson 01."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lenet_helpers.plots import style
from lenet_helpers.plots.style import Pictures, Values, styled

Edges = tuple[int, int, int, int]  # of a box: its first and last row, first and last column


@styled
def digits_per_class(train_counts: Sequence[int], test_counts: Sequence[int]) -> Figure:
    """Bars: images of each digit in the training and in the test files."""
    figure, axes = style.new_figure(2.6, ncols=2)
    panels = (("training files", train_counts, "C0"), ("test files", test_counts, "C1"))
    for ax, (name, counts, color) in zip(axes, panels, strict=True):
        counts = np.asarray(counts)
        ax.bar(range(len(counts)), counts, color=color)
        ax.axhline(counts.mean(), color="black", linewidth=1, linestyle="--", label="mean")
        ax.set(title=f"{name}: {counts.sum():,}", xlabel="digit", xticks=range(len(counts)))
        ax.set_ylim(0, 1.25 * counts.max())  # room for the legend
        ax.grid(axis="x", visible=False)
        ax.legend(loc="upper right")
    axes[0].set_ylabel("images")
    return figure


@styled
def boxes_and_centres(images: Tensor, boxes: Iterable[Edges], centres: Iterable[Values]) -> Figure:
    """Images with a frame around each box and a cross at each centre (row, column)."""
    figure, axes = style.new_figure(2.7, ncols=len(images), squeeze=False)
    for ax, image, box, (row, column) in zip(axes.flat, images, boxes, centres, strict=True):
        ax.imshow(image.numpy())
        _frame(ax, *box)
        ax.plot(column, row, "+", color="C5", markersize=13, markeredgewidth=3)
        top, bottom, left, right = box
        ax.set(title=f"box {bottom - top + 1}×{right - left + 1}", xlabel="column")
        ax.set(xticks=range(0, 28, 7), yticks=range(0, 28, 7))
        ax.grid(False)
    axes[0, 0].set_ylabel("row")
    return figure


@styled
def pixel_values(counts: Sequence[int], before: Values, after: Values) -> Figure:
    """Histograms: `counts[i]` pixels have the value `before[i]`, then `after[i]`."""
    figure, axes = style.new_figure(2.7, ncols=2, sharey=True)
    panels = {"grey level / 255": before, "normalised": after}
    for ax, (name, values) in zip(axes, panels.items(), strict=True):
        ax.bar(values, counts, width=values[1] - values[0])
        mean = np.average(values, weights=counts).round(2) + 0.0  # + 0.0: never "-0.00"
        ax.axvline(mean, color="C1", linestyle="--", label=f"mean {mean:.2f}")
        ax.set(yscale="log", xlabel="pixel value", title=name)
        ax.legend()
    axes[0].set_ylabel("pixels")
    return figure


@styled
def pad_or_resize(images: Pictures, titles: Sequence[str], boxes: Iterable[Edges]) -> Figure:
    """Images of different size, all pixels drawn equally large, each with a frame."""
    sizes = [image.shape[-1] for image in images]
    figure, axes = style.new_figure(2.8, ncols=len(images), width_ratios=sizes)
    style.draw_pictures(axes, images, titles)
    for ax, box in zip(axes, boxes, strict=True):
        _frame(ax, *box)
    return figure


def _frame(ax: Axes, top: int, bottom: int, left: int, right: int) -> None:
    options = {"edgecolor": "C4", "linewidth": 2, "clip_on": False}  # ink may reach the border
    style.draw_frame(ax, (top, left, bottom + 1, right + 1), **options)
