"""A figure of lesson 02 shows what it is given."""

import torch

from lenet_helpers.plots import model as plots


def test_architecture_draws_a_long_column_whole_and_longer_than_a_short_one():
    shapes = {"flatten": (400,), "linear": (10,)}
    ax = plots.architecture(torch.zeros(32, 32), shapes, [("", 0), ("", 0)]).axes[0]
    _, flatten, linear = ax.patches
    bottom, top = ax.get_ylim()
    assert linear.get_height() < flatten.get_height()
    assert bottom < flatten.get_y() < flatten.get_y() + flatten.get_height() < top
    assert {"400", "10"} <= {text.get_text() for text in ax.texts}
