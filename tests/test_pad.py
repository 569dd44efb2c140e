"""The pad and the live view, without a browser: what is sent and received."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import psutil
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from PIL import Image, ImageDraw
from torch import nn

from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.playground import pad as pads
from lenet_helpers.playground import page
from lenet_helpers.playground.pad import DrawingPad, live_prediction, watch
from lenet_helpers.reading.digit import prepare_digit
from lenet_helpers.reading.prediction import predict
from lenet_helpers.recipes import load_pretrained


def drawn(*lines: list[tuple[int, int]]) -> np.ndarray:
    """Lines as the pad draws them: black on white, 18 pixels wide."""
    picture = Image.new("L", (280, 280), 255)
    for line in lines:
        ImageDraw.Draw(picture).line(line, fill=0, width=18, joint="curve")
    return np.asarray(picture)


SEVEN = drawn([(80, 60), (190, 60), (130, 230)])
FOUR = drawn([(150, 50), (80, 160), (210, 160)], [(170, 100), (170, 240)])


def arrive(pad: DrawingPad, picture: np.ndarray, strokes: int = 1) -> None:
    """What a browser sends after a stroke."""
    pad.set_state({"strokes": [[0, 0]] * strokes, "picture": memoryview(picture.tobytes())})


def view_of(live):
    pad, view = live.children
    assert isinstance(pad, DrawingPad)
    return view


def test_a_new_pad_is_white_paper():
    pixels = DrawingPad().pixels
    assert pixels.shape == (280, 280)
    assert pixels.dtype == np.uint8
    assert (pixels == 255).all()


def test_pixels_are_what_the_browser_sent_and_the_readers_own_copy():
    pad = DrawingPad()
    arrive(pad, SEVEN)
    np.testing.assert_array_equal(pad.pixels, SEVEN)
    pad.pixels[:] = 0
    np.testing.assert_array_equal(pad.pixels, SEVEN)


def test_a_new_page_gets_the_drawing_back():
    pad = DrawingPad()
    arrive(pad, SEVEN)
    state = pad.get_state()
    assert state["strokes"] == [[0, 0]]
    assert bytes(state["picture"]) == SEVEN.tobytes()


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(pads.traitlets.TraitError, match="280×280"):
        DrawingPad().picture = b"123"


@pytest.mark.parametrize("picture", [SEVEN, FOUR])
def test_the_answer_is_that_of_prepare_and_predict(picture):
    pad, model = DrawingPad(), load_pretrained()
    view = view_of(live_prediction(pad, model))
    arrive(pad, picture)
    prepared = prepare_digit(picture)
    expected = predict(model, prepared)
    reading = view.reading
    assert reading["digit"] == expected.digit.item()
    assert f"{expected.confidence.item():.1%}" in reading["words"]
    np.testing.assert_allclose(reading["probabilities"], expected.probabilities[0], atol=1e-6)
    sent = np.frombuffer(reading["image"], np.uint8).reshape(28, 28)
    np.testing.assert_allclose(sent / 255, prepared.steps["28×28"], atol=0.5 / 255 + 1e-6)


def test_maps_and_units_are_those_of_the_layers_by_hand():
    model = load_pretrained().eval()
    tensor = prepare_digit(FOUR).tensor
    features, classifier = model.features, model.classifier
    with torch.no_grad():
        first = features.conv1(tensor).relu()
        second = features.conv2(features.pool1(first)).relu()
        flat = features.pool2(second).flatten(1)
        units = classifier.linear2(classifier.linear1(flat).relu()).relu()
    activity = watch(model, FOUR)
    np.testing.assert_allclose(activity.conv1, first[0], atol=1e-5)
    np.testing.assert_allclose(activity.conv2, second[0], atol=1e-5)
    np.testing.assert_allclose(activity.units, units[0], atol=1e-5)
    assert activity.conv1.shape == (6, 28, 28)
    assert activity.conv2.shape == (16, 10, 10)
    assert activity.units.shape == (84,)


def test_the_strongest_answer_of_each_layer_is_the_brightest_level():
    pad = DrawingPad()
    model = load_pretrained()
    view = view_of(live_prediction(pad, model))
    arrive(pad, FOUR)
    activity = watch(model, FOUR)
    for name in ("conv1", "conv2", "units"):
        levels = np.frombuffer(view.reading[name], np.uint8)
        answers = getattr(activity, name).ravel()
        np.testing.assert_allclose(levels, 255 * answers / answers.max(), atol=0.51)


def test_before_the_first_stroke_the_view_invites_to_draw():
    reading = view_of(live_prediction(DrawingPad(), load_pretrained())).reading
    assert reading["digit"] is None
    assert reading["words"].startswith("Draw a digit")


def test_an_example_is_shown_until_the_first_stroke():
    pad = DrawingPad()
    view = view_of(live_prediction(pad, load_pretrained(), SEVEN))
    assert view.reading["digit"] == 7
    assert "example" in view.reading["words"]
    arrive(pad, FOUR)
    assert view.reading["digit"] == 4
    assert "example" not in view.reading["words"]


def test_what_is_already_on_the_pad_is_read_at_once():
    pad = DrawingPad()
    arrive(pad, FOUR)
    assert view_of(live_prediction(pad, load_pretrained(), SEVEN)).reading["digit"] == 4


def test_a_cleared_pad_is_said_to_be_empty():
    pad = DrawingPad()
    view = view_of(live_prediction(pad, load_pretrained()))
    arrive(pad, SEVEN)
    arrive(pad, np.full((280, 280), 255, np.uint8), strokes=0)
    assert view.reading["digit"] is None
    assert "no ink" in view.reading["words"]
    assert view.reading["image"] == b""


@pytest.mark.parametrize("pen", [8, 18, 30])
def test_a_dot_is_no_digit(pen):
    picture = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(picture).circle((100, 140), pen / 2, fill=0)
    pad = DrawingPad(pen=pen)
    view = view_of(live_prediction(pad, load_pretrained()))
    arrive(pad, np.asarray(picture))
    assert view.reading["digit"] is None
    assert "dot" in view.reading["words"]


def test_every_answer_is_a_change_also_when_it_says_the_same():
    pad = DrawingPad()
    view = view_of(live_prediction(pad, load_pretrained()))
    seen = []
    view.observe(lambda change: seen.append(change["new"]["answers"]), "reading")
    arrive(pad, SEVEN)
    arrive(pad, np.roll(SEVEN, 5, axis=1))  # prepared, it is the same picture
    assert seen == [1, 2]


def test_an_unexpected_error_is_shown_and_the_pad_goes_on():
    class Broken(LeNet5):
        broken = True

        def forward(self, images):
            if Broken.broken:
                raise RuntimeError("out of order")
            return super().forward(images)

    pad = DrawingPad()
    view = view_of(live_prediction(pad, Broken()))
    arrive(pad, SEVEN)
    assert "RuntimeError: out of order" in view.reading["words"]
    Broken.broken = False
    arrive(pad, FOUR)
    assert view.reading["digit"] is not None


def test_a_model_without_the_layers_is_refused_in_words():
    model = nn.Sequential(nn.Flatten(), nn.Linear(1024, 10))
    with pytest.raises(CourseError, match=r"features\.activation1"):
        watch(model, SEVEN)
    pad = DrawingPad()
    view = view_of(live_prediction(pad, model))
    arrive(pad, SEVEN)
    assert "LeNet5" in view.reading["words"]


def test_the_models_mode_and_hooks_stay_and_new_weights_are_used():
    model = LeNet5(dropout=0.5).train()
    model.features.eval()
    modes = [module.training for module in model.modules()]
    pad = DrawingPad()
    view = view_of(live_prediction(pad, model))
    arrive(pad, SEVEN)
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())
    with torch.no_grad():
        model.classifier.linear3.bias[8] += 100
    arrive(pad, FOUR)
    assert view.reading["digit"] == 8


def test_watch_removes_its_hooks_and_restores_the_mode_also_after_an_error():
    model = LeNet5().train()
    for picture in (SEVEN, np.full((280, 280), 255, np.uint8)):
        with contextlib.suppress(CourseError):
            watch(model, picture)
        assert model.training
        assert not any(module._forward_hooks for module in model.modules())


def test_drawings_that_arrive_in_two_threads_are_read_one_after_the_other():
    pad = DrawingPad()
    view = view_of(live_prediction(pad, load_pretrained()))
    pictures = [np.roll(SEVEN, shift, axis=0) for shift in range(1, 9)]
    threads = [threading.Thread(target=arrive, args=(pad, picture)) for picture in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert view.reading["digit"] == 7


def test_where_no_widget_can_be_shown_a_sentence_stands():
    pad = DrawingPad()
    for shown in (pad, live_prediction(pad, load_pretrained())):
        words = DisplayFormatter().format(shown)[0]["text/plain"]
        assert words.startswith("A pad to draw a digit on")
        assert words.endswith("when this cell is run.")  # not cut off


def test_no_file_for_the_browser_names_another_host():
    for path in page.TEMPLATES.rglob("*"):
        if path.is_file():
            assert "//" not in path.read_text(encoding="utf-8").replace("// ", ""), path


def test_without_a_wish_another_port_serves_when_the_usual_one_is_taken(monkeypatch):
    with socket.socket() as taken:
        taken.bind((page.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(page, "PORT", port)
        assert page.free_port(None) not in (port, 0)
        with pytest.raises(CourseError, match=f"Port {port} cannot be used"):
            page.free_port(port)


def test_without_voila_the_page_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "voila", None)
    monkeypatch.delitem(sys.modules, "voila.app", raising=False)
    with pytest.raises(CourseError, match=r"pip install .*-r requirements"):
        page.serve(0, open_browser=False)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child process")
def test_ctrl_c_ends_the_page_with_one_line_and_leaves_no_process():
    port = page.free_port(0)
    command = [sys.executable, "-m", "lenet_helpers", "demo", "--no-browser", "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as server:
        url = f"http://{page.HOST}:{port}/"
        assert url in server.stdout.readline()
        while server.poll() is None:
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(url, timeout=60) as visit:  # gets a kernel
                    visit.read()
                break
            time.sleep(0.1)
        children = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(signal.SIGINT)
        output, errors = server.communicate(timeout=60)
    assert server.returncode == 0
    assert (output, errors) == ("Stopped.\n", "")
    assert children
    assert not any(child.is_running() for child in children)
