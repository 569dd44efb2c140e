"""Lesson 05: what the layers of a trained network answer to.

A forward hook is a function that PyTorch calls with a layer's output, each time the layer has
run. Hooks read any network as it is; here they live in `with` blocks that always remove them.

Occluding parts of a picture is the experiment of [1]_, section 4.2; orientation tuning is summed
up as neuroscience does it for cells of the visual cortex [2]_.

.. [1] M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV, 2014.
.. [2] D. L. Ringach, R. M. Shapley, M. J. Hawken, "Orientation selectivity in macaque V1:
   diversity and laminar dependence", Journal of Neuroscience 22(13), 2002.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import nn

from lenet_helpers.data import MEAN, STANDARD_DEVIATION

BLACK = -MEAN / STANDARD_DEVIATION  # an empty pixel of a normalised image


@contextmanager
def capture(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Any]]:
    """Keep what `layers` give while the block runs.

    Parameters
    ----------
    layers
        The modules to listen to, under names of your choice; `dict(model.named_modules())`
        listens to all.

    Yields
    ------
    dict
        Under each name a copy of the layer's latest output, without gradient, on its device.
        Filled when the model runs, and kept after the block.

    Examples
    --------
    >>> layer = nn.Linear(3, 2)
    >>> with capture({"linear": layer}) as kept:
    ...     _ = layer(torch.zeros(5, 3))
    >>> kept["linear"].shape
    torch.Size([5, 2])
    """
    kept: dict[str, Any] = {}

    def keep(name: str, _layer: nn.Module, _inputs: tuple, output: Any) -> None:
        kept[name] = _copy(output)

    with ExitStack() as hooks:  # removes them at its end, also when the model raises
        for name, layer in layers.items():
            hooks.enter_context(layer.register_forward_hook(partial(keep, name)))
        yield kept


@contextmanager
def switched_off(
    layer: nn.Module, channel: int, value: float | torch.Tensor = 0.0
) -> Iterator[None]:
    """Replace one channel of what `layer` gives by `value` while the block runs.

    `value` may be a number or a map, such as the channel's mean over many images.
    """

    def hook(_layer: nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        changed = output.clone()
        changed[:, channel] = value
        return changed  # what a hook returns takes the place of the output

    with layer.register_forward_hook(hook):
        yield


def bars(
    angles: Sequence[float], width: float = 3.0, shift: float = 0.0, size: int = 32
) -> torch.Tensor:
    """White bars through the middle of black images, normalised: `(n, 1, size, size)`.

    Angles are in degrees: 0 is a level bar, 45 rises to the right, 90 is upright. `shift` moves
    each bar sideways; width and shift are in pixels.
    """
    angle = torch.deg2rad(torch.as_tensor(angles, dtype=torch.float32))[:, None, None]
    steps = torch.arange(size) - (size - 1) / 2
    offset = steps * angle.sin() + steps[:, None] * angle.cos() - shift  # from the bar's axis
    ink = (width / 2 + 0.5 - offset.abs()).clamp(0, 1)  # the outermost pixels are partly covered
    return ((ink - MEAN) / STANDARD_DEVIATION).unsqueeze(1)


class Tuning(NamedTuple):
    """Preferred orientation in degrees, 0 to 180, and selectivity: 0 none, 1 for one angle alone.

    The selectivity is one minus the circular variance.
    """

    angle: torch.Tensor
    selectivity: torch.Tensor


def tuning(answers: torch.Tensor, angles: Sequence[float]) -> Tuning:
    """Tuning of each row of `answers` `(n, angles)`, none of them negative."""
    turned = 2 * torch.deg2rad(torch.as_tensor(angles, dtype=torch.float32))
    total = answers.sum(dim=1).clamp(min=torch.finfo(answers.dtype).tiny)  # a row may be all zero
    real, imaginary = ((answers * f).sum(dim=1) / total for f in (turned.cos(), turned.sin()))
    return _tuning(real, imaginary)


def stroke_angle(patches: torch.Tensor) -> Tuning:
    """Mean orientation of the edges in patches `(n, side, side)`, weighted by their strength.

    Grey levels change most across an edge; the edge itself runs at a right angle to that. On
    strokes as sharp as those of MNIST the angle is right to about five degrees.
    """
    down, right = torch.gradient(patches, dim=(1, 2))
    strength = (right**2 + down**2).sum()
    real = (down**2 - right**2).sum() / strength  # of (right, up), squared and turned by 180°
    imaginary = 2 * (right * down).sum() / strength
    return _tuning(real, imaginary)


def _tuning(real: torch.Tensor, imaginary: torch.Tensor) -> Tuning:
    """From a mean of unit vectors that turn twice as fast as the bar does."""
    angle = (torch.rad2deg(torch.atan2(imaginary, real)) / 2).remainder(180)
    return Tuning(angle, torch.hypot(real, imaginary))


class Places(NamedTuple):
    """Where each map answered most, at most once in an image; `(maps, count)`, strongest first."""

    answers: torch.Tensor
    images: torch.Tensor  # index of the image
    rows: torch.Tensor  # of the unit in its map
    columns: torch.Tensor


@torch.no_grad()
def strongest_places(
    model: nn.Module, layer: nn.Module, images: torch.Tensor, count: int, batch_size: int = 500
) -> Places:
    """The `count` images that excite each map of `layer` most, and where in the map.

    `model` is what the images go through: the whole network, or the part up to `layer`.
    """
    device = next(model.parameters()).device
    answers = units = None
    for start in range(0, len(images), batch_size):  # all maps at once would fill a gigabyte
        batch = images[start : start + batch_size]
        with capture({"layer": layer}) as kept:
            model(batch.to(device))
        best = kept["layer"].flatten(2).max(dim=2)
        if answers is None:  # one table: many small results would keep freed memory in pieces
            answers = best.values.new_empty(len(images), best.values.shape[1])
            units = best.indices.new_empty(answers.shape)
        answers[start : start + batch_size] = best.values
        units[start : start + batch_size] = best.indices
    top = answers.topk(count, dim=0)
    unit = units.gather(0, top.indices)
    width = kept["layer"].shape[3]
    return Places(top.values.T, top.indices.T, (unit // width).T, (unit % width).T)


def cut_patches(images: torch.Tensor, places: Places, side: int, stride: int = 1) -> torch.Tensor:
    """What the units at `places` see of the images: `(maps, count, side, side)`.

    `side` and `stride` are those of the layer's receptive field, as in lesson 02.
    """
    number, top, left = (index[..., None, None].cpu() for index in places[1:])
    steps = torch.arange(side)
    return images[number, 0, stride * top + steps[:, None], stride * left + steps]


def lead(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Logit of the right class minus the largest other: positive where the answer is right."""
    own = labels.unsqueeze(1)
    others = logits.scatter(1, own, float("-inf"))
    return logits.gather(1, own).squeeze(1) - others.amax(dim=1)


