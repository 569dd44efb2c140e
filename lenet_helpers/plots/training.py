"""Figures of lesson 03."""

from __future__ import annotations

from lenet_helpers.plots.captions import FigureText

FIGURES: dict[str, FigureText] = {}
