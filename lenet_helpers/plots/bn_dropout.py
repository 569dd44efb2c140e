"""Figures of lesson 04."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor

from lenet_helpers.plots import style
from lenet_helpers.plots.style import Curves, Values, styled
from lenet_helpers.studies.statistics import Interval

PER_CENT = PercentFormatter(1)
Rates = Mapping[str, Sequence]  # accuracies of each network by learning rate, None where lost
LOST = -0.08  # height of the row of runs that have no accuracy


@styled
def batch_norm_spread(before: Tensor, after: Tensor) -> Figure:
    """Mean, standard deviation and middle 90 % of each channel of `(n, channels, h, w)`."""
    figure, axes = style.new_figure(2.8, ncols=2)
    for ax, maps, title in zip(axes, (before, after), ("before", "after"), strict=True):
        channels = maps.transpose(0, 1).flatten(1).numpy()
        low, high = np.quantile(channels, (0.05, 0.95), axis=1)
        places = np.arange(1, len(channels) + 1)
        ax.vlines(places, low, high, color="C0", linewidth=1)
        spread = {"fmt": "o", "color": "C1", "elinewidth": 4, "markeredgecolor": "k"}
        ax.errorbar(places, channels.mean(axis=1), channels.std(axis=1), **spread)
        ax.axhline(0, color="C6", linewidth=0.6)
        ax.set(xlabel="map of conv1", title=f"{title} batch norm", xticks=places)
        ax.margins(x=0.1)
    axes[0].set_ylabel("value")
    return figure


@styled
def dropout_draws(values: Tensor, one_draw: Tensor, mean: Tensor) -> Figure:
    """One draw of dropout over the units, and the mean of many draws against the input."""
    figure, (left, right) = style.new_figure(2.9, ncols=2)
    units = np.arange(1, len(values) + 1)
    left.plot(units, values, ".", color="C0", label="input")
    left.plot(units, one_draw, "x", color="C1", markersize=4, label="one draw")
    highest = float(values.max())
    # Room for the legend above the highest cross.
    left.set(xlabel="unit of linear2", ylabel="value", ylim=(None, 2.6 * highest))
    left.legend(loc="upper right", ncols=2)
    right.plot([0, 1.05 * highest], [0, 1.05 * highest], color="C6", linewidth=1, linestyle="--")
    right.plot(values, mean, ".", color="C2")
    right.set(xlabel="input", ylabel="mean of all draws")
    return figure


@styled
def forgotten_eval(accuracies: Mapping[str, Mapping[int, float]], evaluated: float) -> Figure:
    """Accuracy in training mode against batch size, one curve for each way to form batches."""
    figure, ax = style.new_figure(3.0)
    for name, by_size in accuracies.items():
        ax.plot(list(by_size), list(by_size.values()), marker="o", label=name)
    ax.axhline(evaluated, color="C6", linestyle="--", linewidth=1, label="with eval()")
    sizes = list(next(iter(accuracies.values())))
    ax.set(xlabel="batch size", ylabel="accuracy", xscale="log", ylim=(None, 1.0))
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PER_CENT)
    ax.legend(loc="center right")
    return figure


@styled
def repeated_studies(intervals: Sequence[Interval], truth: float) -> Figure:
    """A line for each study's mean and interval, in orange where the interval misses zero."""
    figure, ax = style.new_figure(3.0)
    means, low, high = np.array(intervals).T
    seen = (low > 0) | (high < 0)
    for chosen, color in ((seen, "C1"), (~seen, "C0")):
        places = np.flatnonzero(chosen) + 1
        ax.vlines(places, low[chosen], high[chosen], color=color)
        ax.plot(places, means[chosen], ".", color=color)
    ax.axhline(0, color="C6", linewidth=0.8)
    ax.axhline(truth, color="C6", linewidth=1, linestyle="--")
    title = f"in {seen.sum()} of {len(seen)} studies the interval misses zero"
    ax.set(xlabel="study", ylabel="mean difference", title=title, ylim=(-3, 5))
    return figure


@styled
def study_curves(curves: Mapping[str, Sequence[Values]], live: Curves) -> Figure:
    """Accuracy per epoch of each variant: mean and range over seeds, and one live run."""
    figure, axes = style.new_figure(2.6, ncols=len(curves), sharey=True)
    for ax, (name, runs), color in zip(axes, curves.items(), ("C0", "C1", "C2", "C3"), strict=True):
        values = np.array(runs)
        epochs = range(1, values.shape[1] + 1)
        ax.fill_between(epochs, values.min(0), values.max(0), color=color, alpha=0.25, linewidth=0)
        ax.plot(epochs, values.mean(0), color=color)
        ax.plot(range(1, len(live[name]) + 1), live[name], "x", color="C6", markersize=5)
        ax.axhline(0.98, color="C6", linestyle="--", linewidth=0.8)
        ax.set(title=name, xlabel="epoch", ylim=(0.9, 1.0))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylabel("test accuracy")
    axes[0].yaxis.set_major_formatter(PER_CENT)
    return figure


