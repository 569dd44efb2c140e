"""MNIST as tensors: sizes, splits and batches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

from lenet_helpers.data import (
    MEAN,
    MNIST,
    STANDARD_DEVIATION,
    Batches,
    Split,
    load_mnist,
    read_splits,
)
from lenet_helpers.data import fit_images as fit_to_size
from lenet_helpers.mnist_files import DATA_DIR, MD5
from lenet_helpers.model import LeNet5


@pytest.fixture(scope="module", autouse=True)
def files(mnist_raw: Path) -> Path:
    """All tests here need the files."""
    return mnist_raw


@pytest.fixture(scope="module")
def mnist() -> MNIST:
    return load_mnist()


@pytest.fixture(scope="module")
def training_files() -> datasets.MNIST:
    return datasets.MNIST(DATA_DIR, train=True)


@pytest.fixture(scope="module")
def testing_files() -> datasets.MNIST:
    return datasets.MNIST(DATA_DIR, train=False)


# --- from 28 pixels to the size the network wants -------------------------------------------------


def test_defaults(mnist: MNIST) -> None:
    assert [len(split) for split in mnist] == [55_000, 5_000, 10_000]
    for split in mnist:
        assert split.images.shape == (len(split), 1, 32, 32)
        assert split.images.dtype == torch.float32
        assert split.labels.shape == (len(split),)
        assert split.labels.dtype == torch.int64
    image, label = mnist.test[0]
    assert image.shape == (1, 32, 32)
    assert label == 7, "the first digit of the test set is a seven"


def test_border_is_black_paper(mnist: MNIST) -> None:
    assert mnist.train.images[:, :, 0].unique().item() == pytest.approx(-0.4242, abs=5e-5)
    assert mnist.train.images[:, :, :, -1].unique().item() == pytest.approx(-0.4242, abs=5e-5)


@pytest.mark.parametrize("size", [28, 29, 32, 35, 64])
def test_pad_keeps_every_pixel(size: int, testing_files: datasets.MNIST) -> None:
    digits = testing_files.data[:1000]
    images = (fit_to_size(digits, size, "pad", normalize=False) * 255).round().to(torch.uint8)
    start = (size - 28) // 2
    assert torch.equal(images[:, 0, start : start + 28, start : start + 28], digits)
    assert images.sum() == digits.sum(), "all around is black"


def test_resize_is_that_of_torchvision(testing_files: datasets.MNIST) -> None:
    """Compared with `Resize((32, 32))`, `ToTensor` and `Normalize` on the PIL images.

    Measured on all 70,000 images: on an x86 processor with AVX2 every pixel is the same, bit for
    bit. There torchvision resizes bytes as PIL does. Elsewhere it resizes floats and rounds: then
    (measured on the 10,000 of the test set) 3.8 % of the pixels are off by one grey level of 255,
    none by more.
    """
    published = transforms.Compose(
        [
            transforms.Resize((32, 32)),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STANDARD_DEVIATION),
        ]
    )
    pictures = datasets.MNIST(DATA_DIR, train=False, transform=published)
    expected = torch.stack([pictures[i][0] for i in range(2000)])
    difference = fit_to_size(testing_files.data[:2000], 32, "resize") - expected
    one_level = 1 / 255 / STANDARD_DEVIATION
    assert difference.abs().max() <= 1.001 * one_level
    assert (difference.abs() > 0.5 * one_level).float().mean() < 0.05


def test_normalised_pixels_have_mean_0_and_deviation_1(training_files: datasets.MNIST) -> None:
    pixels = fit_to_size(training_files.data, 28)
    assert pixels.mean().abs() < 1e-3
    assert abs(pixels.std() - 1) < 1e-3


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image_size": 27}, "image_size is 27; these images need at least 28"),
        ({"image_size": 0}, "image_size is 0"),
        ({"fit": "stretch"}, 'fit is \'stretch\'; choose "pad" or "resize"'),
        ({"validation_size": -1}, "validation_size is -1; of 60000 training images it can take 0"),
        ({"validation_size": 60_000}, "validation_size is 60000"),
        ({"validation_size": 70_000}, "0 to 59999"),
    ],
)
def test_impossible_sizes(wrong: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        load_mnist(tmp_path, **wrong)
    assert list(tmp_path.iterdir()) == [], "refused before anything is fetched"


@pytest.mark.parametrize(
    ("images", "how", "words"),
    [
        (torch.zeros(1, 28, 28), {"image_size": 20}, "image_size is 20; .* at least 28"),
        (torch.zeros(1, 28, 28), {"image_size": 20, "fit": "resize"}, "image_size is 20"),
        (torch.zeros(1, 28, 28), {"fit": "resise"}, "fit is 'resise'; choose"),
        (torch.zeros(1, 28, 20), {}, r"all square, are needed: not \(28, 20\)"),
        (torch.zeros(1, 1, 28, 28), {}, r"shape \(n, height, width\)"),
    ],
)
def test_impossible_fits(images: torch.Tensor, how: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fit_to_size(images, **how)


# --- train, validation, test ----------------------------------------------------------------------


def small(validation_size: int, seed: int = 42) -> MNIST:
    """Without padding and normalising: pixels can be compared, and it takes less time."""
    return load_mnist(image_size=28, normalize=False, validation_size=validation_size, seed=seed)


def assert_holds(split: Split, digits: datasets.MNIST, indices: list[int]) -> None:
    images = (split.images[:, 0] * 255).round().to(torch.uint8)
    assert torch.equal(images, digits.data[indices])
    assert torch.equal(split.labels, digits.targets[indices])


@pytest.mark.parametrize("validation_size", [5000, 6000, 0, 59_999])
def test_splits_are_those_of_random_split(
    validation_size: int, training_files: datasets.MNIST, testing_files: datasets.MNIST
) -> None:
    sizes = [60_000 - validation_size, validation_size]
    generator = torch.Generator().manual_seed(42)
    train, validation = random_split(training_files, sizes, generator=generator)
    assert set(train.indices).isdisjoint(validation.indices)
    assert len({*train.indices, *validation.indices}) == 60_000

    mnist = small(validation_size)
    assert_holds(mnist.train, training_files, train.indices)
    assert_holds(mnist.validation, training_files, validation.indices)
    assert_holds(mnist.test, testing_files, list(range(10_000)))


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_a_foreign_folder_beside_the_files_is_not_read(mnist_raw: Path, tmp_path: Path) -> None:
    """torchvision reads `processed/*.pt` in place of the four files, whoever left them there."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MD5:
        (raw / name).symlink_to(mnist_raw / name)
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir()
    for name, count in (("training.pt", 60_000), ("test.pt", 10_000)):
        black = torch.zeros(count, 28, 28, dtype=torch.uint8), torch.full((count,), 7)
        torch.save(black, processed / name)
    ours, theirs = read_splits(tmp_path), read_splits()
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine.images, other.images)
        assert torch.equal(mine.labels, other.labels)
    assert ours.test.labels[:5].tolist() == [7, 2, 1, 0, 4], "as the files have them"


