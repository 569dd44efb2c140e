"""Figures of lesson 09."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from lenet_helpers.plots import style
from lenet_helpers.plots.style import Curves, Values, styled
from lenet_helpers.studies.statistics import Interval

Range = tuple[float, float]
NARROW = 0.002  # a range that shows as a point


@styled
def claimed_accuracies(rows: Sequence[tuple[str, Values, Interval, Range]]) -> Figure:
    """A row for each accuracy that was published, from top to bottom.

    `rows` hold a name, our seeds, the interval of one further run or batch, and what was published.
    """
    figure, ax, places = style.new_rows([name for name, *_ in rows], 0.9, 0.36)
    for place, (_, values, (_, low, high), claimed) in zip(places, rows, strict=True):
        ax.plot([low, high], [place, place], color="C0", linewidth=5, alpha=0.3)
        ax.plot(values, [place] * len(values), ".", color="C0")
        below = place - 0.25  # or it would hide the seeds
        ax.plot(claimed, [below, below], color="C1", linewidth=3)
        if claimed[1] - claimed[0] < NARROW:
            ax.plot(np.mean(claimed), below, "D", color="C1", markersize=5)
    ax.set(xlabel="accuracy", ylim=(places[-1] - 0.6, 0.6), xlim=(None, 1.004))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.plot([], [], ".", color="C0", label="seeds")
    ax.plot([], [], color="C0", linewidth=5, alpha=0.3, label="one further run")
    ax.plot([], [], "D", color="C1", markersize=5, label="published")
    figure.legend(loc="outside upper right", ncols=3)
    return figure


@styled
def slips(differences: Curves, intervals: Mapping[str, Interval]) -> Figure:
    """Differences of accuracy for the same seed, with their mean and its interval."""
    figure, ax, places = style.new_rows(differences, 0.8, 0.38)
    for place, (name, values) in zip(places, differences.items(), strict=True):
        mean, low, high = (100 * value for value in intervals[name])
        ax.plot(100 * np.array(values), [place] * len(values), ".", color="C0")
        error = [[mean - low], [high - mean]]
        ax.errorbar(mean, place - 0.25, xerr=error, fmt="o", color="C6", capsize=3, markersize=4)
    ax.axvline(0, color="C6", linestyle="--", linewidth=1)
    ax.set_xlabel("test accuracy with the slip less that without, points")
    return figure


@styled
def flip_by_class(differences: Sequence[Values]) -> Figure:
    """For each digit, one difference of accuracy for each seed."""
    figure, ax = style.new_figure(3.0)
    for digit, values in enumerate(differences):
        spread = np.linspace(-0.15, 0.15, len(values))  # or equal values would hide each other
        ax.plot(digit + spread, 100 * np.array(values), ".", color="C0", alpha=0.7)
        ax.plot(digit, 100 * np.mean(values), "_", color="C1", markersize=18, markeredgewidth=2.5)
    ax.axhline(0, color="C6", linestyle="--", linewidth=1)
    ax.set_xticks(range(len(differences)))
    ax.set(xlabel="digit", ylabel="accuracy with flips\nless that without, points")
    return figure


@styled
def batch_accuracies(
    counts: Mapping[int, int], expected: Mapping[int, float], batch_size: int, overall: float
) -> Figure:
    """How many batches have how many images right; keys are numbers of right images."""
    figure, ax = style.new_figure(3.0)
    ax.bar([right / batch_size for right in counts], list(counts.values()), 0.8 / batch_size)
    places = [right / batch_size for right in expected]
    dots = {"color": "C1", "markersize": 4, "label": "binomial distribution"}
    ax.plot(places, list(expected.values()), "o", **dots)
    ax.axvline(overall, color="C6", linestyle="--", linewidth=1, label="all images")
    ax.set(xlabel="accuracy on one batch", ylabel="batches")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(loc="best")
    return figure


@styled
def accuracies_by_seed(accuracies: Curves, label: str) -> Figure:
    """A row for each variant: a dot for each seed, a mark for their mean."""
    figure, ax, places = style.new_rows(accuracies, 0.7, 0.36)
    for place, values in zip(places, accuracies.values(), strict=True):
        ax.plot(values, [place] * len(values), ".", color="C0", markersize=7)
        ax.plot(np.mean(values), place, "|", color="C1", markersize=16, markeredgewidth=2.5)
    ax.set_xlabel(f"{label} (orange: mean of the seeds)")
    ax.xaxis.set_major_formatter("{x:.1%}")
    return figure
