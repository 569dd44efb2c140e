"""Every figure of the course: one module for each lesson, one function for each figure.

`FIGURES` lists them by name; a name starts with the number of its lesson.
"""

from lenet_helpers.plots import (
    claims,
    comparison,
    data,
    expressions,
    feature_maps,
    lenet_1998,
    model,
    pad,
    prediction,
    training,
)
from lenet_helpers.plots.style import save_figure, show

FIGURES = {
    **claims.FIGURES,
    **comparison.FIGURES,
    **data.FIGURES,
    **expressions.FIGURES,
    **feature_maps.FIGURES,
    **lenet_1998.FIGURES,
    **model.FIGURES,
    **pad.FIGURES,
    **prediction.FIGURES,
    **training.FIGURES,
}

__all__ = ["FIGURES", "save_figure", "show"]
