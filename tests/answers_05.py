"""Lesson 05's tasks, answered wrongly and rightly in other ways than its own checks do."""

from __future__ import annotations

import cmath
import contextlib
import math

import numpy as np
import torch

from lenet_helpers import feature_maps as helpers


def with_capture(model, layer, images):
    with helpers.capture({"layer": layer}) as kept:
        model(images)
    return kept["layer"]


def with_a_with_block(model, layer, images):
    kept = []
    with layer.register_forward_hook(lambda *given: kept.append(given[2].numpy(force=True).copy())):
        model(images)
    return kept[0]


def without_finally(model, layer, images, copy=torch.clone):
    kept = {}
    handle = layer.register_forward_hook(lambda _, __, output: kept.update(it=copy(output)))
    model(images)
    handle.remove()
    return kept["it"]


def without_removal(model, layer, images, copy=torch.clone):
    kept = {}
    layer.register_forward_hook(lambda _, __, output: kept.update(it=copy(output)))
    model(images)
    return kept["it"]


def without_copy(model, layer, images):
    kept = []
    handle = layer.register_forward_hook(lambda _, __, output: kept.append(output))
    try:
        model(images)
    finally:
        handle.remove()
    return kept[0]


def arrow(h, angles, times=2):
    """Angle and length of the mean of doubled arrows, by complex numbers one by one."""
    pairs = zip(h.tolist(), angles.tolist(), strict=True)
    mean = sum(a * cmath.exp(1j * math.radians(times * t)) for a, t in pairs) / sum(h.tolist())
    return math.degrees(cmath.phase(mean)) / times, abs(mean)


def between_0_and_180(angle, length):
    return angle % 180, length


def in_steps(h, angles):
    turned = torch.deg2rad(2 * angles)
    right, up = (h * turned.cos()).sum(), (h * turned.sin()).sum()
    return torch.rad2deg(torch.atan2(up, right)) / 2 + 180, torch.hypot(right, up) / h.sum()


def without_radians(h, angles):
    right, up = (h * (2 * angles).cos()).sum(), (h * (2 * angles).sin()).sum()
    return torch.rad2deg(torch.atan2(up, right)) / 2 % 180, torch.hypot(right, up) / h.sum()


def counts(before, after):
    n10 = sum(b and not a for b, a in zip(before.tolist(), after.tolist(), strict=True))
    n01 = sum(a and not b for b, a in zip(before.tolist(), after.tolist(), strict=True))
    return n10, n01, len(before)


def paired(before, after):
    n10, n01, n = counts(before, after)
    return (n10 - n01) / n, math.sqrt(n10 + n01) / n


def paired_in_float32(before, after):
    difference = before.float() - after.float()
    return difference.mean(), difference.norm() / len(difference)


def unpaired(before, after):
    n = len(before)
    a, b = before.sum().item() / n, after.sum().item() / n
    return a - b, math.sqrt(a * (1 - a) / n + b * (1 - b) / n)


def share_by_svd(points, axis=0, power=2, count=2):
    if axis is not None:
        points = points - points.mean(dim=axis, keepdim=True)
    powers = torch.linalg.svd(points, full_matrices=False).S ** power
    return powers[:count].sum() / powers.sum()


def lead_in_loops(logits, labels):
    leads = []
    for z, y in zip(logits.tolist(), labels.tolist(), strict=True):
        leads.append(z[y] - max(z[:y] + z[y + 1 :]))
    return leads


def own_class_included(logits, labels):
    return [z[y] - max(z) for z, y in zip(logits.tolist(), labels.tolist(), strict=True)]


