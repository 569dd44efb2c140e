"""All lessons: a figure that the reader moves, in a notebook that runs."""

from __future__ import annotations

import html
from collections.abc import Callable
from inspect import signature
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from lenet_helpers.plots.captions import FIGURES
from lenet_helpers.plots.style import as_base64


class LiveFigure(ipywidgets.VBox):
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
        As for `ipywidgets.interact`: `(least, most, step)` is a slider, a list a menu. Each starts
        at the default that `draw` has for it, if any.
    """
    defaults = {key: each.default for key, each in signature(draw).parameters.items()}
    widgets = {
        key: ipywidgets.interactive.widget_from_abbrev(control, defaults[key])
        for key, control in controls.items()
    }
    # Not ipywidgets' output area: there a new picture flickers, and nbclient, which runs a lesson
    # without a browser, stood still for ever now and then.
    picture = ipywidgets.HTML()
    words = html.escape(FIGURES[name].alternative_text)

    def draw_again(_: object = None) -> None:
        figure = draw(**{key: widget.value for key, widget in widgets.items()})
        picture.value = f'<img src="data:image/png;base64,{as_base64(figure)}" alt="{words}">'

    for key, widget in widgets.items():
        widget.description = key.replace("_", " ")
        widget.observe(draw_again, "value")
    draw_again()
    return LiveFigure([*widgets.values(), picture])
