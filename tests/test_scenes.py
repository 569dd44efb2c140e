"""Strangers' pictures of each kind are read or refused, and seldom wrong with confidence.

The bounds lie below what `make read` prints over more pictures.
"""

from __future__ import annotations

import pytest
import scenes

from lenet_helpers.data import read_splits
from lenet_helpers.errors import CourseError
from lenet_helpers.reading.reader import read_one
from lenet_helpers.recipes import load_pretrained

COUNT = 24
SLOW = {"small": 6, "desk": 12, "plain": 12}  # fewer where a picture takes long
LEAST = {"plain": 0.9, "tight": 0.8, "desk": 0.75, "tiny": 0.75, "faint": 0.8, "ruled": 0.8}
LEAST |= {"squared": 0.8, "small": 0.7}


@pytest.fixture(scope="module")
def answer(data_dir):
    """What is read in pictures of a scene: text, truth, and whether it is sure."""
    network, train = load_pretrained("characters"), read_splits(data_dir).train

    def answers(name: str, count: int) -> list[tuple[str, str, bool]]:
        read = []
        for picture, truth in scenes.draw(name, count, train.images.numpy(), train.labels.numpy()):
            try:
                reading = read_one(network, picture)
                read.append((reading.text, truth, reading.sure))
            except CourseError:
                read.append(("", truth, False))
        return read

    return answers


@pytest.mark.parametrize("name", LEAST)
def test_a_digit_is_read_wherever_it_stands(answer, name):
    read = answer(name, SLOW.get(name, COUNT))
    right = sum(text == truth for text, truth, _ in read)
    sure_and_wrong = sum(sure and text != truth for text, truth, sure in read)
    assert right >= LEAST[name] * len(read)
    assert sure_and_wrong <= 2


@pytest.mark.parametrize("name", ["several", "scribble"])
def test_what_is_not_one_digit_is_seldom_sure(answer, name):
    assert sum(sure for _, _, sure in answer(name, COUNT)) <= 3