def test_to_import_the_data_does_not_import_torchvision() -> None:
    code = "import sys, lenet_helpers.data; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_seed_decides_the_split() -> None:
    first, again, other = small(5000, seed=1), small(5000, seed=1), small(5000, seed=2)
    assert torch.equal(first.validation.images, again.validation.images)
    assert torch.equal(first.train.labels, again.train.labels)
    assert not torch.equal(first.validation.images, other.validation.images)
    assert torch.equal(first.test.images, other.test.images), "the test set is always the same"


# --- batches --------------------------------------------------------------------------------------


def numbered(count: int) -> Split:
    """Samples that can be told apart: sample i is an image of value i with label i."""
    labels = torch.arange(count)
    return Split(labels.float().view(-1, 1, 1, 1), labels)


def epoch(batches: Batches | DataLoader) -> list[int]:
    return [label for _, labels in batches for label in labels.tolist()]


@given(count=st.integers(0, 200), batch_size=st.integers(1, 250), shuffle=st.booleans())
def test_every_sample_once_per_epoch(count: int, batch_size: int, shuffle: bool) -> None:
    batches = Batches(numbered(count), batch_size, shuffle)
    seen = list(batches)
    assert len(seen) == len(batches)
    assert all(1 <= len(labels) <= batch_size for _, labels in seen)
    assert all(len(labels) == batch_size for _, labels in seen[:-1]), "only the last may be smaller"
    assert all(torch.equal(images.flatten(), labels.float()) for images, labels in seen)
    order = epoch(seen)
    assert sorted(order) == list(range(count))
    if not shuffle:
        assert order == list(range(count))


def test_each_epoch_has_a_new_order_and_the_generator_decides_it() -> None:
    def three_epochs(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        batches = Batches(numbered(100), 7, shuffle=True, generator=generator)
        return [epoch(batches) for _ in range(3)]

    first, second, third = three_epochs(1)
    assert first != second != third != first
    assert three_epochs(1) == [first, second, third]
    assert three_epochs(2)[0] != first


def test_without_generator_the_global_seed_decides() -> None:
    orders = []
    for _ in range(2):
        torch.manual_seed(3)
        orders.append(epoch(Batches(numbered(50), 8, shuffle=True)))
    assert orders[0] == orders[1]


@pytest.mark.parametrize("batch_size", [0, -1])
def test_impossible_batch_size(batch_size: int) -> None:
    with pytest.raises(ValueError, match="a batch needs at least 1 image"):
        Batches(numbered(3), batch_size)


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_lie_where_the_split_lies(shuffle: bool) -> None:
    split = numbered(3).to("meta")
    assert split.images.device.type == split.labels.device.type == "meta"
    images, labels = next(iter(Batches(split, 2, shuffle)))
    assert images.device.type == labels.device.type == "meta"
    assert (images.shape, labels.shape) == ((2, 1, 1, 1), (2,))


def test_trains_the_same_weights_as_a_data_loader(mnist: MNIST) -> None:
    part = Split(mnist.train.images[:300], mnist.train.labels[:300])
    batches = Batches(part, 64, shuffle=True, generator=torch.Generator().manual_seed(5))
    order = torch.randperm(300, generator=torch.Generator().manual_seed(5)).tolist()
    loader = DataLoader(part, batch_size=64, sampler=order)
    weights = [train(source) for source in (batches, loader)]
    assert len(batches) == len(loader) == 5
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name


def train(batches: Batches | DataLoader) -> dict[str, torch.Tensor]:
    """One epoch from the same start."""
    torch.manual_seed(0)
    model = LeNet5()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for images, labels in batches:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model.state_dict()
