"""The pad as a student uses it: in Chromium, in JupyterLab and on the demo page.

What the browser asks of the network is recorded in every test; any other host than this machine
fails it. With LENET_SCREENSHOT=FILE.png the demo page is saved there with a drawn digit.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import numpy as np
import psutil
import pytest
from jupyter_client import BlockingKernelClient
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scipy import ndimage
from skimage.morphology import skeletonize
from torchvision.datasets import MNIST

from lenet_helpers.commands import lessons
from lenet_helpers.playground import page

pytestmark = pytest.mark.browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 90_000  # milliseconds until a slow machine has started Python and read a digit
TEST_DIGITS = {3: 32, 7: 0, 0: 3}  # label, and the number of a test digit of MNIST
SIDE = 280  # pixels of the pad
CANVAS = ".lenet-pad-canvas"
VIEW = ".lenet-view[data-answers]"
# JupyterLab lays out a long notebook while it is scrolled, which moves the pad once more.
COME_TO_REST = """async (canvas) => {
  for (let attempt = 0; attempt < 200; attempt++) {
    canvas.scrollIntoView({ block: "center" });
    const before = canvas.getBoundingClientRect();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { left, top, right, bottom } = canvas.getBoundingClientRect();
    const seen = [[left + 2, top + 2], [right - 2, bottom - 2]].map((at) =>
      document.elementFromPoint(...at));
    if (before.top === top && seen.every((element) => element === canvas)) return;
  }
  throw new Error("the pad does not come to rest");
}"""
LESSON = lessons.NOTEBOOKS / "06_prediction.ipynb"
Stroke = list[tuple[float, float]]


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        reason = "needs Chromium: on Debian, apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        # The sandbox needs rights that CI's containers lack; only our own pages are opened.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page; in the end all requests must have stayed on this machine."""
    contexts, hosts = [], set()

    def open_page(url: str, **context) -> Page:
        contexts.append(browser.new_context(**context))
        contexts[-1].set_default_timeout(PATIENCE)
        contexts[-1].on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        tab = contexts[-1].new_page()
        tab.goto(url)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert hosts <= {page.HOST, None}  # None: data within the page itself


