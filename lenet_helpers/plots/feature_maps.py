"""Figures of lesson 05."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke
from skimage.util import montage
from torch import Tensor

from lenet_helpers.plots import style
from lenet_helpers.plots.style import Pictures, Tensors, Values, styled

MAPS = "magma"  # of feature maps: black for 0, so that they are not taken for digits
MARKERS = "osv^D"
TEN_COLOURS = matplotlib.color_sequences["tab10"]  # the style of the course has seven
TURNS = 20
HEADLINE = {"fontsize": 9, "pad": 3}  # above the maps of a whole layer


@styled
def kernels(weights: Tensor) -> Figure:
    """Kernels `(n, side, side)`, six in a row, in one colour scale from blue to red."""
    titles = [f"kernel {number}" for number in range(1, len(weights) + 1)]
    colours = style.signed(weights.abs().max())
    figure = style.picture_grid(weights, titles, columns=6, height=1.5, **colours)
    drawn = figure.axes[0].images[0]
    figure.colorbar(drawn, ax=figure.axes, fraction=0.02, shrink=0.8, label="weight")
    return figure


@styled
def maps_by_layer(image: Tensor, layers: Tensors) -> Figure:
    """An image, and for each layer its maps `(channels, height, width)` in one colour scale."""
    grids = [_grid(maps, 8) for maps in layers.values()]
    heights = [1.6, *(0.3 + 7.4 * (rows / columns) for rows, columns in grids)]
    figure, axes = style.new_figure(sum(heights), nrows=len(heights), height_ratios=heights)
    style.draw_picture(axes[0], image, "image {}×{}".format(*image.shape), HEADLINE)
    for ax, (name, maps) in zip(axes[1:], layers.items(), strict=True):
        drawn = draw_layer(ax, name, maps, 8)
        figure.colorbar(drawn, ax=ax, fraction=0.012, pad=0.01, label="answer")
    return figure


@styled
def one_map(images: Tensor, maps: Tensor, title: str) -> Figure:
    """Images on the left, their maps on the right, both `(n, height, width)`, in squares."""
    side = int(len(images) ** 0.5)
    figure, axes = style.new_figure(3.7, ncols=2)
    style.draw_picture(axes[0], mosaic(images, side), "digits")
    drawn = style.draw_picture(axes[1], mosaic(maps, side), title, cmap=MAPS)
    figure.colorbar(drawn, ax=axes[1], fraction=0.045, label="answer")
    return figure


@styled
def several_maps(images: Tensor, maps: Tensor) -> Figure:
    """A row for each image `(n, h, w)`: the image, then its maps `(n, channels, h, w)`."""
    rows, columns = maps.shape[0], 1 + maps.shape[1]
    figure, axes = style.new_figure(0.92 * rows + 0.25, nrows=rows, ncols=columns)
    style.draw_pictures(axes[:, 0], images)
    drawn = style.draw_pictures(axes[:, 1:].flat, maps.flatten(0, 1), **_scale(maps))
    for column, ax in enumerate(axes[0]):
        ax.set_title(f"map {column}" if column else "digit")
    figure.colorbar(drawn, ax=list(axes.flat), fraction=0.02, shrink=0.5, label="answer")
    return figure


@styled
def bars_and_answers(images: Tensor, answers: Tensor, angles: Values) -> Figure:
    """Bars `(n, h, w)` above, the map of each `(n, h, w)` below."""
    figure, axes = style.new_figure(1.65, nrows=2, ncols=len(images))
    style.draw_pictures(axes[0], images, [f"{angle:.0f}°" for angle in angles])
    drawn = style.draw_pictures(axes[1], answers, **_scale(answers))
    figure.colorbar(drawn, ax=list(axes[1]), fraction=0.015, label="answer")
    return figure


@styled
def tuning_curves(
    angles: Values, answers: Tensor, preferred: Values, selectivity: Values, weights: Tensor
) -> Figure:
    """A panel for each kernel: answers `(n, angles)` over the angle, the kernel in a corner."""
    rows = -(-len(answers) // 3)
    figure, axes = style.new_figure(2.1 * rows, nrows=rows, ncols=3, sharex=True, sharey=True)
    panels = zip(axes.flat, answers, preferred, selectivity, weights, strict=True)
    for number, (ax, curve, angle, index, kernel) in enumerate(panels, 1):
        # 180 degrees is the bar of 0 degrees again.
        ax.plot([*angles, 180], [*curve, curve[0]], marker="o", markersize=3)
        ax.axvline(angle, color="C1", linestyle="--", linewidth=1.2)
        ax.set_title(f"map {number}: {angle:.0f}°, |R| = {index:.2f}", fontsize=10)
        corner = ax.inset_axes((0.02, 0.72, 0.2, 0.27))
        style.draw_picture(corner, kernel, **style.signed(weights.abs().max()))
    axes[0, 0].set(xticks=range(0, 181, 45), ylim=(0, 1.35 * float(answers.max())))
    figure.supxlabel("angle of the bar (degrees)", fontsize=10)
    figure.supylabel("largest answer", fontsize=10)
    return figure


@styled
def strongest_patches(weights: Tensor, patches: Tensor) -> Figure:
    """A row for each kernel `(n, side, side)`: the kernel, then its patches."""
    rows, columns = patches.shape[0], 1 + patches.shape[1]
    figure, axes = style.new_figure(0.58 * rows + 0.25, nrows=rows, ncols=columns)
    style.draw_pictures(axes[:, 0], weights, **style.signed(weights.abs().max()))
    for number, ax in enumerate(axes[:, 0], 1):
        ax.set_ylabel(number, rotation=0, va="center", labelpad=8)
    scale = {"vmin": patches.min(), "vmax": patches.max()}
    style.draw_pictures(axes[:, 1:].flat, patches.flatten(0, 1), **scale)
    for ax in axes[:, 1:].flat:
        _thin_frame(ax)  # white ink would run into the page
    axes[0, 0].set_title("kernel")
    axes[0, columns // 2].set_title("strongest patches, from left to right")
    return figure


@styled
def patch_blocks(patches: Tensor) -> Figure:
    """A block for each map, eight in a row: its patches `(maps, count, side, side)` in a square."""
    blocks = [mosaic(block, int(len(block) ** 0.5)) for block in patches]
    titles = [f"map {number}" for number in range(1, len(patches) + 1)]
    scale = {"vmin": patches.min(), "vmax": patches.max()}
    return style.picture_grid(blocks, titles, columns=8, height=1.12, **scale)


@styled
def accuracy_lost(panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]) -> Figure:
    """Bars for each layer (panel), way of switching off, and map.

    Each is the accuracy lost, as a fraction, and its standard error; two of these are drawn.
    """
    counts = [len(next(iter(ways.values()))) for ways in panels.values()]
    figure, axes = style.new_figure(3.0, ncols=len(panels), width_ratios=counts)
    for ax, (layer, ways), count in zip(axes, panels.items(), counts, strict=True):
        for index, (way, values) in enumerate(ways.items()):
            places = np.arange(1, count + 1) + 0.4 * index - 0.2
            lost, errors = 100 * np.transpose(values)
            ax.bar(places, lost, 0.4, yerr=2 * errors, label=way, error_kw={"linewidth": 0.8})
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set(title=layer, xlabel="map switched off", xticks=range(1, count + 1))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("accuracy lost (points)")
    axes[-1].margins(y=0.25)  # room for the legend above the bars
    axes[-1].legend(loc="upper center", ncols=2)
    return figure


@styled
def plane(scores: Tensor, labels: Tensor) -> Figure:
    """Dots at `scores` `(n, 2)`, a colour and marker for each label, its number at its centre."""
    figure, ax = style.new_figure(5.4)
    kinds = labels.unique().tolist()
    for turn, label in product(range(TURNS), kinds):  # in turns: no cloud lies on top of another
        own = scores[labels == label][turn::TURNS]
        look = {"color": TEN_COLOURS[label % 10], "markersize": 2.5, "alpha": 0.5}
        ax.plot(*own.T, MARKERS[label % 5], **look)
    for label in kinds:
        x, y = scores[labels == label].median(dim=0).values.tolist()
        outline = [withStroke(foreground="w", linewidth=3)]
        ax.text(x, y, label, size=17, weight="bold", ha="center", va="center", path_effects=outline)
    ax.set(xlabel="first principal component", ylabel="second principal component")
    return figure


@styled
def occlusions(images: Tensor, leads: Tensors, before: Tensor, side: int) -> Figure:
    """A row for each image `(n, h, w)`: the image, then what each kind of square does to its lead.

    `leads` holds `(n, places, places)` for each kind, `before` the lead of each image as it is.
    A black line surrounds the places of the square's centre that change the answer.
    """
    rows, columns = len(images), 1 + len(leads)
    figure, axes = style.new_figure(1.75 * rows + 0.3, nrows=rows, ncols=columns, squeeze=False)
    changes = {name: values - before[:, None, None] for name, values in leads.items()}
    colours = style.signed(max(change.abs().max() for change in changes.values()))
    size, edge = images.shape[-1], side // 2 - 0.5  # a square's centre keeps off the border
    extent = (edge, size - 1 - edge, size - 1 - edge, edge)
    style.draw_pictures(axes[:, 0], images, [f"lead {value:.1f}" for value in before])
    style.draw_frame(axes[0, 0], (1, 1, 1 + side, 1 + side), edgecolor="C4", linewidth=1.6)
    for row, image in enumerate(images):
        for ax, (name, change) in zip(axes[row, 1:], changes.items(), strict=True):
            title = "" if row else name
            drawn = style.draw_picture(ax, change[row], title, extent=extent, **colours)
            ax.contour(image, levels=[1.2], colors="0.55", linewidths=0.8)
            places = np.arange(change.shape[-1]) + side // 2
            if (leads[name][row] < 0).any():
                ax.contour(places, places, leads[name][row], levels=[0], colors="k", linewidths=1.4)
            ax.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
            _thin_frame(ax)
    figure.colorbar(drawn, ax=list(axes.flat), fraction=0.025, shrink=0.5, label="change of lead")
    return figure


@styled
def all_layers(image: Tensor, layers: Tensors, probabilities: Tensor) -> Figure:
    """Image, maps or units of each layer, and probabilities of one digit, from top to bottom."""
    # A row of maps is as high as the figure's width asks for.
    of_layers = [0.3 + 8.6 / len(part) if part.ndim > 1 else 0.5 for part in layers.values()]
    heights = [1.8, *of_layers, 1.6]
    figure, axes = style.new_figure(sum(heights), nrows=len(heights), height_ratios=heights)
    (first, *stages, last) = axes
    style.draw_picture(first, image, "image {}×{}".format(*image.shape), HEADLINE)
    for ax, (name, values) in zip(stages, layers.items(), strict=True):
        draw_layer(ax, name, values, len(values))
    last.bar(range(len(probabilities)), 100 * np.asarray(probabilities))
    last.set(xlabel="digit", xticks=range(10), ylabel="probability (%)", ylim=(0, 105))
    last.set_title("linear 3 + softmax: 10 probabilities", **HEADLINE)
    last.grid(axis="x", visible=False)
    return figure


def _scale(maps: Tensor) -> dict[str, object]:
    """One colour scale for all of these maps, black for 0."""
    return {"cmap": MAPS, "vmin": 0, "vmax": float(maps.max())}


def _thin_frame(ax: Axes) -> None:
    ax.spines[:].set(visible=True, color="0.7", linewidth=0.6)


def mosaic(pictures: Pictures, columns: int) -> np.ndarray:
    """Pictures `(n, h, w)` in rows of `columns`; seams and empty places are not drawn (NaN)."""
    grid = _grid(pictures, columns)
    pictures = np.asarray(pictures, dtype=float)
    return montage(pictures, fill=np.nan, grid_shape=grid, padding_width=1)[1:-1, 1:-1]


def _grid(pictures: Pictures, columns: int) -> tuple[int, int]:
    """How many rows hold the pictures, and how many columns they fill."""
    return -(-len(pictures) // columns), min(len(pictures), columns)


def draw_layer(ax: Axes, name: str, maps: Tensor, columns: int) -> AxesImage:
    """What a layer answers, in one colour scale, black for 0.

    Maps `(n, h, w)` stand in rows of `columns` at most, each under its number. The units `(n,)` of
    a linear layer are one strip.
    """
    if maps.ndim == 1:
        title = f"{name}: {len(maps)} units"
        return style.draw_picture(ax, maps[None], title, HEADLINE, aspect="auto", **_scale(maps))
    style.picture_axes(ax, "{}: {} maps of {}×{}".format(name, *maps.shape), **HEADLINE)
    rows, columns = _grid(maps, columns)
    for index, values in enumerate(maps):  # maps of all sizes are squares of side 1
        row, column = divmod(index, columns)
        left, top = 1.06 * column, 1.25 * row
        place = (left, left + 1, top + 1, top)
        drawn = ax.imshow(np.asarray(values), extent=place, **_scale(maps))
        ax.text(left + 0.5, top, index + 1, size=7, ha="center", va="bottom")
    ax.set(xlim=(0, 1.06 * columns - 0.06), ylim=(1.25 * rows - 0.25, -0.25))
    return drawn
