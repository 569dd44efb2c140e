"""The site as a visitor uses it: from its folder without a network, or served; in Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import lesson_pages
import make_site
import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from conftest import draw, expect_digit, serve
from playwright.sync_api import expect

from lenet_helpers.commands import lessons
from lenet_helpers.files import ROOT

pytestmark = [pytest.mark.lessons, pytest.mark.browser]

LESSONS = sorted(path.stem for path in lessons.NOTEBOOKS.glob("[0-9]*.ipynb"))
LARGEST = 30e6  # bytes of the whole site
# A page of each kind, for what is looked at on some only; places on the pad.
INDEX, LESSON, TASKS = "index.html", "notebooks/02_model.html", "notebooks/exercises/02_model.html"
THREE = [
    (80, 70),
    (140, 45),
    (195, 80),
    (130, 130),
    (200, 175),
    (150, 235),
    (75, 215),
]  # on the pad


def build(folder: Path) -> Path:
    """The site, made anew."""
    command = [sys.executable, make_site.__file__, "--output", folder / "site"]
    environment = {name: value for name, value in os.environ.items() if name != "SITE_REPOSITORY"}
    made = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert made.returncode == 0, made.stdout + made.stderr
    assert not made.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, BeautifulSoup]:
    """All pages, by their place in the site."""
    return {
        str(path.relative_to(site)): BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
    }


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The address of a server of the site's files, to this machine only."""
    with serve(site) as address:
        yield address


def cells_of(path: Path) -> list[nbformat.NotebookNode]:
    return nbformat.read(path, as_version=4).cells


def prose_of(path: Path) -> str:
    """The Markdown of a notebook, without code."""
    text = "\n\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)


def formulas_in(text: str) -> int:
    """How many formulas stand between dollars."""
    text = text.replace(r"\$", "")
    return len(re.findall(r"\$\$.+?\$\$|\$[^$]+\$", text, re.S))


# What the pages hold


