"""Lines of arithmetic: pieces, places, the beam, and whole pictures; the command line."""

from __future__ import annotations

import csv
import itertools

import numpy as np
import pytest
from conftest import command
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenet_helpers.commands import answers
from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.pen.sums import EXPRESSIONS, TEXTS, write_expression
from lenet_helpers.pen.symbols import draw_symbol
from lenet_helpers.plots import expressions as plots
from lenet_helpers.reading.expressions import (
    Candidate,
    Reading,
    alternatives,
    geometry_scores,
    read_expression,
    search,
)
from lenet_helpers.reading.grammar import CLASSES, ExpressionError, State, parse
from lenet_helpers.reading.groups import segment
from lenet_helpers.reading.ink import NoInkError
from lenet_helpers.reading.lines import find_line
from lenet_helpers.reading.tuned import GEOMETRY
from lenet_helpers.recipes import load_pretrained

PAPER = photos.PAPERS[0]
PROBABILITIES = st.lists(st.floats(0.01, 1), min_size=3, max_size=3)


def candidate(start: int, end: int, symbol: str, score: float) -> Candidate:
    return Candidate(start, end, symbol, score, float(np.exp(score)), (0, 0, 1, 1))


def is_arithmetic(text: str) -> bool:
    try:
        parse(text)
    except ExpressionError:
        return False
    return True


@settings(max_examples=60)
@given(st.lists(st.tuples(st.permutations("12+-×()=."), PROBABILITIES), min_size=1, max_size=5))
def test_the_beam_finds_what_trying_all_readings_finds(places):
    scores = [dict(zip(symbols, np.log(p), strict=False)) for symbols, p in places]
    texts = {
        "".join(text): sum(row[symbol] for row, symbol in zip(scores, text, strict=True))
        for text in itertools.product(*scores)
    }
    candidates = [
        [candidate(n, n + 1, *pair) for pair in row.items()] for n, row in enumerate(scores)
    ]
    borders = [0.0] * (len(places) + 1)
    assert search(candidates, borders, grammar=False)[0].score == pytest.approx(max(texts.values()))
    grammatical = [score for text, score in texts.items() if is_arithmetic(text)]
    found = search(candidates, borders)
    assert bool(found) == bool(grammatical)
    if found:
        assert found[0].score == pytest.approx(max(grammatical))
        assert is_arithmetic(found[0].text)


def test_a_group_of_pieces_competes_with_its_pieces():
    apart = [candidate(0, 1, "1", -1.0), candidate(1, 2, "1", -1.0)]
    together = candidate(0, 2, "4", -1.5)
    candidates = [[apart[0], together], [apart[1]]]
    assert search(candidates, [0.0, 0.0, 0.0])[0].text == "4"
    assert search(candidates, [0.0, 1.0, 0.0])[0].text == "11"  # a border is likely there


def test_the_probabilities_of_alternatives_add_up_ways_to_the_same_text():
    readings = [
        Reading(np.log(score), (candidate(0, 1, symbol, 0.0),), State())
        for symbol, score in (("1", 0.4), ("7", 0.35), ("1", 0.25))
    ]
    assert alternatives(readings) == [("1", pytest.approx(0.65)), ("7", pytest.approx(0.35))]


def best_class(box, among=CLASSES) -> str:
    """Of a line whose digits are 40 pixels high, with their middle in row 100."""
    scores = geometry_scores(box, 40, 100)
    return max(among, key=lambda symbol: scores[CLASSES.index(symbol)])


def test_size_and_place_tell_what_the_shape_does_not():
    assert best_class((100, 0, 104, 24)) == "-"
    assert best_class((114, 0, 119, 5)) == "."
    assert best_class((112, 0, 130, 9), "1/.)") == "."  # a comma
    assert best_class((80, 0, 120, 20), "1/.()") == "1"
    assert best_class((72, 0, 128, 14), "1()") in "()"
    assert best_class((92, 0, 116, 22), "8×") == "×"
    assert best_class((80, 0, 120, 22), "8×") == "8"


def test_every_class_has_a_size_and_a_place():
    assert set(GEOMETRY) == set(CLASSES)
    for symbol in CLASSES:
        assert geometry_scores((80, 0, 120, 24), 40, 100)[CLASSES.index(symbol)] <= 2


@pytest.mark.parametrize(("text", "parts"), [("8=3", 2), ("8÷3", 3)])
def test_the_parts_of_a_symbol_are_offered_as_one(mnist_test, text, parts):
    photo = write_expression(text, *mnist_test, PAPER, np.random.default_rng(1))
    line = find_line(photo)
    segments = segment(line)
    inner = [n for n, piece in enumerate(segments.pieces) if piece.height < 0.4 * line.height]
    assert len(inner) >= parts
    assert any(
        group.start <= inner[0] and group.end > inner[-1] and group.score > -0.5
        for group in segments.groups
    )
    assert len(segments.borders) == len(segments.pieces) + 1