@contextmanager
def running(command: list[str], port: int, **options) -> Iterator[subprocess.Popen]:
    """A server that listens at `port`; it is ended as the system ends programs."""
    process = subprocess.Popen(command, text=True, **options)
    try:
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((page.HOST, port)) == 0:
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
    port, token = page.free_port(0), secrets.token_hex(16)
    own = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    command = [
        *[sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"],
        *[f"--ServerApp.ip={page.HOST}", f"--ServerApp.port={port}"],
        *[f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"],
    ]
    own_places = {name: str(path) for name, path in own.items()}
    with (
        (home / "log").open("w") as log,
        running(command, port, env=os.environ | own_places, stdout=log, stderr=log),
    ):
        yield Lab(folder, home / "runtime", f"http://{page.HOST}:{port}", token)


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """The address of the demo page, served by the command."""
    port = page.free_port(0)
    command = [sys.executable, "-m", "lenet_helpers", "demo", "--no-browser", "--port", str(port)]
    with running(command, port, stdout=subprocess.DEVNULL):
        yield f"http://{page.HOST}:{port}"


# What is done on a page


def open_in_lab(visit: Callable[..., Page], lab: Lab, name: str) -> Page:
    """Open a notebook and run all its cells."""
    tab = visit(lab.address(name), viewport={"width": 1280, "height": 900})
    tab.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    tab.get_by_role("menuitem", name="Run", exact=True).click()
    tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    tab.locator(CANVAS).first.wait_for()
    return tab


def draw(tab: Page, *strokes: Stroke, pad: int = 0) -> None:
    """Draw with the mouse, without a pause."""
    canvas = tab.locator(CANVAS).nth(pad)
    canvas.evaluate(COME_TO_REST)
    box = canvas.bounding_box()
    scale = box["width"] / SIDE
    for stroke in strokes:
        places = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        tab.mouse.move(*places[0])
        tab.mouse.down()
        for place in places[1:]:
            tab.mouse.move(*place)
        tab.mouse.up()


def expect_digit(tab: Page, digit: int) -> None:
    expect(tab.locator(".lenet-view-digit").first).to_have_text(str(digit), timeout=PATIENCE)


def expect_words(tab: Page, words: str) -> None:
    expect(tab.locator(".lenet-view-words").first).to_contain_text(words, timeout=PATIENCE)


def press(tab: Page, button: str) -> None:
    tab.get_by_role("button", name=button).first.click()


def canvas_pixels(tab: Page, pad: int = 0) -> np.ndarray:
    """What the pad shows in the browser."""
    picture = tab.locator(CANVAS).nth(pad).evaluate("canvas => canvas.toDataURL('image/png')")
    content = base64.b64decode(picture.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


def wait_until(holds: Callable[[], bool], complaint: str) -> None:
    """Ask again and again, since Python and the page answer in their own time."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not holds():
        assert time.monotonic() < deadline, complaint


def expect_python_to_have(lab: Lab, name: str, pixels: np.ndarray) -> None:
    """Wait until the pixels in Python are those of the browser."""
    wanted = hashlib.sha256(pixels.tobytes()).hexdigest()
    expression = "__import__('hashlib').sha256(pad.pixels.tobytes()).hexdigest()"
    complaint = "Python has other pixels than the browser"
    wait_until(lambda: lab.ask(name, expression) == wanted, complaint)


def expect_all_answers_shown(tab: Page, lab: Lab, name: str) -> None:
    """Wait until the view has every answer that Python has given."""
    given, view = "live.children[1].reading['answers']", tab.locator(VIEW)
    complaint = "the view lacks answers that Python has given"
    wait_until(lambda: lab.ask(name, given) == view.get_attribute("data-answers"), complaint)


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


@pytest.fixture(scope="module")
def two_views(lab: Lab) -> str:
    """A notebook that shows one pad twice."""
    first = "from lenet_helpers.playground.pad import DrawingPad\npad = DrawingPad()\npad"
    return lab.add("two_views.ipynb", first, "pad")


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
        expect_words(tab, "no ink")


def test_no_stroke_is_lost_however_fast_one_draws(lab, two_views, visit):
    tab = open_in_lab(visit, lab, two_views)
    places = [(x, y) for y in range(20, 280, 40) for x in range(20, 280, 40)]
    draw(tab, *([(x - 8, y), (x, y + 4), (x + 8, y)] for x, y in places))
    pixels = canvas_pixels(tab)
    assert all(pixels[y + 2, x] == 0 for x, y in places)
    assert (pixels == 255).any()
    expect_python_to_have(lab, two_views, pixels)
    assert lab.ask(two_views, "len(pad.strokes)") == str(len(places))


def test_undo_takes_the_last_stroke_and_clear_takes_all(lab, two_views, visit):
    tab = open_in_lab(visit, lab, two_views)
    draw(tab, [(60, 60), (200, 60)])
    before = canvas_pixels(tab)
    draw(tab, [(60, 60), (100, 150), (60, 240)], [(30, 30)])
    for _ in range(2):
        assert (canvas_pixels(tab) != before).any()
        press(tab, "Undo the last stroke")
    np.testing.assert_array_equal(canvas_pixels(tab), before)
    expect_python_to_have(lab, two_views, before)
    press(tab, "Clear the pad")
    press(tab, "Undo the last stroke")  # of nothing
    assert (canvas_pixels(tab) == 255).all()
    expect_python_to_have(lab, two_views, canvas_pixels(tab))


def test_two_views_of_a_pad_are_one_drawing(lab, two_views, visit):
    tab = open_in_lab(visit, lab, two_views)
    expect(tab.locator(CANVAS)).to_have_count(2)
    draw(tab, [(60, 60), (200, 60)], pad=0)
    draw(tab, [(200, 60), (100, 240)], pad=1)
    assert (canvas_pixels(tab) == 0).sum() > 4000  # both strokes, 18 pixels wide
    np.testing.assert_array_equal(canvas_pixels(tab, 0), canvas_pixels(tab, 1))
    expect_python_to_have(lab, two_views, canvas_pixels(tab))


def test_the_drawing_is_still_there_after_a_reload(lab, two_views, visit):
    tab = open_in_lab(visit, lab, two_views)
    draw(tab, [(60, 60), (200, 60), (100, 240)], [(90, 150), (190, 150)])
    before = canvas_pixels(tab)
    tab.get_by_role("menuitem", name="File", exact=True).click()
    tab.get_by_role("menuitem", name=re.compile("^Save Notebook(?! As)")).click()
    expect(tab.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    tab.reload()
    tab.locator(CANVAS).first.wait_for()
    np.testing.assert_array_equal(canvas_pixels(tab), before)
    draw(tab, [(30, 30), (30, 250)])
    press(tab, "Undo the last stroke")
    np.testing.assert_array_equal(canvas_pixels(tab), before)
    expect_python_to_have(lab, two_views, before)


def test_one_draws_on_while_python_is_busy(lab, visit, digits):
    name = lab.add(
        "busy.ipynb",
        "from lenet_helpers.playground.pad import DrawingPad, live_prediction\n"
        "from lenet_helpers.recipes import load_pretrained\n"
        "pad = DrawingPad()\n"
        "live_prediction(pad, load_pretrained())",
        "import time, pathlib\nprint('busy now')\n"
        "while not pathlib.Path('done').exists():\n    time.sleep(0.05)",
    )
    tab = open_in_lab(visit, lab, name)
    tab.get_by_text("busy now", exact=True).wait_for()
    draw(tab, *digits[3])
    assert (canvas_pixels(tab) == 0).sum() > 1000
    (lab.folder / "done").touch()
    expect_digit(tab, 3)
    expect_python_to_have(lab, name, canvas_pixels(tab))


def test_a_slow_network_reads_the_newest_drawing_and_skips_what_came_before(lab, visit, digits):
    name = lab.add(
        "slow.ipynb",
        "import pathlib, time\n"
        "from lenet_helpers.model import LeNet5\n"
        "from lenet_helpers.playground.pad import DrawingPad, live_prediction\n"
        "from lenet_helpers.recipes import load_pretrained\n"
        "class Slow(LeNet5):\n"
        "    def forward(self, images):\n"
        "        while not pathlib.Path('go').exists():\n"
        "            time.sleep(0.05)\n"
        "        return super().forward(images)\n"
        "pad, model = DrawingPad(), Slow()\n"
        "model.load_state_dict(load_pretrained().state_dict())\n"
        "live = live_prediction(pad, model)\n"
        "live",
    )
    long, *rest = digits[3]  # the first piece is long enough to be taken for a digit
    middle = len(long) // 2
    pieces = [long[: middle + 1], *(long[i : i + 2] for i in range(middle, len(long) - 1)), *rest]
    assert len(pieces) > 10
    tab = open_in_lab(visit, lab, name)
    draw(tab, *pieces)
    expect_words(tab, "Python is busy")
    (lab.folder / "go").touch()
    expect_digit(tab, 3)
    expect_python_to_have(lab, name, canvas_pixels(tab))
    assert lab.ask(name, "len(pad.strokes)") == str(len(pieces))
    expect_all_answers_shown(tab, lab, name)
    assert int(tab.locator(VIEW).get_attribute("data-answers")) <= 3  # the first, then the newest


def test_keys_pressed_on_the_pad_draw_and_are_no_commands_of_jupyterlab(lab, two_views, visit):
    tab = open_in_lab(visit, lab, two_views)
    cells = tab.locator(".jp-Cell").count()
    tab.locator(CANVAS).first.focus()
    write_seven(tab)
    assert (canvas_pixels(tab) == 0).sum() > 3000
    expect_python_to_have(lab, two_views, canvas_pixels(tab))
    tab.keyboard.press("Control+z")
    assert (canvas_pixels(tab) == 255).all()
    write_seven(tab)
    tab.keyboard.press("Escape")
    assert (canvas_pixels(tab) == 255).all()
    assert tab.locator(".jp-Cell").count() == cells


def write_seven(tab: Page) -> None:
    """Space puts the pen down and lifts it; the arrow keys move it by 8 pixels."""
    keys = [*["ArrowLeft"] * 7, " ", *["ArrowRight"] * 14]
    keys += ["ArrowDown", "ArrowDown", "ArrowLeft"] * 9
    keys += [" ", *["ArrowUp"] * 18, *["ArrowRight"] * 2]
    for key in keys:
        tab.keyboard.press(key)


# The demo page


def test_the_demo_page_reads_what_is_drawn_and_shows_no_code(demo, visit, digits):
    tab = visit(demo, viewport={"width": 960, "height": 720})
    tab.locator(VIEW).wait_for()
    expect(tab).to_have_title("Draw a digit")
    expect(tab.locator("body")).not_to_contain_text("import")
    for label in (0, 7, 3):
        press(tab, "Clear the pad")
        draw(tab, *digits[label])
        expect_digit(tab, label)
    expect_words(tab, "%")
    bars = tab.get_by_role("img", name=re.compile("^0: .*, 3: .* %"))
    expect(bars).to_be_visible()
    if "LENET_SCREENSHOT" in os.environ:
        tab.mouse.move(0, 0)
        tab.screenshot(path=os.environ["LENET_SCREENSHOT"])


def test_the_python_of_a_closed_page_ends_and_that_of_an_open_one_stays(visit):
    port = page.free_port(0)
    command = [sys.executable, "-m", "lenet_helpers", "demo", "--no-browser", "--port", str(port)]
    with running(command, port, stdout=subprocess.DEVNULL) as server:
        kernels = psutil.Process(server.pid).children
        closed = visit(f"http://{page.HOST}:{port}")
        closed.locator(VIEW).wait_for()
        (first,) = kernels()
        tab = visit(f"http://{page.HOST}:{port}")
        tab.locator(VIEW).wait_for()
        closed.context.close()
        wait_until(lambda: first not in kernels(), "the closed page's Python goes on")
        assert len(kernels()) == 1
        tab.locator(CANVAS).focus()
        write_seven(tab)
        expect_digit(tab, 7)


def test_the_keyboard_alone_is_enough(demo, visit):
    tab = visit(demo)
    tab.locator(VIEW).wait_for()
    tab.keyboard.press("Tab")
    expect(tab.locator(CANVAS)).to_be_focused()
    write_seven(tab)
    expect_digit(tab, 7)
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Undo the last stroke")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Clear the pad")).to_be_focused()
    tab.keyboard.press("Enter")
    expect_words(tab, "no ink")


def test_a_phone_draws_with_a_finger_and_shows_all_below_the_pad(demo, visit, digits):
    phone = {"width": 390, "height": 844}
    tab = visit(demo, viewport=phone, has_touch=True, is_mobile=True, device_scale_factor=3)
    tab.locator(VIEW).wait_for()
    for width in (360, 390):
        tab.set_viewport_size({"width": width, "height": 844})
        canvas = tab.locator(CANVAS).bounding_box()
        assert canvas["width"] == pytest.approx(SIDE)
        assert tab.locator(VIEW).bounding_box()["y"] > canvas["y"] + canvas["height"]
        for part in tab.locator("canvas, .lenet-view-bars, .lenet-view-answer").all():
            box = part.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    tab.touchscreen.tap(canvas["x"] + 140, canvas["y"] + 140)
    expect_words(tab, "dot")
    press(tab, "Clear the pad")
    expect_words(tab, "no ink")
    before = tab.locator(CANVAS).bounding_box()
    touch(tab, digits[3])
    expect_digit(tab, 3)
    assert tab.locator(CANVAS).bounding_box() == before  # the finger has drawn, not scrolled


def touch(tab: Page, strokes: list[Stroke]) -> None:
    box = tab.locator(CANVAS).bounding_box()
    events = tab.context.new_cdp_session(tab)

    def send(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]
        events.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    for stroke in strokes:
        send("touchStart", stroke[0])
        for place in stroke[1:]:
            send("touchMove", place)
        send("touchEnd")
