"""Figures of lesson 01."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lenet_helpers.plots import style
from lenet_helpers.plots.style import Values, styled


class Box(NamedTuple):
    """First and last row and column, in pixels, that belong to the box."""

    top: int
    bottom: int
    left: int
    right: int


@styled
def digit_grid(images: torch.Tensor, titles: Sequence[object]) -> Figure:
    """Images `(n, height, width)` in rows of ten, a title above each."""
    return style.picture_grid(1.0, 10, images, titles)


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
def boxes_and_centres(
    images: torch.Tensor, boxes: Sequence[Box], centres: Sequence[tuple[float, float]]
) -> Figure:
    """Images with a frame around each box and a cross at each centre (row, column)."""
    figure, axes = style.new_figure(2.7, ncols=len(images), squeeze=False)
    for ax, image, box, (row, column) in zip(axes.flat, images, boxes, centres, strict=True):
        ax.imshow(image.numpy())
        _frame(ax, box)
        ax.plot(column, row, "+", color="C5", markersize=13, markeredgewidth=3)
        size = f"{box.bottom - box.top + 1}×{box.right - box.left + 1}"
        ax.set(title=f"box {size}", xticks=range(0, 28, 7), yticks=range(0, 28, 7))
        ax.set_xlabel("column")
        ax.grid(False)
    axes[0, 0].set_ylabel("row")
    return figure


@styled
def pixel_values(counts: Sequence[int], before: Values, after: Values) -> Figure:
    """Histograms: `counts[i]` pixels have the value `before[i]`, then `after[i]`."""
    figure, axes = style.new_figure(2.7, ncols=2, sharey=True)
    counts = np.asarray(counts)
    panels = {"grey level / 255": before, "normalised": after}
    for ax, (name, values) in zip(axes, panels.items(), strict=True):
        values = np.asarray(values)
        ax.bar(values, counts, width=values[1] - values[0])
        mean = np.average(values, weights=counts).round(2) + 0.0  # + 0.0: never "-0.00"
        ax.axvline(mean, color="C1", linestyle="--", label=f"mean {mean:.2f}")
        ax.set(yscale="log", xlabel="pixel value", title=name)
        ax.legend()
    axes[0].set_ylabel("pixels")
    return figure


@styled
def pad_or_resize(
    images: Sequence[torch.Tensor], titles: Sequence[str], boxes: Sequence[Box]
) -> Figure:
    """Images of different size, all pixels drawn equally large, each with a frame."""
    sizes = [image.shape[-1] for image in images]
    figure, axes = style.new_figure(2.8, ncols=len(images), width_ratios=sizes, squeeze=False)
    for ax, image, title, box in zip(axes.flat, images, titles, boxes, strict=True):
        style.draw_picture(ax, image, title)
        _frame(ax, box)
    return figure


@styled
def upright_and_mirrored(
    images: torch.Tensor, mirrored: torch.Tensor, labels: Sequence[int]
) -> Figure:
    """Images above, their mirror images below."""
    figure, axes = style.new_figure(2.6, nrows=2, ncols=len(images), squeeze=False)
    style.draw_pictures(axes[0], images, [f"a {int(label)}" for label in labels], "upright")
    style.draw_pictures(axes[1], mirrored, name="mirrored")
    return figure


def _frame(ax: Axes, box: Box) -> None:
    sides = (box.top, box.left, box.bottom + 1, box.right + 1)
    frame = style.draw_frame(ax, sides, edgecolor="C4", linewidth=2)
    frame.set_clip_on(False)  # the ink may reach the edge of the image
