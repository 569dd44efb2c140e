"""All lessons: a figure that the reader moves, in a notebook that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from lenet_helpers.plots.style import show


class LiveFigure(ipywidgets.interactive):
    """What `live` gives; it differs from ipywidgets' own only in its words for readers."""

    def __repr__(self) -> str:  # what stands in its place where no widget can be shown
        return "A figure to move: it appears when this cell is run. Below it stands still."


def live(draw: Callable[..., Figure], name: str, **controls: Any) -> LiveFigure:
    """Show the figure that `draw` gives anew whenever a control is moved.

    Parameters
    ----------
    draw
        Called with the value of each control by name.
    name
        The figure's name in the gallery, whose alternative text is read out.
    controls
        As for `ipywidgets.interact`: `(least, most, step)` is a slider, a list a menu.
    """
    return LiveFigure(lambda **values: show(draw(**values), name), **controls)
