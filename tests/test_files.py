"""A file is written whole or not at all; an error of the course is one paragraph for the reader."""

import errno
import os
from pathlib import Path

import pytest

from lenet_helpers.errors import CourseError
from lenet_helpers.files import check_writable, write_whole


def test_writes_into_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_whole(path, b"content")
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX are needed")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_umask_decides_who_may_read_the_file(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "file", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.EPERM, errno.ENOTSUP])
def test_a_network_drive_that_cannot_flush_one_file_still_takes_it(
    reason: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "fsync", refuse)
    monkeypatch.setattr(os, "chmod", refuse)
    write_whole(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_file_in_place_of_the_folder_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(CourseError, match=r"Cannot write .*file/new"):
        write_whole(tmp_path / "file" / "new", b"content")


@pytest.mark.parametrize("error", [OSError("no space"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_leaves_the_old_file(
    step: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises((CourseError, KeyboardInterrupt)) as caught:
        write_whole(path, b"new")
    if isinstance(error, OSError):
        assert str(caught.value).startswith(f"Cannot write {path}: no space. Free some disk space")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays"


def test_a_path_is_tried_beforehand_and_nothing_stays(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "file")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_bytes(b"old")
    check_writable(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_path_that_cannot_be_written_is_said_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(CourseError, match=f"^{tmp_path} is a folder"):
        check_writable(tmp_path)
    with pytest.raises(CourseError, match=f"^Cannot write {tmp_path}/file/below: "):
        check_writable(tmp_path / "file" / "below")


def test_notebook_shows_the_message_alone() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shown = []
    shell._showtraceback = lambda *parts: shown.extend(parts[-1])  # the lines it would print
    shell.run_cell("from lenet_helpers.errors import CourseError\nraise CourseError('Mend it.')")
    assert shown == ["CourseError: Mend it."]
