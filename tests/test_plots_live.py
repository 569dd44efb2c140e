"""A figure that the reader moves."""

from __future__ import annotations

import ipywidgets
import numpy as np

from lenet_helpers.plots import FIGURES, live
from lenet_helpers.plots import training as plots


def test_a_figure_is_drawn_at_once_and_again_when_a_control_moves():
    drawn = []

    def draw(rate, momentum):
        drawn.append((rate, momentum))
        return plots.cross_entropy_curve()

    figure = live(draw, "03_cross_entropy", rate=(0.0, 1.0, 0.25), momentum=[0.0, 0.9])
    rate, momentum = figure.children[:2]
    rate.value = 0.75
    momentum.value = 0.9
    assert drawn == [(0.5, 0.0), (0.75, 0.0), (0.75, 0.9)]
    assert (rate.description, momentum.description) == ("rate", "momentum")


def test_it_shows_the_figure_that_was_drawn_last_with_its_words():
    figure = live(
        lambda height: plots.descent(lambda a, b: a**2 + b**2, np.ones((2, 2)), f"{height}"),
        "03_descent",
        height=(1, 3, 1),
    )
    height, picture = figure.children
    before = picture.value
    height.value = 3
    assert before != picture.value
    assert picture.value.startswith('<img src="data:image/png;base64,iVBOR')
    assert FIGURES["03_descent"].alternative_text in picture.value


def test_no_output_widget_answers_the_kernel():
    # nbclient, which runs a notebook without a browser, stops for ever now and then if one does
    figure = live(plots.cross_entropy_curve, "03_cross_entropy")
    assert not any(isinstance(child, ipywidgets.Output) for child in figure.children)


def test_without_a_kernel_it_says_what_it_is():
    figure = live(plots.cross_entropy_curve, "03_cross_entropy")
    words = figure._repr_mimebundle_()["text/plain"]
    assert words.startswith("A figure to move")
    assert len(words) < 110  # ipywidgets cuts what is longer
