"""The playground in Firefox as Debian has it, over WebDriver BiDi: Playwright drives only its own.

https://w3c.github.io/webdriver-bidi/ describes the commands.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from lenet_helpers.playground import page

pytestmark = [pytest.mark.browser, pytest.mark.lessons]  # one browser is enough in the short loop

PATIENCE = 90  # seconds until a slow machine has started Firefox
SEVEN = [(75, 60), (140, 62), (205, 58), (160, 130), (125, 235)]  # on the pad of 280×280
LISTENS = "WebDriver BiDi listening on "  # Firefox says so, and where, when it is ready


class Firefox:
    """One tab, and what it asked for and complained of."""

    def __init__(self, address: str) -> None:
        # Firefox refuses whoever names an origin, as every page of the web must.
        self.socket = websocket.create_connection(address, PATIENCE, suppress_origin=True)
        self.sent, self.events = 0, []
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.tab = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """The result of a command; events that come before it are kept."""
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while (said := json.loads(self.socket.recv())).get("id") != self.sent:
            self.events.append((said["method"], said["params"]))
        assert said["type"] == "success", said
        return said["result"]

    def value(self, expression: str) -> Any:
        asked = {"expression": f"JSON.stringify({expression})", "target": {"context": self.tab}}
        return json.loads(
            self.call("script.evaluate", awaitPromise=True, **asked)["result"]["value"]
        )

    def wait_for(self, selector: str, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in (seen := self.value(f"document.querySelector('{selector}').textContent")):
            assert time.monotonic() < deadline, seen
            time.sleep(0.1)

    def drag(self, selector: str, *places: tuple[float, float]) -> None:
        """Press the mouse at the first place of an element, move on, and let go."""
        box = self.value(f"document.querySelector('{selector}').getBoundingClientRect()")
        moves = [
            {"type": "pointerMove", "x": round(box["x"] + x), "y": round(box["y"] + y)}
            for x, y in places
        ]
        down, up = ({"type": f"pointer{way}", "button": 0} for way in ("Down", "Up"))
        actions = {"type": "pointer", "id": "mouse", "actions": [moves[0], down, *moves[1:], up]}
        self.call("input.performActions", context=self.tab, actions=[actions])


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    program = shutil.which("firefox-esr")
    if program is None:  # in CI too, which installs Chromium alone
        pytest.skip("needs Firefox: on Debian, apt-get install firefox-esr")
    (tmp_path / "profile").mkdir()
    own = ["--headless", "--no-remote", "--profile", tmp_path / "profile"]
    command = [program, *own, "--remote-debugging-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stderr if LISTENS in line)
            yield Firefox(line.strip().removeprefix(LISTENS) + "/session")
        finally:
            process.terminate()


def test_a_seven_is_read_and_a_value_explained_without_a_request(firefox, tmp_path):
    address = page.write_page(tmp_path / "page").as_uri()
    size = {"width": 1280, "height": 900}
    firefox.call("browsingContext.setViewport", context=firefox.tab, viewport=size)
    firefox.call("browsingContext.navigate", context=firefox.tab, url=address, wait="complete")
    firefox.drag(".lenet-pad", *SEVEN)
    firefox.wait_for(".lenet-answer", "7 with")
    firefox.drag("[data-layer=activation1] canvas", (50, 50))
    firefox.wait_for(".lenet-panel h2", "Convolution 1, map 1, row 12, column 12")
    firefox.wait_for(".lenet-sum", "products")
    asked = [of["request"]["url"] for name, of in firefox.events if name.startswith("network")]
    assert set(asked) <= {"data:,"}  # the page's empty icon; files are not counted as requests
    assert not [of["text"] for name, of in firefox.events if name.startswith("log")]
