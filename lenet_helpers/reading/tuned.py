"""Lessons 06 and 08: every number that was tuned to read pictures, from tuned.toml.

All of them were set by hand. Those for tight, tiny, faint and small digits, for sheets on desks and
for printed lines were set on `tests/scenes.py`, with other seeds than those they were checked on;
SOFT also on scikit-learn's small digits. NOTHING and TEMPERATURE were set on pen drawings of other
hands, which are not part of the kit. The history says of the others only that they came together
with the kit's rendered pictures (`data/pictures`). Whoever changes one should run `make read` and
`python -m lenet_helpers evaluate` on the three folders of pictures, before and after.

What is not there is a definition (MNIST's sizes), geometry, or a limit of format and memory.

`tuned.BEAM` is the number BEAM of the file, whatever table it stands in, and so on.
`GEOMETRY[symbol]` has the size and the place of each symbol.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_SIZES = _TABLES.pop("GEOMETRY").items()
GEOMETRY = {symbol: size for symbols, size in _SIZES for symbol in symbols}
for _numbers in _TABLES.values():
    globals().update(_numbers)
