"""Lesson 07: LeNet-5 to the letter of the paper, and the training of 1998.

Everything follows [1]_: the layers (layers_1998.py) section II-B, the loss section II-C (equations
8 and 9), the first weights appendix A, the step sizes section III-B and appendix C. 60,000
parameters, 340,908 connections; published with 0.95 % errors on the test set.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap
from torch.nn import functional

from lenet_helpers.data import Split
from lenet_helpers.evaluation import Loss
from lenet_helpers.layers_1998 import (  # noqa: F401 - three of them can be had from here too
    AMPLITUDE,
    SLOPE,
    TABLE,
    RadialBasis,
    ScaleInput,
    Squash,
    Subsampling,
    TableConvolution,
    draw_bitmaps,
)

SPREAD = 2.4  # appendix A, of the first weights
RUBBISH = 1.0  # j of equation 9: the paper says "positive" and gives no value
STEP_SIZES = 2 * [5e-4] + 3 * [2e-4] + 3 * [1e-4] + 4 * [5e-5] + 8 * [1e-5]  # of the 20 passes
LEARNING_RATE = STEP_SIZES[0] / 4  # ours for the first pass: lesson 07 shows what the paper's does
SAFETY = 0.02  # mu, section III-B
WARM_UP = 8000  # images over which the steps grow to their size; ours, see LevenbergMarquardt
CURVATURE_SAMPLES = 500


def lenet_1998(
    radial_basis: bool = True, squash: bool = True, subsampling: bool = True, table: bool = True
) -> nn.Sequential:
    """The network for images `(n, 1, 32, 32)` of grey levels 0…1; returns logits `(n, 10)`.

    60,000 trainable parameters. Each argument that is False puts today's part in its place: a
    linear layer, ReLU, max pooling, a full convolution; all four make today's LeNet-5 with 61,706.
    Today's pooling is not squashed.
    """
    act = Squash if squash else nn.ReLU
    layers = OrderedDict(input=ScaleInput(), c1=nn.Conv2d(1, 6, 5), c1_squash=act())
    layers |= _pool(2, 6, act if subsampling else None)
    layers |= {"c3": TableConvolution() if table else nn.Conv2d(6, 16, 5), "c3_squash": act()}
    layers |= _pool(4, 16, act if subsampling else None)
    layers |= {"c5": nn.Conv2d(16, 120, 5), "c5_squash": act(), "flatten": nn.Flatten()}
    layers |= {"f6": nn.Linear(120, 84), "f6_squash": act()}
    layers |= {"output": RadialBasis() if radial_basis else nn.Linear(84, 10)}
    model = nn.Sequential(layers)
    for layer in model:
        first_weights(layer)
    return model


def _pool(number: int, maps: int, act: type[nn.Module] | None) -> dict[str, nn.Module]:
    """S2 or S4: trainable and squashed, or a max pooling."""
    if act is None:
        return {f"s{number}": nn.MaxPool2d(2)}
    return {f"s{number}": Subsampling(maps), f"s{number}_squash": act()}


def first_weights(layer: nn.Module, reach: float = SPREAD / 2, power: float = 0.5) -> None:
    """Uniform in ±reach / fan-in^power; the fan-in is the number of inputs of a unit.

    Appendix A says ±2.4 / fan-in. With the paper's step sizes that is lost, and so is what we take
    in its place, half that reach over the *root* of the fan-in; the root needs milder cures, as
    lesson 07 shows.
    """
    if isinstance(layer, TableConvolution):
        fan_in = 25 * torch.tensor([len(row) for row in TABLE])
        shared = {"weight": fan_in[layer.seen[0]].view(-1, 1, 1), "bias": fan_in}
    elif isinstance(layer, Subsampling):
        shared = dict.fromkeys(("weight", "bias"), torch.tensor(4))
    elif isinstance(layer, nn.Conv2d | nn.Linear):
        shared = dict.fromkeys(("weight", "bias"), torch.tensor(layer.weight[0].numel()))
    else:
        return
    with torch.no_grad():
        for name, fan_in in shared.items():
            parameter = layer.get_parameter(name)
            parameter.copy_((2 * torch.rand_like(parameter) - 1) * reach / fan_in**power)


def squared_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Equation 8: mean squared distance to the bitmap of the right digit."""
    return -logits.gather(1, labels.unsqueeze(1)).mean()


def discriminative_loss(
    logits: torch.Tensor, labels: torch.Tensor, rubbish: float = RUBBISH
) -> torch.Tensor:
    """Equation 9, maximum a posteriori: pulls the right digit near and pushes the others away.

    With logits that are minus distances it is a cross-entropy with an eleventh class, "rubbish",
    whose logit is always -j.
    """
    return functional.cross_entropy(functional.pad(logits, (0, 1), value=-rubbish), labels)


