"""All lessons: the exercise notebooks, made from the solutions by nbgrader's own preprocessors."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.preprocessors import ClearOutput, ClearSolutions
from traitlets.config import Config

from lenet_helpers.exercises.answers import SOLUTIONS, WHY
from lenet_helpers.files import ROOT, write_whole

EXERCISES = ROOT / "notebooks" / "exercises"
STUB = "# your code"
SETTINGS = Config(
    ClearSolutions={"code_stub": {"python": STUB}},
    TagRemovePreprocessor={"enabled": True, "remove_cell_tags": {WHY}},
)


def make_exercises(folder: str | Path = EXERCISES) -> list[Path]:
    """Write the exercise notebook of each solution: without solutions, whys and outputs.

    Raises
    ------
    CourseError
        If the folder cannot be written.
    """
    made = []
    for source in sorted(SOLUTIONS.glob("*.ipynb")):
        notebook = nbformat.read(source, as_version=4)
        resources: dict = {}
        for kind in (TagRemovePreprocessor, ClearSolutions, ClearOutput):
            notebook, resources = kind(config=SETTINGS)(notebook, resources)
        made.append(Path(folder) / source.name)
        write_whole(made[-1], (nbformat.writes(notebook) + "\n").encode())
    return made


if __name__ == "__main__":
    for path in make_exercises():
        print(f"made {path.relative_to(ROOT)}")