@pytest.fixture(scope="module")
def network():
    return load_pretrained("symbols")


def test_the_kits_pictures_are_read_and_worked_out(network):
    rows = photos.read_labels(EXPRESSIONS)
    read = [read_expression(network, path) for path, _ in rows]
    assert [truth for _, truth in rows] == list(TEXTS)
    assert sum(a.text == truth for a, (_, truth) in zip(read, rows, strict=True)) >= 7
    said = {answer.text: answers.result(answer) for answer in read}
    assert said["12+7=19"] == "holds"
    assert said["24÷125=0.19"] == "holds to the decimals given"
    assert said["60/8=7"] == "does not hold: 15/2 = 7.5 is not 7"
    assert "divides by zero" in said["4/(3-3)"]


def test_symbols_come_from_left_to_right_with_boxes_and_probabilities(network):
    answer = read_expression(network, EXPRESSIONS / "02_yellow.jpg")
    lefts = [symbol.box[1] for symbol in answer.symbols]
    assert lefts == sorted(lefts)
    assert "".join(symbol.symbol for symbol in answer.symbols) == answer.text
    height, width = answer.line.strength.shape
    for symbol in answer.symbols:
        top, left, bottom, right = symbol.box
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        assert 0 <= symbol.probability <= 1
    assert answer.alternatives[0] == (answer.text, answer.confidence)
    assert sum(probability for _, probability in answer.alternatives) <= 1 + 1e-6


def test_a_bracket_that_is_missing_is_not_made_up(network, mnist_test):
    photo = write_expression("(8+2", *mnist_test, PAPER, np.random.default_rng(3))
    answer = read_expression(network, photo)
    assert answer.text == "(8+2"
    assert answer.worth is None
    assert "unbalanced brackets" in answer.problem


def test_a_blank_page_is_refused(network):
    page = photos.blank_page(PAPER, np.random.default_rng(0))
    with pytest.raises(NoInkError):
        read_expression(network, page)


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


def write_table(folder, rows):
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "label"), *rows])


def test_evaluate_reads_expressions_and_takes_x_for_times(tmp_path):
    Image.open(EXPRESSIONS / "01_white.jpg").save(tmp_path / "a.png")
    Image.open(EXPRESSIONS / "02_yellow.jpg").save(tmp_path / "b.png")
    write_table(tmp_path, [("a.png", "3x8-4x2/4"), ("b.png", "12+8=19")])
    text = answers.report(tmp_path)
    assert "exact 50.00% (1 of 2 expressions)" in text
    assert "character error rate 6.25% (1 of 16 characters)" in text
    assert "b.png: 12+8=19, read as 12+7=19" in text


def test_evaluate_reads_single_symbols(tmp_path):
    random = np.random.default_rng(2)
    for name, symbol in (("plus", "+"), ("equals", "="), ("times", "×")):
        levels = 255 - 255 * np.pad(draw_symbol(symbol, random), 20)
        Image.fromarray(levels.astype(np.uint8)).save(tmp_path / f"{name}.png")
    rows = [("plus.png", "+"), ("equals.png", "="), ("times.png", "x"), ("plus.png", "7")]
    write_table(tmp_path, rows)
    text = answers.report(tmp_path)
    assert "accuracy 75.00% (3 of 4 symbols)" in text
    assert "plus.png: 7, read as +" in text


def test_figures_show_what_they_are_given():
    tree = parse("1+2×3=7")
    texts = [text.get_text() for text in plots.tree(tree).axes[0].texts]
    assert sorted(texts) == sorted(["+", "1", "×", "2", "3", "=", "7"])
    boxes = [(0, 0, 10, 5), (0, 8, 10, 13)]
    figure = plots.expression(
        np.ones((20, 30)), np.zeros((20, 30)), boxes, "12", [0.9, 0.5], [], "value 12"
    )
    assert len(figure.axes[1].patches) == 2
    assert [text.get_text() for text in figure.axes[1].texts] == ["1\n90%", "2\n50%"]
    assert figure.axes[2].get_title() == "value 12"
    shown = plots.lines([np.ones((5, 9)), np.ones((5, 20)), np.ones((10, 9))], ["a", "b", "c"])
    assert [ax.get_title(loc="left") for ax in shown.axes] == ["a", "b", "c", ""]
    shapes = [np.ptp(ax.get_xlim()) / np.ptp(ax.get_ylim()) for ax in shown.axes[:3]]
    assert shapes == [4, 4, 4]  # as the widest, so that all are equally high
    assert len(plots.places(GEOMETRY, CLASSES).axes[0].patches) == 19


def test_a_folder_of_other_labels_is_refused(tmp_path):
    write_table(tmp_path, [("a.png", "cat")])
    with pytest.raises(CourseError, match="arithmetic"):
        answers.report(tmp_path)
