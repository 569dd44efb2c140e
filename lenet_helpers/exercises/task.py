"""All lessons: what a task is, and how an answer to it is judged.

A task knows the right answer and the mistakes that are often made, all as functions of the same
inputs. An answer is compared with the right one; if it is another, with each mistake, so that the
words name what went wrong. No answer can make a check fail with a traceback of ours.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from lenet_helpers.exercises.time_limit import EndlessError, time_limit

HERE = Path(__file__).parent
SECONDS = 10.0  # for all of them, on a busy machine too
NOT_STARTED, RIGHT, NOT_YET = "not started", "right", "not yet"
Inputs = Callable[[np.random.Generator], tuple]


def call(answer: Callable[..., Any], *inputs: Any) -> Any:
    """The plain way to try a function."""
    return answer(*inputs)


class Task(NamedTuple):
    """One question that can be checked."""

    name: str  # lesson and number: "02-3"
    title: str  # in a few words
    right: Any  # the right answer, or a function of the inputs that gives it; a tuple has parts
    mistakes: dict[str, Any]  # what to say -> what somebody answers who misunderstands, likewise
    hints: tuple[str, ...]  # each says more than the one before
    inputs: Inputs | None = None  # for a function that is asked for; None: a value is asked for
    trials: int = 12  # fresh inputs; too few of them tell no wrong rule from the right one
    use: Callable[..., Any] = call  # how an answer is tried
    parts: tuple[str, ...] = ()  # names of what the right answer consists of
    tolerance: float = 1e-4  # of the largest value; counts are exact


class Verdict(NamedTuple):
    """What is said of an answer."""

    state: str  # NOT_STARTED, RIGHT or NOT_YET
    words: str


def judge(task: Task, answer: Any) -> Verdict:
    """Say whether an answer is right, or what is wrong with it, without giving the right one."""
    if answer is ... or answer is None:
        return Verdict(NOT_STARTED, "")
    _load_optimizers()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # these tensors are small; on a busy machine threads wait for others
    try:
        with time_limit(SECONDS):
            return _judge(task, answer)
    except EndlessError:
        words = f"It ran for {SECONDS:.0f} seconds and was stopped: does a loop never end?"
        return Verdict(NOT_YET, words)
    finally:
        torch.set_num_threads(threads)


@cache
def _load_optimizers() -> None:
    """Before the clock runs: PyTorch loads a great deal more of itself for its first optimizer."""
    torch.optim.SGD([torch.zeros(1)])


def _judge(task: Task, answer: Any) -> Verdict:
    if task.inputs is not None and not callable(answer):
        return Verdict(NOT_YET, f"A function is asked for; this is {kind_of(answer)}.")
    if task.inputs is None and callable(answer):
        return Verdict(NOT_YET, "A value is asked for; this is a function or a class: call it.")
    seeds = [0] if task.inputs is None else np.random.SeedSequence().generate_state(task.trials)
    given, wanted = [], []
    for seed in seeds:
        try:
            given.append(_result(task, answer, seed, task.use))
        except (Exception, SystemExit) as error:
            return Verdict(NOT_YET, _where(error))
        wanted.append(_result(task, task.right, seed))
    if all(each is None or each is ... for each in given):
        return Verdict(NOT_STARTED, "The function returns nothing yet: a result needs `return`.")
    faults = [compare(*pair, task) for pair in zip(given, wanted, strict=True)]
    if not any(faults):
        return Verdict(RIGHT, "")
    words = _named_mistake(task, seeds, given, wanted)
    return Verdict(NOT_YET, words or _first_fault(task, seeds, faults))


def _first_fault(task: Task, seeds: Sequence[int], faults: list[str]) -> str:
    """What is wrong in general words, and for which inputs, if these are short."""
    seed, fault = next(pair for pair in zip(seeds, faults, strict=True) if pair[1])
    shown = ", ".join(map(repr, _fresh(task, seed)))
    return f"For ({shown}): {fault}" if shown and len(shown) <= 60 else fault


def _fresh(task: Task, seed: int) -> tuple:
    """The inputs of one trial, made anew each time: an answer may change what it is given."""
    return task.inputs(np.random.default_rng(seed)) if task.inputs else ()


def _result(task: Task, answer: Any, seed: int, use: Callable[..., Any] = call) -> Any:
    return use(answer, *_fresh(task, seed)) if task.inputs else answer


def _named_mistake(task: Task, seeds: Sequence[int], given: list, wanted: list) -> str:
    """The words of the first mistake that gives what was given; else of one of that shape."""
    made = {
        words: [_result(task, wrong, seed) for seed in seeds]
        for words, wrong in task.mistakes.items()
    }
    for words, results in made.items():
        if not any(compare(*pair, task) for pair in zip(given, results, strict=True)):
            return words
    for words, results in made.items():
        shapes = [[shape_of(each) for each in trials] for trials in (given, results, wanted)]
        if shapes[0] == shapes[1] != shapes[2] and None not in shapes[0]:
            return f"{compare(given[0], wanted[0], task)} {words}"
    return ""


def compare(given: Any, wanted: Any, task: Task) -> str:
    """What is wrong with a result, in general words; empty if nothing is."""
    if isinstance(wanted, tuple):
        if isinstance(given, np.ndarray | torch.Tensor) and given.ndim:
            given = list(given)  # a pair of numbers may come as an array
        if not isinstance(given, tuple | list) or len(given) != len(wanted):
            return f"{len(wanted)} results are asked for: {', '.join(task.parts)}."
        if task.inputs is None and all(isinstance(each, str) for each in wanted):
            # words to choose from, as verdicts are
            words = {each for answer in (wanted, *task.mistakes.values()) for each in answer}
            unknown = [each for each in given if str(each).strip().casefold() not in words]
            if unknown:
                return f"{unknown[0]!r} is none of the words that the task gives."
        pairs = zip(task.parts, given, wanted, strict=True)
        faults = [(part, _compare_one(*pair, task.tolerance)) for part, *pair in pairs]
        return next((f"Look at {part}. {fault}" for part, fault in faults if fault), "")
    return _compare_one(given, wanted, task.tolerance)


def _compare_one(given: Any, wanted: Any, tolerance: float) -> str:
    if isinstance(wanted, str):
        if not isinstance(given, str):
            return f"A text is expected, this is {kind_of(given)}."
        same = given.strip().casefold() == wanted.strip().casefold()
        return "" if same else "This is not the answer."
    values, right = as_numbers(given), as_numbers(wanted)
    truth = right.dtype.kind == "b"
    if values is None or (right.ndim == 0 and (values.dtype.kind == "b") != truth):
        expected = "yes or no (True or False)" if truth and right.ndim == 0 else "numbers"
        return f"{expected.capitalize()} expected, this is {kind_of(given)}."
    if right.ndim == 0 and values.size == 1:
        values = values.reshape(())
    if values.shape != right.shape:
        return f"{_shape(right.shape)} expected, {_shape(values.shape)} given."
    if not np.isfinite(values).all():
        return "It holds values that are not finite numbers."
    exact = right.dtype.kind in "biu"
    room = 1e-9 if exact else tolerance * float(np.abs(right).max(initial=1e-12))
    wrong = np.abs(values * 1.0 - right) > room
    if not wrong.any():
        return ""
    if right.ndim == 0:
        return "The number is another one."
    share = "none" if wrong.all() else f"{1 - wrong.mean():.0%}"
    return f"The shape is right, and {share} of the values."


def as_numbers(value: Any) -> np.ndarray | None:
    """Numbers in any common form as an array; None if they are none."""
    try:
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy()
        if isinstance(value, list | tuple):
            value = [as_numbers(each) for each in value]
            if any(each is None for each in value):
                return None
        array = np.asarray(value)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)  # fractions
    except Exception:  # whatever a foreign object's own methods raise
        return None
    return array if array.dtype.kind in "biufc" else None


def shape_of(value: Any) -> list[tuple | None] | tuple | None:
    """The shape of a result, of each of its parts where it has some."""
    numbers = as_numbers(value)
    if numbers is None and isinstance(value, tuple | list):
        return [None if (part := as_numbers(each)) is None else part.shape for each in value]
    return None if numbers is None else numbers.shape


def _shape(shape: tuple[int, ...]) -> str:
    """A shape in words: 6 maps of 28×28, 84 values, one number."""
    sides = "×".join(map(str, shape[-2:]))
    match len(shape):
        case 0:
            return "one number"
        case 1:
            return f"{shape[0]} values"
        case 2:
            return f"{sides} values"
        case 3:
            return f"{shape[0]} maps of {sides}"
        case _:
            return f"values of shape {'×'.join(map(str, shape))}"


def kind_of(value: Any) -> str:
    """What something is, in words."""
    return "a text" if isinstance(value, str) else f"of type {type(value).__name__}"


def _where(error: BaseException) -> str:
    """An exception in a student's function, with the last line of the student's own."""
    reason = (str(error).splitlines() or [""])[0]
    words = f"It stopped with {type(error).__name__}" + (f" ({reason})" if reason else "")
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if Path(frame.filename).parent != HERE]
    own = [frame for frame in theirs if frame.filename == theirs[0].filename]
    return f"{words} in line {own[-1].lineno}: {own[-1].line}" if own else f"{words}."
