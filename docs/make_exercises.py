"""`make exercises`: the exercise notebooks from the solutions, by nbgrader's preprocessors."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.preprocessors import ClearOutput, ClearSolutions
from traitlets.config import PyFileConfigLoader

from lenet_helpers.exercises.answers import SOLUTIONS
from lenet_helpers.files import ROOT, write_whole

EXERCISES = ROOT / "notebooks" / "exercises"


def make_exercises(folder: str | Path = EXERCISES) -> list[Path]:
    """Write the exercise notebook of each solution: without solutions, whys and outputs.

    Raises
    ------
    CourseError
        If the folder cannot be written.
    """
    settings = PyFileConfigLoader("nbgrader_config.py", str(ROOT / "docs")).load_config()
    made = []
    for source in sorted(SOLUTIONS.glob("*.ipynb")):
        notebook = nbformat.read(source, as_version=4)
        resources: dict = {}
        for kind in (TagRemovePreprocessor, ClearSolutions, ClearOutput):
            notebook, resources = kind(config=settings)(notebook, resources)
        made.append(Path(folder) / source.name)
        write_whole(made[-1], (nbformat.writes(notebook) + "\n").encode())
    return made


if __name__ == "__main__":
    for path in make_exercises():
        print(f"made {path.relative_to(ROOT)}")
