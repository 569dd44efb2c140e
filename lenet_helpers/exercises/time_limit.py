"""All lessons: a loop that never ends is stopped where the system can do it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class EndlessError(BaseException):
    """The time is over. Not an `Exception`, so that an answer's own `except` does not keep it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop what runs inside after so many seconds.

    Only in the main thread of Linux and macOS: elsewhere there is no such timer, and Jupyter's
    stop button does it.

    Raises
    ------
    EndlessError
        Inside, when the time is over.
    """
    main = threading.current_thread() is threading.main_thread()
    if not hasattr(signal, "setitimer") or not main:
        yield
        return

    def stop(*_: object) -> None:
        raise EndlessError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again and again: a loop may catch one
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
