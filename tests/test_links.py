"""Links between the lessons, the docs and the README lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from lenet_helpers.commands import lessons
from lenet_helpers.files import ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = [
    *lessons.NOTEBOOKS.rglob("*.ipynb"),
    *(path for path in ROOT.glob("*.md")),
    *(path for folder in ("docs", "data", "figures") for path in (ROOT / folder).rglob("*.md")),
]


def text_of(path: Path) -> str:
    """The prose of a page; of a notebook, that of all its cells."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def anchors_of(path: Path) -> set[str]:
    """What GitHub and Sphinx make of the headings: small letters, hyphens for blanks."""
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.M)
    return {re.sub(r"[^\w -]", "", each.lower()).strip().replace(" ", "-") for each in headings}


def links_of(path: Path) -> list[str]:
    """The targets of all links and pictures that lead into this folder."""
    found = re.findall(r"\]\(([^)\s]+)\)", text_of(path))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def terms() -> list[str]:
    return re.findall(r"^## (.+)$", text_of(GLOSSARY), re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page):
    for target in links_of(page):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors_of(path), target


def test_the_glossary_is_in_alphabetical_order():
    assert terms() == sorted(terms(), key=str.lower)


def test_the_lessons_lead_to_every_term_of_the_glossary():
    linked = {
        target.partition("#")[2]
        for lesson in lessons.find_lessons()
        for target in links_of(lesson)
        if "glossary.md" in target
    }
    assert anchors_of(GLOSSARY) - {"glossary"} <= linked


def test_the_start_page_leads_to_each_lesson_its_tasks_and_their_solutions():
    expected = {
        f"{folder}{path.name}"
        for path in lessons.find_lessons()
        for folder in ("", "exercises/", "solutions/")
    }
    assert expected <= set(links_of(lessons.NOTEBOOKS / "start.ipynb"))
