"""Write a file whole or not at all; look whether one is there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lenet_helpers.errors import CourseError


def is_there(path: str | Path) -> bool:
    """Whether there is a file or folder of that name.

    Raises
    ------
    CourseError
        If the system does not let us look.
    """
    try:
        return Path(path).exists()
    except OSError as error:
        raise CourseError(
            f"Cannot look for {path}: {error.strerror or error}. Choose a folder that you may read."
        ) from error


def write_whole(path: str | Path, content: bytes) -> None:
    """Write `content` to `path`, so that the file is never there half-written.

    The bytes go to a temporary file in the same folder, which then takes the name.

    Raises
    ------
    CourseError
        If the folder cannot be written or the disk is full; what stood at `path` is unharmed.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a full disk may show only here
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except OSError as error:
        raise CourseError(
            f"Cannot write {path}: {error.strerror or error}. Free some disk space, or choose a "
            "folder that you may write to, and try again; nothing half-written was left."
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)  # gone already when all went well
