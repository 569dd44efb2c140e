"""How strangers' pictures are read: scenes drawn by code, and scikit-learn's small digits.

Prints for each kind the shares that are right, refused, wrong, wrong and sure, and which of the
right answers are sure. Where there is nothing to read, every answer is wrong. Then it prints how
long a number of eight digits takes, and a photo of 12 megapixels against decoding it alone.
Run it as: python tests/benchmarks/bench_reading.py [NAME …] [--count 100] [--seed 0]
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

import scenes

from lenet_helpers.data import read_splits
from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.reading.grammar import NUMBER
from lenet_helpers.reading.reader import read, read_one
from lenet_helpers.recipes import load_pretrained

NETWORK = load_pretrained("characters")


def answer(picture: np.ndarray) -> tuple[str, bool]:
    """What is read, and whether it is sure; nothing where the picture is refused."""
    try:
        reading = read_one(NETWORK, picture)
    except CourseError:
        return "", False
    return reading.text, reading.sure


def small_digits() -> list[tuple[np.ndarray, str]]:
    """scikit-learn's 1,797 digits of 8×8 pixels, from writers that MNIST does not have."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images / 16 * 255).astype(np.uint8)
    return list(zip(images, map(str, digits.target), strict=True))


def speed(images: np.ndarray, labels: np.ndarray) -> None:
    """Median milliseconds of five readings, and the ratio to Pillow's decoding in the same turn."""
    number = photos.PICTURES / "numbers" / "07_blue.jpg"
    file = io.BytesIO()
    ((picture, _),) = scenes.draw("small", 1, images, labels)
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    eight, decoded, whole = [], [], []
    for _ in range(6):
        eight.append(seconds(lambda: read(NETWORK, number, NUMBER)))
        decoded.append(seconds(lambda: np.asarray(Image.open(file).convert("RGB"))))
        whole.append(seconds(lambda: read_one(NETWORK, Image.open(file))))
    ratio = np.median(np.divide(whole[1:], decoded[1:]))
    print(f"a number of eight digits: {1000 * np.median(eight[1:]):.0f} ms")
    print(f"a photo of 12 megapixels: {ratio:.1f} times as long as to decode it")


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*scenes.SCENES, "load_digits"])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    train = read_splits(validation_size=0).train
    images, labels = train.images.numpy(), train.labels.numpy()
    print("scene         right  refused   wrong  and sure   sure of right   ms each", flush=True)
    for name in chosen.names:
        if name == "load_digits":
            pictures = small_digits()
        else:
            pictures = scenes.draw(name, chosen.count, images, labels, chosen.seed)
        start = time.perf_counter()
        answers = [answer(picture) for picture, _ in pictures]
        each = (time.perf_counter() - start) / len(pictures)
        right = np.array(
            [text == truth for (text, _), (_, truth) in zip(answers, pictures, strict=True)]
        )
        refused = np.array([text == "" for text, _ in answers])
        right &= ~refused
        sure = np.array([sure for _, sure in answers])
        wrong = ~right & ~refused
        kept = (sure & right).sum() / max(1, right.sum())
        shares = [right.mean(), refused.mean(), wrong.mean(), (wrong & sure).mean(), kept]
        a, b, c, d, e = (f"{share:.1%}" for share in shares)
        print(
            f"{name:12} {a:>6}   {b:>6}  {c:>6}    {d:>6}          {e:>6}    {1000 * each:6.0f}",
            flush=True,
        )
    speed(images, labels)


if __name__ == "__main__":
    main()