def curvature(
    model: nn.Sequential, images: torch.Tensor, labels: torch.Tensor, loss: Loss
) -> list[torch.Tensor]:
    """Second derivatives of the mean `loss` by each parameter, as appendix C estimates them.

    One tensor for each parameter, in the order of `model.parameters()`, never negative: the
    diagonal of the Gauss-Newton matrix, with only its diagonal passed on from layer to layer. At
    the output it is exact.
    """
    *layers, head = model if isinstance(model[-1], RadialBasis) else (*model, nn.Identity())
    values = [images]
    with torch.no_grad():
        for layer in layers:
            values.append(layer(values[-1]))
    code = values.pop()

    def loss_of_one(value: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return loss(head(value.unsqueeze(0)), label.unsqueeze(0))

    second = vmap(jacrev(jacrev(loss_of_one)))(code, labels)  # (n, 84, 84), or (n, 10, 10)
    passed = second.diagonal(dim1=1, dim2=2) / len(images)
    collected: list[torch.Tensor] = []
    for layer, entering in zip(reversed(layers), reversed(values), strict=True):
        passed, *own = curvature_through(layer, entering, passed)
        collected = own + collected
    return collected


def curvature_through(
    layer: nn.Module, entering: torch.Tensor, leaving: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Curvature by the input of a layer and by its parameters, from that by its output.

    A sum of products passes curvature back as it passes a gradient, with squared weights and
    squared inputs; a weight that many units share gets the sum over them. A squashing multiplies
    by its squared slope. Pooling and flattening only pass it on.

    Parameters
    ----------
    layer
        Of `lenet_1998`.
    entering
        What the layer was given.
    leaving
        Curvature by each of its outputs.
    """
    parameters = dict(layer.named_parameters())
    squares = {name: p.detach().square().requires_grad_() for name, p in parameters.items()}
    value = (entering.square() if parameters else entering).detach().requires_grad_()
    output = functional_call(layer, squares, (value,))
    if isinstance(layer, Squash | nn.ReLU):
        (slope,) = torch.autograd.grad(output.sum(), value)
        return (slope.square() * leaving,)
    return torch.autograd.grad(output, [value, *squares.values()], leaving)


class LevenbergMarquardt(torch.optim.Optimizer):
    """Stochastic diagonal Levenberg-Marquardt: each parameter has a step size of its own.

    Section III-B: a global step size, smaller in later passes, divided by 0.02 + h. The curvature
    h is estimated before each pass. The paper takes one sample at a time. Here a step is the sum
    of the steps that the samples of a batch ask for. And the steps grow to their size over the
    first images: with the paper's from the start most first weights are lost.

    Parameters
    ----------
    model
        As `lenet_1998` makes it.
    train
        The training images; the curvature is estimated on 500 of them, drawn anew for each pass.
    loss
        As in the training.
    batch_size
        Samples in each step.
    learning_rate
        Global step size of the first pass; the later ones fall as the paper's do from 0.0005.
    passes
        Of the whole training. With fewer than 20 some of the step sizes are left out.
    warm_up
        Images over which the steps grow; 0 to begin as the paper does.
    """

    def __init__(
        self,
        model: nn.Sequential,
        train: Split,
        loss: Loss,
        batch_size: int,
        learning_rate: float = LEARNING_RATE,
        passes: int = 20,
        warm_up: int = WARM_UP,
    ) -> None:
        super().__init__(model.parameters(), {"lr": learning_rate, "steps": 0})
        self.model, self.train, self.loss = model, train, loss
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.passes, self.warm_up = passes, warm_up

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # noqa: ARG002 - the signature of Optimizer
        """Change the parameters by their gradients."""
        (group,) = self.param_groups
        number, within = divmod(group["steps"], math.ceil(len(self.train) / self.batch_size))
        if within == 0:
            paper = STEP_SIZES[number * len(STEP_SIZES) // self.passes]
            group["lr"] = self.learning_rate * paper / STEP_SIZES[0]
            self._estimate(group)
        group["steps"] += 1
        images = group["steps"] * self.batch_size
        grown = images / self.warm_up if images < self.warm_up else 1.0
        sizes = [self.state[p]["size"] for p in group["params"]]
        gradients = [p.grad for p in group["params"]]
        torch._foreach_addcmul_(group["params"], sizes, gradients, -grown)

    def _estimate(self, group: dict[str, Any]) -> None:
        chosen = torch.randperm(len(self.train))[:CURVATURE_SAMPLES]
        images, labels = self.train.images[chosen], self.train.labels[chosen]
        device = group["params"][0].device
        with torch.enable_grad():
            second = curvature(self.model, images.to(device), labels.to(device), self.loss)
        for parameter, h in zip(group["params"], second, strict=True):
            self.state[parameter]["size"] = self.batch_size * group["lr"] / (SAFETY + h)
