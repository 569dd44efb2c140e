"""A figure that the reader moves."""

from __future__ import annotations

from lenet_helpers.plots import FIGURES, live
from lenet_helpers.plots import training as plots

NAME = "03_cross_entropy"


def test_a_figure_is_drawn_at_once_and_again_when_a_control_moves():
    drawn = []

    def draw(rate, momentum):
        drawn.append((rate, momentum))
        return plots.cross_entropy_curve()

    figure = live(draw, NAME, rate=(0.0, 1.0, 0.25), momentum=[0.0, 0.9])
    rate, momentum, picture = figure.children
    assert picture.value.startswith('<img src="data:image/png;base64,iVBOR')
    assert FIGURES[NAME].alternative_text[:40] in picture.value
    picture.value = ""
    rate.value = 0.75
    assert picture.value
    momentum.value = 0.9
    assert drawn == [(0.5, 0.0), (0.75, 0.0), (0.75, 0.9)]


def test_without_a_kernel_it_says_what_it_is():
    words = live(plots.cross_entropy_curve, NAME)._repr_mimebundle_()["text/plain"]
    assert words.startswith("A figure to move")
    assert len(words) < 110  # ipywidgets cuts what is longer
