"""Figures of lesson 04: what they draw is what they are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from lenet_helpers.plots import bn_dropout as figures


def heights(ax: Axes, marker: str) -> list[float]:
    """Of all that is drawn with that marker, in order of size."""
    drawn = [np.ravel(line.get_ydata()) for line in ax.lines if line.get_marker() == marker]
    values = np.concatenate(drawn)
    return sorted(values[np.isfinite(values)])


def test_a_lost_run_is_drawn_below_zero_and_not_as_an_accuracy():
    study = {"none": [[0.9, None], [0.8, 0.1]], "batch norm": [[0.9, 0.9], [0.9, 0.9]]}
    live = {"none": [0.7, None], "batch norm": [0.9, 0.9]}
    left, right = figures.accuracy_by_rate((0.1, 0.2), study, live, 0.3).axes
    assert heights(left, ".") == [0.1, 0.8, 0.9]
    assert heights(left, "x") == [figures.LOST, figures.LOST]  # one of the study, one live
    assert figures.LOST < 0
    assert heights(right, "x") == []


def test_batch_norm_is_drawn_with_mean_deviation_and_middle_90_per_cent():
    before = torch.arange(101.0).repeat(2, 1).reshape(1, 2, 1, 101)  # 0 to 100 in both maps
    after = before / 100
    left, right = figures.batch_norm_spread(before, after).axes
    for ax, scale in ((left, 1), (right, 0.01)):
        thin, thick = (c.get_segments() for c in ax.collections)
        assert np.ravel(thin)[[1, 3]] == pytest.approx([5 * scale, 95 * scale])
        assert heights(ax, "o") == pytest.approx([50 * scale] * 2)
        deviation = np.sqrt((101**2 - 1) / 12)  # of 0, 1, … 100
        assert np.ptp(np.array(thick)[0, :, 1]) == pytest.approx(2 * deviation * scale, rel=1e-3)


def test_a_row_of_activations_is_named_after_its_network():
    bands = {"without": {"layer": np.zeros((2, 5))}, "with": {"layer": np.ones((2, 5))}}
    axes = figures.activation_bands(range(2), bands).axes
    assert [ax.get_ylabel() for ax in axes] == ["without\nvalue", "with\nvalue"]


def test_a_study_whose_interval_misses_zero_is_counted_and_orange():
    intervals = [(1.0, 0.5, 1.5), (0.2, -0.1, 0.5), (-1.0, -1.5, -0.5)]
    ax = figures.repeated_studies(intervals, 1.0).axes[0]
    assert "2 of 3" in ax.get_title()
    seen, unseen = (collection.get_segments() for collection in ax.collections)
    assert [len(seen), len(unseen)] == [2, 1]
