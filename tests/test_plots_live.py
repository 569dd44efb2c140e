"""A figure that the reader moves."""

from __future__ import annotations

from lenet_helpers.plots import FIGURES, live
from lenet_helpers.plots import training as plots


def test_a_figure_is_drawn_at_once_and_again_when_a_control_moves():
    drawn = []

    def draw(rate, momentum=0.9):
        drawn.append((rate, momentum))
        return plots.cross_entropy_curve()

    figure = live(draw, "03_cross_entropy", rate=(0.0, 1.0, 0.25), momentum=[0.0, 0.9])
    rate, momentum, picture = figure.children
    rate.value = 0.75
    momentum.value = 0.0
    assert drawn == [(0.5, 0.9), (0.75, 0.9), (0.75, 0.0)]
    assert [rate.description, momentum.description] == ["rate", "momentum"]
    assert FIGURES["03_cross_entropy"].alternative_text in picture.value
    assert "data:image/png;base64,iVBOR" in picture.value


def test_without_a_kernel_it_says_what_it_is():
    figure = live(plots.cross_entropy_curve, "03_cross_entropy")
    words = figure._repr_mimebundle_()["text/plain"]
    assert words.startswith("A figure to move")
    assert len(words) < 110  # ipywidgets cuts what is longer
