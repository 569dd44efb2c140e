"""Lesson 04: the functions of a recipe as text, as a reader would call them; objects as a hash.

A kept study knows no more of its networks, losses and augmentations than this text. So two that
differ in their arguments have different texts, and what cannot be told apart is refused. The code
of a function is not looked at.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import keyword
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import torch

from lenet_helpers.errors import CourseError

SHORT = ("lenet_helpers", "torch", "torchvision")  # packages whose names go without their module


def called(function: Any) -> str:
    """A function or class with its arguments, or the class of an object with a hash of its state.

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
    if isinstance(function, Enum | torch.dtype | torch.device):
        return repr(function)
    state = io.BytesIO()
    try:  # not joblib.hash: for a tensor it is another one in every process
        torch.save(function, state)
    except Exception as error:  # whatever an object's own methods raise
        what = f"A study cannot keep {function!r}, which does not say what it holds"
        raise CourseError(f"{what} ({error}).") from error
    return f"{_named(type(function))}({hashlib.sha256(state.getvalue()).hexdigest()[:16]})"


def plain(value: Any) -> Any:
    """A hyperparameter as JSON can hold it: a number, a word or None; all else as text."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, str | int | float | None) else called(value)


def _written(value: Any) -> str:
    """A value as text; equal texts mean equal values."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str) and (keyword.iskeyword(value) or not value.isidentifier()):
        return repr(str(value))
    return str(plain(value))  # a word, such as the name of an activation, goes without quotes


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
