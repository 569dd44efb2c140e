"""Lesson 02's tasks, answered wrongly and rightly in other ways than its own checks do."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional


def convolve_in_numpy(image, kernels, biases):
    image, kernels, biases = (np.asarray(each) for each in (image, kernels, biases))
    windows = np.lib.stride_tricks.sliding_window_view(image, kernels.shape[2:], axis=(1, 2))
    return np.einsum("chwij,kcij->khw", windows, kernels) + biases[:, None, None]


def convolve_as_a_matrix_product(image, kernels, biases):
    columns = functional.unfold(image[None], kernels.shape[2:])[0]
    maps = kernels.flatten(1) @ columns + biases[:, None]
    sides = [side - kernel + 1 for side, kernel in zip(image.shape, kernels.shape[1:], strict=True)]
    return maps.reshape(len(kernels), *sides[1:]).tolist()


def convolve_and_forget(image, kernels, biases):
    """The sum is begun anew for each channel."""
    for channel, plane in enumerate(image):
        maps = functional.conv2d(plane[None, None], kernels[:, channel : channel + 1])[0]
    return maps + biases[:, None, None]


def receptive_field_from_the_end(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


def double_where_strided(layers):
    """Right as long as no stride is 3."""
    field, distance = 1, 1
    for kernel, stride in layers:
        field, distance = field + (kernel - 1) * distance, distance * (2 if stride > 1 else 1)
    return field


def hidden_of(layers, images):
    maps = functional.max_pool2d(layers["conv"](images).relu(), 2)
    return layers["linear1"](torch.flatten(maps, start_dim=1))


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "02-1": [(0, "turned"), (2, "swapped"), (3, "bias"), (1.75, "mean"), (-1, "column 1"),
             (99, "another one")],
    "02-2": [
        (lambda n, k, p, s: -(-(n + 2 * p - k) // s) + 1, "round down"),
        (lambda n, k, p, s: math.floor((n + p - k) / s) + 1, "one side only"),
        (lambda n, k, p, s: int((n + 2 * p - k) / s), "One is missing"),
        (lambda n, k, p, s: (n + 2 * p - k + 1) // s, "another one"),
        (lambda n, k, p, s: round((n + 2 * p - k) / s) + 1, "another one"),
        (lambda n, k, p, s: n, "another one"),  # noqa: ARG005
    ],
    "02-3": [
        (lambda x, w, _: functional.conv2d(x[None], w)[0], "biases are missing"),
        (convolve_and_forget, "Only the last"),
        (lambda x, w, b: functional.conv2d(x[None], w, b, padding=1)[0], "padded"),
        (lambda x, w, b: functional.conv2d(x[None], w, b)[0, 0], "4 maps of"),
    ],
    "02-4": [(416, "one for each input channel"), (2400, "biases"), (2496, "each plane"),
             (241600, "connections"), (2401, "one bias in all")],
    "02-5": [(62006, "no longer 5×5"), (338186, "more planes"), (61706, "grey pictures")],
    "02-6": [
        (lambda layers: sum(k - 1 for k, s in layers) + 1, "strides have no part"),
        (lambda layers: receptive_field_from_the_end(layers) - 1, "one too few"),
        (double_where_strided, "another one"),
        (lambda layers: math.prod(k for k, _ in layers), "multiplied"),
    ],
    "02-7": [
        (lambda layers, x: layers["linear2"](hidden_of(layers, x)), "no more than one"),
        (lambda layers, x: layers["linear2"](hidden_of(layers, x).relu()).relu(), "negative"),
        (lambda layers, x: layers["linear1"](layers["conv"](x).flatten()), "RuntimeError"),
    ],
}  # fmt: skip
# Name -> right answers in another form.
RIGHT = {
    "02-1": [4.0, np.float32(4), torch.tensor([4]), [4]],
    "02-2": [lambda n, k, p, s: 1 + int((n + 2 * p - k) / s)],
    "02-3": [convolve_in_numpy, convolve_as_a_matrix_product],
    "02-4": [np.int64(2416), 2416.0],
    "02-5": [338486],
    "02-6": [receptive_field_from_the_end],
    "02-7": [lambda layers, x: layers["linear2"](hidden_of(layers, x).clamp(min=0)).double()],
}
