"""Figures of lesson 01."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lenet_helpers.plots.style import draw_picture, given_or_new, new_figure, picture_axes, styled


class Box(NamedTuple):
    """First and last row and column, in pixels, that belong to the box."""

    top: int
    bottom: int
    left: int
    right: int


@styled
def digit_grid(images: torch.Tensor, titles: Sequence[object], columns: int = 10) -> Figure:
    """Images `(n, height, width)` in rows of `columns`, a title above each."""
    rows = -(-len(images) // columns)  # rounded up
    figure, axes = new_figure(rows, nrows=rows, ncols=columns, squeeze=False)
    for ax in axes.flat:
        picture_axes(ax)
    for ax, image, title in zip(axes.flat, images, titles, strict=False):
        draw_picture(ax, image)
        ax.set_title(str(title))
    return figure


@styled
def digits_per_class(train_counts: Sequence[int], test_counts: Sequence[int]) -> Figure:
    """Bars: images of each digit in the training and in the test files."""
    figure, axes = new_figure(2.6, ncols=2)
    for index, (ax, counts, name) in enumerate(
        zip(axes, (train_counts, test_counts), ("training files", "test files"), strict=True)
    ):
        counts = np.asarray(counts)
        ax.bar(range(len(counts)), counts, color=f"C{index}")
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
    figure, axes = new_figure(2.7, ncols=len(images), squeeze=False)
    for ax, image, box, (row, column) in zip(axes.flat, images, boxes, centres, strict=True):
        draw_picture(ax, image)
        _frame(ax, box)
        ax.plot(column, row, "+", color="C5", markersize=13, markeredgewidth=3)
        size = f"{box.bottom - box.top + 1}×{box.right - box.left + 1}"
        ax.set(title=f"box {size}", xticks=range(0, 28, 7), yticks=range(0, 28, 7))
        ax.set_xlabel("column")
        ax.grid(False)
    axes[0, 0].set_ylabel("row")
    return figure


@styled
def pixel_values(counts: Sequence[int], before: Sequence[float], after: Sequence[float]) -> Figure:
    """Histograms: `counts[i]` pixels have the value `before[i]`, then `after[i]`."""
    figure, axes = new_figure(2.7, ncols=2, sharey=True)
    names = ("grey level / 255", "normalised")
    for ax, values, name in zip(axes, (before, after), names, strict=True):
        values = np.asarray(values)
        ax.bar(values, np.asarray(counts), width=values[1] - values[0])
        mean = np.average(values, weights=np.asarray(counts)).round(2) + 0.0  # + 0.0: never "-0.00"
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
    figure, axes = new_figure(2.8, ncols=len(images), width_ratios=sizes, squeeze=False)
    for ax, image, title, box in zip(axes.flat, images, titles, boxes, strict=True):
        picture_axes(ax, title)
        draw_picture(ax, image)
        _frame(ax, box)
    return figure


@styled
def upright_and_mirrored(
    images: torch.Tensor, mirrored: torch.Tensor, labels: Sequence[int]
) -> Figure:
    """Images above, their mirror images below."""
    figure, axes = new_figure(2.6, nrows=2, ncols=len(images), squeeze=False)
    for column, label in enumerate(labels):
        picture_axes(axes[0, column], f"a {int(label)}")
        draw_picture(axes[0, column], images[column])
        picture_axes(axes[1, column])
        draw_picture(axes[1, column], mirrored[column])
    axes[0, 0].set_ylabel("upright")
    axes[1, 0].set_ylabel("mirrored")
    return figure


@styled
def mirrored_accuracy(
    upright: Sequence[float], mirrored: Sequence[float], ax: Axes | None = None
) -> Figure:
    """Bars: accuracy 0…1 for each digit, upright beside mirrored."""
    figure, ax = given_or_new(ax, 2.6)
    digits = np.arange(len(upright))
    ax.bar(digits - 0.2, 100 * np.asarray(upright), width=0.4, label="upright")
    ax.bar(digits + 0.2, 100 * np.asarray(mirrored), width=0.4, label="mirrored")
    ax.set(xlabel="digit", ylabel="read correctly (%)", xticks=digits, ylim=(0, 100))
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


def _frame(ax: Axes, box: Box) -> None:
    corner = (box.left - 0.5, box.top - 0.5)  # a pixel reaches half a pixel around its centre
    size = (box.right - box.left + 1, box.bottom - box.top + 1)
    frame = Rectangle(corner, *size, fill=False, edgecolor="C4", linewidth=2)
    ax.add_patch(frame).set_clip_on(False)  # the ink may reach the edge of the image
