"""The package as a whole."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from lenet_helpers.files import ROOT

MODULES = sorted((ROOT / "lenet_helpers").rglob("*.py"))
# where a package is imported under another name than it is installed under
IMPORT_NAMES = {
    "scikit-image": "skimage",
    "pillow": "PIL",
    "ipython": "IPython",
    "jupyter-client": "jupyter_client",
}


def declared_imports() -> set[str]:
    """Names that may be imported: Python's own, the kit's, and those in requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [re.match(r"[\w-]*", line).group() for line in lines if not line.startswith("#")]
    own = {"lenet_helpers", *sys.stdlib_module_names}
    return own | {IMPORT_NAMES.get(name, name) for name in names}


def imports_of(source: str) -> set[str]:
    """First parts of the names that `source` imports."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module)
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_what_is_declared(path: Path):
    assert imports_of(path.read_text(encoding="utf-8")) <= declared_imports()


def test_nothing_imports_the_command_line_or_the_runner_but_the_command_line():
    for path in MODULES:
        if path.parent.name != "commands" and path.stem != "__main__":
            source = path.read_text(encoding="utf-8")
            assert not re.search(r"lenet_helpers(\.| import )(__main__|commands)", source), path


def test_plots_import_no_trainer():
    for path in MODULES:
        if path.parent.name == "plots":
            source = path.read_text(encoding="utf-8").split("if TYPE_CHECKING:")[0]
            assert not re.search(r"lenet_helpers\.(training|recipes|studies.runner)", source), path
