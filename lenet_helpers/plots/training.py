"""Figures of lesson 03."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lenet_helpers.plots import style
from lenet_helpers.plots.style import CENTRED, Curves, Values, styled
from lenet_helpers.training import History

Numbers = Mapping[str, float]  # by name
WINDOW = 40  # batches over which the loss is averaged in figures


def smoothed(losses: Values, window: int = WINDOW) -> np.ndarray:
    """Mean of the last `window` losses at each step, of fewer at the start."""
    sums = np.insert(np.cumsum(losses, dtype=float), 0, 0.0)
    steps = np.arange(1, len(sums))
    return (sums[1:] - sums[np.maximum(steps - window, 0)]) / np.minimum(steps, window)


@styled
def cross_entropy_curve() -> Figure:
    """Loss of one sample against the probability of its right class."""
    figure, ax = style.new_figure(2.8)
    probability = np.linspace(0.01, 1, 400)
    ax.plot(probability, -np.log(probability))
    ax.plot(0.1, np.log(10), "o", color="C1")
    ax.annotate("guessing among ten:\nln 10 = 2.30", (0.1, np.log(10)), (0.17, 2.7))
    ax.set(xlabel="probability of the right class", ylabel="loss, $-\\ln p$", xlim=(0, 1.02))
    return figure


@styled
def computation_graph(
    values: Numbers, gradients: Numbers, slopes: Mapping[tuple[str, str], float]
) -> Figure:
    """One unit from x, w and b to its loss: values above the nodes, gradients below them.

    `slopes` are the local derivatives, by the two ends of their edges.
    """
    figure, ax = style.new_figure(3.2)
    places = {"x": (0, 2.3), "w": (0, 1), "b": (0, -0.3), "z": (2, 1), "h": (4, 1), "loss": (6, 1)}
    for (start, end), slope in slopes.items():
        arrow = {"arrowstyle": "->", "shrinkA": 15, "shrinkB": 15}
        ax.annotate("", places[end], places[start], arrowprops=arrow)
        middle = np.add(places[start], places[end]) / 2
        ax.text(*middle, f"{slope:.4g}", **CENTRED, bbox={"fc": "w", "ec": "none", "pad": 1})
    for name, (x, y) in places.items():
        ax.plot(x, y, "o", markersize=23, color="#d6e8f4", markeredgecolor="C6")
        ax.text(x, y, name.replace("loss", r"$\ell$"), **CENTRED, fontsize=12, style="italic")
        ax.text(x, y + 0.36, f"{values[name]:.4g}", **CENTRED, color="C0")
        ax.text(x, y - 0.36, f"{gradients[name]:.4g}", **CENTRED, color="C1")
    ax.set(xlim=(-0.6, 6.6), ylim=(-0.9, 2.9))
    ax.axis("off")
    return figure


@styled
def vanishing_gradients(panels: Mapping[str, Curves]) -> Figure:
    """Size of the gradient per layer: a panel for each network, a line for each activation.

    A size is the root mean square over the layer's weights. One logarithmic axis for all panels.
    """
    figure, axes = style.new_figure(3.1, ncols=len(panels), sharey=True, squeeze=False)
    for ax, (network, lines) in zip(axes.flat, panels.items(), strict=True):
        for (name, sizes), marker in zip(lines.items(), "os^D", strict=False):
            ax.plot(range(1, len(sizes) + 1), sizes, marker=marker, label=name)
        ax.set(xlabel="layer with weights, from the image on", title=network, yscale="log")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].set_ylabel("gradient, root mean square")
    figure.legend(*axes[0, -1].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


@styled
def step_losses(runs: Curves, floor: float | None = None) -> Figure:
    """Smoothed training loss per step, a curve for each run; `floor` is one it cannot pass."""
    figure, ax = style.new_figure(3.2)
    for name, losses in runs.items():
        ax.plot(np.arange(1, len(losses) + 1), smoothed(losses), label=name)
    if floor is not None:
        ax.axhline(floor, color="C6", linestyle="--", linewidth=1, label=f"bound {floor:.2f}")
    ax.set(xlabel="step", ylabel=f"training loss, mean of {WINDOW} batches", ylim=(0, None))
    ax.legend()
    return figure


@styled
def descent(loss: Callable[..., np.ndarray], path: np.ndarray, title: str) -> Figure:
    """Contour lines of a loss of two weights, and the steps `(n, 2)` of an optimizer over them."""
    figure, ax = style.new_figure(3.2)
    first, second = np.meshgrid(np.linspace(-5, 5, 201), np.linspace(-2, 2, 201))
    levels = np.geomspace(0.05, 50, 10)
    ax.contour(first, second, loss(first, second), levels, colors="0.7", linewidths=0.8)
    ax.plot(*path.T, color="C1", marker=".", linewidth=1)
    ax.plot(*path[0], "o", color="C0")
    ax.plot(0, 0, "*", color="C2", markersize=11)
    ax.set(xlim=(-5, 5), ylim=(-2, 2), xlabel="$w_1$", ylabel="$w_2$", title=title)
    ax.grid(False)
    return figure


@styled
def learning_rates(rates: Curves, losses: Curves) -> Figure:
    """Learning rate and smoothed loss over the steps, side by side, one curve for each run."""
    figure, (left, right) = style.new_figure(3.4, ncols=2)
    for name, values in rates.items():
        steps = np.arange(1, len(values) + 1)
        highest = f"{max(values):.5f}".rstrip("0")
        label = f"{name}: {'up to ' if min(values) < max(values) else ''}{highest}"
        left.plot(steps, values, label=label)
        right.plot(steps[: len(losses[name])], smoothed(losses[name]), label=label)
    left.set(xlabel="step", ylabel="learning rate", yscale="log", ylim=(1e-8, 0.2))
    right.set(xlabel="step", ylabel=f"training loss, mean of {WINDOW} batches", yscale="log")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


@styled
def learning_curves(history: History) -> Figure:
    """Accuracy and loss of training and validation after each epoch, side by side."""
    figure, axes = style.new_figure(2.9, ncols=2)
    epochs = history.column("epoch")
    marker = "o" if len(epochs) < 12 else ""
    for ax, what in zip(axes, ("accuracy", "loss"), strict=True):
        for name, prefix in (("training", ""), ("validation", "validation_")):
            ax.plot(epochs, history.column(f"{prefix}{what}"), marker=marker, label=name)
        ax.set(xlabel="epoch", ylabel=what)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend()
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    axes[1].set_ylim(bottom=0)
    return figure


@styled
def confusion_matrix(counts: np.ndarray) -> Figure:
    """Counts `(classes, classes)`: rows are true classes, columns the network's answers."""
    figure, ax = style.new_figure(5.4)
    mistakes = np.array(counts, dtype=float)
    np.fill_diagonal(mistakes, 0)  # or the thousand right ones would hide every mistake
    ax.imshow(mistakes, cmap="Oranges", vmax=max(mistakes.max(), 1) * 1.4)
    for (row, column), count in np.ndenumerate(np.int64(counts)):
        if count:
            ax.text(column, row, count, weight="bold" if row == column else "normal", **CENTRED)
    digits = range(len(counts))
    ax.set(xlabel="the network's answer", ylabel="true class", xticks=digits, yticks=digits)
    ax.grid(False)
    return figure
