"""Figures of lesson 06."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lenet_helpers.plots import style
from lenet_helpers.plots.feature_maps import HEADLINE, draw_layer, mosaic
from lenet_helpers.plots.style import Pictures, Values, styled

ODDS_TICKS = (0.5, 0.9, 0.99, 0.999, 0.9999)


@styled
def probability_bars(images: Pictures, probabilities: Pictures) -> Figure:
    """Each image `(height, width)` beside its ten probabilities as bars, two pairs in each row."""
    rows = len(images) // 2
    places = {"nrows": rows, "ncols": 4, "width_ratios": [1, 2, 1, 2], "squeeze": False}
    figure, axes = style.new_figure(1.7 * rows, **places)
    style.draw_pictures(axes[:, ::2].flat, images)
    bars = axes[:, 1::2]
    for ax, row in zip(bars.flat, probabilities, strict=True):
        _draw_bars(ax, row)
        ax.set(ylim=(0, 1), ylabel="probability")
        ax.yaxis.set_major_formatter("{x:.0%}")
    for ax in bars[-1]:
        ax.set_xlabel("digit")
    return figure


def _draw_bars(ax: Axes, values: np.ndarray) -> None:
    """A bar for each digit, that of the answer in a colour of its own."""
    ax.bar(range(10), values, color=["C1" if value == max(values) else "C0" for value in values])
    ax.set_xticks(range(10))
    ax.grid(axis="x", visible=False)


@styled
def reliability(
    promised: Values, kept: Values, ranges: Sequence[tuple[float, float]], counts: Sequence[int]
) -> Figure:
    """Share that is right against the mean probability, drawn in the odds.

    Each group has a dot, a bar over its range of shares, and its number of digits. A dot on the
    edge stands for 0 or 100 %, which have no place in the odds.
    """
    figure, axis = style.new_figure(4.0)
    low, high = 0.5 * min(promised), 1 - (1 - max(promised)) / 3
    axis.plot([low, high], [low, high], color="0.6", linestyle="--", label="promise kept")
    bottoms, tops = np.clip(np.transpose(ranges), low, high)
    shown = np.clip(kept, low, high)
    axis.vlines(promised, bottoms, tops, color="C0")
    axis.plot(promised, shown, "o", clip_on=False, label="groups of test digits")
    for x, y, count in zip(promised, shown, counts, strict=True):
        side = -1 if y > x else 1  # away from the line
        words = {"ha": "right" if y > x else "left", "va": "center", "fontsize": 8}
        axis.annotate(f"{count:,}", (x, y), (7 * side, 0), textcoords="offset points", **words)
    axis.set(xlabel="mean probability of the answers", ylabel="share that is right")
    _in_odds(axis.xaxis, low, high)
    _in_odds(axis.yaxis, low, high)
    axis.legend(loc="upper left")
    return figure


def _in_odds(axis: Axis, low: float, high: float) -> None:
    """Draw an axis of shares by log(p / (1 - p)): 99 and 99.9 % stand apart."""
    axis.axes.set(**{f"{axis.axis_name}scale": "logit", f"{axis.axis_name}lim": (low, high)})
    ticks = [share for share in ODDS_TICKS if low <= share <= high]
    axis.set_ticks(ticks, [f"{100 * share:g}%" for share in ticks])
    axis.set_ticks([], minor=True)


@styled
def preparation(rows: Sequence[Mapping[str, np.ndarray]], names: Sequence[str] = ()) -> Figure:
    """Every step of the preparation from left to right, one row for each picture."""
    steps = list(rows[0])
    pictures = [row[step] for row in rows for step in steps]
    titles = steps + [""] * (len(pictures) - len(steps))  # above the first row alone
    look = {"height": 0.95 + 0.2 / len(rows), "words": {"fontsize": 8.5}, "vmin": 0, "vmax": 1}
    figure = style.picture_grid(pictures, titles, columns=len(steps), **look)
    for axis, picture in zip(figure.axes, pictures, strict=True):
        height, width = picture.shape[:2]
        room = max(height, width) / 2  # a square around every picture: the titles align
        axis.set(xlim=(width / 2 - room - 0.5, width / 2 + room - 0.5))
        axis.set(ylim=(height / 2 + room - 0.5, height / 2 - room - 0.5))
    for axis, name in zip(figure.axes[:: len(steps)], names, strict=False):
        axis.set_ylabel(name, fontsize=8)
    return figure


@styled
def threshold_cost(
    thresholds: Values, curves: Sequence[Values], chosen: float, images: Pictures, titles: Sequence
) -> Figure:
    """What each threshold costs, with a line where it is `chosen`, in its odds.

    Left, two curves: the digits answered and their accuracy; right: the non-digits refused. Below,
    in three rows, `images` `(n, height, width)` of the non-digits. Each part has a title.
    """
    figure, (left, right, below) = style.new_parts(4.6, "lr;bb", height_ratios=[2, 1])
    left.plot(thresholds, curves[0], label="test digits answered")
    left.plot(thresholds, curves[1], linestyle="--", label="right among these")
    right.plot(thresholds, curves[2], color="C2")
    right.set_ylim(0, 1.02)
    for axis, title in zip((left, right), titles, strict=False):
        axis.axvline(chosen, color="black", linewidth=1)
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="threshold of the probability", ylabel="share")
        _in_odds(axis.xaxis, min(thresholds), max(thresholds))
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    left.legend(frameon=True, framealpha=1, edgecolor="none")  # the threshold may run behind it
    rows = mosaic(images, -(-len(images) // 3))
    style.draw_picture(below, rows, titles[2], {"fontsize": 10}, vmin=0, vmax=1)
    return figure


@styled
def live_view(
    image: np.ndarray, conv1: Pictures, conv2: Pictures, units: np.ndarray, probabilities: Values
) -> Figure:
    """One image in all parts of the network: probabilities beside it, then maps and units."""
    ratios = {"width_ratios": [1, 3], "height_ratios": [2.0, 1.35, 1.75, 0.35]}
    figure, (left, right, *parts) = style.new_parts(5.6, "lr;11;22;33", **ratios)
    style.draw_picture(left, image, "prepared, 28×28", HEADLINE, vmin=0, vmax=1)
    _draw_bars(right, 100 * np.asarray(probabilities))
    right.set(ylim=(0, 105), ylabel="probability (%)")
    draw_layer(parts[0], "convolution 1 + ReLU", conv1, 8)
    draw_layer(parts[1], "convolution 2 + ReLU", conv2, 8)
    draw_layer(parts[2], "linear 2 + ReLU", units, 84)
    return figure
