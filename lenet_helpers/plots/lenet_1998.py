"""Figures of lesson 07."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch.nn import functional

from lenet_helpers.plots.style import draw_picture, given_or_new, new_figure, picture_axes, styled


@styled
def squashing(sums: torch.Tensor, curves: Mapping[str, torch.Tensor]) -> Figure:
    """Curves over the same sums; the first one is marked at -1 and 1."""
    figure, ax = new_figure(2.8)
    for (name, values), style in zip(curves.items(), ("-", "--", ":"), strict=True):
        ax.plot(sums, values, style, label=name)
    ax.plot([-1, 1], [-1, 1], "o", color="C0")
    ax.set(xlabel="sum a", ylabel="value", ylim=(-2, 2.4))
    ax.legend(loc="upper left")
    return figure


@styled
def connection_table(table: Sequence[str], ax: Axes | None = None) -> Figure:
    """A filled square where a map of C3 sees a map of S2."""
    figure, ax = given_or_new(ax, 2.9)
    seen = np.array([[str(source) in row for row in table] for source in range(6)])
    draw_picture(ax, seen, cmap="Blues", vmin=0, vmax=1.4)
    ax.set_xticks(np.arange(len(table) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(7) - 0.5, minor=True)
    ax.grid(False)
    ax.grid(True, which="minor", color="white", linewidth=2)
    ax.tick_params(which="both", length=0)
    ax.set(xticks=range(len(table)), yticks=range(6), xlabel="map of C3", ylabel="map of S2")
    ax.spines[:].set_visible(False)
    return figure


@styled
def bitmaps(pictures: torch.Tensor) -> Figure:
    """Pictures `(n, height, width)` of -1 (black) and +1 (white, the ink) in one row."""
    figure, axes = new_figure(1.5, ncols=len(pictures))
    for digit, (ax, picture) in enumerate(zip(axes, pictures, strict=True)):
        draw_picture(ax, _framed(picture, -1), cmap="gray", vmin=-1, vmax=1)
        picture_axes(ax, str(digit))
    return figure


def _framed(picture: torch.Tensor, level: float) -> torch.Tensor:
    """With a border of that level: ink at the edge would run into the white of the page."""
    return functional.pad(picture, (1, 1, 1, 1), value=level)


@styled
def codes(images: torch.Tensor, values: torch.Tensor, nearest: torch.Tensor) -> Figure:
    """Digits `(n, height, width)`, their codes and the nearest bitmaps `(n, 12, 7)`."""
    figure, axes = new_figure(3.3, nrows=3, ncols=len(images))
    rows = ((images, None, "digit"), (values, 1.7159, "F6"), (nearest, 1, "bitmap"))
    for line, (pictures, limit, name) in zip(axes, rows, strict=True):
        for ax, picture in zip(line, pictures, strict=True):
            if limit is None:
                draw_picture(ax, picture, cmap="gray")
            else:
                draw_picture(ax, _framed(picture, -limit), cmap="gray", vmin=-limit, vmax=limit)
            picture_axes(ax)
        line[0].set_ylabel(name)
    return figure


@styled
def step_sizes(
    sizes: Mapping[str, Mapping[str, torch.Tensor]], published: tuple[float, float]
) -> Figure:
    """For each kind of first weights and each layer, the range of its step sizes."""
    names = list(next(iter(sizes.values())))
    figure, ax = new_figure(0.9 + 0.36 * len(names))
    for number, (kind, layers) in enumerate(sizes.items()):
        places = -np.arange(len(names)) + 0.15 - 0.3 * number
        low, high = ([edge(layers[n]) for n in names] for edge in (torch.min, torch.max))
        median = [layers[n].median() for n in names]
        ax.hlines(places, low, high, color=f"C{number}", linewidth=4, alpha=0.5, label=kind)
        ax.plot(median, places, "o", color=f"C{number}", markersize=5)
    for edge, label in zip(published, ("range in the paper", None), strict=True):
        ax.axvline(edge, color="C6", linestyle="--", linewidth=1, label=label)
    ax.set_yticks(-np.arange(len(names)), names)
    ax.set(xscale="log", xlabel="step size of a parameter, first pass (dot: median)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


@styled
def first_weights(accuracies: Mapping[tuple[str, str], Sequence[float]]) -> Figure:
    """Accuracies of the seeds by (first weights, way of training): a row for each way."""
    kinds, ways = (list(dict.fromkeys(part)) for part in zip(*accuracies, strict=True))
    figure, ax = new_figure(1.0 + 0.5 * len(ways))
    for (kind, way), values in accuracies.items():
        number = kinds.index(kind)
        place = -ways.index(way) + 0.15 - 0.3 * number
        label = f"±{kind}" if way == ways[0] else None
        mark = {"color": f"C{number}", "alpha": 0.5, "markersize": 6}
        ax.plot(values, [place] * len(values), "os"[number], label=label, **mark)
    ax.axvline(0.1, color="C6", linestyle="--", linewidth=1, label="guessing")
    ax.set_yticks(-np.arange(len(ways)), ways)
    ax.set(xlim=(0, 1), xlabel="accuracy on images held out, one mark a seed")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


@styled
def errors(
    test: Sequence[Sequence[float]], training: Sequence[Sequence[float]], published: float
) -> Figure:
    """One curve of errors after each pass for each seed; errors are fractions 0…1."""
    figure, ax = new_figure(3.4)
    for name, curves, color in (("test", test, "C0"), ("training", training, "C1")):
        for number, curve in enumerate(curves):
            label = None if number else f"{name}, {len(curves)} seeds"
            passes = range(1, len(curve) + 1)
            ax.plot(passes, curve, color=color, linewidth=1.2, alpha=0.8, label=label)
    ax.axhline(published, color="C6", linestyle="--", linewidth=1, label="published, test")
    ax.set(xlabel="pass", ylabel="errors", yscale="log")
    ax.set_yticks([0.003, 0.01, 0.03, 0.1], ["0.3 %", "1 %", "3 %", "10 %"])
    ax.minorticks_off()
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return figure
