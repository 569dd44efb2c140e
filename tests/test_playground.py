"""The playground's page, widget and server, as Python sees them; test_browser.py uses them."""

from __future__ import annotations

import re
import threading
import urllib.request

import numpy as np
import pytest
import torch

from lenet_helpers.checkpoints import load_network
from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.playground import bundle, page
from lenet_helpers.playground.strokes import render_strokes
from lenet_helpers.playground.widget import playground
from lenet_helpers.reading.digit import centre

ANGLES = np.linspace(0, 2 * np.pi, 50)
RING = np.stack([140 + 50 * np.cos(ANGLES), 140 + 90 * np.sin(ANGLES)], axis=1)


# ---- strokes


def test_a_drawing_is_as_large_as_mnists_digits_and_its_centre_of_mass_where_theirs_is():
    image = render_strokes([RING])
    rows = np.flatnonzero(image.max(axis=1) > 0.5)
    assert rows[-1] - rows[0] + 1 == pytest.approx(20, abs=1)
    places = np.mgrid[:28, :28]
    np.testing.assert_allclose((places * image).sum(axis=(1, 2)) / image.sum(), 14, atol=0.02)


def test_a_stroke_is_2_25_pixels_wide():
    image = render_strokes([np.array([[0.0, 0], [0, 100]])])
    assert image[14].sum() == pytest.approx(2.25, abs=0.02)


def test_size_and_place_on_the_pad_do_not_matter():
    once = render_strokes([RING])
    np.testing.assert_allclose(render_strokes([0.3 * RING + 7]), once, atol=1e-9)


def test_a_dot_stays_a_dot():
    image = render_strokes([np.array([[100.0, 100], [103, 101]])], least=35)
    assert image.sum() < 8
    np.testing.assert_allclose(centre(image[10:19, 10:19]), image, atol=1e-9)


def test_nothing_drawn_is_no_image():
    assert render_strokes([]) is None
    assert render_strokes([np.zeros((0, 2))]) is None


# ---- the page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return page.write_page(tmp_path_factory.mktemp("page")).parent


def test_the_page_with_its_network_is_small_and_the_others_lie_beside_it(folder):
    assert (folder / "index.html").stat().st_size <= 600_000
    assert {path.name for path in folder.rglob("*.js")} == {"best.js", "characters.js"}


def test_nothing_of_the_page_names_another_place(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            assert not re.search(r"https?:|//\w+\.\w", path.read_text(encoding="utf-8")), path


def test_no_import_and_no_pixel_reading_is_left_in_the_page(folder):
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|export)\b", text, re.M)
    assert "getImageData" not in text


def test_the_page_is_served_to_this_machine_only(folder):
    with page.serve_page(folder, 0) as server:
        host, port = server.server_address
        assert host == "127.0.0.1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert b"LeNet-5" in answer.read()
        with pytest.raises(CourseError, match=rf"Port {port} cannot be used: .* --port out\."):
            page.serve_page(folder, port)
        server.shutdown()


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="Cannot write"):
        page.write_page(tmp_path / "file")


def test_each_module_is_joined_once_and_after_what_it_uses():
    text = bundle.join("page")
    for name in ("forward", "renderStrokes", "mountPlayground"):
        assert len(re.findall(rf"function {name}\(", text)) == 1
    assert text.index("function forward(") < text.index("function mountPlayground(")


# ---- the widget


def test_the_widget_holds_the_models_own_weights(tmp_path):
    model = LeNet5(activation="tanh", pooling="average", batch_norm=True)
    widget = playground(model, "mine")
    assert list(widget.networks) == ["mine", "course", "best"]
    (tmp_path / "w").write_bytes(widget.networks["mine"])
    again = load_network(tmp_path / "w")
    assert again.arguments == model.arguments
    for one, other in zip(again.state_dict().values(), model.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_use_takes_newer_weights():
    model = LeNet5()
    widget = playground(model)
    before = widget.networks["this network"]
    torch.nn.init.zeros_(model.classifier.linear3.bias)
    widget.use(model)
    assert widget.networks["this network"] != before


@pytest.mark.parametrize("model", [LeNet5(in_channels=3), torch.nn.Linear(2, 2)])
def test_another_network_is_refused_in_words(model):
    with pytest.raises(CourseError, match="a LeNet5 of lesson 02 for grey images"):
        playground(model)


def test_the_widgets_image_is_that_of_its_strokes():
    widget = playground(LeNet5())
    assert widget.image is None
    widget.strokes = [RING.tolist()]
    np.testing.assert_array_equal(widget.image, render_strokes([RING], 35))


def test_where_no_widget_can_be_shown_a_sentence_stands():
    words = playground(LeNet5())._repr_mimebundle_()[0]["text/plain"]
    assert words.startswith("A pad to draw a digit on")
    assert len(words) < 110  # ipywidgets cuts what is longer
