"""Printed lines are taken out of the ink, the strokes of the pen stay."""

from __future__ import annotations

import time
from contextlib import suppress

import numpy as np
import pytest
import scenes
from scipy import ndimage

from lenet_helpers.data import read_splits
from lenet_helpers.errors import CourseError
from lenet_helpers.reading.grammar import NUMBER
from lenet_helpers.reading.ink import find_ink
from lenet_helpers.reading.prediction import predict
from lenet_helpers.reading.reader import read
from lenet_helpers.recipes import load_pretrained


def bars(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (240, 240)) -> np.ndarray:
    """A white page with black bars, each from top, left to bottom, right."""
    page = np.full(shape, 255, np.uint8)
    for top, left, bottom, right in boxes:
        page[top:bottom, left:right] = 0
    return page


def with_rules(
    page: np.ndarray, level: int = 110, step: int = 45, thick: int = 4, squared: bool = False,
    degrees: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """The page with printed lines of this grey level under what is written."""
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    slope = np.tan(np.radians(degrees))
    printed = (y + 20 + slope * x) % step < thick
    if squared:
        printed |= (x + 20 - slope * y) % step < thick
    return np.where(printed, np.minimum(page, level), page).astype(np.uint8)


def mask_of(page: np.ndarray) -> np.ndarray:
    return find_ink(page / np.float32(255)).mask


def differs(page: np.ndarray, other: np.ndarray) -> float:
    """Share of the ink on one page that is not on the other, or the other way round."""
    one, two = mask_of(page), mask_of(other)
    return float((one ^ two).sum() / one.sum())


@pytest.fixture(scope="module")
def page(mnist_test) -> np.ndarray:
    """A three, black on white."""
    large = ndimage.zoom(np.pad(mnist_test[0][18], 6) / 255, 6, order=3)
    return np.where(large > 0.5, 0, 255).astype(np.uint8)


# ---- what goes ----


@pytest.mark.parametrize("level", [0, 60, 110, 170])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("degrees", [-4, 0, 3])
def test_the_ink_is_as_on_plain_paper_whether_lines_are_paler_or_as_dark(
    page, level, squared, degrees
):
    most = 0.12 if level else 0.2  # black lines take the edges of strokes that run along them
    assert differs(page, with_rules(page, level, squared=squared, degrees=degrees)) < most


@pytest.mark.parametrize(("thick", "step"), [(1, 25), (2, 60), (6, 60), (4, 200)])
def test_thickness_and_distance_of_the_lines_do_not_matter(page, thick, step):
    assert differs(page, with_rules(page, thick=thick, step=step)) < 0.12


def test_white_lines_on_a_blackboard_go_too(page):
    assert differs(page, 255 - with_rules(page)) < 0.12


def test_lines_that_run_together_go_too(page):
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    fan = y + (y / page.shape[0] - 0.5) * 0.06 * (x - page.shape[1] / 2)
    ruled = np.where(fan % 60 < 4, np.minimum(page, 110), page).astype(np.uint8)
    assert differs(page, ruled) < 0.12


@pytest.mark.parametrize(("name", "least"), [("ruled", 0.85), ("squared", 0.85)])
def test_strangers_digits_on_printed_lines_are_read(mnist_raw, name, least):
    train = read_splits(mnist_raw.parents[1], validation_size=0).train
    pictures = scenes.draw(name, 20, train.images.numpy(), train.labels.numpy(), seed=3)
    right = 0
    for picture, truth in pictures:
        with suppress(CourseError):
            right += str(predict(load_pretrained(), picture).digit.item()) == truth
    assert right >= least * len(pictures)


@pytest.mark.parametrize("squared", [False, True])
def test_a_number_on_printed_lines_is_read(mnist_test, squared):
    images, _ = mnist_test
    row = np.concatenate([images[number] for number in (3, 2, 1, 18)], axis=1)  # 0 1 2 3
    large = ndimage.zoom(np.pad(row, 8) / 255, 5, order=3)
    number = np.where(large > 0.5, 0, 255).astype(np.uint8)
    ruled = with_rules(number, squared=squared, degrees=2)
    assert read(load_pretrained("characters"), ruled, NUMBER).text == "0123"


# ---- what stays ----


@pytest.mark.parametrize(
    "symbol",
    [
        bars((0, 14, 120, 22), shape=(120, 36)),  # 1, cropped to its height
        bars((10, 0, 22, 120), shape=(32, 120)),  # -
        bars((10, 0, 18, 80), (40, 0, 48, 80), shape=(58, 80)),  # =
        bars((0, 46, 100, 54), (46, 0, 54, 100), shape=(100, 100)),  # +
        bars((0, 0, 12, 100), (0, 70, 160, 82), shape=(160, 100)),  # 7
        bars((60, 10, 70, 230), (20, 100, 50, 140), (80, 100, 110, 140)),  # a fraction
    ],
    ids=["1", "minus", "equals", "plus", "7", "fraction"],
)
def test_straight_strokes_stay_also_where_a_crop_cuts_them(symbol):
    expected = symbol < 128
    assert (mask_of(symbol) & expected).sum() > 0.95 * expected.sum()


def test_a_bar_between_printed_lines_stays():
    bar = bars((110, 60, 122, 180))
    assert differs(bar, with_rules(bar)) < 0.12


def test_a_picture_without_lines_costs_nothing_to_speak_of(page):
    from lenet_helpers.reading.rules import remove_rules

    ink = find_ink(np.kron(page, np.ones((3, 3))) / np.float32(255))
    start = time.perf_counter()
    assert remove_rules(ink) is ink
    assert time.perf_counter() - start < 0.01


# ---- what is refused ----


@pytest.mark.parametrize("squared", [False, True])
def test_printed_lines_with_nothing_written_are_refused(squared):
    with pytest.raises(CourseError, match="printed lines"):
        mask_of(with_rules(bars(), squared=squared, degrees=2))
