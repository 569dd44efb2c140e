"""The figures of lesson 09 show what they are given."""

from __future__ import annotations

import pytest

from lenet_helpers.plots import claims as figures


def points_of(ax, marker: str) -> list[tuple]:
    """Coordinates of the lines that are drawn with that marker."""
    return [
        tuple(map(float, (*line.get_xdata(), line.get_ydata()[0])))
        for line in ax.lines
        if line.get_marker() == marker and len(line.get_xdata())
    ]


def test_each_claim_has_its_seeds_interval_and_published_number():
    rows = [
        ("rounded", [0.97, 0.98], (0.975, 0.96, 0.99), (0.9795, 0.9805)),
        ("range", [0.99, 0.99], (0.99, 0.985, 0.995), (0.95, 1.0)),
    ]
    (ax,) = figures.claimed_accuracies(rows).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["rounded", "range"]
    assert points_of(ax, ".") == [(0.97, 0.98, 0), (0.99, 0.99, -1)]
    assert points_of(ax, "D") == [pytest.approx((0.98, -0.25))]  # a wide range has no middle
    spans = points_of(ax, "None")
    assert (0.96, 0.99, 0) in spans
    assert (0.95, 1.0, -1.25) in spans


def test_slips_are_drawn_in_points_with_their_mean():
    (ax,) = figures.slips({"flips": [-0.01, -0.02]}, {"flips": (-0.015, -0.03, 0.0)}).axes
    assert points_of(ax, ".") == [pytest.approx((-1, -2, 0))]
    assert points_of(ax, "o") == [pytest.approx((-1.5, -0.25))]


def test_each_digit_has_its_seeds_and_their_mean():
    (ax,) = figures.flip_by_class([[-0.01, -0.03], [0.0, 0.02]]).axes
    assert points_of(ax, "_") == [pytest.approx((0, -2)), pytest.approx((1, 1))]


def test_batches_are_counted_by_their_accuracy():
    (ax,) = figures.batch_accuracies({3: 5, 4: 7}, {3: 4.5, 4: 7.5}, 4, 0.9).axes
    bars = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in ax.patches}
    assert bars == pytest.approx({0.75: 5, 1.0: 7})
    assert ax.lines[0].get_ydata().tolist() == [4.5, 7.5]
