"""All lessons: a figure that the reader moves, in a notebook that runs."""

from __future__ import annotations

import html
from collections.abc import Callable
from inspect import signature
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from lenet_helpers.plots.captions import FIGURES
from lenet_helpers.plots.style import as_text


class LiveFigure(ipywidgets.VBox):
    """What `live` gives: its controls, and the figure below them."""

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
        As for `ipywidgets.interact`: `(least, most, step)` is a slider, a list a menu. Each starts
        at the default that `draw` has for it, if any.
    """
    of_draw = signature(draw).parameters
    widgets = {
        key: ipywidgets.interactive.widget_from_abbrev(control, of_draw[key].default)
        for key, control in controls.items()
    }
    # Not an Output widget, as `interact` has it: where nbclient runs a notebook, which papermill
    # and nbconvert do, it stands still for ever now and then.
    picture = ipywidgets.HTML()
    words = html.escape(FIGURES[name].alternative_text)

    def redraw(_change: object = None) -> None:
        figure = as_text(draw(**{key: widget.value for key, widget in widgets.items()}))
        picture.value = f'<img alt="{words}" src="data:image/png;base64,{figure}">'

    for key, widget in widgets.items():
        widget.description = key
        widget.observe(redraw, "value")
    redraw()
    return LiveFigure([*widgets.values(), picture])
