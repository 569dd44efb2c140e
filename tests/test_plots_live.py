"""A figure that the reader moves."""

from __future__ import annotations

from lenet_helpers.plots import live, style
from lenet_helpers.plots import training as plots


def test_a_figure_is_drawn_at_once_and_again_when_a_control_moves(monkeypatch):
    drawn, shown = [], []
    monkeypatch.setattr(style, "display", lambda bundle, **_: shown.append(bundle))

    def draw(rate, momentum):
        drawn.append((rate, momentum))
        return plots.cross_entropy_curve()

    figure = live(draw, "03_cross_entropy", rate=(0.0, 1.0, 0.25), momentum=[0.0, 0.9])
    rate, momentum = figure.children[:2]
    rate.value = 0.75
    momentum.value = 0.9
    assert drawn == [(0.5, 0.0), (0.75, 0.0), (0.75, 0.9)]
    assert len(shown) == 3


def test_without_a_kernel_it_says_what_it_is(monkeypatch):
    monkeypatch.setattr(style, "display", lambda *_, **__: None)
    figure = live(plots.cross_entropy_curve, "03_cross_entropy")
    words = figure._repr_mimebundle_()["text/plain"]
    assert words.startswith("A figure to move")
    assert len(words) < 110  # ipywidgets cuts what is longer
