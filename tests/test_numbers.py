"""A whole number is read from a picture; the commands that do so."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import command
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from torch import nn

from lenet_helpers.commands import answers
from lenet_helpers.data import MNIST, Split, fit_images, read_splits
from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.pen.digits import DRAWINGS, draw_digits
from lenet_helpers.pen.numbers import NO_DIGIT, add_numbers, no_digits
from lenet_helpers.plots import prediction as plots
from lenet_helpers.reading import cutting
from lenet_helpers.reading.cutting import Group, Piece, cheapest_path
from lenet_helpers.reading.lines import find_line
from lenet_helpers.reading.numbers import read_number
from lenet_helpers.reading.parts import Part
from lenet_helpers.reading.prediction import predict, predict_varied
from lenet_helpers.recipes import load_pretrained

NUMBERS = photos.PICTURES / "numbers"
PLAIN = NUMBERS / "05_kraft.jpg"  # ten digits that stand apart: 5441813812


@pytest.fixture(scope="module")
def network():
    return load_pretrained("numbers")


def written(digits, numbers, seed=0, **how):
    """These digits of the test set rendered in one line, and what it says."""
    images, labels = digits
    paper = photos.PAPERS[seed % len(photos.PAPERS)]
    generator = np.random.default_rng(seed)
    photo = photos.write_number(images[numbers], paper, generator, **how)
    return photo, "".join(map(str, labels[numbers]))


# ---- reading ----


def test_a_number_has_its_digits_their_boxes_and_probabilities(network):
    number = read_number(network, PLAIN)
    assert number.text == "5441813812"
    assert number.digits == [int(character) for character in number.text]
    assert number.probabilities.shape == (10, 11)
    torch.testing.assert_close(number.probabilities.sum(dim=1), torch.ones(10))
    assert number.images.shape == (10, 1, 32, 32)
    height, width = number.line.mask.shape
    for top, left, bottom, right in number.boxes:
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
    lefts = [box[1] for box in number.boxes]
    assert lefts == sorted(lefts)


def test_digits_that_stand_apart_are_read_on_every_paper(network, mnist_test):
    right = total = 0
    for seed in range(16):
        photo, truth = written(mnist_test, slice(2000 + 6 * seed, 2006 + 6 * seed), seed)
        total += len(truth)
        right += len(truth) - answers.edit_distance(truth, read_number(network, photo).text)
    assert right / total >= 0.93


def test_some_touching_digits_are_cut_where_parts_alone_would_read_none(network, mnist_test):
    exact = parts = 0
    for seed in range(16):
        pair = slice(3000 + 2 * seed, 3002 + 2 * seed)
        photo, truth = written(mnist_test, pair, seed, touching=1.0)
        number = read_number(network, photo)
        exact += number.text == truth
        parts += len(number.line.parts) == 2
    assert exact >= parts + 3


def test_specks_do_not_matter(network, mnist_test):
    clean, truth = written(mnist_test, slice(2000, 2006), 0)
    dirty, _ = written(mnist_test, slice(2000, 2006), 0, specks=6)
    assert read_number(network, clean).text == read_number(network, dirty).text == truth


def test_one_digit_is_a_number_too(network):
    assert read_number(network, next(photos.PICTURES.glob("5_*.jpg"))).text == "5"


def test_a_network_of_ten_classes_serves_too():
    number = read_number(load_pretrained("course"), PLAIN)
    assert number.probabilities.shape == (10, 10)
    assert number.text == "5441813812"


def test_the_network_keeps_its_mode(network):
    network.train()
    read_number(network, PLAIN)
    assert network.training
    network.eval()


def test_the_number_of_a_figure_can_be_looked_at_step_by_step(network):
    number = read_number(network, NUMBERS / "06_blackboard.jpg")
    steps = number.steps
    assert list(steps) == ["picture", "ink", "straightened", "connected parts", "digits"]
    assert steps["connected parts"].max() == len(number.line.parts)
    assert set(np.unique(steps["digits"])) == set(range(len(number.digits) + 1))
    images = [image[0].numpy() for image in number.images]
    figure = plots.number(steps, number.boxes, images, number.digits, number.confidence)
    words = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert words[: len(number.text)] == list(number.text)


# ---- what is no number ----


@pytest.mark.parametrize("paper", photos.PAPERS[::3], ids=lambda paper: paper.name)
def test_a_blank_page_is_no_number(network, paper):
    blank = photos.blank_page(paper, np.random.default_rng(2), (200, 700))
    with pytest.raises(CourseError):
        read_number(network, blank)


def test_a_round_shadow_and_dots_are_no_number(network):
    blob = Image.new("L", (400, 200), 230)
    ImageDraw.Draw(blob).ellipse((100, 40, 220, 160), fill=90)
    with pytest.raises(CourseError, match="no number"):
        read_number(network, blob)


def test_several_lines_are_refused_in_words(network):
    photo = np.asarray(Image.open(PLAIN))
    with pytest.raises(CourseError, match="several lines"):
        read_number(network, np.concatenate([photo, photo]))


def test_letters_leave_the_network_unsure(network):
    unsure = [not read_number(network, photos.letter(c)).sure for c in "ABEFHKMRWX"]
    assert sum(unsure) >= 6


# ---- cutting and joining ----


def part(left: int, right: int, height: int = 60) -> Part:
    return Part(np.ones((height, right - left), dtype=bool), (0, left, height, right))


def test_the_cheapest_path_is_the_one_of_all_that_costs_least():
    pieces = [Piece(part(10 * k, 10 * k + 9), 0, float(k > 0)) for k in range(3)]
    spans = [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)]
    found = [Group(*span, pieces[span[0]].part, 0.0) for span in spans]

    def text(costs):
        return [spans[number] for number in cheapest_path(pieces, found, costs, 60)]

    assert text([1, 1, 1, 9, 9, 9]) == [(0, 1), (1, 2), (2, 3)]
    assert text([1, 1, 1, 0.5, 9, 9]) == [(0, 2), (2, 3)]
    assert text([1, 1, 1, 9, 9, 2]) == [(0, 3)]


def test_a_low_piece_may_be_left_out():
    pieces = [Piece(part(0, 30), 0, 0.0), Piece(part(40, 50, height=8), 1, 0.0)]
    found = [Group(0, 1, pieces[0].part, 0.0), Group(0, 2, pieces[0].part, 0.0)]
    assert cheapest_path(pieces, found, [0.1, 9.0], 60) == [0]


@pytest.mark.parametrize("lean", [0.0, 0.3])
def test_the_slant_of_leaning_strokes_is_found(lean):
    page = Image.new("L", (700, 240), 255)
    for x in range(80, 600, 60):
        ImageDraw.Draw(page).line((x + lean * 100, 70, x, 170), fill=0, width=6)
    assert cutting.measure_lean(find_line(page)) == pytest.approx(lean, abs=0.06)


def test_two_rings_that_touch_are_cut_where_they_do():
    page = Image.new("L", (300, 160), 255)
    draw = ImageDraw.Draw(page)
    draw.ellipse((60, 50, 105, 110), outline=0, width=6)
    draw.ellipse((102, 50, 147, 110), outline=0, width=6)
    line = find_line(page)
    assert len(line.parts) == 1
    rights = [piece.box[3] for piece, _ in cutting.cut(line.parts[0], line, 0.0)]
    assert any(abs(right - 104) <= 3 for right in rights[:-1])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_a_digit_in_three_pieces_is_joined_in_whatever_order_they_come(order):
    """Two pieces overlap only once the third is between them: then they are looked at again."""
    left = Part(np.ones((20, 20), bool), (0, 0, 20, 20))
    right = Part(np.ones((20, 20), bool), (40, 18, 60, 38))
    middle = Part(np.ones((10, 38), bool), (25, 0, 35, 38))
    pieces = [left, right, middle]
    (whole,) = cutting.join_stacked([pieces[k] for k in order], 0.0)
    assert whole.box == (0, 0, 60, 38)
    assert whole.area == 20 * 20 * 2 + 10 * 38


def test_parts_that_stand_side_by_side_stay_apart():
    parts = [part(0, 30), part(40, 70)]
    assert cutting.join_stacked(parts, 0.0) == parts


def test_all_ink_of_a_part_is_in_its_pieces():
    line = find_line(NUMBERS / "10_yellow.jpg")
    pieces = cutting.find_pieces(line, 0.0)
    assert sum(piece.part.area for piece in pieces) == sum(part.area for part in line.parts)


def test_predict_varied_is_a_mean_over_nine_looks(network):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen = nn.Parameter(torch.zeros(1))
            self.images = []

        def forward(self, images):
            self.images.append(images)
            return images[:, 0, 16, :10]

    model, images = Counting(), read_number(network, PLAIN).images
    mean = predict_varied(model, images)
    expected = torch.stack([look[:, 0, 16, :10].softmax(dim=1) for look in model.images]).mean(0)
    assert len(model.images) == 9
    torch.testing.assert_close(mean, expected)
    assert min((look - images).abs().max() for look in model.images) < 1e-5  # one is unchanged


# ---- the network ----


def test_the_network_for_numbers_knows_mnist_and_what_is_no_digit(network, mnist, mnist_test):
    read = predict(network, mnist.test.images)
    among_digits = read.probabilities[:, :NO_DIGIT].argmax(dim=1)
    right = (among_digits == mnist.test.labels).float().mean().item()
    assert right == pytest.approx(0.9910, abs=0.0002)  # as the card says
    assert (read.digit == NO_DIGIT).float().mean() <= 0.01
    pieces = fit_images(no_digits(mnist_test[0], 300, seed=1))
    none = predict(network, pieces).digit == NO_DIGIT
    assert none.float().mean() >= 0.7


def test_the_network_for_numbers_learns_drawn_digits_and_pieces_beside_mnist(data_dir):
    few = MNIST(*(Split(s.images[:50], s.labels[:50]) for s in read_splits(data_dir)))
    added = add_numbers(few, 3)
    assert torch.equal(added.train.images[:50], few.train.images)
    counts = added.train.labels[50:].bincount(minlength=11).tolist()
    assert counts == [0, 3, 6, 3, 6, 3, 0, 3, 3, 6, 12]  # twice: what symbols draws too
    assert added.train.images.shape == (50 + 45, 28, 28)
    assert added.train.images.dtype == torch.uint8
    assert added.validation is few.validation
    assert added.test is few.test


def test_drawn_digits_look_like_digits_to_a_network_that_never_saw_one():
    levels, labels = draw_digits(40, seed=3)
    assert levels.shape == (40 * len(DRAWINGS), 28, 28)
    assert labels.tolist() == [int(digit) for digit in DRAWINGS for _ in range(40)]
    read = predict(load_pretrained("course"), fit_images(levels)).digit
    assert (read == labels).float().mean() > 0.6


# ---- scoring and commands ----


@settings(max_examples=60, deadline=None)
@given(st.text("0123", max_size=6), st.text("0123", max_size=6))
def test_the_edit_distance_is_what_its_definition_says(one, other):
    def distance(a: str, b: str) -> int:  # the definition, slow
        if not a or not b:
            return len(a) + len(b)
        replaced = distance(a[1:], b[1:]) + (a[0] != b[0])
        return min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, replaced)

    assert answers.edit_distance(one, other) == distance(one, other)


def test_texts_are_scored_by_hand():
    rows = [
        (Path(f"{name}.png"), truth) for name, truth in [("a", "123"), ("b", "45"), ("c", "6789")]
    ]
    told = {"a": "123", "b": "455"}

    def read(path):
        if path.stem not in told:
            raise CourseError("There is no ink.")
        return told[path.stem]

    lines = answers.report_texts(rows, read, "numbers").splitlines()
    assert lines[0] == "exact 33.33% (1 of 3 numbers)"
    assert lines[1] == "character error rate 55.56% (5 of 9 characters)"
    assert lines[-2:] == ["b.png: 45, read as 455", "c.png: 6789, refused: There is no ink."]


def test_evaluate_reads_numbers_where_labels_have_several_digits(tmp_path):
    Image.open(PLAIN).save(tmp_path / "plain.png")
    rows = [
        ("file", "label"),
        ("plain.png", "5441813812"),
        ("plain.png", "544181381"),
        ("x", "seven"),
    ]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    result = command("evaluate", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "exact 50.00% (1 of 2 numbers)" in result.stdout
    assert "character error rate 5.26% (1 of 19 characters)" in result.stdout


def test_predict_number_prints_the_number_and_each_digit_and_draws_the_steps(tmp_path):
    steps = tmp_path / "steps.png"
    result = command("predict", "--number", PLAIN, "--steps", steps)
    assert result.returncode == 0, result.stderr
    head, *bars, last = result.stdout.splitlines()
    assert head.startswith(f"{PLAIN}: 5441813812")
    assert [bar.split()[0] for bar in bars] == list("5441813812")
    assert "steps.png" in last
    assert Image.open(steps).width > 1000


def test_predict_number_reports_a_bad_picture_and_reads_the_others(tmp_path):
    blank = tmp_path / "blank.png"
    Image.new("L", (300, 90), 230).save(blank)
    result = command("predict", "--number", blank, PLAIN)
    assert result.returncode == 1
    assert f"{PLAIN}: 5441813812" in result.stdout
    assert len(result.stderr.splitlines()) == 1
    assert f"{blank}: There is no ink" in result.stderr


def test_a_doubtful_digit_is_called_so(network):
    number = read_number(network, PLAIN)
    doubtful = number._replace(probabilities=torch.full((10, 11), 1 / 11))
    words = answers.answer_number("x", doubtful)
    assert "not sure: is this a number?" in words
    assert words.count("not sure") == 11


def test_touching_digits_are_one_connected_part_and_others_are_not(mnist_test):
    apart, _ = written(mnist_test, slice(2000, 2004), 0)
    together, _ = written(mnist_test, slice(2000, 2004), 0, touching=1.0)
    assert len(find_line(together).parts) < len(find_line(apart).parts)
