"""How fast the playground answers, in Chromium: `make bench`.

A digit is drawn with 120 movements of the mouse. Printed are the milliseconds of preparation and
forward pass, and how long the frames took in which something was drawn.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from lenet_helpers.playground.page import write_page

# In the page: every frame's length while one draws, from the browser's own clock.
FRAMES = """() => {
  window.frames_ = [];
  let last = performance.now();
  const tick = (now) => {
    window.frames_.push(now - last);
    last = now;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}"""
# And how long the work of one frame takes: the page's own callback, timed.
WORK = """() => {
  window.work_ = [];
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) => request((now) => {
    const start = performance.now();
    callback(now);
    if (callback.name === "redraw") window.work_.push(performance.now() - start);
  });
}"""


def draw(tab: Page) -> None:
    box = tab.locator(".lenet-pad").bounding_box()
    angles = np.linspace(-2.2, 2.2, 60)
    for middle in (95, 185):
        places = [(140 + 50 * np.cos(a), middle + 45 * np.sin(a)) for a in angles]
        tab.mouse.move(box["x"] + places[0][0], box["y"] + places[0][1])
        tab.mouse.down()
        for x, y in places:
            tab.mouse.move(box["x"] + x, box["y"] + y)
            tab.wait_for_timeout(16)
        tab.mouse.up()


def main() -> None:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.add_init_script(f"({WORK})()")
        tab.goto(write_page(Path(folder)).as_uri())
        tab.wait_for_timeout(1500)
        tab.evaluate(FRAMES)
        draw(tab)
        work, frames = (np.array(tab.evaluate(f"window.{name}_")) for name in ("work", "frames"))
        times = tab.evaluate("performance.timing.domComplete - performance.timing.navigationStart")
        most = np.quantile(work, 0.95)
        print(f"page ready after            {times:6.0f} ms")
        print(f"preparation, network, maps  {np.median(work):6.1f} ms, 95 % under {most:.1f} ms")
        print(f"frames kept at 60 a second  {(frames <= 17.5).mean():6.1%} of {len(frames)}")
        browser.close()


if __name__ == "__main__":
    main()
