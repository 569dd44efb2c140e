"""Tasks that answer back: `check`, `hint`, `solution`, `progress`; one module a lesson."""

from lenet_helpers.exercises.answers import check, hint, progress, solution

__all__ = ["check", "hint", "progress", "solution"]
