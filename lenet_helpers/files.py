"""Write a file whole or not at all; look whether one is there."""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lenet_helpers.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]  # the folder of the course
# A network drive that cannot flush one file says so with one of these; a full disk does not.
CANNOT_FLUSH = {errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def refused(what: str, remedy: str = "") -> Iterator[None]:
    """An error of the system, while a file is used, as a CourseError: what, why, and the remedy."""
    try:
        yield
    except OSError as error:
        raise CourseError(f"{what}: {error.strerror or error}. {remedy}".rstrip()) from error


def is_there(path: str | Path) -> bool:
    """Whether there is a file or folder of that name.

    Raises
    ------
    CourseError
        If the system does not let us look.
    """
    with refused(f"Cannot look for {path}", "Choose a folder that you may read."):
        return Path(path).exists()


def at_home(path: str | Path) -> Path:
    """`path` with the home folder for a ~ at its start: only a shell puts it there by itself."""
    path = Path(path)
    return path.expanduser() if path.parts[:1] == ("~",) else path


def write_whole(path: str | Path, content: bytes) -> None:
    """Write `content` to `path`, so that the file is never there half-written.

    The bytes go to a temporary file in the same folder, which then takes the name. Who may read
    it, the user's umask decides.

    Raises
    ------
    CourseError
        If the folder cannot be written or the disk is full; what stood at `path` is unharmed.
    """
    path = Path(path)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    remedy = (
        "Free some disk space, or choose a folder that you may write to, and try again; nothing "
        "half-written was left."
    )
    try:
        with refused(f"Cannot write {path}", remedy):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                _flush_to_disk(file.fileno())
            os.replace(temporary, path)
    finally:
        with suppress(OSError):  # gone already when all went well
            temporary.unlink()


def _flush_to_disk(descriptor: int) -> None:
    try:
        os.fsync(descriptor)  # a full disk may show only here
    except OSError as error:
        if error.errno not in CANNOT_FLUSH:
            raise


def check_writable(path: str | Path) -> None:
    """Find out, before hours of work, whether `write_whole` can write there.

    Raises
    ------
    CourseError
        If it cannot, or if `path` is a folder.
    """
    path = Path(path)
    with refused(f"Cannot write {path}", "Choose a folder that you may write to."):
        if path.is_dir():
            raise CourseError(f"{path} is a folder. Add the name of a file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
