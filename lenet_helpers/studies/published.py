"""Lesson 09: networks and augmentation of published trainings, with their slips.

Each argument mends one slip, so that a comparison can say what it costs.
"""

from __future__ import annotations

import torch
from torch import nn

from lenet_helpers.data import MEAN, STANDARD_DEVIATION
from lenet_helpers.model import KERNEL, LeNet5

WRONG_MEAN = 0.01307  # 0.1307 with its decimal point one place too far left
MINDSPORE_SPREAD = 0.01  # standard deviation of MindSpore's "normal", its default for weights


def flip_homework(second_relu: bool = False) -> LeNet5:
    """LeNet-5 without the ReLU after its second convolution; returns log-softmax."""
    model = LeNet5()
    if not second_relu:
        model.features.activation2 = nn.Identity()
    model.classifier.append(nn.LogSoftmax(dim=1))
    return model


def random_flip(images: torch.Tensor) -> torch.Tensor:
    """Mirror each image left to right with probability 1/2, each by itself."""
    mirrored = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(-1), images)


def mindspore_lenet5(linear_relus: bool = False, torch_weights: bool = False) -> LeNet5:
    """LeNet-5 without ReLUs between its linear layers and without biases in its convolutions.

    Its first weights are those of MindSpore 1.0, or PyTorch's with `torch_weights`.
    """
    model = LeNet5()
    model.features.conv1 = nn.Conv2d(1, 6, KERNEL, bias=False)
    model.features.conv2 = nn.Conv2d(6, 16, KERNEL, bias=False)
    if not linear_relus:
        model.classifier.activation3 = nn.Identity()
        model.classifier.activation4 = nn.Identity()
    if not torch_weights:
        for name, parameter in model.named_parameters():
            if name.endswith("weight"):
                nn.init.normal_(parameter, std=MINDSPORE_SPREAD)
            else:
                nn.init.zeros_(parameter)
    return model


class WrongMean(LeNet5):
    """LeNet-5 that reads normalised images as if 0.01307 had been subtracted, not 0.1307."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of images that were normalised rightly."""
        return super().forward(images + (MEAN - WRONG_MEAN) / STANDARD_DEVIATION)