def test_two_builds_give_the_same_bytes(site, tmp_path):
    again = build(tmp_path)
    names = {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    assert names == {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    for name in names:
        assert (again / name).read_bytes() == (site / name).read_bytes(), name


def test_the_site_is_small(site):
    assert sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) < LARGEST


def test_every_lesson_and_every_page_of_the_docs_is_there(pages):
    for name in LESSONS:
        assert f"notebooks/{name}.html" in pages
        assert f"notebooks/exercises/{name}.html" in pages
    for path in (ROOT / "docs").glob("*.md"):
        assert f"docs/{path.stem}.html" in pages


def test_every_link_leads_to_a_page_a_file_or_a_heading_that_is_there(site, pages):
    for place, page in pages.items():
        links = [link["href"] for link in page.find_all(["a", "link"], href=True)]
        for source in page.find_all(["img", "script"], src=True):
            links.append(source["src"])
        for link in links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (site / place).parent / unquote(parts.path) if parts.path else site / place
            assert target.resolve().is_file(), f"{place}: {link}"
            if parts.fragment and target.suffix == ".html":
                there = pages[str(target.resolve().relative_to(site.resolve()))]
                assert there.find(id=unquote(parts.fragment)), f"{place}: {link}"


def test_nothing_is_loaded_from_elsewhere(pages):
    for place, page in pages.items():
        for element in page.find_all(["script", "img", "iframe", "source"], src=True):
            assert not re.match(r"(https?:)?//", element["src"]), place
        for element in page.find_all("link", href=True):
            assert not re.match(r"(https?:)?//", element["href"]), place


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_figure_of_a_lesson_has_the_words_of_its_notebook(lesson, pages):
    words = [
        output.metadata["image/png"]["alt"]
        for cell in cells_of(lessons.NOTEBOOKS / f"{lesson}.ipynb")
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    shown = pages[f"notebooks/{lesson}.html"].select(".cell_output img")
    assert [image["alt"] for image in shown] == words


def test_every_picture_has_words_of_its_own(pages):
    for place, page in pages.items():
        words = [image.get("alt") for image in page.select("article img")]
        assert all(words), place
        assert len(set(words)) == len(words), place


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_live_piece_says_that_the_notebook_moves_it(lesson, pages):
    widgets = [
        output
        for cell in cells_of(lessons.NOTEBOOKS / f"{lesson}.ipynb")
        for output in cell.get("outputs", [])
        if lesson_pages.WIDGET in output.get("data", {})
    ]
    said = re.findall(
        "In the notebook (?:this is a figure to move|you can draw)",
        pages[f"notebooks/{lesson}.html"].text,
    )
    assert len(said) == len(widgets) > 0


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_solution_of_each_task_stands_behind_a_click(lesson, pages):
    page = pages[f"notebooks/exercises/{lesson}.html"]
    hidden = page.select("details:not([open])")
    in_sight = BeautifulSoup(str(page.article), "html.parser")
    for each in in_sight.select("details"):
        each.decompose()
    for cell in cells_of(lessons.NOTEBOOKS / "solutions" / f"{lesson}.ipynb"):
        if (solved := re.search("### BEGIN SOLUTION\n(.+?) *### END", cell.source, re.S)) and (
            cell.cell_type == "code"
        ):
            lines = [line.strip() for line in solved[1].strip().splitlines()]
            assert any(all(line in each.text for line in lines) for each in hidden), cell.id
            assert not all(line in in_sight.text for line in lines), cell.id


@pytest.mark.parametrize("folder", ["", "exercises/"])
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_notebook_for_download_is_the_committed_one_after_a_word_on_the_kit(
    lesson, folder, site
):
    name = f"{folder}{lesson}.ipynb"
    first, *others = cells_of(site / "notebooks" / name)
    assert "course kit" in first.source
    assert others == cells_of(lessons.NOTEBOOKS / name)
    nbformat.validate(nbformat.read(site / "notebooks" / name, as_version=4))


def test_the_first_page_has_a_card_for_each_lesson(pages):
    cards = pages[INDEX].select(".cards li")
    assert [card.a["href"] for card in cards] == [f"notebooks/{name}.html" for name in LESSONS]
    for card in cards:
        assert re.search(r"After it you can .+ hours", card.text, re.S)


def test_each_lesson_leads_to_its_tasks_and_these_to_the_next_lesson(pages):
    steps = [f"{folder}{name}" for name in LESSONS for folder in ("", "exercises/")]
    for step, following in pairwise(steps):
        link = pages[f"notebooks/{step}.html"].select_one("a.right-next")
        target = os.path.normpath(Path(f"notebooks/{step}").parent / link["href"])
        assert target == f"notebooks/{following}.html"


def test_without_a_repository_no_page_leads_to_colab_or_binder(pages):
    for place, page in pages.items():
        assert not page.select("a[href*=colab], a[href*=mybinder]"), place


def test_with_a_repository_a_lesson_can_be_opened_in_colab_and_binder(monkeypatch):
    monkeypatch.setattr(lesson_pages, "REPOSITORY", "someone/course")
    ways = "".join(lesson_pages.ways_to_run(lesson_pages.PurePosixPath("notebooks/01_data")))
    assert "github/someone/course/blob/gh-pages/notebooks/01_data.ipynb" in ways
    assert "gh/someone/course/HEAD?urlpath=lab/tree/notebooks/01_data.ipynb" in ways
    assert "github.com/someone/course" in lesson_pages.first_cell()["source"]


def test_a_repository_that_is_none_is_refused_in_words(tmp_path):
    command = [sys.executable, make_site.__file__, "--output", tmp_path / "site"]
    environment = os.environ | {"SITE_REPOSITORY": "https://somewhere/course"}
    made = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert made.returncode == 1
    assert "SITE_REPOSITORY is 'https://somewhere/course'; write it as OWNER/NAME." in made.stderr
    assert "Traceback" not in made.stderr
    assert not list(tmp_path.iterdir())


def test_without_npm_it_is_said_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"needs npm once.*install Node\.js"):
        make_site.fetch_mathjax(tmp_path / "mathjax")
    assert not (tmp_path / "mathjax").exists()


def test_without_a_network_it_is_said_that_mathjax_could_not_be_fetched(tmp_path, monkeypatch):
    (tmp_path / "npm").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="could not fetch MathJax"):
        make_site.fetch_mathjax(tmp_path / "mathjax")
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


# The site in a browser

WHOLE = """async () => {
  await window.MathJax?.startup?.promise;
  return [...document.images].filter((image) => !image.complete || !image.naturalWidth).length;
}"""


@pytest.mark.parametrize("from_disk", [True, False], ids=["from disk", "served"])
def test_every_page_opens_whole_and_without_a_complaint(from_disk, site, served, pages, visit):
    tab = visit((site / INDEX).as_uri() if from_disk else f"{served}/{INDEX}")
    for place in pages:
        tab.goto((site / place).as_uri() if from_disk else f"{served}/{place}")
        assert tab.evaluate(WHOLE) == 0, place
        if place.startswith("notebooks/"):
            source = ROOT / place.replace(".html", ".ipynb")
            formulas = formulas_in(prose_of(source))
            if "exercises" in place:  # and those of the words that explain the solutions
                source = lessons.NOTEBOOKS / "solutions" / source.name
                formulas = formulas_in(prose_of(source))
            assert tab.locator("mjx-container").count() == formulas, place
        assert tab.locator("mjx-merror, [data-mjx-error]").count() == 0, place


