"""What the commands predict and evaluate say of digits, numbers and arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import command, write_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet_helpers.commands import answers
from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.pen.drawings import draw_character
from lenet_helpers.pen.sums import EXPRESSIONS
from lenet_helpers.plots import expressions as plots
from lenet_helpers.reading.grammar import ARITHMETIC, CLASSES, NUMBER, parse
from lenet_helpers.reading.reader import read
from lenet_helpers.reading.tuned import GEOMETRY
from lenet_helpers.recipes import load_pretrained

PLAIN = photos.PICTURES / "numbers" / "05_kraft.jpg"


@pytest.fixture(scope="module")
def network():
    return load_pretrained("characters")


@settings(max_examples=60, deadline=None)
@given(st.text("0123", max_size=6), st.text("0123", max_size=6))
def test_the_edit_distance_is_what_its_definition_says(one, other):
    def distance(a: str, b: str) -> int:  # the definition, slow
        if not a or not b:
            return len(a) + len(b)
        replaced = distance(a[1:], b[1:]) + (a[0] != b[0])
        return min(distance(a[1:], b) + 1, distance(a, b[1:]) + 1, replaced)

    assert answers.edit_distance(one, other) == distance(one, other)


def test_texts_are_scored_by_hand(tmp_path):
    Image.open(PLAIN).save(tmp_path / "a.png")
    Image.new("L", (300, 90), 230).save(tmp_path / "b.png")
    rows = [(tmp_path / "a.png", "544181381"), (tmp_path / "b.png", "12")]
    lines = answers.report_texts(rows, NUMBER).splitlines()
    assert lines[0] == "exact 0.00% (0 of 2 numbers)"
    assert lines[1] == "character error rate 27.27% (3 of 11 characters)"  # 1 too many, 2 missing
    assert lines[-2].startswith("a.png: 544181381, read as 5441813812 (")
    assert lines[-1].startswith("b.png: 12, refused: There is no ink")


def test_evaluate_reads_numbers_where_labels_have_several_digits(tmp_path):
    Image.open(PLAIN).save(tmp_path / "plain.png")
    rows = [
        ("plain.png", "5441813812"),
        ("plain.png", "544181381"),
        ("x", "seven"),
    ]
    write_labels(tmp_path, rows)
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


def test_a_doubtful_text_is_called_so(network):
    number = read(network, PLAIN)
    doubtful = replace(number, alternatives=[(number.text, 0.5)], left_out=[])
    assert "not sure: is this a number?" in answers.answer("x", doubtful)
    dropped = replace(number, left_out=[(0, 0, 9, 9)])
    assert "not sure: ink left out in 1 place" in answers.answer("x", dropped)


def test_two_digits_are_said_by_the_command(tmp_path):
    page = Image.open(photos.PICTURES / "numbers" / "01_white.jpg")
    page.save(tmp_path / "four.png")
    said = command("predict", tmp_path / "four.png").stdout
    assert "not sure: four digits, 9025: use --number" in said


def test_predict_expression_prints_text_verdict_and_alternatives(tmp_path):
    steps = tmp_path / "steps.png"
    result = command("predict", "--expression", EXPRESSIONS / "02_yellow.jpg", "--steps", steps)
    assert result.returncode == 0, result.stderr
    head, verdict, *others, last = result.stdout.splitlines()
    assert "12+7=19" in head
    assert verdict.strip() == "holds"
    assert "12+7=19" in others[0]
    assert Image.open(steps).width > 1000
    assert "steps.png" in last


def test_predict_expression_refuses_a_picture_without_ink(tmp_path):
    Image.new("L", (300, 90), 230).save(tmp_path / "blank.png")
    result = command("predict", "--expression", tmp_path / "blank.png")
    assert result.returncode == 1
    assert "no ink" in result.stderr


def test_a_picture_is_a_number_or_an_expression():
    both = command("predict", "--expression", "--number", EXPRESSIONS / "02_yellow.jpg")
    assert "Choose one" in both.stderr


def test_evaluate_reads_expressions_and_takes_x_for_times(tmp_path):
    Image.open(EXPRESSIONS / "01_white.jpg").save(tmp_path / "a.png")
    Image.open(EXPRESSIONS / "02_yellow.jpg").save(tmp_path / "b.png")
    write_labels(tmp_path, [("a.png", "3x8-4x2/4"), ("b.png", "12+8=19")])
    text = answers.report(tmp_path)
    assert "exact 50.00% (1 of 2 expressions)" in text
    assert "character error rate 6.25% (1 of 16 characters)" in text
    assert "b.png: 12+8=19, read as 12+7=19" in text


def test_evaluate_reads_single_symbols(tmp_path):
    random = np.random.default_rng(2)
    for name, symbol in (("plus", "+"), ("equals", "="), ("times", "×")):
        levels = 255 - 255 * np.pad(draw_character(symbol, random), 20)
        Image.fromarray(levels.astype(np.uint8)).save(tmp_path / f"{name}.png")
    rows = [("plus.png", "+"), ("equals.png", "="), ("times.png", "x"), ("plus.png", "7")]
    write_labels(tmp_path, rows)
    text = answers.report(tmp_path)
    assert "accuracy 75.00% (3 of 4 symbols)" in text
    assert "plus.png: 7, read as +" in text


def test_figures_show_what_they_are_given():
    tree = parse("1+2×3=7")
    texts = [text.get_text() for text in plots.tree(tree).axes[0].texts]
    assert sorted(texts) == sorted(["+", "1", "×", "2", "3", "=", "7"])
    shown = plots.lines([np.ones((5, 9)), np.ones((5, 20)), np.ones((10, 9))], ["a", "b", "c"])
    assert [ax.get_title(loc="left") for ax in shown.axes] == ["a", "b", "c", ""]
    shapes = [np.ptp(ax.get_xlim()) / np.ptp(ax.get_ylim()) for ax in shown.axes[:3]]
    assert shapes == [4, 4, 4]  # as the widest, so that all are equally high
    assert len(plots.places(GEOMETRY, CLASSES).axes[0].patches) == 19


def test_a_figure_of_a_reading_has_a_box_for_each_symbol_and_for_what_was_left_out(network):
    line = read(network, EXPRESSIONS / "02_yellow.jpg", ARITHMETIC)
    figure = plots.reading(replace(line, left_out=[(0, 0, 9, 9)]), "holds")
    assert len(figure.axes[1].patches) == len(line.symbols) + 1
    assert [text.get_text()[0] for text in figure.axes[1].texts] == list(line.text)
    assert figure.axes[-1].get_title() == f"{line.text}   holds"


def test_a_figure_of_one_number_read_as_arithmetic_has_a_tree_of_one_leaf(network):
    line = replace(read(network, EXPRESSIONS / "02_yellow.jpg", ARITHMETIC), text="7")
    *_, tree = plots.reading(line, "value 7").axes
    assert [text.get_text() for text in tree.texts] == ["7"]


def test_a_figure_of_a_cut_marks_its_column():
    part, half = np.ones((9, 20), bool), np.zeros((28, 28))
    figure = plots.cut_at(part, ([4, 8, 12], [0.1, 0.9, 0.3]), 8, [half] * 2, ["3", "5"])
    assert figure.axes[0].lines[-1].get_xdata()[0] == 7.5  # the edge before the column


def test_a_folder_of_other_labels_is_refused(tmp_path):
    write_labels(tmp_path, [("a.png", "cat")])
    with pytest.raises(CourseError, match="arithmetic"):
        answers.report(tmp_path)
