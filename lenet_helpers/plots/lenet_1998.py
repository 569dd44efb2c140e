"""Figures of lesson 07."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor
from torch.nn import functional

from lenet_helpers.plots import style
from lenet_helpers.plots.style import Tensors, Values, styled


@styled
def squashing(sums: Tensor, curves: Tensors, bend: Tensor) -> Figure:
    """Curves over the same sums, of which the first is marked at -1 and 1; and how much it bends.

    `bend` is the size of the first curve's second derivative.
    """
    figure, (left, right) = style.new_figure(2.8, ncols=2, width_ratios=(3, 2))
    for (name, values), dash in zip(curves.items(), ("-", "--", ":"), strict=True):
        left.plot(sums, values, dash, label=name)
    at_one = float(np.interp(1, sums, next(iter(curves.values()))))
    left.plot([-1, 1], [-at_one, at_one], "o", color="C0")
    left.set(xlabel="sum z", ylabel="value f(z)", ylim=(-2.3, 2.9), title=f"f(1) = {at_one:.2f}")
    left.legend(loc="upper left")
    peak = abs(float(sums[bend.argmax()]))
    right.plot(sums, bend)
    for place in (-peak, peak):
        right.axvline(place, color="C6", linestyle="--", linewidth=1)
    right.set(xlabel="sum z", ylabel="size of f''(z)", title=f"bends most at z = ±{peak:.2f}")
    return figure


@styled
def connection_table(table: Sequence[str]) -> Figure:
    """A filled square where a map of C3 sees a map of S2."""
    figure, ax = style.new_figure(2.9)
    seen = np.array([[str(source) in row for row in table] for source in range(6)])
    style.draw_picture(ax, seen, cmap="Blues", vmin=0, vmax=1.4)
    ax.set_xticks(np.arange(len(table) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(7) - 0.5, minor=True)
    ax.grid(True, which="minor", color="white", linewidth=2)
    ax.tick_params(which="both", length=0)
    ax.set(xticks=range(len(table)), yticks=range(6), xlabel="map of C3", ylabel="map of S2")
    return figure


@styled
def bitmaps(pictures: Tensor) -> Figure:
    """Pictures `(n, height, width)` of -1 (black) and +1 (white, the ink) in one row."""
    row = {"columns": len(pictures), "height": 1.5, "vmin": -1, "vmax": 1}
    return style.picture_grid(_framed(pictures, -1), range(len(pictures)), **row)


def _framed(pictures: Tensor, level: float) -> Tensor:
    """With borders of that level: ink at the edge would run into the white of the page."""
    return functional.pad(pictures, (1, 1, 1, 1), value=level)


@styled
def codes(images: Tensor, values: Tensor, nearest: Tensor) -> Figure:
    """Digits `(n, height, width)`, their codes and the nearest bitmaps `(n, 12, 7)`."""
    figure, axes = style.new_figure(3.3, nrows=3, ncols=len(images))
    style.draw_pictures(axes[0], images, name="digit")
    ink = 1.7159  # the most that F6 can give
    style.draw_pictures(axes[1], _framed(values, -ink), name="F6", vmin=-ink, vmax=ink)
    style.draw_pictures(axes[2], _framed(nearest, -1), name="bitmap", vmin=-1, vmax=1)
    return figure


@styled
def step_sizes(sizes: Mapping[str, Tensors], published: tuple[float, float]) -> Figure:
    """For each kind of first weights and each layer, the range of its step sizes."""
    names = list(next(iter(sizes.values())))
    figure, ax, places = style.new_rows(names, 0.9, 0.36)
    for number, (kind, layers) in enumerate(sizes.items()):
        beside = places + 0.15 - 0.3 * number
        of_layers = [layers[name] for name in names]
        low, median, high = zip(*[(s.min(), s.median(), s.max()) for s in of_layers], strict=True)
        ax.hlines(beside, low, high, color=f"C{number}", linewidth=4, alpha=0.5, label=kind)
        ax.plot(median, beside, "o", color=f"C{number}", markersize=5)
    for edge, label in zip(published, ("range in the paper", None), strict=True):
        ax.axvline(edge, color="C6", linestyle="--", linewidth=1, label=label)
    ax.set(xscale="log", xlabel="step size of a parameter, first pass (dot: median)")
    figure.legend(loc="outside upper right", ncols=3)
    return figure


@styled
def first_weights(accuracies: Mapping[tuple[str, str], Values]) -> Figure:
    """Accuracies of the seeds by (first weights, way of training): a row for each way."""
    kinds, ways = (list(dict.fromkeys(part)) for part in zip(*accuracies, strict=True))
    figure, ax, places = style.new_rows(ways, 1.0, 0.5)
    for number, kind in enumerate(kinds):
        rows = [accuracies[kind, way] for way in ways]
        beside = np.repeat(places + 0.15 - 0.3 * number, [len(row) for row in rows])
        ax.plot(np.concatenate(rows), beside, "os"[number], alpha=0.5, label=f"±{kind}")
    ax.axvline(0.1, color="C6", linestyle="--", linewidth=1, label="guessing")
    ax.set(xlim=(0, 1), xlabel="accuracy on images held out, one mark a seed")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside upper right", ncols=3)
    return figure


@styled
def errors(test: Sequence[Values], training: Sequence[Values], published: float) -> Figure:
    """One curve of errors after each pass for each seed; errors are fractions 0…1."""
    figure, ax = style.new_figure(3.4)
    for name, curves, color in (("test", test, "C0"), ("training", training, "C1")):
        passes = range(1, len(curves[0]) + 1)
        lines = ax.plot(passes, np.transpose(curves), color=color, linewidth=1.2, alpha=0.8)
        lines[0].set_label(f"{name}, {len(curves)} seeds")
    ax.axhline(published, color="C6", linestyle="--", linewidth=1, label="published, test")
    ax.set(xlabel="pass", ylabel="errors", yscale="log")
    ax.set_yticks([0.003, 0.01, 0.03, 0.1], ["0.3 %", "1 %", "3 %", "10 %"])
    ax.minorticks_off()
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return figure
