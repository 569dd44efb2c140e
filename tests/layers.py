"""PyTorch's side of what JavaScript must give: every layer of networks of any settings."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from lenet_helpers.data import fit_images
from lenet_helpers.feature_maps import capture
from lenet_helpers.model import LeNet5, evaluation_mode

# JavaScript's side: what every layer gives, one image after another, in Node and in a browser.
ALL_LAYERS = """
function allLayers(weights, pixels, choices = {}) {
  const network = buildNetwork(readWeights(weights), choices);
  const size = network.image_size ** 2;
  const found = [];
  for (let at = 0; at < pixels.length; at += size) {
    const layers = forward(network, pixels.slice(at, at + size));
    found.push(...Object.values(layers).map(({ data }) => data));
  }
  return new Blob(found);
}
"""


def pytorchs(model: LeNet5, images: torch.Tensor) -> list[torch.Tensor]:
    """The images, what every layer of the model gives for them, and the probabilities."""
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if not isinstance(layer, nn.Sequential | nn.Dropout | nn.Flatten | LeNet5)
    }
    with torch.no_grad(), evaluation_mode(model), capture(layers) as kept:
        probabilities = model(images).softmax(dim=1)
    return [images, *(kept[name] for name in layers), probabilities]


def assert_pytorch_gives(found: bytes, model: LeNet5, images: torch.Tensor) -> None:
    """What `allLayers` gave: each layer to 1e-4 of its largest value, and the same answers."""
    expected = [layer.flatten(1) for layer in pytorchs(model, images)]
    values = torch.from_numpy(np.frombuffer(found, np.float32).copy()).reshape(len(images), -1)
    theirs = values.split([layer.shape[1] for layer in expected], dim=1)  # fails if any is missing
    for one, other in zip(theirs, expected, strict=True):
        error = (one - other).abs().amax(dim=1) / other.abs().amax(dim=1).clamp(min=1e-30)
        assert error.max() < 1e-4, model.arguments
    assert torch.equal(theirs[-1].argmax(dim=1), expected[-1].argmax(dim=1))


def random_network(number: int) -> LeNet5:
    """A network of one input channel with settings, weights and statistics of its own."""
    random = np.random.default_rng(number)
    torch.manual_seed(number)
    model = LeNet5(
        image_size=int(random.integers(16, 41)),
        num_classes=int(random.integers(2, 25)),
        batch_norm=bool(random.integers(2)),
        dropout=float(random.choice([0.0, 0.5])),
        activation=str(random.choice(["relu", "tanh", "sigmoid"])),
        pooling=str(random.choice(["max", "average"])),
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(values)
            nn.init.uniform_(module.running_var, 0.1, 2)
    return model.eval()


def images_for(model: LeNet5, digits: np.ndarray) -> torch.Tensor:
    """Digits of MNIST `(n, 28, 28)` in the size that the network reads."""
    size = model.arguments["image_size"]
    images = fit_images(torch.from_numpy(digits))
    return nn.functional.interpolate(images, size=(size, size))
