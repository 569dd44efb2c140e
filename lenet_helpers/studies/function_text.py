"""Lesson 04: the functions and objects of a recipe as text, as a reader would call them.

A kept study knows no more of its networks, losses and augmentations than this text. So two that
differ in their arguments have different texts, and what cannot be told apart is refused. The code
of a function is not looked at.
"""

from __future__ import annotations

import hashlib
import inspect
import keyword
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import nn

from lenet_helpers.errors import CourseError

SHORT = ("lenet_helpers", "torch", "torchvision")  # packages whose names go without their module


def called(function: Any) -> str:
    """A function, class or object with its arguments.

    Raises
    ------
    CourseError
        If another one could have the same text, such as a lambda.
    """
    if isinstance(function, partial):
        arguments = [_written(value) for value in function.args]
        arguments += [f"{name}={_written(value)}" for name, value in function.keywords.items()]
        return f"{_named(function.func)}({', '.join(arguments)})"
    if isinstance(function, type | FunctionType | BuiltinFunctionType):
        return f"{_named(function)}()"
    if isinstance(function, MethodType):
        return f"{_written(function.__self__)}.{function.__name__}()"
    return _object(function)


def plain(value: Any) -> Any:
    """A hyperparameter as JSON can hold it: a number, a word or None; all else as text."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, str | int | float | None) else called(value)


def _named(function: Any) -> str:
    """The name of a function or class, with its module unless everybody knows it."""
    function = inspect.unwrap(function)
    name = function.__qualname__
    if "<lambda>" in name or getattr(function, "__closure__", None):
        raise CourseError(
            f"A study cannot tell {name} from another of that name. Use a function that is "
            "defined with def outside of any other function, and partial for its arguments."
        )
    if function.__module__.split(".")[0] in SHORT:
        return function.__name__
    return f"{function.__module__}.{name}"


def _object(value: Any) -> str:
    """An object, such as a loss of torch.nn, as its class and all that it holds."""
    if isinstance(value, Enum | torch.dtype | torch.device) or not hasattr(value, "__dict__"):
        text = repr(value)
        if " at 0x" in text:
            raise CourseError(f"A study cannot keep {text}, which does not say what it holds.")
        return text
    held = dict(vars(value))
    if isinstance(value, nn.Module):
        held = {name: part for name, part in held.items() if name not in vars(nn.Module())}
        held |= dict(value.named_children()) | value.state_dict()
    inside = ", ".join(f"{name}={_written(part)}" for name, part in held.items())
    return f"{_named(type(value))}({inside})"


def _written(value: Any) -> str:
    """A value as text; equal texts mean equal values."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and value.isidentifier() and not keyword.iskeyword(value):
        return str(value)  # a word, such as the name of an activation
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_written(k)}: {_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, torch.Tensor | np.ndarray):
        array = np.ascontiguousarray(torch.as_tensor(value).detach().cpu())
        digest = hashlib.sha256(array.tobytes()).hexdigest()[:16]
        return f"tensor({array.dtype}, {array.shape}, {digest})"
    return called(value)
