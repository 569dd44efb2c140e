"""A figure of lesson 01 shows what it is given."""

import numpy as np
import pytest
import torch

from lenet_helpers.plots import data as figures
from lenet_helpers.plots import picture_grid


@pytest.fixture
def images():
    return torch.arange(6 * 28 * 28).remainder(251).reshape(6, 28, 28).to(torch.uint8)


def shown(ax):
    return torch.from_numpy(np.asarray(ax.images[0].get_array()))


def heights(bars):
    return [bar.get_height() for bar in bars]


def test_a_grid_has_each_image_under_its_title(images):
    axes = picture_grid(images, [5, 0, 4, 1, 9, 2]).axes
    assert [ax.get_title() for ax in axes] == ["5", "0", "4", "1", "9", "2", *[""] * 4]
    assert all(torch.equal(shown(ax), image) for ax, image in zip(axes, images, strict=False))
    assert not axes[6].images


def test_digits_per_class_draws_the_counts():
    train, test = figures.digits_per_class([3, 1, 2], torch.tensor([0, 4, 2])).axes
    assert heights(train.patches) == [3, 1, 2]
    assert heights(test.patches) == [0, 4, 2]
    assert train.lines[0].get_ydata()[0] == 2
    assert train.get_title() == "training files: 6"


def test_frame_goes_around_the_outermost_pixels(images):
    box = (2, 6, 3, 20)
    (ax,) = figures.boxes_and_centres(images[:1], [box], [(14.5, 13)]).axes
    assert ax.patches[0].get_bbox().extents.tolist() == [2.5, 1.5, 20.5, 6.5]
    assert ax.lines[0].get_xydata().tolist() == [[13, 14.5]]
    assert ax.get_title() == "box 5×18"


def test_frame_at_the_edge_of_an_image_is_drawn_whole(images):
    box = (0, 27, 0, 27)
    (ax,) = figures.boxes_and_centres(images[:1], [box], [(14, 14)]).axes
    assert not ax.patches[0].get_clip_on()


def test_pixel_values_marks_the_mean():
    before, after = figures.pixel_values([8, 0, 2], [0, 0.5, 1], [-0.2, 0.3, 0.8]).axes
    assert heights(after.patches) == [8, 0, 2]
    assert before.lines[0].get_xdata()[0] == pytest.approx(0.2)
    assert after.get_legend().get_texts()[0].get_text() == "mean 0.00"


def test_a_row_of_a_grid_stands_below_the_one_before_behind_its_name(images):
    words = {"fontsize": 9}
    titles = [f"a {label}" for label in torch.tensor([2, 5, 2, 5])]
    axes = picture_grid(images[:4], titles, ["above", "below"], columns=2, words=words).axes
    assert torch.equal(shown(axes[1]), images[1])
    assert torch.equal(shown(axes[3]), images[3])
    assert axes[1].get_title() == "a 5"
    assert [ax.get_ylabel() for ax in axes] == ["above", "", "below", ""]
    assert axes[2].title.get_fontsize() == axes[2].yaxis.label.get_fontsize() == 9


def test_pad_or_resize_draws_each_picture_in_its_own_size(images):
    pictures = [images[0], torch.zeros(32, 32)]
    boxes = [(6, 21, 6, 21), (6, 25, 6, 25)]
    axes = figures.pad_or_resize(pictures, ["28", "32"], boxes).axes
    assert [tuple(shown(ax).shape) for ax in axes] == [(28, 28), (32, 32)]
    assert axes[1].patches[0].get_width() == 20
