"""The playground as a student uses it, in Chromium: from the disk without a network, in JupyterLab.

Every request is recorded; one to another place fails the test, and so does an error in the
console. With LENET_SCREENSHOT=FILE.png the page is saved there, explaining a number.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy as np
import pytest
import safetensors.torch
import torch
from axe_playwright_python.sync_playwright import Axe
from conftest import HOST, PAD, PATIENCE, Stroke, draw, expect_digit, serve
from jupyter_client import BlockingKernelClient
from layers import ALL_LAYERS, assert_pytorch_gives, images_for, random_network
from playwright.sync_api import Locator, Page, expect
from scipy import ndimage
from skimage.morphology import skeletonize
from torchvision.datasets import MNIST

from lenet_helpers.checkpoints import save_weights, weights_as_bytes
from lenet_helpers.commands import lessons
from lenet_helpers.model import LeNet5
from lenet_helpers.playground import bundle, page
from lenet_helpers.recipes import PRETRAINED, load_pretrained

pytestmark = pytest.mark.browser

TEST_DIGITS = {3: 32, 7: 0, 0: 3}  # label, and the number of a test digit of MNIST
LESSON = lessons.NOTEBOOKS / "06_prediction.ipynb"


# What is drawn


def strokes_of(digit: np.ndarray) -> list[Stroke]:
    """The middle of a digit's strokes `(28, 28)`, traced from end to end, in pixels of the pad."""
    middle = skeletonize(ndimage.zoom(digit / 255, 10, order=1) > 0.5)
    left = {(int(x), int(y)) for y, x in np.argwhere(middle)}

    def beside(place: tuple[int, int]) -> list[tuple[int, int]]:
        x, y = place
        return [(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (x + i, y + j) in left]

    strokes = []
    while left:
        place = min(left, key=lambda place: (len(beside(place)) != 2, place))  # an end, if any
        stroke = [place]
        left.remove(place)
        while near := beside(place):
            place = min(near, key=lambda other: np.hypot(*np.subtract(other, place)))
            left.remove(place)
            stroke.append(place)
        strokes.append([*stroke[::4], stroke[-1]])
    return [stroke for stroke in strokes if len(stroke) > 4]  # no spurs


@pytest.fixture(scope="module")
def digits(data_dir: Path) -> dict[int, list[Stroke]]:
    """Strokes of a 3, a 7 and a 0 of MNIST's test set."""
    test = MNIST(data_dir, train=False)
    return {label: strokes_of(test.data[number].numpy()) for label, number in TEST_DIGITS.items()}


# What drives it


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as it lies on a disk."""
    return page.write_page(tmp_path_factory.mktemp("page")).parent


@pytest.fixture
def tab(visit, folder) -> Page:
    """The page, opened from the disk with the network cut off."""
    return open_page(visit, folder)


def open_page(visit: Callable[..., Page], folder: Path, **context) -> Page:
    tab = visit((folder / "index.html").as_uri(), **context)
    tab.locator("[data-layer=image] canvas").first.wait_for()
    return tab


@contextmanager
def running(command: list[str], port: int, **options) -> Iterator[subprocess.Popen]:
    """A server that listens at `port`; it is ended as the system ends programs."""
    process = subprocess.Popen(command, text=True, **options)
    try:
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


class Lab:
    """A JupyterLab of its own, with its own settings, and the notebooks in `folder`."""

    def __init__(self, folder: Path, runtime: Path, url: str, token: str) -> None:
        self.folder, self.runtime, self.url, self.token = folder, runtime, url, token

    def add(self, name: str, *sources: str) -> str:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, self.folder / name)
        return name

    def address(self, name: str) -> str:
        # reset: no tabs that an earlier test has left open
        return f"{self.url}/lab/tree/{name}?reset&token={self.token}"

    def ask(self, name: str, expression: str) -> str:
        """The text of an expression's value in the kernel of a notebook."""
        address = f"{self.url}/api/sessions?token={self.token}"
        sessions = json.load(urllib.request.urlopen(address))
        kernel = next(s["kernel"]["id"] for s in sessions if s["path"] == name)
        client = BlockingKernelClient(connection_file=str(self.runtime / f"kernel-{kernel}.json"))
        client.load_connection_file()
        client.start_channels()
        try:
            reply = client.execute(
                "", user_expressions={"value": f"str({expression})"}, reply=True, timeout=60
            )
        finally:
            client.stop_channels()
        return reply["content"]["user_expressions"]["value"]["data"]["text/plain"][1:-1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    quiet = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification"
    quiet.parent.mkdir(parents=True)
    folder.mkdir()
    quiet.with_suffix(".jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    port, token = free_port(), secrets.token_hex(16)
    own = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    command = [
        *[sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"],
        *[f"--ServerApp.ip={HOST}", f"--ServerApp.port={port}"],
        *[f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"],
    ]
    own_places = {name: str(path) for name, path in own.items()}
    with (
        (home / "log").open("w") as log,
        running(command, port, env=os.environ | own_places, stdout=log, stderr=log),
    ):
        yield Lab(folder, home / "runtime", f"http://{HOST}:{port}", token)


# What is done on a page


def touch(tab: Page, strokes: list[Stroke]) -> None:
    box = tab.locator(PAD).bounding_box()
    events = tab.context.new_cdp_session(tab)

    def send(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]
        events.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    for stroke in strokes:
        send("touchStart", stroke[0])
        for place in stroke[1:]:
            send("touchMove", place)
        send("touchEnd")


# Space puts the pen down and lifts it; the arrow keys, here by their first letters, move it.
KEYS = {
    7: "LLLLLLL RRRRRRRRRRRRRR" + "DDL" * 9 + " ",
    0: " RRRRDRD" + "D" * 12 + "DLDLLLLLLLLULU" + "U" * 12 + "URURRR ",
    3: "LLLLLL RRRRRRRRRRDRDDDDDDLDLLLLLLRRRRRRDRDDDDDDDLDL" + "L" * 9 + " ",
}
ARROWS = {"L": "ArrowLeft", "R": "ArrowRight", "U": "ArrowUp", "D": "ArrowDown", " ": " "}


def write(tab: Page, digit: int) -> None:
    """Draw with the keyboard; the pad has the focus."""
    for letter in KEYS[digit]:
        tab.keyboard.press(ARROWS[letter])


def press(tab: Page, button: str) -> None:
    tab.get_by_role("button", name=button).first.click()


def number(text: str) -> float:
    """A number as the page writes it: 0.372, −11.17, 2.652 · 10⁹."""
    text = text.strip().replace("−", "-").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    mantissa, _, exponent = text.partition(" · 10")
    return float(mantissa) * 10 ** int(exponent or 0)


def numbers(cells: Locator) -> list[float]:
    return [number(text) for text in cells.all_text_contents()]


def point_at(tab: Page, layer: str, across: float, down: float) -> None:
    """Click on a layer's canvas, at shares of its sides."""
    canvas = tab.locator(f"[data-layer={layer}] canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    canvas.click(position={"x": across * box["width"], "y": down * box["height"]})


PANEL = ".lenet-panel"
FIGURE = r"−?[\d.]+(?: · 10[⁻\d⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"


def title(tab: Page) -> tuple[str, float]:
    """The name of the explained value, and the value."""
    name, _, value = tab.locator(f"{PANEL} h2").text_content().rpartition(": ")
    return name, number(value)


def sum_words(tab: Page) -> list[float]:
    """Products, bias, sum, and what the activation makes of it."""
    return [number(text) for text in re.findall(FIGURE, tab.locator(".lenet-sum").text_content())]


# Four digits are shown, so sums of shown numbers are this exact.
def near(value: float, count: int = 25) -> object:
    return pytest.approx(value, rel=2e-3, abs=2e-3 * count**0.5)


# The network, against PyTorch

# Base64 both ways: as lists of numbers the layers would take minutes.
LAYERS_OF = """async ([weights, pixels]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const reader = new FileReader();
  reader.readAsDataURL(allLayers(bytes(weights), new Float32Array(bytes(pixels))));
  await new Promise((resolve) => (reader.onload = resolve));
  return reader.result.split(",")[1];
}"""


@pytest.fixture
def layers_of(visit) -> Callable[[LeNet5, torch.Tensor], bytes]:
    """What every layer of a model gives in Chromium, one image after another."""
    tab = visit("about:blank")
    tab.add_script_tag(content=bundle.join("lenet") + ALL_LAYERS)

    def run(model: LeNet5, images: torch.Tensor) -> bytes:
        given = [weights_as_bytes(model), images.numpy().tobytes()]
        found = tab.evaluate(LAYERS_OF, [base64.b64encode(each).decode() for each in given])
        return base64.b64decode(found)

    return run


@pytest.mark.lessons  # a minute; Node has it in the short loop
def test_all_test_digits_give_in_every_layer_what_pytorch_gives(layers_of, mnist_test):
    model = load_pretrained("course")
    for batch in images_for(model, mnist_test[0]).split(500):
        assert_pytorch_gives(layers_of(model, batch), model, batch)


@pytest.mark.lessons  # a minute; Node has it in the short loop
def test_networks_of_any_settings_give_what_pytorch_gives(layers_of, mnist_test):
    for number in range(200):
        model = random_network(number)
        images = images_for(model, mnist_test[0][20 * number : 20 * number + 20])
        assert_pytorch_gives(layers_of(model, images), model, images)


# The page, without a network


@pytest.mark.parametrize("label", TEST_DIGITS)
def test_a_digit_drawn_with_the_mouse_is_read(tab, digits, label):
    draw(tab, *digits[label])
    expect_digit(tab, label)


def test_it_answers_while_the_stroke_is_being_drawn(tab):
    box = tab.locator(PAD).bounding_box()
    answer = tab.locator(".lenet-answer")
    expect(answer).to_have_text("Nothing is drawn yet.")
    tab.mouse.move(box["x"] + 140, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 140, box["y"] + 220, steps=10)
    expect(answer).to_contain_text("%")  # the button is still down
    tab.mouse.up()


@pytest.mark.parametrize("label", TEST_DIGITS)
def test_a_finger_draws_on_a_phone_and_does_not_scroll(visit, folder, digits, label):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = open_page(visit, folder, **phone)
    before = tab.locator(PAD).bounding_box()
    touch(tab, digits[label])
    expect_digit(tab, label)
    assert tab.locator(PAD).bounding_box() == before


def test_on_a_phone_two_networks_answer_above_the_pad_and_all_in_one_screen(visit, folder):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = open_page(visit, folder, **phone)
    tab.get_by_label("Compare with").select_option("best")
    tab.get_by_role("button", name="Draw the example 3").tap()
    answers = tab.locator(".lenet-answer")
    expect(answers).to_have_text([re.compile("^3 with")] * 2)
    pad = tab.locator(PAD).bounding_box()
    tab.evaluate("window.scrollTo(0, 0)")
    assert all(each.bounding_box()["y"] < pad["y"] for each in answers.all())
    expect(tab.locator(PAD)).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("label", KEYS)
def test_the_keyboard_alone_draws_and_undoes(tab, label):
    tab.keyboard.press("Tab")
    expect(tab.locator(PAD)).to_be_focused()
    write(tab, label)
    expect_digit(tab, label)
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Undo the last stroke")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator(".lenet-answer")).to_have_text("Nothing is drawn yet.")


def test_the_page_is_the_same_when_it_is_served(visit, folder, digits):
    with serve(folder) as address:
        tab = visit(address)
        draw(tab, *digits[3])
        expect_digit(tab, 3)


def test_a_finger_that_taps_on_a_value_has_it_explained_in_sight(visit, folder):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = open_page(visit, folder, **phone)
    tab.get_by_role("button", name="Draw the example 3").tap()
    canvas = tab.locator("[data-layer=activation2] canvas")
    canvas.scroll_into_view_if_needed()
    canvas.tap(position={"x": 20, "y": 20})
    assert title(tab)[0].startswith("Convolution 2, map 1")
    expect(tab.locator(f"{PANEL} h2")).to_be_in_viewport()
    tab.get_by_role("button", name="Close").tap()
    expect(tab.locator(f"{PANEL} h2")).not_to_be_in_viewport()


def test_the_answer_is_in_sight_while_one_draws_on_a_small_phone(visit, folder, digits):
    phone = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
    tab = open_page(visit, folder, **phone)
    touch(tab, digits[3])
    expect_digit(tab, 3)
    answer, explained = (tab.locator(f".lenet-{name}") for name in ("answer", "explained"))
    box = answer.bounding_box()
    assert box["y"] + box["height"] <= explained.bounding_box()["y"]


def test_letters_and_two_digits_are_doubted(tab, digits):
    doubt = tab.locator(".lenet-doubt")
    draw(tab, *digits[3])
    expect_digit(tab, 3)
    expect(doubt).to_have_text("")
    press(tab, "Clear the pad")
    small = [[(0.45 * x + shift, y) for x, y in s] for shift in (0, 135) for s in digits[0]]
    draw(tab, *small)
    expect(doubt).to_contain_text("not sure")


# Every number explains itself


def test_a_value_of_the_first_convolution_is_its_products_bias_and_activation(tab):
    press(tab, "Draw the example 3")
    point_at(tab, "activation1", 0.08, 0.5)
    name, value = title(tab)
    assert re.fullmatch(r"Convolution 1, map 1, row \d+, column \d+", name)
    patch, kernel, products = (
        numbers(tab.locator(f"[data-table={part}] .lenet-value"))
        for part in ("patch", "kernel", "products")
    )
    np.testing.assert_allclose(np.multiply(patch, kernel), products, rtol=2e-3, atol=2e-4)
    total, bias, summed, *_ = sum_words(tab)
    assert sum(products) == near(total)
    assert total + bias == near(summed, 1)
    assert value == near(max(summed, 0), 1)


def test_a_value_of_the_second_convolution_adds_six_maps(tab):
    press(tab, "Draw the example 3")
    point_at(tab, "activation2", 0.3, 0.3)
    summaries = tab.locator(f"{PANEL} summary").all_text_contents()
    assert len(summaries) == 6
    total, bias, summed, *_ = sum_words(tab)
    assert sum(number(text.rpartition("to ")[2]) for text in summaries) == near(total, 6)
    assert total + bias == near(summed, 1)


def test_a_pooled_value_is_the_marked_one_of_four_and_leads_to_it(tab):
    press(tab, "Draw the example 3")
    point_at(tab, "pool1", 0.08, 0.4)
    _, value = title(tab)
    four = numbers(tab.locator(".lenet-four .lenet-value"))
    assert value == max(four)
    winner = tab.locator(".lenet-winner")
    assert number(winner.text_content()) == value
    winner.click()
    name, before = title(tab)
    assert name.startswith("Convolution 1, map 1")
    assert before == value
    press(tab, "Back")
    assert title(tab)[0].startswith("Pooling 1")


def test_a_logit_is_its_ten_largest_contributions_the_rest_and_the_bias(tab):
    press(tab, "Draw the example 3")
    tab.locator("[data-layer=linear3] button").nth(3).click()
    rows = tab.locator(".lenet-contributions li").all_text_contents()
    assert len(rows) == 11
    products = [number(row.rpartition("= ")[2]) for row in rows[:-1]]
    for row, product in zip(rows, products, strict=False):
        one, other = re.match(rf"({FIGURE}) × ({FIGURE})", row).groups()
        assert number(one) * number(other) == near(product, 1)
    assert [abs(p) for p in products] == sorted((abs(p) for p in products), reverse=True)
    total, bias, summed = sum_words(tab)[:3]
    assert sum(products) + number(rows[-1].rpartition(": ")[2]) == near(total, 10)
    assert total + bias == near(summed, 1) == near(title(tab)[1], 1)


def test_a_probability_is_its_power_over_the_sum_of_all(tab):
    press(tab, "Draw the example 8")
    tab.locator("[data-layer=probabilities] button").nth(8).click()
    powers = [
        number(t.rpartition("= ")[2]) for t in tab.locator(".lenet-powers li").all_text_contents()
    ]
    assert len(powers) == 10
    assert title(tab)[1] == pytest.approx(powers[8] / sum(powers), rel=2e-3)


def test_the_path_back_to_the_image_can_be_followed_by_keyboard(tab):
    press(tab, "Draw the example 7")
    tab.locator("[data-layer=probabilities] button").nth(7).focus()
    tab.keyboard.press("Enter")
    seen = [title(tab)[0].partition(",")[0]]
    while seen[-1] != "Image" and len(seen) < 20:
        tab.locator(f"{PANEL} button:visible").first.press("Enter")
        seen.append(title(tab)[0].partition(",")[0])
    layers = ["Probabilities", "Logits", "Linear 2", "Linear 1", "Pooling 2", "Convolution 2"]
    assert seen == [*layers, "Pooling 1", "Convolution 1", "Image"]
    press(tab, "Back")
    assert title(tab)[0].startswith("Convolution 1")


def test_back_leads_over_layers_and_not_over_each_step_of_an_arrow_key(tab):
    press(tab, "Draw the example 3")
    tab.locator("[data-layer=pool2] canvas").focus()
    tab.keyboard.press("Enter")
    for key in ("ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
    tab.locator(f"{PANEL} button:visible").first.press("Enter")
    assert title(tab)[0].startswith("Convolution 2")
    press(tab, "Back")
    assert title(tab)[0] == "Pooling 2, map 1, row 1, column 1"
    expect(tab.get_by_role("button", name="Back")).to_be_hidden()


def test_arrow_keys_move_from_value_to_value_and_the_field_lights_up_on_the_image(tab):
    press(tab, "Draw the example 3")
    canvas = tab.locator("[data-layer=pool2] canvas")
    canvas.focus()
    tab.keyboard.press("Enter")
    assert title(tab)[0] == "Pooling 2, map 1, row 0, column 0"
    for key in ("ArrowRight", "ArrowDown"):
        tab.keyboard.press(key)
    assert title(tab)[0] == "Pooling 2, map 1, row 1, column 1"
    image = tab.locator("[data-layer=image] canvas").bounding_box()
    frame = tab.locator("[data-layer=image] .lenet-mark").bounding_box()
    pixel = image["width"] / 32
    assert frame["width"] / pixel == pytest.approx(16, abs=0.2)
    assert (frame["x"] - image["x"]) / pixel == pytest.approx(4, abs=0.2)
    tab.keyboard.press("Escape")
    expect(tab.locator(f"{PANEL} h2")).to_have_text("Where does a number come from?")


def test_a_single_pixel_can_be_changed(tab):
    press(tab, "Draw the example 3")
    tab.get_by_label("Edit single pixels of the image").check()
    point_at(tab, "image", 4.5 / 32, 4.5 / 32)
    white = title(tab)[1]
    assert white == pytest.approx((1 - 0.1307) / 0.3081, rel=1e-3)
    point_at(tab, "image", 4.5 / 32, 4.5 / 32)
    assert title(tab)[1] == pytest.approx(-0.1307 / 0.3081, rel=1e-3)


def test_a_pixel_can_be_changed_in_an_image_smaller_than_the_drawing(tab, tmp_path):
    save_weights(LeNet5(image_size=20), tmp_path / "small.safetensors")
    open_file(tab, tmp_path / "small.safetensors")
    tab.get_by_label("Edit single pixels of the image").check()
    point_at(tab, "image", 7.5 / 20, 12.5 / 20)
    name, grey = title(tab)
    assert name == "Image, row 12, column 7"
    # the mean of the 3×3 of 28×28 that it touches, one of them white
    assert grey == pytest.approx((1 / 9 - 0.1307) / 0.3081, rel=1e-3)
    point_at(tab, "image", 7.5 / 20, 12.5 / 20)
    assert title(tab)[1] == pytest.approx(-0.1307 / 0.3081, rel=1e-3)


def test_pixels_are_drawn_where_no_stroke_is(tab):
    tab.get_by_label("Edit single pixels of the image").check()
    point_at(tab, "image", 0.5, 0.5)
    expect(tab.locator(".lenet-answer")).to_contain_text("%")
    point_at(tab, "image", 0.5, 0.5)
    expect(tab.locator(".lenet-answer")).to_have_text("Nothing is drawn yet.")


def test_arrow_keys_pass_over_pixels_and_enter_changes_one(tab):
    tab.get_by_label("Edit single pixels of the image").check()
    tab.locator("[data-layer=image] canvas").focus()
    for key in ("ArrowRight", "ArrowDown") * 3:
        tab.keyboard.press(key)
    expect(tab.locator(".lenet-answer")).to_have_text("Nothing is drawn yet.")
    tab.keyboard.press("Enter")
    name, white = title(tab)
    assert name == "Image, row 3, column 3"
    assert white == pytest.approx((1 - 0.1307) / 0.3081, rel=1e-3)


# Networks


def open_file(tab: Page, path: Path, at: int = 0) -> None:
    with tab.expect_file_chooser() as chooser:
        tab.locator(".lenet-select").nth(at).select_option("open a file …")
    chooser.value.set_files(path)


def open_bare_file(tab: Page, folder: Path) -> None:
    """Open weights without metadata."""
    path = folder / "bare.safetensors"
    path.write_bytes(safetensors.torch.save(LeNet5().state_dict()))
    open_file(tab, path)


def test_two_networks_read_one_drawing(tab):
    tab.locator(".lenet-select").nth(1).select_option("untrained")
    tab.locator(".lenet-select").nth(0).select_option("best")
    press(tab, "Draw the example 3")
    expect_digit(tab, 3)
    answers = tab.locator(".lenet-answer").all_text_contents()
    assert len(answers) == 2
    assert float(re.search(r"([\d.]+) %", answers[1])[1]) < 50  # nobody trained it


def test_a_readers_own_weights_are_opened(tab, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(LeNet5(image_size=28, num_classes=12, activation="tanh", batch_norm=True), path)
    open_file(tab, path)
    expect(tab.get_by_role("heading", name="mine.safetensors")).to_be_visible()
    press(tab, "Draw the example 3")
    assert tab.locator("[data-layer=linear3] button").count() == 12
    point_at(tab, "activation1", 0.1, 0.5)
    assert "tanh" in tab.locator(".lenet-sum").text_content()
    assert "batch norm" in tab.locator(".lenet-sum").text_content()


def test_weights_without_metadata_are_asked_about(tab, tmp_path):
    open_bare_file(tab, tmp_path)
    expect(tab.get_by_text("does not say how its network was built")).to_be_visible()
    tab.locator(".lenet-question select").nth(0).select_option("sigmoid")
    tab.locator(".lenet-question select").nth(1).select_option("average")
    press(tab, "Open it so")
    expect(tab.get_by_role("heading", name="bare.safetensors")).to_be_visible()
    press(tab, "Draw the example 3")
    point_at(tab, "pool1", 0.1, 0.5)
    expect(tab.locator(PANEL)).to_contain_text("The mean of these four")


def test_a_question_goes_with_its_file_when_another_network_is_chosen(tab, tmp_path):
    open_bare_file(tab, tmp_path)
    expect(tab.locator(".lenet-question")).to_be_visible()
    tab.locator(".lenet-select").nth(0).select_option("best")
    expect(tab.get_by_role("heading", name="best")).to_be_visible()
    expect(tab.locator(".lenet-question")).to_be_hidden()


def test_an_opened_file_can_be_chosen_again_and_in_both_places(tab, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_weights(LeNet5(), path)
    open_file(tab, path)
    tab.locator(".lenet-select").nth(0).select_option("course")
    expect(tab.get_by_role("heading", name="course")).to_be_visible()
    for place in (0, 1):
        tab.locator(".lenet-select").nth(place).select_option("mine.safetensors")
    expect(tab.get_by_role("heading", name="mine.safetensors")).to_have_count(2)


def test_the_network_chosen_last_is_shown_though_another_takes_longer(tab):
    # `best` comes from a file beside the page, `untrained` needs none.
    tab.locator(".lenet-select").first.evaluate("""(select) => {
      for (select.value of ["best", "untrained"]) select.dispatchEvent(new Event("change"));
    }""")
    tab.wait_for_function("window.LENET_NETWORKS.best")
    expect(tab.get_by_role("heading", name="untrained")).to_be_visible()
    expect(tab.get_by_role("heading", name="best")).to_have_count(0)


def test_the_way_back_leads_to_no_network_that_is_gone(tab):
    tab.locator(".lenet-select").nth(1).select_option("untrained")
    press(tab, "Draw the example 3")
    for network in (0, 1):
        tab.locator("[data-layer=linear3]").nth(network).get_by_role("button").first.click()
    expect(tab.get_by_role("button", name="Back")).to_be_visible()
    tab.locator(".lenet-select").nth(0).select_option("best")
    expect(tab.get_by_role("heading", name="best")).to_be_visible()
    expect(tab.get_by_role("button", name="Back")).to_be_hidden()


def test_numbers_that_become_too_large_are_said_and_stop_nothing(tab, tmp_path):
    path = tmp_path / "large.safetensors"
    model = LeNet5(activation="sigmoid")
    torch.nn.init.constant_(model.classifier.linear3.weight, 3e38)
    save_weights(model, path)
    open_file(tab, path)
    press(tab, "Draw the example 3")
    expect(tab.locator(".lenet-answer")).to_contain_text("too large")
    tab.locator("[data-layer=linear3] button").nth(3).click()
    expect(tab.locator(f"{PANEL} h2")).to_have_text("Logits, class 3: Infinity")


def test_other_classes_than_digits_are_not_doubted(tab, tmp_path):
    path = tmp_path / "letters.safetensors"
    save_weights(LeNet5(num_classes=26), path)
    tab.locator(".lenet-select").nth(1).select_option("untrained")
    open_file(tab, path)
    press(tab, "Draw the example 4")
    expect(tab.locator(".lenet-doubt").nth(1)).to_contain_text("not sure")
    expect(tab.locator(".lenet-doubt").nth(0)).to_have_text("")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"GIF89a" + bytes(500), "no safetensors file"),
        ((PRETRAINED / "course.safetensors").read_bytes()[:-100], "is not whole"),
        (safetensors.torch.save(LeNet5(in_channels=3).state_dict()), "a drawing has one"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_words(tab, tmp_path, content, words):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    open_file(tab, path)
    if "drawing" in words:
        press(tab, "Open it so")
    expect(tab.get_by_role("alert")).to_contain_text(words)
    expect(tab.get_by_role("heading", name="course")).to_be_visible()  # the last one stays


# Everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, folder, scheme):
    tab = open_page(visit, folder, color_scheme=scheme)
    press(tab, "Draw the example 3")
    tab.locator(".lenet-select").nth(1).select_option("best")
    for layer, at in (("activation2", 0.3), ("pool1", 0.1), ("activation4", 0.02)):
        point_at(tab, layer, at, 0.1)
        found = Axe().run(tab).response["violations"]
        assert not found, [(each["id"], each["nodes"][0]["html"]) for each in found]


@pytest.mark.parametrize("width", [360, 390, 820, 1280])
def test_nothing_scrolls_sideways(visit, folder, width):
    tab = open_page(visit, folder, viewport={"width": width, "height": 800})
    press(tab, "Draw the example 3")
    for layer in ("activation1", "activation2", "pool2", "activation3"):
        point_at(tab, layer, 0.1, 0.2)
        wide = tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, layer
        inside = "(panel) => panel.scrollWidth <= panel.clientWidth"
        assert tab.locator(".lenet-explained").evaluate(inside), layer


@pytest.mark.parametrize("width", [360, 1280])
def test_no_number_is_cut_off(visit, folder, tmp_path, width):
    model = LeNet5()
    for values in (model.features.conv1.weight, model.classifier.linear3.bias):
        torch.nn.init.constant_(values, -0.00012344)
    torch.nn.init.zeros_(model.classifier.linear3.weight)
    save_weights(model, tmp_path / "long.safetensors")
    tab = open_page(visit, folder, viewport={"width": width, "height": 800})
    for place in (0, 1):
        open_file(tab, tmp_path / "long.safetensors", place)
    expect(tab.get_by_role("heading", name="long.safetensors")).to_have_count(2)
    point_at(tab, "activation1", 0.1, 0.5)
    for numbers in (tab.locator("[data-table=kernel] .lenet-value"), tab.locator(".lenet-number")):
        assert numbers.first.text_content() == "−0.0001234"
        wider = "(cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length"
        assert numbers.evaluate_all(wider) == 0


def test_nothing_that_has_the_focus_is_behind_the_explanation(visit, folder):
    tab = open_page(visit, folder, viewport={"width": 360, "height": 740})
    press(tab, "Draw the example 3")
    point_at(tab, "activation2", 0.3, 0.3)
    tab.locator("[data-layer=image] canvas").focus()
    for _ in range(20):
        tab.keyboard.press("Tab")
        low = tab.evaluate("document.activeElement.getBoundingClientRect().bottom")
        assert low <= tab.locator(".lenet-explained").bounding_box()["y"] + 1


def test_it_opens_in_under_a_second(visit, folder):
    times = []
    for _ in range(3):
        tab = open_page(visit, folder)
        times.append(tab.evaluate("performance.now()"))
    assert min(times) < 1000


def test_a_screenshot_for_the_readme(tab, digits):
    draw(tab, *digits[3])
    expect_digit(tab, 3)
    point_at(tab, "activation1", 0.118, 0.5)
    assert title(tab)[0].startswith("Convolution 1")
    if "LENET_SCREENSHOT" in os.environ:
        tab.mouse.move(0, 0)
        tab.screenshot(path=os.environ["LENET_SCREENSHOT"], full_page=True)


# JupyterLab


@pytest.fixture(scope="module")
def lesson(lab: Lab) -> str:
    """A copy of the lesson at its quick setting."""
    notebook = nbformat.read(LESSON, as_version=4)
    (quick,) = lessons.choose_parameters([LESSON], {}, quick=True)
    settings = "\n".join(f"{name} = {value!r}" for name, value in quick.items())
    (cell,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    place = notebook.cells.index(cell) + 1
    notebook.cells.insert(place, nbformat.v4.new_code_cell(settings))
    nbformat.write(notebook, lab.folder / LESSON.name)
    return LESSON.name


def open_in_lab(visit: Callable[..., Page], lab: Lab, name: str) -> Page:
    """Open a notebook and run all its cells."""
    tab = visit(lab.address(name), silent=False)
    tab.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    tab.get_by_role("menuitem", name="Run", exact=True).click()
    tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    tab.locator(PAD).first.wait_for()
    return tab


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> str:
    first = "from lenet_helpers.playground.widget import playground"
    second = "from lenet_helpers.recipes import load_pretrained"
    last = "pad = playground(load_pretrained('course'))\npad"
    return lab.add("pad.ipynb", first, second, last)


def wait_until(holds: Callable[[], bool], complaint: str) -> None:
    """Ask again and again, since Python and the page answer in their own time."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.2)


def test_in_a_notebook_the_keyboard_draws_and_python_has_the_image(lab, notebook, visit):
    tab = open_in_lab(visit, lab, notebook)
    cells = tab.locator(".jp-Cell").count()
    tab.locator(PAD).focus()
    write(tab, 7)
    expect_digit(tab, 7)
    assert tab.locator(".jp-Cell").count() == cells  # no key was a command of JupyterLab
    answer = "str(pad.image is not None and pad.image.shape)"
    wait_until(lambda: lab.ask(notebook, answer) == "(28, 28)", "Python has no image")


def test_a_model_that_was_trained_on_is_shown_with_its_new_weights(lab, notebook, visit):
    tab = open_in_lab(visit, lab, notebook)
    press(tab, "Draw the example 3")
    expect_digit(tab, 3)
    lab.ask(notebook, "pad.use(__import__('lenet_helpers.model').model.LeNet5(num_classes=11))")
    rows = tab.locator("[data-layer=linear3] button")
    expect(rows).to_have_count(11, timeout=PATIENCE)


@pytest.mark.lessons
def test_the_lesson_reads_what_is_drawn_on_its_pad(lab, lesson, visit, digits):
    tab = open_in_lab(visit, lab, lesson)
    # While cells are still running, new outputs push the pad about under the mouse.
    waiting = tab.locator(".jp-InputPrompt", has_text="[*]")
    expect(waiting).to_have_count(0, timeout=2 * PATIENCE)
    for label, strokes in digits.items():
        draw(tab, *strokes)
        expect_digit(tab, label)
        press(tab, "Clear the pad")
