"""A class: assign, hand out, collect, mark, give feedback, export, as docs/class.md says."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from make_exercises import EXERCISES

from lenet_helpers.exercises.answers import SOLUTIONS
from lenet_helpers.files import ROOT

LESSON = "02_model"
BIN = Path(sys.executable).parent
GUIDE = (ROOT / "docs" / "class.md").read_text(encoding="utf-8")


def nbgrader(folder: Path, *arguments: str) -> None:
    """A command of the guide, with the environment's programs on the path."""
    assert f"nbgrader {' '.join(arguments)}" in GUIDE
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = [BIN / "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def submit(folder: Path, student: str, answers: dict[str, str]) -> None:
    """Hand in the released notebook with these cells filled in."""
    notebook = nbformat.read(folder / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    path = folder / "submitted" / student / LESSON / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def solved() -> dict[str, str]:
    """The cells of the solution notebook, by name of the task."""
    cells = nbformat.read(SOLUTIONS / f"{LESSON}.ipynb", as_version=4).cells
    graded = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")]
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in graded}


@pytest.fixture(scope="module")
def course(tmp_path_factory, solved) -> Path:
    """A class of three, marked."""
    folder = tmp_path_factory.mktemp("class")
    shutil.copy(ROOT / "docs" / "nbgrader_config.py", folder)
    (folder / "source" / LESSON).mkdir(parents=True)
    shutil.copy(SOLUTIONS / f"{LESSON}.ipynb", folder / "source" / LESSON)
    nbgrader(folder, "generate_assignment", LESSON)
    submit(folder, "perfect", solved)
    submit(folder, "untouched", {})
    right = {name: solved[name] for name in ("02-1", "02-2", "02-4")}
    endless = "def receptive_field(layers):\n    while True:\n        pass"
    submit(folder, "half", right | {"02-5": "predicted = 62006", "02-6": endless})
    nbgrader(folder, "autograde", LESSON)
    nbgrader(folder, "generate_feedback", LESSON)
    nbgrader(folder, "export")
    return folder


@pytest.mark.lessons
def test_what_is_handed_out_is_the_exercise_notebook(course):
    released, committed = (
        [cell.source for cell in nbformat.read(path / f"{LESSON}.ipynb", as_version=4).cells]
        for path in (course / "release" / LESSON, EXERCISES)
    )
    assert released == committed


@pytest.mark.lessons
def test_points_are_full_none_and_exactly_the_expected(course, solved):
    with (course / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    points = {student: float(row["score"]) for student, row in rows.items()}
    assert points == {"perfect": len(solved), "untouched": 0, "half": 3}
    assert {float(row["max_score"]) for row in rows.values()} == {len(solved)}


@pytest.mark.lessons
def test_feedback_has_our_sentence_and_no_traceback(course):
    page = (course / "feedback" / "half" / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    said = re.findall(r"✗ (02-\d) not yet: ([^<]+)", page)
    assert [name for name, _ in said] == ["02-5", "02-6"]
    assert "no longer 5×5" in said[0][1]
    assert "was stopped" in said[1][1]
    assert "Traceback (most recent call last)" not in page
