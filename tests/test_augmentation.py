"""Training images changed at random."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lenet_helpers.augmentation import vary
from lenet_helpers.data import Batches, Split
from lenet_helpers.recipes import load_pretrained
from lenet_helpers.training import evaluate


def test_varied_images_are_others_each_time_and_the_seed_decides(mnist):
    images = mnist.test.images[:50]
    torch.manual_seed(0)
    one, other = vary(images), vary(images)
    torch.manual_seed(0)
    assert torch.equal(vary(images), one)
    assert not torch.equal(one, other)
    assert one.shape == images.shape


@pytest.mark.parametrize("name", ["best", "characters"])
def test_varied_digits_are_still_read_by_what_learned_from_such(mnist, name):
    torch.manual_seed(0)
    split = Split(vary(mnist.test.images[:2000]), mnist.test.labels[:2000])
    assert evaluate(load_pretrained(name), Batches(split, 1000)).accuracy > 0.94


def bends(edges: torch.Tensor) -> float:
    """How many pixels an upright edge leaves the straight line nearest to it, at most."""
    places = edges[:, 0, 16:48].sum(dim=2).double().numpy()  # in each row, from the right
    rows = np.arange(places.shape[1])
    lines = [np.polyval(np.polyfit(rows, edge, 1), rows) for edge in places]
    return np.abs(places - lines).max()


def test_a_straight_edge_stays_straight_unless_it_is_bent():
    edges = torch.zeros(20, 1, 64, 64)
    edges[..., 32:] = 1
    torch.manual_seed(0)
    assert bends(vary(edges, bent=0.0)) < 0.1
    torch.manual_seed(0)
    assert bends(vary(edges)) > 1
