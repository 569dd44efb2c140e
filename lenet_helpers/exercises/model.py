"""Lesson 02: what counts as right, and what is often wrong."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from lenet_helpers.exercises.task import Task

# ---- 02-2: the size of an output


def output_size(size: int, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Lesson 02's formula."""
    return (size + 2 * padding - kernel) // stride + 1


def sizes(random: np.random.Generator) -> tuple[int, int, int, int]:
    """A size, a kernel, a padding and a stride; the last move never fits to the pixel."""
    kernel, padding, stride = random.integers((2, 1, 2), (8, 4, 6)).tolist()
    rest = int(random.integers(1, stride))
    return (
        kernel - 2 * padding + stride * int(random.integers(4, 20)) + rest,
        kernel,
        padding,
        stride,
    )


# ---- 02-3: a convolution of several channels


def convolve(image: torch.Tensor, kernels: torch.Tensor, biases: torch.Tensor) -> torch.Tensor:
    """PyTorch's own, of one image `(channels, height, width)`."""
    return functional.conv2d(image.unsqueeze(0), kernels, biases)[0]


def channels_and_kernels(random: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """An image of three channels, four kernels, and their biases."""
    rows, columns = random.integers(1, 5, 2)
    shapes = [(3, 7, 6), (4, 3, rows, columns), (4,)]
    return tuple(torch.from_numpy(random.normal(size=shape)) for shape in shapes)


# ---- 02-5: LeNet-5 for other images


def parameters(channels: int, side: int) -> int:
    """Of LeNet-5 with so many input channels, and maps of this side before its linear layers."""
    convolutions = 6 * (channels * 25 + 1) + 16 * (6 * 25 + 1)
    return convolutions + (16 * side**2 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10


# ---- 02-6: what a unit sees


def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Of the last of some layers, each given by kernel and stride."""
    field, distance = 1, 1
    for kernel, stride in layers:
        field, distance = field + (kernel - 1) * distance, distance * stride
    return field


def field_with_own_stride(layers: list[tuple[int, int]]) -> int:
    """As above, but for the order of the two."""
    field, distance = 1, 1
    for kernel, stride in layers:
        distance *= stride
        field += (kernel - 1) * distance
    return field


def some_layers(random: np.random.Generator) -> tuple[list[tuple[int, int]]]:
    """Some layers; no kernel is narrower than its stride, so that none leaves gaps."""
    layers = [(int(random.integers(s, s + 4)), s) for s in random.integers(1, 4, 5).tolist()]
    return ([(3, int(random.integers(2, 4))), *layers[: random.integers(2, 5)], (3, 1)],)


# ---- 02-7: mend the forward pass of a network


def forward(layers: dict[str, torch.nn.Module], images: torch.Tensor) -> torch.Tensor:
    """A small network with everything in its place."""
    return layers["linear2"](hidden(layers, images).relu())


def hidden(layers: dict[str, torch.nn.Module], images: torch.Tensor) -> torch.Tensor:
    """What the first linear layer gives."""
    maps = functional.max_pool2d(layers["conv"](images).relu(), 2)
    return layers["linear1"](maps.flatten(1))


def small_network(random: np.random.Generator) -> tuple[dict[str, torch.nn.Module], torch.Tensor]:
    """Layers with weights of their own, and a batch of images."""
    shapes = {"conv": (1, 4, 3), "linear1": (4 * 5 * 5, 12), "linear2": (12, 10)}
    layers = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(random.integers(2**31)))
        for name, shape in shapes.items():
            kind = torch.nn.Conv2d if name == "conv" else torch.nn.Linear
            layers[name] = kind(*shape).requires_grad_(False)
        return layers, 20 * torch.randn(int(random.integers(2, 6)), 1, 12, 12)


TASKS = (
    Task(
        name="02-1",
        title="one value of a convolution by hand",
        right=4,
        mistakes={
            "The kernel was turned by 180°. PyTorch's convolution does not turn it.": 0,
            "It looks as if rows and columns of the kernel were swapped.": 2,
            "The bias is missing.": 3,
            "That is the mean of the products. A convolution adds them up.": 1.75,
            "That window begins in row 0, column 1. The first index is the row.": 5,
            "That is the window in the upper left corner. Rows are counted from 0.": 1,
            "That window begins in column 1. Columns are counted from 0.": -1,
        },
        hints=(
            "The window begins in row 1 and column 0, and is as large as the kernel.",
            "Multiply each of the four values by the weight at the same place. Add the products.",
            "The bias is added once, at the end.",
        ),
    ),
    Task(
        name="02-2",
        title="the size of an output",
        inputs=sizes,
        right=output_size,
        mistakes={
            "It is rounded up. A move that would leave the image is not made: round down.": (
                lambda size, kernel, padding, stride: -((kernel - size - 2 * padding) // stride) + 1
            ),
            "It looks as if the padding was counted on one side only.": (
                lambda size, kernel, padding, stride: (size + padding - kernel) // stride + 1
            ),
            "One is missing: the window has a place before its first move.": (
                lambda size, kernel, padding, stride: (size + 2 * padding - kernel) // stride
            ),
            "A size is a whole number: round the quotient down.": (
                lambda size, kernel, padding, stride: (size + 2 * padding - kernel) / stride + 1
            ),
            "The stride has no part in it yet.": (
                lambda size, kernel, padding, _: size + 2 * padding - kernel + 1
            ),
            "The padding has no part in it yet.": (
                lambda size, kernel, _, stride: (size - kernel) // stride + 1
            ),
        },
        hints=(
            "How wide is the image with its padding on both sides?",
            "How many moves can the window make? Each is as long as the stride.",
            "Places are one more than moves. `//` rounds down.",
        ),
    ),
    Task(
        name="02-3",
        title="build a convolution of several channels",
        inputs=channels_and_kernels,
        right=convolve,
        mistakes={
            "The biases are missing: each output channel has one.": (
                lambda x, w, b: convolve(x, w, 0 * b)
            ),
            "The kernels were turned by 180° before they slid over the image.": (
                lambda x, w, b: convolve(x, w.flip(2, 3), b)
            ),
            "The bias is added once for each input channel. It is added once in all.": (
                lambda x, w, b: convolve(x, w, len(x) * b)
            ),
            "Only the first input channel has a part in it.": (
                lambda x, w, b: convolve(x[:1], w[:, :1], b)
            ),
            "Only the last input channel has a part in it: is the sum begun anew for each?": (
                lambda x, w, b: convolve(x[-1:], w[:, -1:], b)
            ),
            "That is the mean over the input channels. They are added up.": (
                lambda x, w, b: convolve(x, w / len(x), b)
            ),
            "The image was padded. Here the window stays inside.": (
                lambda x, w, b: functional.conv2d(x[None], w, b, padding=1)[0]
            ),
            "The output channels were added up. Each kernel gives a map of its own.": (
                lambda x, w, b: convolve(x, w, b).sum(0, keepdim=True)
            ),
        },
        hints=(
            "The output has as many channels as there are kernels. How high and wide is it?",
            "`image[:, i : i + rows, j : j + columns]` is the window of all channels at once.",
            "Three loops are enough: over the kernels, the rows and the columns of the output.",
        ),
    ),
    Task(
        name="02-4",
        title="the parameters of conv2",
        right=2416,
        mistakes={
            "It looks as if a kernel had one plane. It has one for each input channel.": 416,
            "The biases are missing.": 2400,
            "That is a bias for each plane of a kernel. An output channel has one bias.": 2496,
            "Those are the connections: the same weights serve at all 10×10 places.": 241600,
            "There is a bias for each output channel, not for each input channel.": 2406,
            "There is one bias in all of it. Each output channel has one.": 2401,
            "That is conv1.": 156,
        },
        hints=(
            "How many weights has one kernel, which reads all input channels?",
            "There are 16 kernels, and each has one bias.",
        ),
    ),
    Task(
        name="02-5",
        title="predict: LeNet-5 for colour pictures of 64×64",
        right=parameters(3, 13),
        mistakes={
            "The three channels are in. But the maps before linear1 are no longer 5×5.": (
                parameters(3, 5)
            ),
            "The size is in. But conv1's kernels get more planes.": parameters(1, 13),
            "That is the network for grey pictures of 32×32.": parameters(1, 5),
            "The biases are missing.": 338250,
            "The maps before linear1 are not 14×14: follow their side layer by layer.": (
                parameters(3, 14)
            ),
            "The maps before linear1 are not 16×16: a convolution without padding takes 4 off.": (
                parameters(3, 16)
            ),
        },
        hints=(
            "Two layers change: the one that reads the channels, and the one that reads the "
            "flattened maps.",
            "Follow the side of the maps: 64, then after conv1, pooling, conv2 and pooling.",
            "linear1 has 120 units, each with a weight for every value of 16 maps, and a bias.",
        ),
    ),
    Task(
        name="02-6",
        title="build the receptive field",
        inputs=some_layers,
        right=receptive_field,
        mistakes={
            "The strides have no part in it: behind a stride of 2, neighbours are 2 apart.": (
                lambda layers: 1 + sum(kernel - 1 for kernel, _ in layers)
            ),
            "It is one too many: one pixel is where it starts.": (
                lambda layers: receptive_field(layers) + 1
            ),
            "It is one too few: with no layer at all, a value sees 1 pixel, itself.": (
                lambda layers: receptive_field(layers) - 1
            ),
            "A kernel of width k adds k - 1 neighbours, not k.": (
                lambda layers: receptive_field([(k + 1, stride) for k, stride in layers])
            ),
            "The kernels were multiplied. Each adds its width less one, times a distance.": (
                lambda layers: math.prod(kernel for kernel, _ in layers)
            ),
            "A layer's own stride came before its kernel. It moves apart what comes after.": (
                field_with_own_stride
            ),
        },
        hints=(
            "Keep two numbers: how many pixels a value sees, and how far apart two neighbours "
            "are. Both begin at 1.",
            "A kernel of width k sees k - 1 neighbours more than one value does.",
            "First the field grows, with the distance as it was; then the distance is multiplied "
            "by the stride.",
        ),
    ),
    Task(
        name="02-7",
        title="find what is wrong with a forward pass",
        inputs=small_network,
        right=forward,
        mistakes={
            "It runs. But two linear layers with nothing between them are no more than one.": (
                lambda layers, images: layers["linear2"](hidden(layers, images))
            ),
            "Logits may be negative: no activation belongs behind the last layer.": (
                lambda layers, images: forward(layers, images).relu()
            ),
            "There is a row for one image only.": (
                lambda layers, images: forward(layers, images[:1])
            ),
            "Those are probabilities. Logits are asked for.": (
                lambda layers, images: forward(layers, images).softmax(1)
            ),
        },
        hints=(
            "What is the shape after `flatten`? The first number should be that of the images.",
            "`flatten(1)` leaves the first dimension alone.",
            "Now read it once more from the top: what stands between linear1 and linear2?",
        ),
    ),
)
