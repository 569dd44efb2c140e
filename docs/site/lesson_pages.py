"""What the site does with the notebooks on their way to pages: a small extension of Sphinx.

Nothing is executed. A notebook is changed in memory before it is read: links to what it belongs to,
the words of its figures, notes in place of what needs a kernel, the solutions behind a click.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from lenet_helpers.playground.bundle import STATIC, join
from lenet_helpers.playground.page import write_networks

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).with_name("templates")
# OWNER/NAME on GitHub. Only what is published there can be opened in Colab and Binder.
REPOSITORY = os.environ.get("SITE_REPOSITORY", "")
PUBLISHED = "gh-pages"  # the branch that the workflow writes the site to, notebooks included
FACES = {  # the figure on a lesson's card
    "01_data": "01_first_digits",
    "02_model": "02_convolution",
    "03_training": "03_descent",
    "04_bn_dropout": "04_study_curves",
    "05_feature_maps": "05_maps_of_one_digit",
    "06_prediction": "06_gallery",
    "07_lenet_1998": "07_codes",
    "08_expressions": "08_expression",
    "09_claims": "09_claims",
}
WIDGET = "application/vnd.jupyter.widget-view+json"
MOVES = "*In the notebook this is a figure to move, with sliders. Here it stands still, below.*"
PAD = """\
*In the notebook you can draw on the network of the lesson here. On this site it is in the
[playground](/docs/playground.md).*"""
READ_ONLY = """

*On this page you can read the tasks and unfold a solution. To write your answers and have them
checked, download the notebook.*"""
NEEDS_KIT = """\
This notebook belongs to the LeNet course kit and needs its folder: put it into `notebooks` there,
type `make lab`, and open it."""
INSTALL = """\
# Where the course kit is missing, as on Colab, this installs it and what it needs (minutes).
import importlib.util
import sys

