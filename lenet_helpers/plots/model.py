"""Figures of lesson 02."""

from __future__ import annotations

from lenet_helpers.plots.captions import FigureText

FIGURES: dict[str, FigureText] = {}
