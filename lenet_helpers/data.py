"""Lesson 01: MNIST as tensors in memory, split, and in batches.

The four files belong to Y. LeCun, C. Cortes and C. J. C. Burges; mnist_files.py fetches them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch.utils.data import random_split

from lenet_helpers.mnist_files import DATA_DIR, MD5, fetch_mnist

MEAN, STANDARD_DEVIATION = 0.1307, 0.3081  # of the 60,000 training images, grey levels 0…1
IMAGE_SIZE = 28
TRAINING_IMAGES = 60_000
Fit = Literal["pad", "resize"]  # how 28 pixels become more, see `load_mnist`


@dataclass(frozen=True)
class Split:
    """Images `(n, 1, height, width)` float32 and their labels `(n,)` int64, in memory.

    Before they are prepared the images are grey levels, see `read_splits`. A split is a sequence
    of `(image, label)`, so a `DataLoader` takes it as it is.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int | slice | torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.images[index], self.labels[index]

    def to(self, device: torch.device | str) -> Split:
        """The same images and labels on `device`, where their batches then are too."""
        return Split(self.images.to(device), self.labels.to(device))


class MNIST(NamedTuple):
    """The three splits: `train` to learn from, `validation` to choose with, `test` to report."""

    train: Split
    validation: Split
    test: Split


@dataclass(eq=False, repr=False)
class Batches:
    """Batches of a split that is already in memory; serves wherever a `DataLoader` does.

    They lie where the split lies: on a graphics card after `split.to("cuda")`.

    Parameters
    ----------
    split
        Images and labels.
    batch_size
        Images per batch; the last batch holds what is left.
    shuffle
        Whether each epoch has a new random order.
    generator
        Source of the random orders; PyTorch's global one if None. One of the CPU gives the same
        orders for a split on any device.
    drop_last
        Whether a last batch that is not full is left out.
    """

    split: Split
    batch_size: int
    shuffle: bool = False
    generator: torch.Generator | None = None
    drop_last: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"batch_size is {self.batch_size}; a batch needs at least 1 image")

    def __len__(self) -> int:
        full, rest = divmod(len(self.split), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count = len(self.split)
        if self.shuffle:
            place = self.generator.device if self.generator else "cpu"
            order = torch.randperm(count, generator=self.generator, device=place)
        else:
            order = torch.arange(count)
        order = order.to(self.split.images.device)  # once an epoch
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield self.split[order[start : start + self.batch_size]]


def load_mnist(
    data_dir: str | Path = DATA_DIR,
    image_size: int = 32,
    fit: Fit = "pad",
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
        How 28 pixels become `image_size`: "pad" adds black on all sides and keeps every pixel;
        "resize" interpolates as torchvision's `Resize` does on PIL images. On x86 processors with
        AVX2 all 70,000 images came out the same, bit for bit; elsewhere about 4 % of the pixels
        are off by one grey level of 255.
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
    _check_fit((IMAGE_SIZE, IMAGE_SIZE), image_size, fit)  # before anything is fetched
    return fit_splits(read_splits(data_dir, validation_size, seed), image_size, fit, normalize)


def read_splits(
    data_dir: str | Path = DATA_DIR, validation_size: int = 5000, seed: int = 42
) -> MNIST:
    """The splits as the files hold them: images of grey levels 0…255, uint8 `(n, 28, 28)`.

    See `load_mnist` for the parameters and errors.
    """
    if not 0 <= validation_size < TRAINING_IMAGES:
        raise ValueError(
            f"validation_size is {validation_size}; of {TRAINING_IMAGES} training images it can "
            f"take 0 to {TRAINING_IMAGES - 1}"
        )
    folder = fetch_mnist(data_dir)
    images, labels, test_images, test_labels = (read_idx(folder / name) for name in MD5)
    chosen = random_split(
        range(TRAINING_IMAGES),
        [TRAINING_IMAGES - validation_size, validation_size],
        generator=torch.Generator().manual_seed(seed),
    )
    parts = [Split(images[part.indices], labels[part.indices].long()) for part in chosen]
    return MNIST(*parts, test=Split(test_images, test_labels.long()))


def read_idx(path: Path) -> torch.Tensor:
    """The numbers of a file in the IDX format, uint8, in the shape that its header gives.

    Lesson 01 explains the format. The checked files are read themselves: torchvision prefers
    whatever lies in a folder `processed` beside them.
    """
    content = np.fromfile(path, dtype=np.uint8)
    dimensions = content[3]
    start = 4 + 4 * dimensions
    return torch.from_numpy(content[start:].reshape(content[4:start].view(">u4")))


def fit_splits(
    levels: MNIST, image_size: int = 32, fit: Fit = "pad", normalize: bool = True
) -> MNIST:
    """Splits of grey levels as the network takes them; see `fit_images`."""
    options = (image_size, fit, normalize)
    return MNIST(*(Split(fit_images(s.images, *options), s.labels) for s in levels))


def fit_images(
    grey_levels: torch.Tensor, image_size: int = 32, fit: Fit = "pad", normalize: bool = True
) -> torch.Tensor:
    """Images `(n, height, width)` of grey levels 0…255 as float32 `(n, 1, size, size)`.

    See `load_mnist` for the parameters and errors; `image_size` is at least the images' own.
    Padding comes before normalising, so the border has the value of black paper:
    (0 - 0.1307) / 0.3081 = -0.4242.
    """
    _check_fit(tuple(grey_levels.shape[1:]), image_size, fit)
    if fit == "resize":
        # here: with torchvision comes torch's compiler, which takes seconds
        from torchvision.transforms.v2.functional import resize

        # bilinear, rounded to grey levels
        images = resize(grey_levels.unsqueeze(1), [image_size, image_size]).float()
    else:
        side = grey_levels.shape[-1]
        start = (image_size - side) // 2
        middle = slice(start, start + side)
        images = torch.zeros(len(grey_levels), 1, image_size, image_size)  # black paper
        images[:, 0, middle, middle] = grey_levels
    images.div_(255)
    return images.sub_(MEAN).div_(STANDARD_DEVIATION) if normalize else images


def _check_fit(shape: tuple[int, ...], image_size: int, fit: str) -> None:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"images of shape (n, height, width), all square, are needed: not {shape}")
    if image_size < shape[0]:
        raise ValueError(f"image_size is {image_size}; these images need at least {shape[0]}")
    if fit not in ("pad", "resize"):
        raise ValueError(f'fit is {fit!r}; choose "pad" or "resize"')
