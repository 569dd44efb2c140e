"""Answers, calibration and thresholds; the commands predict, evaluate and pictures."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from conftest import command, lenet, write_labels
from PIL import Image
from torch import nn

from lenet_helpers.commands import answers
from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.pen.sums import EXPRESSIONS, make_expressions
from lenet_helpers.plots import prediction as plots
from lenet_helpers.reading.digit import prepare_digit
from lenet_helpers.reading.pictures import open_picture
from lenet_helpers.reading.prediction import predict
from lenet_helpers.recipes import load_pretrained

A_FIVE = next(photos.PICTURES.glob("5_*.jpg"))


def test_probabilities_are_the_softmax_of_the_logits(mnist):
    model, images = load_pretrained(), mnist.test.images[:1200]
    prediction = predict(model, images)
    with torch.no_grad():
        expected = model(images).softmax(dim=1)
    torch.testing.assert_close(prediction.probabilities, expected, atol=1e-5, rtol=0)
    assert torch.equal(prediction.digit, expected.argmax(dim=1))
    assert torch.equal(prediction.confidence, prediction.probabilities.max(dim=1).values)


def test_predict_restores_the_mode_of_each_module_also_after_an_error():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(1024, 10))
    model.train()
    model[1].eval()
    predict(model, torch.zeros(2, 1, 32, 32))
    assert [module.training for module in model] == [True, False, True]
    with pytest.raises(RuntimeError):
        predict(model, torch.zeros(2, 1, 30, 30))
    assert [module.training for module in model] == [True, False, True]


def test_predict_takes_prepared_digits_and_pictures():
    model, prepared = load_pretrained(), prepare_digit(A_FIVE)
    ways = [
        prepared,
        prepared.tensor,
        prepared.tensor[0],
        [prepared],
        [A_FIVE],
        [Image.open(A_FIVE)],
        # one picture is a list of one
        A_FIVE,
        str(A_FIVE),
        Image.open(A_FIVE),
        np.asarray(Image.open(A_FIVE)),
    ]
    answers = [predict(model, way) for way in ways]
    assert all(answer.digit.tolist() == [5] for answer in answers)
    assert predict(model, [A_FIVE, prepared]).probabilities.shape == (2, 10)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [([], "the list is empty"), ("7.png", "There is no file 7.png"), (5, "not int")],
)
def test_what_is_no_picture_is_said_in_words(pictures, message):
    with pytest.raises(CourseError, match=message):
        predict(load_pretrained(), pictures)


def test_letters_and_clothes_have_ink():
    for name in photos.CLOTHES:
        assert prepare_digit(photos.clothes(name)).steps["28×28"].max() == 1
    assert prepare_digit(photos.letter("A")).tensor.shape == (1, 1, 32, 32)


@pytest.mark.parametrize(
    ("make", "kept", "size"),
    [
        (photos.make_pictures, photos.PICTURES, 1_000_000),
        (photos.make_numbers, photos.PICTURES / "numbers", 500_000),
        (make_expressions, EXPRESSIONS, 200_000),
    ],
)
def test_the_command_makes_the_pictures_that_are_there(make, kept, size, mnist_test, tmp_path):
    written = photos.write_pictures(tmp_path, make(*mnist_test))
    assert (tmp_path / "labels.csv").read_bytes() == (kept / "labels.csv").read_bytes()
    assert {path.name for path in written} == {path.name for path in kept.glob("*.jpg")}
    for path in written:
        difference = np.abs(open_picture(path) - open_picture(kept / path.name))
        # The same bytes on one machine; another SciPy or Pillow may round otherwise.
        assert difference.mean() < 0.5 / 255, path.name
        assert difference.max() < 0.06, path.name
    assert sum(path.stat().st_size for path in kept.glob("*.jpg")) < size


def test_predict_prints_digit_probability_and_bars(tmp_path):
    steps = tmp_path / "steps.png"
    result = command("predict", A_FIVE, "--steps", steps)
    assert result.returncode == 0, result.stderr
    head, *bars, last = result.stdout.splitlines()
    assert head.startswith(f"{A_FIVE}: 5  ")
    assert [bar.split()[0] for bar in bars] == list("0123456789")
    assert bars[5].count("#") > 20
    assert "steps.png" in last
    assert Image.open(steps).width > 1000


def test_predict_reports_each_bad_picture_in_one_line_and_reads_the_others(tmp_path):
    text, blank = tmp_path / "text.png", tmp_path / "blank.png"
    text.write_text("no picture")
    Image.new("L", (90, 90), 230).save(blank)
    result = lenet("predict", text, A_FIVE, blank, tmp_path / "missing.png")
    assert result.returncode == 1
    assert f"{A_FIVE}: 5" in result.stdout
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    for line, path in zip(lines, (text, blank, "missing.png"), strict=True):
        assert str(path) in line
    assert "not a picture" in lines[0]
    assert "no ink" in lines[1]


def test_evaluate_prints_accuracy_confusion_and_failures(tmp_path):
    Image.open(A_FIVE).save(tmp_path / "five.png")
    Image.new("L", (90, 90), 230).save(tmp_path / "blank.png")
    rows = [
        ("five.png", 5),
        ("five.png", 3),
        ("blank.png", 1),
        ("five.png", "five"),
    ]
    write_labels(tmp_path, rows)
    result = command("evaluate", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "accuracy 33.33% (1 of 3 digits)" in result.stdout
    assert "five.png: 3, read as 5" in result.stdout
    assert "blank.png: 1, refused: There is no ink" in result.stdout
    table = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert table["3"] == ["."] * 5 + ["1"] + ["."] * 5
    assert table["1"] == ["."] * 10 + ["1"]
    assert result.stdout.endswith(
        "\nleft out: 1, whose label is no digit, number or arithmetic\nfive.png: five\n"
    )


def test_evaluate_says_nothing_of_rows_left_out_where_there_are_none(tmp_path):
    Image.open(A_FIVE).save(tmp_path / "five.png")
    (tmp_path / "labels.csv").write_text("file,label\nfive.png,5\n")
    assert "left out" not in answers.report(tmp_path)


def test_evaluate_leaves_out_two_numbers_in_one_label_and_a_picture_without_one(tmp_path):
    Image.open(A_FIVE).save(tmp_path / "five.png")
    (tmp_path / "labels.csv").write_text("file,label\nfive.png,5\nfive.png,5 3\nx.png\n")
    report = answers.report(tmp_path)
    assert "left out: 2" in report
    assert "x.png: no label" in report


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "Cannot read .*It lists the pictures"), ("a,b\n1,2\n", "no columns"),
     ("file,label\n", "lists no pictures"), ("file,label\nx.png,five\n", "is a digit")],
)  # fmt: skip
def test_evaluate_says_what_is_wrong_with_a_folder(tmp_path, content, message):
    if content is not None:
        (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(CourseError, match=message):
        answers.report(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other words for these errors")
def test_evaluate_says_what_is_no_folder_of_pictures(tmp_path):
    with pytest.raises(CourseError, match=r"Cannot read .*labels.csv: Not a directory"):
        answers.report(A_FIVE)
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(CourseError, match=r"Cannot read .*labels.csv: Is a directory"):
        answers.report(tmp_path)


@pytest.mark.parametrize("name", ["steps", "steps.bmp", "steps.PNG"])
def test_steps_need_the_name_of_a_picture_before_anything_is_read(tmp_path, name):
    result = command("predict", A_FIVE, "--steps", tmp_path / name)
    assert result.returncode == 1
    assert "ends in .png, .svg or .pdf" in result.stderr
    assert result.stdout == ""


def test_figures_show_what_they_are_given():
    images = [np.eye(28), np.zeros((28, 28))]
    bars = plots.probability_bars(images, [np.eye(10)[3], np.full(10, 0.1)]).axes[1]
    assert [bar.get_height() for bar in bars.patches] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    axis = plots.reliability([0.9, 0.99], [0.8, 1.0], [(0.7, 0.9), (0.95, 1.0)], [40, 5000]).axes[0]
    top = axis.get_ylim()[1]  # 100 % has no place in the odds: its dot lies on the edge
    assert axis.lines[1].get_xydata().tolist() == [[0.9, 0.8], [0.99, top]]
    bars = [bar.tolist() for bar in axis.collections[0].get_segments()]
    assert bars == [[[0.9, 0.7], [0.9, 0.9]], [[0.99, 0.95], [0.99, top]]]
    assert [text.get_text() for text in axis.texts] == ["40", "5,000"]
    steps = prepare_digit(A_FIVE).steps
    shown = plots.preparation([steps, steps])
    assert len(shown.axes) == 2 * len(steps)
    # Every axes is a square, whatever its picture is, so that rows and titles align.
    sides = [np.ptp(limits) for ax in shown.axes for limits in (ax.get_xlim(), ax.get_ylim())]
    assert sides[::2] == sides[1::2]
    curves, titles = [[1, 0.9], [0.9, 1], [0, 0.5]], ["a", "b", "c"]
    axes = plots.threshold_cost([0.1, 0.9], curves, 0.5, np.ones((7, 28, 28)), titles).axes
    assert axes[1].lines[0].get_ydata().tolist() == [0, 0.5]
    assert [ax.get_title() for ax in axes] == titles
    assert axes[2].images[0].get_array().shape == (86, 86)  # three rows of three
