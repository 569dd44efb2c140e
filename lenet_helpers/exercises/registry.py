"""All lessons: every task by its name; those of a lesson are imported when one is asked for."""

from __future__ import annotations

from importlib import import_module

from lenet_helpers.errors import CourseError
from lenet_helpers.exercises.task import Task

# The module of each lesson. Its tasks are in TASKS, in the order of the exercise notebook.
MODULES = {
    "01": "data",
    "02": "model",
    "03": "training",
    "04": "bn_dropout",
    "05": "feature_maps",
    "06": "prediction",
    "07": "lenet_1998",
    "08": "expressions",
    "09": "claims",
}


def tasks_of(lesson: str) -> dict[str, Task]:
    """The tasks of a lesson, such as "02", by name."""
    module = import_module(f"lenet_helpers.exercises.{MODULES[lesson]}")
    return {task.name: task for task in module.TASKS}


def find_task(name: str) -> Task:
    """The task of this name.

    Raises
    ------
    CourseError
        If there is none; the message lists those of the lesson.
    """
    lesson = str(name).partition("-")[0]
    if lesson not in MODULES:
        raise CourseError(f"There is no task {name!r}. Names look like 02-3: lesson, number.")
    tasks = tasks_of(lesson)
    if name not in tasks:
        raise CourseError(
            f"There is no task {name!r} in lesson {lesson} that answers back: {', '.join(tasks)}. "
            "The last one of the notebook is open; its model answer is folded below it."
        )
    return tasks[name]