def with_swallowed_error(model, layer, images):
    kept = []
    handle = layer.register_forward_hook(lambda _, __, output: kept.append(output.clone()))
    with contextlib.suppress(RuntimeError):
        model(images)
    handle.remove()
    return kept[0]


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "05-1": [
        (lambda k: torch.stack([2 * (w - w.min()) / (w.max() - w.min()) - 1 for w in k]),
         "Nothing has changed"),
        (lambda k: torch.stack([w / w.abs().max() for w in k]), "scale of its own"),
        (lambda k: (k - (k.max() + k.min()) / 2) * 2 / (k.max() - k.min()), "zero is not white"),
        (lambda k: k / k.max(), "below -1"),
        (lambda k: k / k.std(), "of the values."),
    ],
    "05-2": [
        (without_removal, "The hook is still there after the call."),
        (without_finally, "the hook stays"),
        (without_copy, "in place"),
        (lambda *given: without_removal(*given, torch.detach), "And keep a copy of the output"),
        (lambda *given: without_finally(*given, torch.detach), "An error leaves"),
        (lambda model, _, images: model(images), "whole network"),
    ],
    "05-3": [
        (lambda h, t: between_0_and_180(*arrow(h, t, times=1)), "not doubled"),
        (lambda h, t: between_0_and_180(2 * arrow(h, t)[0], arrow(h, t)[1]), "not halved"),
        (without_radians, "take radians"),
        (lambda h, t: (math.radians(arrow(h, t)[0] % 180), arrow(h, t)[1]), "in radians"),
        (arrow, "negative"),
        (lambda h, t: (t[h.argmax()], arrow(h, t)[1]), "strongest answer"),
        (lambda h, t: (arrow(h, t)[0] % 180, arrow(h, t)[1] * sum(h)), "sum of the answers"),
    ],
    "05-4": [((8, 21, 6, 19), "swapped"), ((3, 11, 4, 12), "pooling"), ((6, 20, 8, 22), "too far"),
             ((6, 18, 8, 20), "stands for two"), ((3, 16, 4, 17), "not 1"),
             ((12, 27, 16, 31), "pool2"), ((6, 19, 8, 22), "Look at the last column")],
    "05-5": [
        (unpaired, "read different images"),
        (lambda b, a: (-paired(b, a)[0], paired(b, a)[1]), "sign"),
        (lambda b, a: (paired(b, a)[0], counts(b, a)[0] ** 0.5 / len(b)), "only the other"),
        (lambda b, a: (paired(b, a)[0], (paired(b, a)[0] / len(b)) ** 0.5), "Variances add"),
        (lambda b, a: (paired(b, a)[0], (b.double() - a.double()).std().item() / len(b) ** 0.5),
         "as measured"),
        (lambda b, a: (paired(b, a)[0], paired(b, a)[1] ** 2), "Look at the standard error"),
    ],
    "05-6": [
        (lambda x: share_by_svd(x, power=1), "Square them"),
        (lambda x: share_by_svd(x, axis=None), "mean row is not"),
        (lambda x: share_by_svd(x, count=1), "first direction"),
        (lambda x: share_by_svd(x, axis=1), "its own mean"),
        (lambda x: 100 * share_by_svd(x), "another one"),
    ],
    "05-7": [
        (own_class_included, "among those"),
        (lambda z, _: z.topk(2).values[:, 0] - z.topk(2).values[:, 1], "negative lead"),
        (lambda z, y: lead_in_loops(z.exp() / z.exp().sum(1, keepdim=True), y), "probability"),
        (lambda z, y: [-each for each in lead_in_loops(z, y)], "turned"),
        (lambda z, y: lead_in_loops(z, y)[0], "6 values expected"),
    ],
}  # fmt: skip
# Name -> right answers in another form.
RIGHT = {
    "05-1": [lambda k: (k / np.abs(k.numpy()).max()).float().tolist()],
    "05-2": [with_capture, with_a_with_block, with_swallowed_error],
    "05-3": [lambda h, t: between_0_and_180(*arrow(h, t)), in_steps,
             lambda h, t: tuple(each[0] for each in helpers.tuning(h[None].float(), t.tolist()))],
    "05-4": [[6, 19, 8, 21], (6.0, torch.tensor(19), np.int64(8), 21)],
    "05-5": [paired, paired_in_float32],
    "05-6": [share_by_svd, lambda x: helpers.principal_components(x.float()).shares.sum()],
    "05-7": [lead_in_loops, helpers.lead, lambda z, y: helpers.lead(z.float(), y)],
}  # fmt: skip
