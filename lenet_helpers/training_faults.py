"""Lesson 03: what can go wrong in a training, in words that say how to mend it.

PyTorch's own words for a wrong shape, label or optimizer are about the inside of a layer, or there
are none. What is not the reader's doing, such as a graphics card without free memory, keeps them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.func import functional_call
from torch.optim.lr_scheduler import LRScheduler

from lenet_helpers.errors import CourseError


def check_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, scheduler: LRScheduler | None
) -> None:
    """Refuse an optimizer that would move nothing, and a scheduler that would move another one."""
    trainable = {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not trainable & held:
        raise CourseError(
            "The optimizer holds no trainable parameter of this model, so nothing would be "
            "trained. Make an optimizer of this very model's parameters, such as "
            "torch.optim.SGD(model.parameters(), lr=0.01); frozen ones need requires_grad again."
        )
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise CourseError(
            "The scheduler changes the learning rate of another optimizer. Make a scheduler of the "
            "optimizer that is given to fit."
        )


def check_schedule(scheduler: LRScheduler | None, steps: int) -> None:
    """Refuse a schedule of fewer steps than the training takes, before the first."""
    total = getattr(scheduler, "total_steps", None)  # OneCycleLR alone has an end
    if total is not None and scheduler.last_epoch + steps > total:
        raise CourseError(
            f"The scheduler is made for {total} steps and has {scheduler.last_epoch} behind it, "
            f"but this training takes {steps} more. Make a new optimizer and a new scheduler for "
            "each training, with total_steps = epochs × batches."
        )


def check_labels(images: torch.Tensor, labels: torch.Tensor) -> None:
    """Refuse labels that are not one class for each image."""
    if labels.ndim == 1 and labels.dtype == torch.int64 and len(labels) == len(images):
        return
    shape = tuple(labels.shape)
    if shape[:1] != (len(images),):
        raise CourseError(f"There are {len(images)} images but labels of shape {shape} in a batch.")
    remedy = "labels.long()"
    if labels.ndim == 2:
        one_hot = shape[1] > 1
        remedy = "labels.argmax(dim=1), if they are one-hot" if one_hot else "labels[:, 0].long()"
    raise CourseError(
        f"There are labels of shape {shape} and type {labels.dtype} in a batch. Labels are the "
        f"class of each image, (n,) of type int64: give {remedy}."
    )


def image_fault(model: nn.Module, images: torch.Tensor, error: Exception) -> str | None:
    """Why the model cannot take these images; None if they are not the cause."""
    dtype = next(model.parameters()).dtype
    if images.dtype != dtype:
        remedy = "images.float()" + (" / 255" if images.dtype == torch.uint8 else "")
        return (
            f"The images are {images.dtype}, the weights of the model {dtype}. Convert the "
            f"images in the same way for training and test: {remedy}."
        )
    weights = {n: t.to("meta") for n, t in [*model.named_parameters(), *model.named_buffers()]}
    if _shapes_fit(lambda images: functional_call(model, weights, images), images):
        return None
    return (
        f"The model cannot take images of shape {tuple(images.shape)} ({error}). Images are (n, "
        "channels, height, width); LeNet5 takes 1 channel and 32×32 pixels unless it was built "
        "with other in_channels and image_size."
    )


def label_fault(
    logits: torch.Tensor,
    labels: torch.Tensor,
    loss_function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    error: Exception,
) -> str | None:
    """Why the loss cannot take these labels; None if they are not the cause."""
    if logits.ndim != 2 or len(logits) != len(labels):
        return (
            f"The model gives logits of shape {tuple(logits.shape)} for {len(labels)} images; fit "
            f"needs (n, classes), one row for each image ({error})."
        )
    smallest, largest, classes = labels.min().item(), labels.max().item(), logits.shape[1]
    if smallest < 0 or largest >= classes:
        return (
            f"The labels go from {smallest} to {largest}, but the model has {classes} classes, "
            f"0 to {classes - 1}. Build it with num_classes={largest + 1}, or mend the labels."
        )
    if _shapes_fit(loss_function, logits, labels):
        return None
    return (
        f"The loss function cannot compare logits of shape {tuple(logits.shape)} with labels of "
        f"shape {tuple(labels.shape)} ({error})."
    )


def _shapes_fit(function: Callable[..., torch.Tensor], *tensors: torch.Tensor) -> bool:
    """Whether the shapes alone fit: on PyTorch's device "meta", where nothing is computed."""
    try:
        function(*(tensor.detach().to("meta") for tensor in tensors))
    except NotImplementedError:  # it needs values: nobody knows
        return True
    except (RuntimeError, IndexError, ValueError) as error:
        return "device" in str(error)  # it brings a tensor of its own: nobody knows
    return True


def not_finite(model: nn.Module, images: torch.Tensor, first: bool = False) -> str:
    """Why a loss is not finite; `first` if no step was taken before it."""
    faulty = (~images.isfinite()).reshape(len(images), -1).any(dim=1).nonzero()
    if len(faulty):
        return (
            f"Image {faulty[0].item()} of this batch (counted from 0) holds values that are not "
            "finite. Mend such images, or leave them out."
        )
    if first:
        return (
            "The images are finite and no step was taken, so look at the first weights of the "
            "model and at the loss function."
        )
    if all(parameter.isfinite().all() for parameter in model.parameters()):
        return (
            "Images and weights are finite. Most often the learning rate is too large: try a tenth "
            "of it. If that does not help, look at the loss function."
        )
    return (
        "The weights of the model are not finite. Most often the learning rate is too large: build "
        "the model anew and try a tenth of it."
    )
