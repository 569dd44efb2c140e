"""Figures of lesson 03 show what they are given."""

import numpy as np

from lenet_helpers.plots import training as plots


def test_learning_rates_names_each_rate_and_the_highest_of_a_schedule():
    rates = {"small": [0.00002] * 3, "one-cycle": [0.001, 0.005, 0.0001]}
    losses = {"small": [2.3, 2.2, 2.1], "one-cycle": [2.3, 1.0, 0.5]}
    figure = plots.learning_rates(rates, losses)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["small: 0.00002", "one-cycle: up to 0.005"]


def test_learning_rates_draws_no_loss_of_a_training_that_broke_off():
    rates = {"usual": [0.001] * 3, "too large": [50.0] * 3}
    _, right = plots.learning_rates(rates, {"usual": [2.3, 2.0, 1.0], "too large": []}).axes
    usual, too_large = right.lines
    assert usual.get_xdata().tolist() == [1, 2, 3]
    assert too_large.get_xdata().tolist() == []


def test_smoothed_is_the_mean_of_the_last_losses_of_fewer_at_the_start():
    assert plots.smoothed([4.0, 2.0, 0.0, 6.0], window=2).tolist() == [4.0, 3.0, 1.0, 3.0]


def test_the_computation_graph_shows_each_value_each_gradient_and_each_slope():
    names = ("x", "w", "b", "z", "h", "loss")
    values = dict(zip(names, (2, -1, 1, -3, 0.25, 1.5), strict=True))
    gradients = dict(zip(names, (11, 12, 13, 14, 15, 16), strict=True))
    slopes = {("w", "z"): 0.5, ("z", "h"): 0.125}
    ax = plots.computation_graph(values, gradients, slopes).axes[0]
    words = [text.get_text() for text in ax.texts]
    assert {f"{number:.4g}" for number in (*values.values(), *gradients.values())} <= set(words)
    assert {"0.5", "0.125"} <= set(words)


def test_descent_draws_every_step_of_the_path():
    path = [[-4.0, 1.0], [-2.0, 0.5], [-1.0, 0.25]]
    ax = plots.descent(lambda a, b: a**2 + b**2, np.array(path), "title").axes[0]
    assert ax.lines[0].get_xydata().tolist() == path
