"""How every figure looks, is shown and is saved."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from lenet_helpers.files import write_whole
from lenet_helpers.plots.captions import FIGURES

WIDTH = 7.2  # inches: a column of a page
SCREEN_DPI = 110
STYLE = Path(__file__).with_name("lenet.mplstyle")
# Without dates and versions the same picture gives the same bytes.
METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(METADATA)
# How `run --figures` tells the kernels of the lessons what to write.
FORMATS_VARIABLE, DPI_VARIABLE = "LENET_FIGURE_FORMATS", "LENET_FIGURE_DPI"


def styled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: draw in the style of the course and leave the reader's settings alone."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with matplotlib.style.context(["default", STYLE]):
            return function(*args, **kwargs)

    return wrapper


def new_figure(height: float, **subplots: Any) -> tuple[Figure, Any]:
    """A figure of column width and `height` inches; keywords go to `Figure.subplots`.

    It does not belong to pyplot, so it needs no closing and is not drawn twice in a notebook.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(**subplots)


def given_or_new(ax: Axes | None, height: float) -> tuple[Figure, Axes]:
    """The caller's axes, or those of a new figure."""
    return new_figure(height) if ax is None else (ax.figure, ax)


def picture_axes(ax: Axes, title: str = "") -> None:
    """Axes for a picture: no ticks, no grid, no frame."""
    ax.set(xticks=[], yticks=[], title=title)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def draw_picture(ax: Axes, picture: Any, **options: Any) -> AxesImage:
    """`Axes.imshow` for arrays and tensors alike: given a tensor itself, NumPy 2 warns."""
    return ax.imshow(np.asarray(picture), **options)


@styled
def save_figure(
    figure: Figure,
    name: str,
    folder: str | Path,
    formats: Iterable[str] = ("png",),
    dpi: int = 200,
) -> None:
    """Write `figure` to `folder/name.<format>`; the same picture gives the same bytes."""
    for kind in formats:
        write_whole(Path(folder) / f"{name}.{kind}", _as_bytes(figure, kind, dpi))


@styled
def show(figure: Figure, name: str, folder: str | Path | None = None) -> None:
    """Show `figure` in a notebook with its alternative text; save it if there is a folder.

    `name` is the figure's name in the gallery, where its caption and alternative text stand.
    """
    if folder is not None:
        formats = os.environ.get(FORMATS_VARIABLE, "png").split()
        save_figure(figure, name, folder, formats, int(os.environ.get(DPI_VARIABLE, "200")))
    words = FIGURES[name].alternative_text
    picture = base64.b64encode(_as_bytes(figure, "png", SCREEN_DPI)).decode()
    bundle = {"image/png": picture, "text/plain": words}
    display(bundle, raw=True, metadata={"image/png": {"alt": words}})


def _as_bytes(figure: Figure, kind: str, dpi: int) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=METADATA.get(kind))
    return buffer.getvalue()