@pytest.mark.parametrize("words", ["batch norm", "Jacobian"])
def test_the_search_finds_the_lessons_that_say_it(words, site, visit):
    said_in = [
        lesson
        for lesson in LESSONS
        if words.lower() in prose_of(lessons.NOTEBOOKS / f"{lesson}.ipynb").lower()
    ]
    tab = visit((site / INDEX).as_uri())
    tab.locator("button.search-button-field").first.click()
    tab.keyboard.type(words)
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=*")
    expect(tab.locator("#search-results")).to_contain_text("Search finished")
    found = [link.get_attribute("href") for link in tab.locator("#search-results li a").all()]
    for lesson in said_in:
        assert any(f"notebooks/{lesson}.html" in link for link in found), lesson


def test_dark_pages_show_figures_on_white(site, visit):
    tab = visit((site / LESSON).as_uri(), color_scheme="dark")
    style = "element => getComputedStyle(element).backgroundColor"
    assert tab.locator(".cell_output img").first.evaluate(style) == "rgb(255, 255, 255)"
    assert sum(map(int, re.findall(r"\d+", tab.locator("body").evaluate(style))[:3])) < 150


def test_the_playground_follows_the_button_that_changes_the_theme(site, visit):
    tab = visit((site / INDEX).as_uri(), color_scheme="light")
    scheme = "element => getComputedStyle(element).colorScheme"
    assert tab.locator(".lenet-playground").evaluate(scheme) == "light"
    tab.get_by_role("button", name="Color mode").click()
    tab.get_by_role("button", name="Dark").click()
    assert tab.locator(".lenet-playground").evaluate(scheme) == "dark"


@pytest.mark.parametrize("place", [INDEX, "docs/playground.html"])
def test_the_playground_reads_a_3_that_is_drawn_on_it(place, site, visit):
    tab = visit((site / place).as_uri())
    draw(tab, THREE)
    expect_digit(tab, 3)


def test_another_network_is_loaded_from_the_folder(site, visit):
    tab = visit((site / "docs" / "playground.html").as_uri())
    tab.get_by_label("Compare with").select_option("best")
    expect(tab.locator(".lenet-network")).to_have_count(2)


def test_nothing_scrolls_sideways_on_a_small_phone(site, pages, visit):
    tab = visit((site / INDEX).as_uri(), viewport={"width": 360, "height": 740})
    for place in pages:
        tab.goto((site / place).as_uri())
        tab.evaluate(WHOLE)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360, place


# What axe finds in the theme's own sidebar, and why we leave it.
OF_THE_THEME = {
    "region": "the title and the search stand beside its navigation, in no landmark",
    "summary-name": "the arrow that unfolds the tasks of a lesson is a picture without words",
}
IN_SIDEBAR = "element => element.closest('.bd-sidebar-primary') !== null"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", [INDEX, LESSON, TASKS])
def test_axe_finds_nothing_that_is_ours(place, scheme, site, visit):
    tab = visit((site / place).as_uri(), color_scheme=scheme)
    tab.evaluate(WHOLE)
    # preload: it would read the style sheets again, which a page from a folder may not
    found = Axe().run(tab, options={"preload": False}).response["violations"]
    assert {fault["id"] for fault in found} <= set(OF_THE_THEME)
    for fault in found:
        for node in fault["nodes"]:
            assert tab.locator(node["target"][0]).evaluate(IN_SIDEBAR), node["target"]


def test_a_printed_lesson_shows_figures_formulas_and_solutions(site, visit):
    tab = visit((site / TASKS).as_uri())
    tab.evaluate(WHOLE)
    tab.emulate_media(media="print")
    for hidden in tab.locator("article details").all():
        assert hidden.locator("pre, p").first.is_visible()
    assert not tab.locator(".bd-sidebar-primary").is_visible()
    tab.goto((site / LESSON).as_uri())
    tab.evaluate(WHOLE)
    for seen in ("mjx-container", ".cell_output img"):
        assert tab.locator(seen).first.is_visible()
    assert tab.pdf().startswith(b"%PDF")
