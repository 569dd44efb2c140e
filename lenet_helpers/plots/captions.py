"""What stands under each figure, and what is read out in its place, from captions.toml."""

import tomllib
from pathlib import Path
from typing import NamedTuple


class FigureText(NamedTuple):
    """The words that belong to one figure of the gallery."""

    caption: str  # one sentence: what the figure shows
    alternative_text: str  # the picture in words, for who cannot see it


_TEXTS = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
FIGURES = {name: FigureText(**words) for name, words in tomllib.loads(_TEXTS).items()}
