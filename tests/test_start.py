"""What is imported, and what is not: half of a command's time went into what it never used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lenet_helpers.files import ROOT
from lenet_helpers.pen import photos

PREDICT = """
import sys
from lenet_helpers.commands.command_line import main
sys.argv = ["lenet_helpers", "predict", sys.argv[1]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
PICTURE = next(photos.PICTURES.glob("3_*.jpg"))


def modules_after(code: str, *arguments: str) -> set[str]:
    """Names of all modules that a new Python has imported after it ran `code`."""
    code += "\nimport sys\nprint('modules:', *sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import lenet_helpers.data", "torchvision scipy skimage matplotlib IPython"),
        (PREDICT, "torchvision matplotlib scipy.stats scipy.signal IPython papermill nbformat"),
    ],
    ids=["data", "predict"],
)
def test_nothing_is_imported_that_takes_seconds_and_is_not_used(code, unwanted):
    loaded = modules_after(code, str(PICTURE))
    assert "torch" in loaded
    assert loaded.isdisjoint(unwanted.split())
