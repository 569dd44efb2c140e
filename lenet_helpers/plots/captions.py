"""What stands under a figure, and what is read out in its place."""

from typing import NamedTuple


class FigureText(NamedTuple):
    """The words that belong to one figure of the gallery."""

    caption: str  # one sentence: what the figure shows
    alternative_text: str  # the picture in words, for who cannot see it
