"""The trained network that comes with the kit is what its card says."""

from __future__ import annotations

import hashlib
import re

import pytest
from renew_results import stated

from lenet_helpers.data import Batches
from lenet_helpers.errors import CourseError
from lenet_helpers.recipes import PRETRAINED, load_pretrained
from lenet_helpers.training import evaluate

CARD = (PRETRAINED / "README.md").read_text(encoding="utf-8")


def test_the_shipped_weights_reach_the_accuracy_of_their_card(mnist):
    model = load_pretrained("course")
    test = evaluate(model, Batches(mnist.test, 1000))
    # Another processor may flip a digit that lies on the border of two classes.
    assert test.accuracy == pytest.approx(0.9913, abs=0.0002)
    assert test.loss == pytest.approx(0.0241, abs=0.0001)
    validation = evaluate(model, Batches(mnist.validation, 1000))
    assert validation.accuracy == pytest.approx(0.9904, abs=0.0004)
    said = stated(CARD)
    assert (said["course.test"], said["course.validation"]) == ("99.13 %", "99.04 %")


@pytest.mark.parametrize("name", ["course", "best", "characters"])
def test_the_card_is_that_of_the_file(name):
    content = (PRETRAINED / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() in CARD


def test_the_card_says_how_the_weights_were_made():
    for word in ("course", r"\| seed \| 0 \|", "torch 2.", "MIT", "--weights"):
        assert re.search(word, CARD), word


def test_it_comes_ready_to_predict():
    model = load_pretrained()
    assert not model.training
    assert sum(p.numel() for p in model.parameters()) == 61_706


def test_a_recipe_without_shipped_weights_and_an_unknown_one_are_named():
    with pytest.raises(CourseError, match=r"quick\.safetensors"):
        load_pretrained("quick")
    with pytest.raises(CourseError, match="no recipe 'corse'"):
        load_pretrained("corse")
