"""Figures of lesson 03."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lenet_helpers.plots import style
from lenet_helpers.plots.style import Values, styled

if TYPE_CHECKING:
    from lenet_helpers.training import History

WINDOW = 40  # batches over which the loss is averaged in figures


def smoothed(losses: Values, window: int = WINDOW) -> np.ndarray:
    """Mean of the last `window` losses at each step, of fewer at the start."""
    sums = np.cumsum(np.insert(np.asarray(losses, dtype=float), 0, 0.0))
    last = np.arange(1, len(sums))
    first = np.maximum(last - window, 0)
    return (sums[last] - sums[first]) / (last - first)


@styled
def cross_entropy_curve() -> Figure:
    """Loss of one sample against the probability of its right class."""
    figure, ax = style.new_figure(2.8)
    probability = np.linspace(0.01, 1, 400)
    ax.plot(probability, -np.log(probability))
    ax.plot(0.1, math.log(10), "o", color="C1")
    ax.annotate("guessing among ten:\nln 10 = 2.30", (0.1, math.log(10)), (0.17, 2.7))
    ax.set(xlabel="probability of the right class", ylabel="loss, $-\\ln p$", xlim=(0, 1.02))
    return figure


@styled
def step_losses(
    runs: Mapping[str, Values], *, floor: float | None = None, logarithmic: bool = False
) -> Figure:
    """Smoothed training loss per step, one curve for each run; a single run is shown raw too.

    `floor` draws a dashed line at a loss that cannot be passed.
    """
    figure, ax = style.new_figure(3.2)
    for name, losses in runs.items():
        steps = np.arange(1, len(losses) + 1)
        if len(runs) == 1:
            ax.plot(steps, losses, color="C0", alpha=0.3, linewidth=0.5, label="each batch")
            name = f"mean of {WINDOW} batches"
        ax.plot(steps, smoothed(losses), label=name)
    if floor is not None:
        ax.axhline(floor, color="C6", linestyle="--", linewidth=1, label=f"bound {floor:.2f}")
    ylabel = "training loss" if len(runs) == 1 else f"training loss, mean of {WINDOW} batches"
    ax.set(xlabel="step", ylabel=ylabel, yscale="log" if logarithmic else "linear")
    if not logarithmic:
        ax.set_ylim(bottom=0)
    ax.legend()
    return figure


@styled
def learning_rates(rates: Mapping[str, Values], losses: Mapping[str, Values]) -> Figure:
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
    figure, (left, right) = style.new_figure(2.9, ncols=2)
    epochs = history.column("epoch")
    marker = "o" if len(epochs) < 12 else ""
    for name, prefix in (("training", ""), ("validation", "validation_")):
        left.plot(epochs, history.column(f"{prefix}accuracy"), marker=marker, label=name)
        right.plot(epochs, history.column(f"{prefix}loss"), marker=marker, label=name)
    left.set(xlabel="epoch", ylabel="accuracy")
    left.yaxis.set_major_formatter(PercentFormatter(1))
    right.set(xlabel="epoch", ylabel="loss")
    right.set_ylim(bottom=0)
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend()
    return figure


@styled
def confusion_matrix(counts: np.ndarray) -> Figure:
    """Counts `(classes, classes)`: rows are true classes, columns the network's answers."""
    figure, ax = style.new_figure(5.4)
    mistakes = np.array(counts, dtype=float)
    np.fill_diagonal(mistakes, 0)  # or the thousand right ones would hide every mistake
    ax.imshow(mistakes, cmap="Oranges", vmax=max(mistakes.max(), 1) * 1.4)
    for row, column in np.ndindex(mistakes.shape):
        if counts[row][column]:
            weight = "bold" if row == column else "normal"
            ax.text(column, row, int(counts[row][column]), ha="center", va="center", weight=weight)
    digits = range(len(counts))
    ax.set(xlabel="the network's answer", ylabel="true class", xticks=digits, yticks=digits)
    ax.grid(False)
    return figure


@styled
def mistakes(
    images: torch.Tensor, labels: Sequence[int], answers: Sequence[int], sure: Values
) -> Figure:
    """Images `(n, 1, height, width)` with true class, answer and its probability; six a row."""
    words = zip(labels, answers, sure, strict=True)
    titles = [f"{label}, read as {answer}\n({value:.1%})" for label, answer, value in words]
    return style.picture_grid(1.55, 6, images[:, 0], titles, words={"fontsize": 9})