@torch.no_grad()
def occlusion(
    model: nn.Module, image: torch.Tensor, label: int, side: int = 5, ink: float = BLACK
) -> torch.Tensor:
    """Lead of class `label` after a square of `ink` has covered each place of `image` `(1, h, w)`.

    Returns one value for each place of the square: `(h - side + 1, w - side + 1)`.
    """
    rows, columns = (range(length - side + 1) for length in image.shape[1:])
    covered = image.repeat(len(rows) * len(columns), 1, 1, 1)
    for number, (row, column) in enumerate(product(rows, columns)):
        covered[number, :, row : row + side, column : column + side] = ink
    device = next(model.parameters()).device
    logits = model(covered.to(device))
    labels = torch.full((len(covered),), label, device=device)
    return lead(logits, labels).reshape(len(rows), len(columns))


class Components(NamedTuple):
    """Principal components of features: `scores` = (features - mean) @ directions."""

    scores: torch.Tensor  # (n, count)
    directions: torch.Tensor  # (features, count), of length 1
    shares: torch.Tensor  # (count,) of the variance


def principal_components(features: torch.Tensor, count: int = 2) -> Components:
    """The `count` directions in which features `(n, features)` vary most.

    A direction and its opposite serve equally: the largest entry is made positive.
    """
    centred = features - features.mean(dim=0)
    _, singular, rows = torch.linalg.svd(centred, full_matrices=False)
    directions = rows[:count].T
    largest = directions.gather(0, directions.abs().argmax(dim=0, keepdim=True))
    directions = directions * largest.sign()
    shares = singular.square() / singular.square().sum()
    return Components(centred @ directions, directions, shares[:count])


def _copy(output: Any) -> Any:
    """Output without its gradient; a copy, as a later layer may overwrite it in place."""
    if isinstance(output, torch.Tensor):
        return output.detach().clone()
    if isinstance(output, Mapping):
        return {key: _copy(value) for key, value in output.items()}
    if isinstance(output, list | tuple):  # such as the output and the state of an LSTM
        return tuple(_copy(value) for value in output)
    return output
