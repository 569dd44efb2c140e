"""The playground's JavaScript, joined into one text for a page or for a widget.

A page that is opened from a folder may load no modules, and a widget is one module. So imports and
exports between our own files are taken out, and the files follow one another.
"""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).with_name("static")
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.M)
EXPORT = re.compile(r"^export (?=const|let|function|class|async)", re.M)


def join(name: str) -> str:
    """The module `static/<name>.js` and all that it imports, each once, what is used first."""
    joined: dict[str, str] = {}

    def add(each: str) -> None:
        if each in joined:
            return
        source = (STATIC / f"{each}.js").read_text(encoding="utf-8")
        for needed in IMPORT.findall(source):
            add(needed)
        joined[each] = EXPORT.sub("", IMPORT.sub("", source))

    add(name)
    return "\n".join(joined.values())
