"""All lessons: which tasks are done, in one small file beside Jupyter's own settings.

There it survives that the folder of the course is moved, updated or made anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from lenet_helpers.errors import CourseError
from lenet_helpers.files import write_whole


def record_file() -> Path:
    """Where the names of the tasks that were done are kept."""
    return Path(jupyter_data_dir()) / "lenet-course" / "progress.json"


def tasks_done() -> set[str]:
    """Names of the tasks that were answered rightly; none if nothing was kept yet.

    Raises
    ------
    CourseError
        If the file is there and cannot be read.
    """
    path = record_file()
    try:
        return set(map(str, json.loads(path.read_text(encoding="utf-8"))["done"]))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path} is damaged ({error}). It holds which tasks are done. Delete it, and run the "
            "exercise notebooks again: each right answer is counted anew."
        ) from error


def keep_done(name: str) -> None:
    """Add a task to those that are done.

    Raises
    ------
    CourseError
        If the file cannot be read or written.
    """
    done = tasks_done()
    if name not in done:
        content = json.dumps({"done": sorted(done | {name})}, indent=1) + "\n"
        write_whole(record_file(), content.encode())
