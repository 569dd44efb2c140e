"""The package as a whole: what its modules may import, and how large they may be."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest

from lenet_helpers.files import ROOT

PACKAGE = ROOT / "lenet_helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
# The floors of the house from the ground up: a module imports only from floors above it in this
# list, and from its own room. What is imported late, by name, is exempt.
ORDER = (
    "errors",
    "files",
    "mnist_files",
    "data",
    "model",
    "random_state",
    "checkpoints",
    "training_faults",
    "evaluation",
    "training",
    "augmentation",
    "recipes",
    "feature_maps",
    "layers_1998",
    "lenet_1998",
    "reading",
    "pen",
    "studies",
    "playground",
    "exercises",
    "plots",
    "commands",
    "__main__",
)
# where a package is imported under another name than it is installed under
IMPORT_NAMES = {
    "scikit-image": "skimage",
    "pillow": "PIL",
    "ipython": "IPython",
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
}
LARGEST = 6_200  # lines of code of the whole package without the tasks, of which there are many
LARGEST_READING_AND_PEN = 1_653  # the same of these two rooms together
DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
TOKENS_WITHOUT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def declared_imports() -> set[str]:
    """Names that may be imported: Python's own, the kit's, and those in requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [re.match(r"[\w-]*", line).group() for line in lines if not line.startswith("#")]
    own = {"lenet_helpers", *sys.stdlib_module_names}
    return own | {IMPORT_NAMES.get(name, name) for name in names}


def modules_imported(tree: ast.AST) -> list[str]:
    """The modules that a syntax tree imports, with their dots."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def imports_of(source: str) -> set[str]:
    """First parts of the names that `source` imports."""
    return {name.split(".")[0] for name in modules_imported(ast.parse(source))}


def floor_of(dotted: str) -> int:
    """The place in `ORDER` of a name such as lenet_helpers.reading.digit.centre."""
    return ORDER.index(dotted.split(".")[1])


def docstring_lines(node: ast.AST) -> set[int]:
    """The lines of the docstring of a module, class or function."""
    if ast.get_docstring(node, clean=False) is None:
        return set()
    return set(range(node.body[0].lineno, node.body[0].end_lineno + 1))


def code_lines(path: Path) -> set[int]:
    """Numbers of the lines that hold code: no blanks, comments and docstrings."""
    source = path.read_text(encoding="utf-8")
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in TOKENS_WITHOUT_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DEFINITIONS | ast.Module):
            lines -= docstring_lines(node)
    return lines


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_is_declared(path: Path):
    assert imports_of(path.read_text(encoding="utf-8")) <= declared_imports()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_floors_above_it(path: Path):
    if path == PACKAGE / "__init__.py":
        return
    own = floor_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name in modules_imported(ast.parse(path.read_text(encoding="utf-8"))):
        if name.startswith("lenet_helpers."):
            assert floor_of(name) <= own, name


def test_nothing_but_the_commands_and_the_figures_draws_figures():
    for path in MODULES:
        if path.parent.name not in ("plots", "commands"):
            assert "lenet_helpers.plots" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_is_read_in_one_sitting_and_a_function_on_one_screen(path: Path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            length = node.end_lineno - node.lineno + 1 - len(docstring_lines(node))
            assert length <= 45, node.name


def test_the_package_stays_small():
    sizes = {path: len(code_lines(path)) for path in MODULES if path.parent.name != "exercises"}
    assert sum(sizes.values()) <= LARGEST
    assert sum(size for path, size in sizes.items() if path.parent == PACKAGE) <= 1800


def test_reading_and_pen_stay_small():
    rooms = [path for path in MODULES if path.parent.name in ("reading", "pen")]
    assert sum(len(code_lines(path)) for path in rooms) <= LARGEST_READING_AND_PEN


def test_every_tuned_number_has_one_place_and_is_used():
    reading = PACKAGE / "reading"
    tables = tomllib.loads((reading / "tuned.toml").read_text(encoding="utf-8"))
    tables["GEOMETRY"] = {"GEOMETRY": tables["GEOMETRY"]}
    names = [name for table in tables.values() for name in table]
    sources = "".join(path.read_text(encoding="utf-8") for path in reading.glob("*.py"))
    used = set(re.findall(r"\btuned\.([A-Z_]+)", sources))
    assert sorted(names) == sorted(used)


def test_the_table_of_the_package_names_every_module_and_room():
    table = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
    for path in PACKAGE.iterdir():
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem[:2] != "__":
            assert re.search(rf"\b{path.stem}\b", table), path.stem
