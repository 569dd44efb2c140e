"""What several test modules share."""

import os

# Before anything imports tqdm, which reads it then; child processes and kernels inherit it. Bars
# would mix with pytest's own lines, and those of a lesson would end up among its outputs.
os.environ["TQDM_DISABLE"] = "1"
# Threads of several processes on the same cores wait for each other: ten times slower was seen.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import csv
import io
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)
from torchvision import datasets

from lenet_helpers.commands.command_line import main
from lenet_helpers.data import MNIST, load_mnist
from lenet_helpers.mnist_files import fetch_mnist
from lenet_helpers.playground.page import HOST, serve_page
from lenet_helpers.reading.grammar import Grammar, State, follow, may_end
from lenet_helpers.studies.records import describe
from lenet_helpers.studies.runner import find_study, load_study

# A job that a shell started in the background ignores Ctrl-C, and so do its child processes; the
# tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 90_000  # milliseconds until a slow machine has started Python and read a digit
SIDE = 280  # pixels of the pad
PAD = ".lenet-pad"
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
Stroke = list[tuple[float, float]]


@pytest.fixture(scope="session")
def mnist_raw() -> Path:
    """The kit's own four files of MNIST, fetched if need be. Never write here: copy first."""
    return fetch_mnist()


@pytest.fixture(scope="session")
def data_dir(mnist_raw: Path) -> Path:
    """The folder that `load_mnist` takes. Never write here."""
    return mnist_raw.parents[1]


@pytest.fixture(scope="session")
def mnist(data_dir: Path) -> MNIST:
    """MNIST as the course uses it. Never change its tensors."""
    return load_mnist(data_dir)


@pytest.fixture(scope="session")
def mnist_test(data_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """MNIST's test set as the files have it: grey levels `(n, 28, 28)` and classes."""
    test = datasets.MNIST(data_dir, train=False)
    return test.data.numpy(), test.targets.numpy()


def assert_is_of_today(name: str) -> None:
    """The committed result holds the whole study of that name as the command trains it today."""
    kept, study = load_study(name), find_study(name)
    runs = study.runs(study.seeds)
    assert kept.command == f"python -m lenet_helpers study {name} --seeds {study.seeds}"
    assert set(kept.versions) == {"python", "torch", "processor"}
    assert kept.settings == describe(runs, study.measure)
    assert not kept.failed
    assert sorted(record.run for record in kept.records) == sorted(
        (run.recipe.name, run.variant, run.seed) for run in runs
    )


def accepts(grammar: Grammar, text: str) -> bool:
    """Whether a grammar of the reader lets this text be read, symbol by symbol."""
    state = State()
    for symbol in text:
        state = follow(grammar, state, symbol)
        if state is None:
            return False
    return may_end(grammar, state)


def write_labels(folder: Path, rows: Sequence[tuple[str, object]]) -> None:
    """Write `labels.csv`: a file and what is written on it in each row."""
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "label"), *rows])


def command(*arguments: str | Path) -> subprocess.CompletedProcess:
    """What `python -m lenet_helpers` does with these arguments, here: torch is already imported."""
    line = ["lenet_helpers", *map(str, arguments)]
    output, errors = io.StringIO(), io.StringIO()
    with mock.patch.object(sys, "argv", line), redirect_stdout(output), redirect_stderr(errors):
        with pytest.raises(SystemExit) as end:
            main()
        status = end.value.code
        if isinstance(status, str):  # Python prints it when it ends
            print(status, file=errors)
            status = 1
    return subprocess.CompletedProcess(line, status or 0, output.getvalue(), errors.getvalue())


def lenet(*arguments: str | Path, cwd: Path | None = None, **environment: str):
    """Run `python -m lenet_helpers` with these arguments, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "lenet_helpers", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=cwd,
        env=os.environ | environment,
        timeout=300,
    )


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address at which the files of a folder are served, to this machine only."""
    with serve_page(folder, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")  # its event loop would be in the way of other modules' kernels
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
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
    """Opens a page; in the end nothing was asked from elsewhere, and no page complained.

    JupyterLab talks on the console, so its pages are not held to be `silent`.
    """
    contexts, wrong = [], []

    def on_request(request: Request) -> None:
        # None: from the disk, or data within the page itself
        if urlsplit(request.url).hostname not in (None, HOST):
            wrong.append(request.url)

    def on_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the next page was opened in the meantime
            wrong.append(request.url)

    def on_response(response: Response) -> None:
        if response.status >= 400:
            wrong.append(f"{response.status} {response.url}")

    def on_console(said: ConsoleMessage) -> None:
        if not said.text.startswith("[PST]"):  # the theme of the site says which mode it is in
            wrong.append(said.text)

    def open_page(url: str, silent: bool = True, **context) -> Page:
        context = {"viewport": {"width": 1280, "height": 900}} | context
        contexts.append(browser.new_context(offline=url.startswith("file:"), **context))
        contexts[-1].set_default_timeout(PATIENCE)
        contexts[-1].on("request", on_request)
        tab = contexts[-1].new_page()
        if silent:
            contexts[-1].on("requestfailed", on_failure)
            contexts[-1].on("response", on_response)
            tab.on("pageerror", lambda error: wrong.append(str(error)))
            tab.on("console", on_console)
        tab.goto(url)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def draw(tab: Page, *strokes: Stroke) -> None:
    """Draw with the mouse, without a pause."""
    pad = tab.locator(PAD).first
    pad.evaluate(COME_TO_REST)
    box = pad.bounding_box()
    scale = box["width"] / SIDE
    for stroke in strokes:
        places = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        tab.mouse.move(*places[0])
        tab.mouse.down()
        for place in places[1:]:
            tab.mouse.move(*place)
        tab.mouse.up()


def expect_digit(tab: Page, digit: int, network: int = 0) -> None:
    view = tab.locator(".lenet-network").nth(network)
    expect(view).to_have_attribute("data-answer", str(digit), timeout=PATIENCE)
