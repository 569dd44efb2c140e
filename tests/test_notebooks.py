"""The lessons: their form, and that they run and still give what is committed."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from test_package import declared_imports, imports_of

from lenet_helpers.commands import lessons
from lenet_helpers.files import ROOT
from lenet_helpers.plots import FIGURES

LESSONS = lessons.find_lessons()
SOLUTIONS = sorted((lessons.NOTEBOOKS / "solutions").glob("*.ipynb"))
TAGS = {"nbval-check-output", "varies"}
CELL_LIMIT = 300  # seconds


def cells_of(path: Path) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def tags_of(cell) -> set[str]:
    return set(cell.metadata.get("tags", []))


def has_text(cell) -> bool:
    """Whether a cell prints or shows text; the words under a picture do not count."""
    return any(
        output.output_type == "stream" or "image/png" not in output.get("data", {"image/png": 0})
        for output in cell.outputs
    )


def each_lesson(function):
    return pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)(function)


def each_notebook(function):
    """The lessons, their solutions, and the page that leads to them."""
    paths = [*LESSONS, *SOLUTIONS, lessons.NOTEBOOKS / "start.ipynb"]
    return pytest.mark.parametrize("path", paths, ids=lambda path: "-".join(path.parts[-2:]))(
        function
    )


def test_lessons_are_numbered_without_a_gap():
    assert [path.stem[:2] for path in LESSONS] == [f"{n:02}" for n in range(1, len(LESSONS) + 1)]


@each_notebook
def test_committed_top_to_bottom_in_one_go(path):
    counts = [cell.execution_count for cell in cells_of(path)]
    assert counts == list(range(1, len(counts) + 1))


@each_lesson
def test_one_parameters_cell_of_plain_constants_each_with_a_comment(path):
    (cell,) = (cell for cell in cells_of(path) if "parameters" in tags_of(cell))
    for line in cell.source.splitlines():
        assert re.fullmatch(r"[A-Z_]+ = .+  # .+", line), line
        ast.literal_eval(line.split(" = ", 1)[1].split("  #")[0])


@each_lesson
def test_quick_setting_names_parameters_of_the_lesson(path):
    assert nbformat.read(path, as_version=4).metadata["quick"]
    lessons.choose_parameters([path], {}, quick=True)


@each_lesson
def test_every_cell_with_text_says_whether_it_is_compared(path):
    for cell in cells_of(path):
        assert len(tags_of(cell) & TAGS) == has_text(cell), cell.source


@each_lesson
def test_some_cells_are_compared_and_some_claims_asserted(path):
    assert any("nbval-check-output" in tags_of(cell) for cell in cells_of(path))
    assert any(re.search(r"^assert ", cell.source, re.M) for cell in cells_of(path))


@each_notebook
def test_outputs_hold_no_error_no_stderr_no_bar_left_over_and_no_path_of_a_machine(path):
    for cell in cells_of(path):
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", cell.source
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                # A bar that was left over says what it counts; a pad or a figure to move says what
                # it is: this sentence is all that a reader without a running kernel gets to see.
                assert output.data["text/plain"].startswith(
                    ("A pad to draw a digit on", "A figure to move")
                )
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            assert not re.search(r"(?<![\w.:/<])/(?:[\w.-]+/){2,}|[A-Z]:\\Users", text), text


@each_notebook
def test_cells_and_file_are_small_and_the_kernel_is_python3(path):
    assert path.stat().st_size < 2_000_000
    assert all(len(cell.source.splitlines()) <= 25 for cell in cells_of(path))
    metadata = nbformat.read(path, as_version=4).metadata
    assert metadata.kernelspec.name == "python3"
    assert "papermill" not in metadata
    assert "widgets" not in metadata  # with a state, the pad would look alive without a kernel


@each_lesson
def test_every_figure_has_alternative_text(path):
    for cell in cells_of(path):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 30


def test_the_lessons_are_no_test_suite():
    asserting = [
        (path.stem, cell.source)
        for path in LESSONS
        for cell in cells_of(path)
        if re.search(r"^\s*assert ", cell.source, re.M)
    ]
    assert len(asserting) <= 25, asserting


@each_lesson
def test_only_declared_packages_are_imported(path):
    for cell in cells_of(path):
        assert imports_of(cell.source) <= declared_imports(), cell.source


@each_lesson
def test_the_frame_of_a_lesson(path):
    markdown = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type != "code"]
    assert markdown[0].startswith(f"# {path.stem[:2]} · ")
    for part in ("**Objectives**", "**Time:**", "**Builds on:**"):
        assert part in markdown[0]
    for part in ("## What we learned", "## Tasks", "## References", "**Next lesson:**"):
        assert any(part in source for source in markdown), part


def figures_made() -> set[str]:
    return {
        name
        for path in LESSONS
        for cell in cells_of(path)
        for name in re.findall(r'show\(.*?"(\d\d_\w+)", FIGURES_DIR', cell.source, re.S)
    }


def test_the_gallery_lists_exactly_the_figures_that_the_lessons_make():
    assert set(FIGURES) == figures_made()


def test_the_figures_folder_holds_exactly_these_figures():
    screenshot = {"demo"}  # of the demo page, by tests/test_browser.py; README shows it
    assert {path.stem for path in lessons.FIGURES.glob("*.png")} == figures_made() | screenshot


def test_the_gallery_page_shows_each_figure_with_its_words():
    assert (lessons.FIGURES / "README.md").read_text(encoding="utf-8") == lessons.gallery_page()


def run_nbval(path: Path, cell_limit: int = CELL_LIMIT) -> subprocess.CompletedProcess:
    """Run a notebook as it is committed; compare the outputs of its tagged cells."""
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={cell_limit}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", "-q", str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
    )


@pytest.mark.lessons
@pytest.mark.all_threads
@each_lesson
def test_the_lesson_runs_in_the_quick_setting(path, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")  # as a student's kernel has it
    (parameters,) = lessons.choose_parameters([path], {}, quick=True)
    result = lessons.run_lesson(path, parameters, tmp_path)
    assert result.failure is None, result.failure


@pytest.mark.lessons
@pytest.mark.parametrize("path", [*LESSONS, *SOLUTIONS], ids=lambda path: "-".join(path.parts[-2:]))
def test_a_lesson_at_its_real_setting_and_a_solution_give_what_is_committed(path):
    result = run_nbval(path)
    assert result.returncode == 0, result.stdout[-5000:]
    assert f"{len(cells_of(path))} passed" in result.stdout


# That the checks above can fail: each breaks a small notebook in one way.


def write_notebook(path: Path, *sources: str, printed: str = "42\n") -> Path:
    """A notebook of one compared cell that prints 42, and the given cells."""
    compared = nbformat.v4.new_code_cell("print(6 * 7)", execution_count=1)
    compared.metadata["tags"] = ["nbval-check-output"]
    compared.outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)]
    cells = [compared, *map(nbformat.v4.new_code_cell, sources)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)
    return path


def write_lesson_that_printed_something_else(path: Path) -> None:
    """Lesson 02 up to its first compared cell, as if that had printed something else."""
    notebook = nbformat.read(lessons.NOTEBOOKS / "02_model.ipynb", as_version=4)
    position, cell = next(
        (n, c)
        for n, c in enumerate(notebook.cells)
        if "nbval-check-output" in tags_of(c) and c.outputs
    )
    cell.outputs[0].text = "not what the lesson prints\n"
    notebook.cells = notebook.cells[: position + 1]
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> subprocess.CompletedProcess:
    """One run of nbval over all of them: each run of its own would take seconds to start."""
    folder = tmp_path_factory.mktemp("broken")
    write_notebook(folder / "changed.ipynb", "assert True", printed="43\n")
    write_notebook(folder / "divides.ipynb", "1 / 0")
    write_notebook(folder / "claims.ipynb", "assert 1 == 2, 'the claim'")
    write_lesson_that_printed_something_else(folder / "lesson.ipynb")
    return run_nbval(folder)


def failed(result: subprocess.CompletedProcess) -> list[tuple[str, int]]:
    """Notebooks and the numbers of their cells that failed."""
    found = re.findall(r"^FAILED .*?(\w+)\.ipynb::.*?Cell (\d+)", result.stdout, re.M)
    return [(name, int(number)) for name, number in found]


def test_a_sound_notebook_passes(tmp_path):
    result = run_nbval(write_notebook(tmp_path / "sound.ipynb", "assert True"))
    assert result.returncode == 0
    assert "2 passed" in result.stdout


def test_a_changed_compared_output_fails(broken):
    assert broken.returncode == 1
    assert "43" in broken.stdout
    assert [cell for cell in failed(broken) if cell[0] == "changed"] == [("changed", 0)]


@pytest.mark.parametrize("name", ["divides", "claims"])
def test_a_raising_cell_fails(broken, name):
    assert broken.returncode == 1
    assert [cell for cell in failed(broken) if cell[0] == name] == [(name, 1)]


@pytest.mark.lessons  # it takes long
def test_a_kernel_that_dies_fails(tmp_path):
    path = write_notebook(tmp_path / "dies.ipynb", "import os\nos._exit(0)", "assert True")
    result = run_nbval(path, cell_limit=3)
    assert result.returncode == 1  # nbval lets exit() pass: run_lesson finds it, see test_lessons


def test_a_changed_output_of_a_real_lesson_is_found(broken):
    assert broken.returncode == 1
    assert len([cell for cell in failed(broken) if cell[0] == "lesson"]) == 1
