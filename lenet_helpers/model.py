"""Lesson 02: LeNet-5 as it is built today, and the table of its layers.

The layer sizes are those of [1]_, section II-B; activation, pooling and the last layer are
today's. Lesson 07 builds the network of 1998 to the letter.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

KERNEL = 5
SMALLEST_IMAGE = 16  # convolutions and poolings make it 16 -> 12 -> 6 -> 2 -> 1
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
POOLINGS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


class LeNet5(nn.Module):
    """LeNet-5: two convolutions with pooling, three linear layers; returns logits.

    By default 61,706 parameters, for images `(n, 1, 32, 32)` and ten classes.

    Parameters
    ----------
    in_channels
        Channels of the images: 1 for grey, 3 for colour.
    image_size
        Height and width of the images in pixels, 16 or more.
    num_classes
        How many logits each image gets.
    batch_norm
        Whether a batch norm follows each convolution, before its activation.
    dropout
        Probability that a unit is switched off after the first and the second linear layer.
    activation
        "relu", "tanh" or "sigmoid".
    pooling
        "max" or "average".

    Attributes
    ----------
    arguments : dict
        The arguments it was built with, all of them, by name: a file of its weights says them too.

    Raises
    ------
    ValueError
        If the image is too small for two convolutions and poolings, or an argument is unknown.
    """

    def __init__(
        self,
        in_channels: int = 1,
        image_size: int = 32,
        num_classes: int = 10,
        batch_norm: bool = False,
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "sigmoid"] = "relu",
        pooling: Literal["max", "average"] = "max",
    ) -> None:
        super().__init__()
        self.arguments = {
            "in_channels": in_channels,
            "image_size": image_size,
            "num_classes": num_classes,
            "batch_norm": batch_norm,
            "dropout": dropout,
            "activation": activation,
            "pooling": pooling,
        }
        _check(self.arguments)
        act, pool = ACTIVATIONS[activation], POOLINGS[pooling]
        side = _side_of_maps(image_size)
        self.features = _named(
            conv1=nn.Conv2d(in_channels, 6, KERNEL),
            norm1=nn.BatchNorm2d(6) if batch_norm else None,
            activation1=act(),
            pool1=pool(2),
            conv2=nn.Conv2d(6, 16, KERNEL),
            norm2=nn.BatchNorm2d(16) if batch_norm else None,
            activation2=act(),
            pool2=pool(2),
        )
        self.classifier = _named(
            flatten=nn.Flatten(),
            linear1=nn.Linear(16 * side * side, 120),
            activation3=act(),
            dropout1=nn.Dropout(dropout) if dropout else None,
            linear2=nn.Linear(120, 84),
            activation4=act(),
            dropout2=nn.Dropout(dropout) if dropout else None,
            linear3=nn.Linear(84, num_classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits `(n, num_classes)` of images `(n, in_channels, image_size, image_size)`."""
        return self.classifier(self.features(images))


def _named(**layers: nn.Module | None) -> nn.Sequential:
    """The layers in their order, under their names; None stands for no layer."""
    return nn.Sequential(
        OrderedDict((name, layer) for name, layer in layers.items() if layer is not None)
    )


def _side_of_maps(image_size: int) -> int:
    """Height and width of the 16 maps that the classifier reads."""
    for _ in range(2):
        image_size = (image_size - KERNEL + 1) // 2  # convolution, then pooling of 2×2
    return image_size


def _check(arguments: dict[str, Any]) -> None:
    if arguments["image_size"] < SMALLEST_IMAGE:
        raise ValueError(
            f"image_size is {arguments['image_size']}; two 5×5 convolutions, each with a 2×2 "
            f"pooling, need at least {SMALLEST_IMAGE} pixels"
        )
    for name in ("in_channels", "num_classes"):
        if arguments[name] < 1:
            raise ValueError(f"{name} is {arguments[name]}; it must be at least 1")
    for name, known in {"activation": ACTIVATIONS, "pooling": POOLINGS}.items():
        if arguments[name] not in known:
            raise ValueError(f"{name} is {arguments[name]!r}; choose one of {', '.join(known)}")


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """All of `model` in evaluation mode; after it each part has its own mode again.

    A part that was frozen by `eval()` stays frozen, which `model.train()` would undo.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode


class LayerRow(NamedTuple):
    """One line of the layer table."""

    name: str
    output_shape: tuple[int, ...]  # without the batch
    neurons: int  # numbers in the output
    parameters: int  # trainable
    connections: int  # inputs a neuron reads, its bias included, summed over the neurons


def layer_table(model: nn.Module, input_size: tuple[int, int, int]) -> list[LayerRow]:
    """Output shape, neurons, trainable parameters and connections, layer by layer.

    Counts as [1]_, section II-B, does: a neuron of a convolution has one connection for each
    weight of its kernel and one for its bias. Layers without neurons of their own (activation,
    dropout, flatten) are left out.

    Parameters
    ----------
    model
        Any module of convolutions, poolings, batch norms and linear layers; a layer of another
        kind counts if its attribute `connections` says how many a neuron has, in the mean.
    input_size
        Channels, height and width of one image.
    """
    rows: list[LayerRow] = []

    def record(name: str, layer: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        neurons = output[0].numel()
        parameters = sum(p.numel() for p in layer.parameters() if p.requires_grad)
        connections = round(neurons * _connections_of_a_neuron(layer))
        rows.append(LayerRow(name, tuple(output.shape[1:]), neurons, parameters, connections))

    like = next(model.parameters(), torch.empty(0))
    # batch norm must not learn from this image; each hook is removed at the end of the block
    with evaluation_mode(model), torch.no_grad(), ExitStack() as hooks:
        for name, layer in model.named_modules():
            if _connections_of_a_neuron(layer):
                hook = partial(record, name.rpartition(".")[2])
                hooks.enter_context(layer.register_forward_hook(hook))
        model(like.new_zeros(1, *input_size))  # on the model's device, of its type
    return rows


def _connections_of_a_neuron(layer: nn.Module) -> float:
    """In the mean over the neurons; 0 for a layer without neurons of its own."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        return layer.weight[0].numel() + (layer.bias is not None)
    if isinstance(layer, nn.BatchNorm2d):
        return 2  # its input and its shift
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        side = layer.kernel_size
        return side * side if isinstance(side, int) else side[0] * side[1]
    return getattr(layer, "connections", 0)
