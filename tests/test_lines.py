"""One line of handwriting is found, levelled and cut into its connected parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.reading.digit import prepare_digit
from lenet_helpers.reading.ink import NoInkError
from lenet_helpers.reading.lines import find_line, prepare_part, tilt, typical
from lenet_helpers.reading.parts import find_parts, join_parts, pen_width

some = settings(max_examples=8, deadline=None)


def page(boxes, shape=(200, 600), tool="rectangle") -> np.ndarray:
    """White paper with black shapes: left, top, right, bottom of each, the last pixel included."""
    picture = Image.new("L", shape[::-1], 255)
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        if tool == "ring":
            draw.ellipse(box, outline=0, width=6)
        else:
            draw.rectangle(box, fill=0)
    return np.array(picture)


def rings(count: int, shape=(200, 900), drift: int = 0) -> np.ndarray:
    """A row of zeros, each 60 high and 40 wide; each stands `drift` pixels below the last."""
    middle = shape[0] / 2 - drift * (count - 1) / 2
    tops = [round(middle + drift * k) - 30 for k in range(count)]
    return page(
        [(60 + 70 * k, top, 99 + 70 * k, top + 59) for k, top in enumerate(tops)], shape, "ring"
    )


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    return ndimage.rotate(picture, degrees, order=1, cval=255)


# ---- the parts ----


def test_the_parts_stand_from_left_to_right_with_their_boxes():
    line = find_line(rings(5))
    assert len(line.parts) == 5
    for number, part in enumerate(line.parts):
        assert (
            np.abs(np.subtract(part.box, (70, 60 + 70 * number, 130, 100 + 70 * number))).max() <= 1
        )
        assert part.mask.shape == (part.height, part.width)
        np.testing.assert_array_equal(
            part.mask, line.mask[part.box[0] : part.box[2], part.box[1] : part.box[3]]
        )
    assert line.angle == 0
    assert abs(line.height - 60) <= 2
    assert abs(line.pen - 6) <= 1


@pytest.mark.parametrize("shape", [(1, 300), (3, 3000), (3000, 1)])
def test_in_a_picture_that_is_a_thin_strip_nothing_is_written(shape):
    picture = np.full(shape, 255, np.uint8)
    picture.reshape(-1)[picture.size // 2 : picture.size * 11 // 20] = 10
    with pytest.raises(NoInkError, match="only specks"):
        find_line(picture)


def test_dots_as_thick_as_the_pen_stay_and_specks_go():
    with_dots = rings(4)
    with_dots[124:130, 106:112] = 0  # a decimal point, 6×6, as thick as the pen
    with_dots[30:32, 300:302] = with_dots[160:162, 500:503] = 0
    line = find_line(with_dots)
    assert [part.height > 20 for part in line.parts] == [True, False, True, True, True]


def test_pieces_of_other_lines_at_the_border_go():
    cut = rings(5)
    cut[:20] = rings(5)[100:120]
    cut[-15:] = rings(5)[70:85]
    assert len(find_line(cut).parts) == 5


def test_pieces_of_other_lines_go_also_when_the_line_is_tilted():
    falling = rings(12, (260, 960), drift=4)
    falling[-12:] = rings(12, (260, 960))[100:112]
    line = find_line(falling)
    assert line.angle != 0
    assert len(line.parts) == 12


def test_a_picture_cropped_to_the_line_keeps_what_touches_its_border():
    assert len(find_line(rings(5)[70:130]).parts) == 5


def test_joined_parts_have_the_ink_of_both():
    mask = np.zeros((20, 30), dtype=bool)
    mask[2:6, 3:9] = mask[10:18, 5:25] = True
    both = join_parts(find_parts(mask))
    assert both.box == (2, 3, 18, 25)
    np.testing.assert_array_equal(both.mask, mask[2:18, 3:25])


def test_a_part_is_prepared_as_a_picture_of_it_would_be():
    photo = Image.open(next(photos.PICTURES.glob("5_*.jpg")))
    line = find_line(photo)
    image = prepare_part(line, join_parts(line.parts))
    assert image.shape == (1, 1, 32, 32)
    assert (image - prepare_digit(photo).tensor).abs().mean() < 0.02


@some
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 6)), min_size=1, max_size=9))
def test_typical_is_the_median_of_each_value_repeated_as_often_as_it_weighs(pairs):
    values, weights = (np.array(column) for column in zip(*pairs, strict=True))
    repeated = np.sort(np.repeat(values, weights))
    assert typical(values, weights) == repeated[(len(repeated) - 1) // 2]


@some
@given(width=st.integers(2, 12))
def test_the_pen_is_as_wide_as_a_bar_it_drew(width):
    mask = np.zeros((60, 200), dtype=bool)
    mask[20 : 20 + width, 10:190] = True
    assert abs(pen_width(mask) - width) <= 1


# ---- tilt ----


@pytest.mark.parametrize("degrees", [-14, -6, 6, 14])
def test_the_tilt_of_a_line_is_undone(degrees):
    line = find_line(turned(rings(10), degrees))
    assert abs(line.angle + degrees) < 1
    tops = [part.box[0] for part in line.parts]
    assert len(tops) == 10
    assert np.ptp(tops) <= 4


def test_tilt_is_the_arc_tangent_of_the_drift_and_one_digit_astray_does_not_matter():
    level, falling = (find_parts(rings(9, (300, 900), drift) == 0) for drift in (0, 7))
    assert tilt(level) == 0
    expected = np.degrees(np.arctan(7 / 70))
    assert tilt(falling) == pytest.approx(expected, abs=0.3)
    astray = rings(9, (300, 900), 7)
    astray[:, 340:400] = np.roll(astray[:, 340:400], -90, axis=0)
    assert tilt(find_parts(astray == 0)) == pytest.approx(expected, abs=1)


def test_a_single_leaning_stroke_is_not_turned():
    slash = Image.new("L", (100, 200), 255)
    ImageDraw.Draw(slash).line((70, 30, 30, 170), fill=0, width=8)
    assert find_line(slash).angle == 0


# ---- what is refused ----


def test_several_lines_are_refused_also_when_tilted():
    two = np.concatenate([rings(6)[50:150], rings(4)[50:150]])
    for picture in (two, turned(two, 6)):
        with pytest.raises(CourseError, match="several lines"):
            find_line(picture)


def test_a_bar_above_a_bar_is_one_line():
    assert len(find_line(page([(60, 80, 130, 86), (60, 110, 130, 116)])).parts) == 2


@pytest.mark.parametrize("degrees", [0, 3])
@pytest.mark.parametrize("squared", [False, True])
def test_the_lines_of_ruled_and_squared_paper_are_no_parts(squared, degrees):
    rules = np.full((400, 1100), 255)
    rules[::50] = rules[1::50] = 40
    if squared:
        rules[:, ::50] = rules[:, 1::50] = 40
    rules = turned(rules, degrees)
    written = np.pad(rings(8), 150, constant_values=255)[: rules.shape[0], : rules.shape[1]]
    rules[: written.shape[0], : written.shape[1]] = np.minimum(
        written, rules[: written.shape[0], : written.shape[1]]
    )
    parts = find_line(rules.astype(np.uint8)).parts
    assert sum(part.height > 50 for part in parts) == 8


def test_faint_rules_far_paler_than_the_ink_do_not_matter():
    faint = rings(8)
    faint[::30] = np.minimum(faint[::30], 220)
    assert len(find_line(faint).parts) == 8


@pytest.mark.parametrize("paper", photos.PAPERS, ids=lambda paper: paper.name)
def test_blank_paper_has_nothing_written(paper):
    for seed in range(3):
        blank = photos.blank_page(paper, np.random.default_rng(seed), (200, 700))
        with pytest.raises(CourseError):
            find_line(blank)


def test_noise_and_a_shadow_are_nothing_written():
    generator = np.random.default_rng(1)
    noise = generator.integers(0, 256, (200, 700)).astype(np.uint8)
    grains = np.where(ndimage.gaussian_filter(generator.random((300, 900)), 4) > 0.53, 0, 255)
    shadow = np.full((200, 700), 220, dtype=np.uint8)
    shadow[:, 400:] = 120
    for picture in (noise, grains.astype(np.uint8), shadow):
        with pytest.raises(NoInkError):
            find_line(picture)


def test_what_is_no_picture_is_refused_as_for_a_digit(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    for source in (broken, tmp_path / "missing.png", 7, np.zeros((5, 5, 7))):
        with pytest.raises(CourseError):
            find_line(source)
