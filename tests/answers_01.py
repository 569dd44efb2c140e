"""Lesson 01's tasks, answered wrongly and rightly in other ways than its own checks do."""

from __future__ import annotations

import random
import struct

import numpy as np
import torch
from torch.nn import functional


def read_with_struct(content):
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    return torch.tensor(list(content[4 + 4 * len(shape) :])).reshape(shape)


def read_into_lists(content):
    """For a file of two axes or of more: nested lists, by recursion."""
    axes = content[3]
    sizes = [int.from_bytes(content[4 + 4 * k : 8 + 4 * k], "big") for k in range(axes)]

    def nested(data, sizes):
        if len(sizes) == 1:
            return list(data)
        part = len(data) // sizes[0]
        return [nested(data[k * part : (k + 1) * part], sizes[1:]) for k in range(sizes[0])]

    return nested(content[4 + 4 * axes :], sizes)


def read_wrongly(content, offset=None, kind=np.uint8, byte_order=">i4", order="C"):
    axes = content[3]
    shape = np.frombuffer(content, byte_order, count=axes, offset=4)
    offset = 4 + 4 * axes if offset is None else offset
    values = np.frombuffer(content, kind, offset=offset)[: np.prod(shape)]
    return values.reshape(shape, order=order)


def centre_in_loops(image):
    ink, down, right = 0, 0, 0
    for i, row in enumerate(image.tolist()):
        for j, value in enumerate(row):
            ink, down, right = ink + value, down + i * value, right + j * value
    return [down / ink, right / ink]


def centre_in_numpy(image):
    image = image.numpy().astype(np.float64)
    places = np.indices(image.shape)
    return tuple((places * image).sum(axis=(1, 2)) / image.sum())


def unweighted(image):
    return image.nonzero().double().mean(0).tolist()


def box_middle(image):
    rows, columns = image.any(dim=1).nonzero(), image.any(dim=0).nonzero()
    return (rows[0] + rows[-1]).item() / 2, (columns[0] + columns[-1]).item() / 2


def distances_in_numpy(image, known):
    difference = known.numpy().astype(int) - image.numpy().astype(int)
    return np.linalg.norm(difference.reshape(len(known), -1), axis=1)


def moments(counts, scale=255.0, root=0.5, less=0, centred=True):
    counts = np.asarray(counts, dtype=float)
    levels = np.arange(256) / scale
    mean = counts @ levels / counts.sum()
    squares = counts @ (levels - centred * mean) ** 2
    return mean, (squares / (counts.sum() - less)) ** root


def prepare_by_hand(images, top=2, black=-0.1307 / 0.3081):
    prepared = np.full((len(images), 1, 32, 32), black)
    prepared[:, 0, top : top + 28, top : top + 28] = (images.numpy() / 255 - 0.1307) / 0.3081
    return prepared


def permutation(count, seed):
    return np.random.default_rng(seed).permutation(count)


def split_by_pytorch(count, validation_size, seed):
    parts = [count - validation_size, validation_size]
    return torch.utils.data.random_split(range(count), parts, torch.Generator().manual_seed(seed))


def split_in_python(count, validation_size, seed):
    chosen = set(random.Random(seed).sample(range(count), validation_size))
    return [number for number in range(count) if number not in chosen], sorted(chosen)


def split_twice(count, validation_size, seed):
    torch.manual_seed(seed)
    return torch.randperm(count)[validation_size:], torch.randperm(count)[:validation_size]


def split_without_seed(count, validation_size, _):
    order = torch.randperm(count)
    return order[validation_size:], order[:validation_size]


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "01-1": [
        (lambda content: read_wrongly(content, 0), "begin with the header"),
        (lambda content: read_wrongly(content, 4), "behind byte 3"),
        (lambda content: read_wrongly(content, kind=np.int8), "unsigned"),
        (lambda content: read_wrongly(content, order="F"), "row after row"),
        (lambda content: read_wrongly(content, byte_order="<i4"), "ValueError"),
        (lambda content: read_wrongly(content).flatten()[:7], "7 values given"),
    ],
    "01-2": [
        (lambda image: centre_in_loops(image)[::-1], "swapped"),
        (unweighted, "counts the same"),
        (box_middle, "middle of the box"),
        (lambda image: [place + 1 for place in centre_in_loops(image)], "from 0"),
        (lambda image: centre_in_loops(image)[0], "2 results are asked for: the row, the column"),
    ],
    "01-3": [
        (lambda x, known: ((known - x) ** 2).sum(dim=(1, 2)) ** 0.5, "squares still have"),
        (lambda x, known: ((known - x).float() ** 2).sum((1, 2)).sqrt(), "differences still have"),
        (lambda x, known: distances_in_numpy(x, known) ** 2, "root"),
        (lambda x, known: (known.int() - x.int()).abs().sum((1, 2)), "absolute"),
    ],
    "01-4": [
        (lambda counts: moments(counts, scale=1), "Divide them by 255"),
        (lambda counts: moments(counts, root=1), "variance"),
        (lambda counts: moments(np.ones(256)), "counts once"),  # noqa: ARG005
        (lambda counts: moments(counts, centred=False), "before you square"),
        (lambda counts: moments(counts, less=1), "n - 1"),
        (lambda counts: (0.5, moments(counts)[1]), "Look at the mean."),
    ],
    "01-5": [((36, 11), "one more"), ((36, 23), "2 pixels apart"), ((38, 13), "Two pixels too"),
             ((32, 10), "20×20"), ((24, 6), "beyond"), (36, "the size, the windows")],
    "01-6": [
        (lambda x: prepare_by_hand(x, black=0.0), "border is still 0"),
        (lambda x: prepare_by_hand(x, top=0), "left the middle"),
        (lambda x: prepare_by_hand(x, top=0, black=0.0), "Nothing has changed"),
        (lambda x: prepare_by_hand(x)[:, 0], "2 maps of 32×32 given"),
    ],
    "01-7": [
        (split_twice, "in both splits"),
        (lambda n, v, _: (range(v, n), range(v)), "Another seed gives the same"),
        (split_without_seed, "gets other images"),
        (lambda *given: split_by_pytorch(*given)[::-1], "swapped"),
        (lambda n, v, seed: (range(n), permutation(n, seed)[:v]), "still among"),
        (lambda n, v, seed: permutation(n, seed), "TypeError"),  # noqa: ARG005
    ],
    "01-8": [((2577, 24), "left out"), ((2579, 24), "run into"), ((2814, 32), "aside first"),
             ((2580, 40), "missing in the last batch"), ((2580.0, 12), "Look at the last batch")],
}  # fmt: skip
# Name -> right answers in another form.
RIGHT = {
    "01-1": [read_with_struct, read_into_lists],
    "01-2": [centre_in_loops, centre_in_numpy],
    "01-3": [distances_in_numpy, lambda x, known: (known.int() - x).pow(2).sum((1, 2)).sqrt(),
             lambda x, known: [functional.mse_loss(k.float(), x.float(), reduction="sum") ** 0.5
                               for k in known]],
    "01-4": [moments, lambda counts: [np.float32(each) for each in moments(counts)]],
    "01-5": [[36, 12], (torch.tensor(36), 12.0)],
    "01-6": [prepare_by_hand],
    "01-7": [split_by_pytorch, split_in_python],
    "01-8": [(2580, 24), np.array([2580, 24]).tolist()],
}  # fmt: skip
