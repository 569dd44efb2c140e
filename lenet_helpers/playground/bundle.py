"""The playground's JavaScript, joined into one text for a page or for a widget.

A page that is opened from a folder may load no modules, and a widget is one module. So each file
becomes a function that hands out what it exports, and the files follow one another.
"""

from __future__ import annotations

import re
from pathlib import Path

STATIC = Path(__file__).with_name("static")
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.M)
EXPORT = re.compile(r"^export (?:const|function|class) (\w+)", re.M)


def join(name: str) -> str:
    """The module `static/<name>.js` and all that it imports, each once, what is used first."""
    joined: dict[str, str] = {}

    def add(each: str) -> None:
        if each in joined:
            return
        source = (STATIC / f"{each}.js").read_text(encoding="utf-8")
        for needed in IMPORT.findall(source):
            add(needed)
        names = ", ".join(EXPORT.findall(source))
        body = IMPORT.sub("", source).replace("\nexport ", "\n")
        joined[each] = f"const {{ {names} }} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();"

    add(name)
    return "\n".join(joined.values())