if importlib.util.find_spec("lenet_helpers") is None:
    !git clone --quiet --depth 1 https://github.com/{repository} lenet-course-kit
    %cd lenet-course-kit
    %pip install --quiet -c constraints.txt -r requirements.txt
    sys.path.insert(0, ".")"""


def lesson_cards() -> list[dict[str, str]]:
    """One card for each lesson: what the README's table says of it, and its figure.

    Raises
    ------
    ConfigError
        If a lesson of the table has no figure here.
    """
    row = re.compile(
        r"^\| \[(?P<title>[^]]+)\]\(notebooks/(?P<lesson>\w+)\.ipynb\)[^|]*"
        r"\| (?P<able>[^|]+) \|[^|]*\| (?P<hours>[^|]+) \|",
        re.M,
    )
    cards = [match.groupdict() for match in row.finditer((ROOT / "README.md").read_text("utf-8"))]
    if [card["lesson"] for card in cards] != list(FACES):
        raise ConfigError(
            "The lessons of README's table are not those of FACES in lesson_pages.py."
        )
    gallery = (ROOT / "figures" / "README.md").read_text("utf-8")
    for card in cards:
        card["figure"] = FACES[card["lesson"]]
        card["words"] = re.search(rf"!\[([^]]*)\]\({card['figure']}\.png\)", gallery)[1]
    return cards


CARDS = lesson_cards()
# The first page takes the template as it is; a page in docs/ finds the files one folder higher.
PLAYGROUND = (
    (TEMPLATES / "playground.html").read_text("utf-8").replace("{{ static }}", "../_static")
)


def change_source(_: Sphinx, name: str, source: list[str]) -> None:
    """Change what a page is made of, before it is read."""
    path = PurePosixPath(name)
    if path.parts[0] == "notebooks":
        notebook = json.loads(source[0])
        if path.parent.name == "exercises":
            notebook["cells"] = with_solutions(notebook, path.stem)
            notebook["cells"][0]["source"] = "".join(notebook["cells"][0]["source"]) + READ_ONLY
            links = [f"[Lesson {path.stem[:2]}](../{path.name}.ipynb)"]
        else:
            links = [f"[Tasks](exercises/{path.name}.ipynb)"]
            notebook["cells"].append(markdown_cell("tasks", toctree(path.name)))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                describe_figures(cell)
                replace_widgets(cell)
        head = notebook["cells"][0]
        title, rest = "".join(head["source"]).split("\n", 1)
        head["source"] = f"{title}\n\n{' · '.join([*links, *ways_to_run(path)])}\n{rest}"
        notebook["metadata"].pop("widgets", None)
        source[0] = json.dumps(notebook)
    else:
        text = without_files(source[0], path.parent)
        source[0] = text.replace("<!-- playground -->", f"```{{raw}} html\n{PLAYGROUND}```")


def markdown_cell(name: str, text: str) -> dict[str, Any]:
    """A cell of a notebook; its name must be its own."""
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def toctree(lesson: str) -> str:
    """The tasks of a lesson stand below it in the table of contents, and come next."""
    return f"```{{toctree}}\n:hidden:\nexercises/{lesson}\n```"


def ways_to_run(path: PurePosixPath) -> list[str]:
    """Links to have the notebook of a page, and to open it elsewhere."""
    file = f"{path}.ipynb"
    ways = [
        f'<a href="{path.name}.ipynb" download>Download this notebook</a>',
        "[What you need to run it](/README.md)",
    ]
    if REPOSITORY:
        colab = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{PUBLISHED}/{file}"
        binder = f"https://mybinder.org/v2/gh/{REPOSITORY}/HEAD?urlpath=lab/tree/{file}"
        ways += [f"[Open in Colab]({colab})", f"[Open in Binder]({binder})"]
    return ways


def describe_figures(cell: dict[str, Any]) -> None:
    """Hand the alternative text of a figure to MyST-NB, which drops that of an output."""
    for output in cell["outputs"]:
        words = output.get("metadata", {}).get("image/png", {}).get("alt")
        if words:
            cell["metadata"]["mystnb"] = {"image": {"alt": words}}


def replace_widgets(cell: dict[str, Any]) -> None:
    """A sentence in place of a widget, which lives only where a kernel does."""
    for output in cell["outputs"]:
        data = output.get("data", {})
        if data.pop(WIDGET, None):
            words = MOVES if "to move" in "".join(data["text/plain"]) else PAD
            output["data"] = {"text/markdown": words}


def with_solutions(exercises: dict[str, Any], lesson: str) -> list[dict[str, Any]]:
    """The cells of the tasks, and after each task its solution behind a click."""
    path = ROOT / "notebooks" / "solutions" / f"{lesson}.ipynb"
    asked = {cell["id"]: cell for cell in exercises["cells"]}
    cells: list[dict[str, Any]] = []
    answer, why = "", []
    for cell in [*json.loads(path.read_text("utf-8"))["cells"], {"id": "", "metadata": {}}]:
        if "why" in cell["metadata"].get("tags", []):
            why.append(cell)
            continue
        if why:
            text = behind_a_click(answer, why)
            cells.append(markdown_cell(f"solution-{len(cells)}", text))
            answer, why = "", []
        if cell["id"] in asked:
            cells.append(asked[cell["id"]])
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code":
            answer = "".join(cell["source"])
    return cells


def behind_a_click(answer: str, why: list[dict[str, Any]]) -> str:
    """Markdown that hides a solution and the words that explain it."""
    parts = []
    summary = "One way to do it" if answer else "The numbers in it"
    if answer:
        lines = [line for line in answer.splitlines() if "### " not in line]
        parts.append("```python\n" + "\n".join(lines) + "\n```")
    for cell in why:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            printed = "".join("".join(output.get("text", "")) for output in cell["outputs"])
            parts += [f"```python\n{text}\n```", f"```text\n{printed.rstrip()}\n```"]
        elif model_answer := re.fullmatch(
            r"<details><summary>(.*)</summary>\n(.*)</details>\s*", text, re.S
        ):
            summary = model_answer[1]
            parts.append(model_answer[2])
        else:
            parts.append(text)
    return "\n\n".join([f"<details><summary>{summary}</summary>", *parts, "</details>"])


def without_files(text: str, folder: PurePosixPath) -> str:
    """Links of a Markdown page to what is in the kit, but no page of the site."""

    def replace(match: re.Match[str]) -> str:
        path = os.path.normpath(folder / match["target"].split("#")[0])
        if re.search(r"\.(md|ipynb|png)$", path):
            return match[0]
        if REPOSITORY:
            return f"[{match['words']}](https://github.com/{REPOSITORY}/blob/HEAD/{path})"
        return match["words"]

    return re.sub(r"(?<!!)\[(?P<words>[^]]*)\]\((?P<target>(?![a-z]+:|#)[^)\s]+)\)", replace, text)


def change_page(_: Sphinx, name: str, __: str, context: dict[str, Any], ___: object) -> None:
    """The title leads to the first page, which is no document and needs all of the width."""
    context["theme_logo_link"] = context["pathto"]("index")
    if name == "index":
        context["meta"] = {"html_theme.sidebar_secondary.remove": "true"}


def write_files(app: Sphinx, error: Exception | None) -> None:
    """The notebooks for download, and the playground."""
    if error:
        return
    for name in sorted(app.env.found_docs):
        if name.startswith("notebooks/"):
            path = f"{name}.ipynb"
            notebook = json.loads((ROOT / path).read_text("utf-8"))
            notebook["cells"].insert(0, first_cell())
            text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
            (Path(app.outdir) / path).write_text(text, encoding="utf-8")
    for spare in [*Path(app.outdir).rglob("*.map"), *Path(app.outdir).glob("_static/*.html")]:
        spare.unlink()  # what only those who build the theme need
    static = Path(app.outdir) / "_static" / "playground"
    write_networks(static, "course", "best", "characters")
    script = f"(() => {{\n{join('page')}}})();\n"
    (static / "playground.js").write_text(script, encoding="utf-8")
    shutil.copyfile(STATIC / "playground.css", static / "playground.css")


def first_cell() -> dict[str, Any]:
    """What a notebook that was taken out of the kit begins with: how to get the kit."""
    if not REPOSITORY:
        return markdown_cell("where-is-the-kit", NEEDS_KIT)
    cell = markdown_cell("where-is-the-kit", INSTALL.format(repository=REPOSITORY))
    return cell | {"cell_type": "code", "execution_count": None, "outputs": []}


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", change_source)
    app.connect("html-page-context", change_page, priority=900)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
