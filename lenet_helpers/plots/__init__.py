"""Every figure of the course: one module for each lesson, one function for each figure."""

from lenet_helpers.plots.captions import FIGURES
from lenet_helpers.plots.live import live
from lenet_helpers.plots.style import picture_grid, save_figure, show

__all__ = ["FIGURES", "live", "picture_grid", "save_figure", "show"]
