"""The error a reader of the course can cause, and mend."""


class CourseError(Exception):
    """What happened, which file or value, and how to mend it, in one paragraph.

    A notebook shows the message alone: the calls in between would not help a student.
    """

    def _render_traceback_(self) -> list[str]:  # IPython asks for this before drawing a traceback
        return [f"{type(self).__name__}: {self}"]
