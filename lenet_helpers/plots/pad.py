"""The figure of lesson 06 that shows what the live view shows."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lenet_helpers.plots.captions import FigureText
from lenet_helpers.plots.feature_maps import MAPS, headline, strip
from lenet_helpers.plots.style import draw_picture, new_figure, styled

FIGURES = {
    "06_live": FigureText(
        "What the live view shows: one digit in all parts of the network.",
        "A prepared digit beside ten bars of probability, one of them near 100 per cent. Below it "
        "six maps in which the digit can be read, sixteen small maps with spots, and a strip of "
        "84 units, most of them black.",
    ),
}


@styled
def live(
    image: np.ndarray,
    conv1: np.ndarray,
    conv2: np.ndarray,
    units: np.ndarray,
    probabilities: np.ndarray,
) -> Figure:
    """What `watch` gives: image and probabilities above, then maps and units, as in the view."""
    heights = [2.0, 1.35, 1.75, 0.35]
    figure, axes = new_figure(5.6, nrows=4, ncols=2, width_ratios=[1, 3], height_ratios=heights)
    headline(axes[0, 0], "prepared, 28×28")
    draw_picture(axes[0, 0], image, vmin=0, vmax=1)
    bars, digit = axes[0, 1], probabilities.argmax()
    colours = ["C1" if label == digit else "C0" for label in range(len(probabilities))]
    bars.bar(range(len(probabilities)), 100 * probabilities, color=colours)
    bars.set(xticks=range(len(probabilities)), ylim=(0, 105), ylabel="probability (%)")
    bars.grid(axis="x", visible=False)
    first, second, last = (_joined(figure, row) for row in axes[1:])
    strip(first, "convolution 1 + ReLU", conv1, 6)
    strip(second, "convolution 2 + ReLU", conv2, 8)
    headline(last, f"linear 2 + ReLU: {len(units)} units")
    draw_picture(last, units[np.newaxis], cmap=MAPS, aspect="auto", vmin=0)
    return figure


def _joined(figure: Figure, row: np.ndarray) -> Axes:
    """One pair of axes in the place of all in `row`."""
    place = row[0].get_subplotspec()
    for ax in row:
        ax.remove()
    return figure.add_subplot(place.get_gridspec()[place.rowspan.start, :])
