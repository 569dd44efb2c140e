"""How every figure looks, is shown and is saved."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

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
# How `run --figures` tells the kernels of the lessons what to write.
FORMATS_VARIABLE, DPI_VARIABLE = "LENET_FIGURE_FORMATS", "LENET_FIGURE_DPI"

Values = Sequence[float]
Curves = Mapping[str, Values]  # by name
Tensors = Mapping[str, Any]  # by name; importing torch takes a second
Pictures = Sequence[Any]  # arrays or tensors (height, width), or one that holds them all

CENTRED = {"ha": "center", "va": "center"}  # of a text

# Decorator: draw in the style of the course and leave the reader's settings alone.
styled = matplotlib.style.context(["default", STYLE])


def new_figure(height: float, **subplots: Any) -> tuple[Figure, Any]:
    """A figure of column width and `height` inches; keywords go to `Figure.subplots`.

    It does not belong to pyplot, so it needs no closing and is not drawn twice in a notebook.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(**subplots)


def new_parts(height: float, layout: str, **ratios: Any) -> tuple[Figure, list[Axes]]:
    """The same of parts of several sizes; `layout` and keywords go to `Figure.subplot_mosaic`."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, list(figure.subplot_mosaic(layout, **ratios).values())


def new_rows(names: Iterable[str], around: float, height: float) -> tuple[Figure, Axes, np.ndarray]:
    """A figure with a row for each name, from top to bottom, and the places of the rows.

    It is `height` inches a row and `around` in all that is no row.
    """
    names = list(names)
    figure, ax = new_figure(around + height * len(names))
    places = -np.arange(len(names))
    ax.set_yticks(places, names)
    return figure, ax, places


def picture_axes(ax: Axes, title: object = "", **words: Any) -> None:
    """Axes for a picture: no ticks, no grid, no frame; keywords go to `Axes.set_title`."""
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, **words)
    ax.grid(False)
    ax.spines[:].set_visible(False)


def draw_picture(
    ax: Axes, picture: Any, title: object = "", words: Mapping[str, Any] = {}, **options: Any
) -> AxesImage:
    """An array or tensor as a picture under its title.

    `words` go to `Axes.set_title`, other keywords to `Axes.imshow`.
    """
    picture_axes(ax, title, **words)
    return ax.imshow(np.asarray(picture), **options)  # given a tensor itself, NumPy 2 warns


def draw_pictures(
    axes: np.ndarray, pictures: Sequence, titles: Sequence = (), name: str = "", **options: Any
) -> AxesImage:
    """A row of pictures, each under its title, behind the row's name; gives the last one.

    Other keywords go to `draw_picture`.
    """
    for ax, picture, title in zip(axes, pictures, titles or [""] * len(axes), strict=True):
        drawn = draw_picture(ax, picture, title, **options)
    axes[0].set_ylabel(name)
    return drawn


@styled
def picture_grid(
    pictures: Pictures,
    titles: Sequence = (),
    names: Sequence[str] = (),
    columns: int = 10,
    height: float = 1.0,
    words: Mapping[str, Any] = {},
    **options: Any,
) -> Figure:
    """Pictures `(height, width)` in rows, each under its title.

    Parameters
    ----------
    pictures
        Arrays or tensors; a row holds `columns` of them and is `height` inches high.
    titles
        One for each picture, or none at all.
    names
        What stands before the rows.
    words
        The look of titles and names: keywords of a text, such as `fontsize`.
    options
        Other keywords go to `Axes.imshow`.
    """
    rows = -(-len(pictures) // columns)  # rounded up
    figure, axes = new_figure(height * rows, nrows=rows, ncols=columns, squeeze=False)
    for ax in axes.flat[len(pictures) :]:
        picture_axes(ax)
    draw_pictures(axes.flat[: len(pictures)], pictures, list(titles), words=words, **options)
    for ax, name in zip(axes[:, 0], names, strict=False):
        ax.set_ylabel(name, **words)
    return figure


def signed(largest: float) -> dict[str, Any]:
    """Blue for negative, white for zero, red for positive; equal sizes are equally strong."""
    return {"cmap": "RdBu_r", "vmin": -float(largest), "vmax": float(largest)}


def draw_frame(ax: Axes, box: Sequence[int], room: float = 0, **options: Any) -> Rectangle:
    """Outline of `box`, at a distance of `room` pixels; keywords go to `Rectangle`.

    `box` is top, left, bottom, right in pixels; the last row and column lie outside.
    """
    top, left, bottom, right = box
    edge = room + 0.5  # a pixel reaches half a pixel around its centre
    size = (right - left + 2 * room, bottom - top + 2 * room)
    return ax.add_patch(Rectangle((left - edge, top - edge), *size, fill=False, **options))


@styled
def save_figure(
    figure: Figure, name: str, folder: str | Path, formats: Iterable[str] = ("png",), dpi: int = 200
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
    bundle = {"image/png": as_base64(figure), "text/plain": words}
    display(bundle, raw=True, metadata={"image/png": {"alt": words}})


@styled
def as_base64(figure: Figure) -> str:
    """The figure as it is shown on a screen: a PNG in base64, as a page or a notebook holds it."""
    return base64.b64encode(_as_bytes(figure, "png", SCREEN_DPI)).decode()


def _as_bytes(figure: Figure, kind: str, dpi: int) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=METADATA.get(kind))
    return buffer.getvalue()
