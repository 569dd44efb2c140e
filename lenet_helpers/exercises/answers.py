"""All lessons: what a student calls in an exercise notebook, and what comes back."""

from __future__ import annotations

import html
import os
import re
from typing import Any, NamedTuple

import nbformat

from lenet_helpers.errors import CourseError
from lenet_helpers.exercises.record import keep_done, tasks_done
from lenet_helpers.exercises.registry import MODULES, find_task, tasks_of
from lenet_helpers.exercises.task import NOT_STARTED, NOT_YET, RIGHT, judge
from lenet_helpers.files import ROOT

SOLUTIONS = ROOT / "notebooks" / "solutions"
WHY = "why"  # tag of the cell that explains a solution; the exercise notebook has none
# Mark, colours of the bar for light and dark pages alike, and what is said first.
LOOKS = {
    RIGHT: ("✓", "#2e9e5b", "right"),
    NOT_YET: ("✗", "#d9822b", "not yet"),
    NOT_STARTED: ("○", "#8a8f98", "not started"),
}
_hints_given: dict[str, int] = {}


class Said(NamedTuple):
    """What a call answers: a mark and a sentence; HTML in JupyterLab, plain text elsewhere."""

    name: str  # of the task
    state: str
    words: str = ""

    def __repr__(self) -> str:
        mark, _, state = LOOKS[self.state]
        return f"{mark} {self.name} {state}" + (f": {self.words}" if self.words else "")

    def _repr_html_(self) -> str:
        mark, colour, state = LOOKS[self.state]
        return (
            f'<div role="status" style="border-left: 4px solid {colour}; padding: 0.2em 0.8em">'
            f'<span aria-hidden="true">{mark}</span> <strong>{self.name} {state}</strong>'
            f"{': ' * bool(self.words)}{html.escape(self.words)}</div>"
        )


class Page(NamedTuple):
    """Text in Markdown, shown as such in JupyterLab."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


class NotRightError(AssertionError):
    """What nbgrader counts as a lost point; its feedback shows the sentence alone."""

    def _render_traceback_(self) -> list[str]:  # IPython asks for this before drawing a traceback
        return [str(self)]


def check(name: str, answer: Any) -> Said:
    """Say whether an answer to a task is right, and if not, what is wrong with it.

    Parameters
    ----------
    name
        Of the task, such as "02-3".
    answer
        A value or a function, as the task asks. The stub `...` means not started.

    Raises
    ------
    CourseError
        If there is no such task.
    NotRightError
        While nbgrader marks the notebook, if the answer is not right: so a point is lost.
    """
    said = Said(name, *judge(find_task(name), answer))
    if "NBGRADER_EXECUTION" in os.environ:
        if said.state != RIGHT:
            raise NotRightError(repr(said))
        return said
    if said.state == RIGHT:
        keep_done(name)
    return said


def hint(name: str) -> Page:
    """The next hint to a task; the last one says how to see the solution."""
    hints = find_task(name).hints
    given = _hints_given.get(name, 0)
    _hints_given[name] = given + 1
    if given < len(hints):
        return Page(f"Hint {given + 1} of {len(hints)}: {hints[given]}")
    return Page(f'There are no more hints. `solution("{name}")` shows one way to do it.')


def solution(name: str) -> Page:
    """One way to do a task, from the solution notebook, and why it is right.

    Raises
    ------
    CourseError
        If there is no such task, or its notebook is gone.
    """
    find_task(name)
    for path in sorted(SOLUTIONS.glob(f"{name[:2]}_*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        for place, cell in enumerate(cells):
            if cell.metadata.get("nbgrader", {}).get("grade_id") == name:
                lines = re.sub(r"### .+|.* = \.\.\..*", "", cell.source).splitlines()
                why = next(c.source for c in cells[place:] if WHY in c.metadata.get("tags", []))
                code = "\n".join(line for line in lines if line.strip())
                return Page(f"```python\n{code}\n```\n\n{why}")
    raise CourseError(f"The solution of {name} is not in {SOLUTIONS}. Get the folder anew.")


def progress() -> Page:
    """What is done, lesson by lesson."""
    done = tasks_done()
    rows = []
    for lesson in MODULES:
        tasks = tasks_of(lesson)
        marks = " ".join("✓" if name in done else "○" for name in tasks)
        rows.append(f"| {lesson} | {marks} | {len(done & set(tasks))} of {len(tasks)} |")
    return Page("\n".join(["| lesson | tasks | done |", "|---|---|---|", *rows]))
