"""README, docs and the model cards say what the files say."""

from __future__ import annotations

import re

import pytest
from renew_results import (
    TEXTS,
    renewed,
    stated,
    study_values,
    weights_values,
)

from lenet_helpers.errors import CourseError


@pytest.fixture(scope="module")
def all_stated() -> dict[str, str]:
    """Every marked value, by name; one that two texts state differently is an error."""
    found: dict[str, str] = {}
    for path in TEXTS:
        for name, value in stated(path.read_text(encoding="utf-8")).items():
            assert found.setdefault(name, value) == value, name
    return found


def test_a_marked_value_is_renewed_and_the_rest_of_a_text_stays():
    text = "About <!-- a -->1 %<!-- / --> of <!-- b -->2<!-- / --> images, and 1 % more."
    assert stated(text) == {"a": "1 %", "b": "2"}
    expected = "About <!-- a -->3 %<!-- / --> of <!-- b -->2<!-- / --> images, and 1 % more."
    assert renewed(text, {"a": "3 %", "b": "2", "unused": "4"}) == expected


def test_a_mark_that_nothing_is_measured_for_is_refused():
    with pytest.raises(CourseError, match=r"under the name best\.maen"):
        renewed("<!-- best.maen -->99 %<!-- / -->", {"best.mean": "99 %"})


def test_what_is_said_of_a_study_is_what_its_file_says(all_stated):
    values = study_values()
    assert {name: all_stated[name] for name in values} == values


def test_what_is_said_of_a_network_is_what_it_does(all_stated, mnist):
    for name, value in weights_values(mnist).items():
        if name not in all_stated:
            continue
        if name.endswith("sha256"):
            assert all_stated[name] == value
        else:  # another processor may flip an image that lies between two classes
            number, ours = (float(re.sub("[ %]", "", text)) for text in (all_stated[name], value))
            near = 0.0005 if "loss" in name else 0.05
            assert ours == pytest.approx(number, abs=near), name


def test_each_text_with_measured_values_is_marked(all_stated):
    assert {"claims", "best.mean", "lenet-1998.mean", "course.test", "characters.test"} <= set(
        all_stated
    )
