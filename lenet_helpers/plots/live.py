"""All lessons: a figure that the reader moves, in a notebook that runs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
from matplotlib.figure import Figure

from lenet_helpers.plots import style
from lenet_helpers.plots.captions import FIGURES


class LiveFigure(ipywidgets.VBox):
    """What `live` gives: the controls, and the figure under them."""

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
    # Not `interactive` itself: its Output widget answers the kernel while a cell runs, and where
    # a notebook runs without a browser (nbclient, papermill) that stops it for ever now and then.
    of_word = ipywidgets.interactive.widget_from_abbrev
    moved = {word: of_word(control) for word, control in controls.items()}
    words = escape(FIGURES[name].alternative_text)
    picture = ipywidgets.HTML()

    @style.styled
    def redraw(_: object = None) -> None:
        figure = draw(**{word: control.value for word, control in moved.items()})
        data = base64.b64encode(style.as_bytes(figure, "png", style.SCREEN_DPI)).decode()
        picture.value = f'<img src="data:image/png;base64,{data}" alt="{words}">'

    for word, control in moved.items():
        control.description = word
        control.observe(redraw, "value")
    redraw()
    return LiveFigure([*moved.values(), picture])