@styled
def final_accuracies(
    groups: Mapping[str, Curves], intervals: Mapping[str, Mapping[str, Interval]]
) -> Figure:
    """Final accuracy of every seed, with mean and interval, for each setting and variant."""
    figure, axes = style.new_figure(3.1, ncols=len(groups), sharey=True)
    for ax, (setting, variants) in zip(axes, groups.items(), strict=True):
        for place, (name, values) in enumerate(variants.items()):
            spread = np.linspace(-0.12, 0.12, len(values))  # or equal values would hide each other
            ax.plot(place - 0.12 + spread, values, ".", color=f"C{place}", alpha=0.6)
            mean, low, high = intervals[setting][name]
            error = [[mean - low], [high - mean]]
            ax.errorbar(place + 0.22, mean, error, fmt="o", color="C6", capsize=3, markersize=4)
        ax.set(title=setting, xticks=range(len(variants)), xticklabels=variants)
    axes[0].set_ylabel("test accuracy after the last epoch")
    axes[0].yaxis.set_major_formatter("{x:.1%}")
    return figure


@styled
def activation_bands(
    steps: Sequence[int], quantiles: Mapping[str, Mapping[str, np.ndarray]]
) -> Figure:
    """Quantiles 5, 25, 50, 75, 95 % of each layer's values over the steps, a row per network."""
    layers = list(next(iter(quantiles.values())))
    panels = {"nrows": len(quantiles), "ncols": len(layers), "squeeze": False}
    figure, axes = style.new_figure(4.2, sharex=True, sharey="col", **panels)
    for row, (network, by_layer) in enumerate(quantiles.items()):
        for ax, layer in zip(axes[row], layers, strict=True):
            lowest, low, middle, high, highest = by_layer[layer].T
            color = f"C{row}"
            ax.fill_between(steps, lowest, highest, color=color, alpha=0.2, linewidth=0)
            ax.fill_between(steps, low, high, color=color, alpha=0.35, linewidth=0)
            ax.plot(steps, middle, color=color)
            ax.axhline(0, color="C6", linewidth=0.6)
            ax.set_title("" if row else f"into {layer}", fontsize=9)
        axes[row][0].set_ylabel(f"{network}\nvalue")
    figure.supxlabel("step", fontsize=10)
    return figure


@styled
def accuracy_by_rate(rates: Values, study: Rates, live: Rates, survived: float) -> Figure:
    """A panel for each network: accuracy against learning rate, dots for seeds, a line for one.

    None is a run whose loss was no longer finite: a cross in a row of its own, no accuracy.
    """
    figure, axes = style.new_figure(3.4, ncols=len(study), sharey=True)
    for index, (ax, (name, seeds)) in enumerate(zip(axes, study.items(), strict=True)):
        values = np.array(seeds, dtype=float)  # None becomes NaN, which is not drawn
        aside = np.geomspace(0.9, 1.1, len(values))  # or equal values would hide each other
        places = np.outer(aside, rates)
        look = {"color": f"C{index}", "markersize": 4, "alpha": 0.5}
        ax.plot(places, values, ".", **look)
        ax.plot(places, _lost(values), "x", **look)
        line = np.array(live[name], dtype=float)
        ax.plot(rates, line, color="C6", linewidth=1.2, marker="D", markersize=3.5)
        ax.plot(rates, _lost(line), "x", color="C6", markersize=8)
        ax.axhline(survived, color="C6", linestyle="--", linewidth=1)
        ax.set(title=name, xlabel="learning rate", xscale="log", ylim=(-0.14, 1.03))
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates], rotation=45)
        ax.minorticks_off()
    ticks = np.linspace(0, 1, 6)
    axes[0].set_yticks([LOST, *ticks], ["loss not finite", *(f"{tick:.0%}" for tick in ticks)])
    axes[0].set_ylabel("training accuracy")
    return figure


def _lost(values: np.ndarray) -> np.ndarray:
    """LOST where there is no value, and none where there is one."""
    return np.where(np.isnan(values), LOST, np.nan)
