"""The runner of the lessons: what it lets through and what it does not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from PIL import Image

from lenet_helpers.commands import lessons
from lenet_helpers.commands.lessons import (
    choose_parameters,
    figures_folder,
    find_lessons,
    read_settings,
    run_lesson,
)
from lenet_helpers.errors import CourseError
from lenet_helpers.plots import style


def write_lesson(folder: Path, *sources: str, quick: dict | None = None, name="01_small") -> Path:
    """A lesson with a parameters cell and one cell for each source."""
    v4 = nbformat.v4
    parameters = v4.new_code_cell(
        "EPOCHS = 3  # a number\nRATE = 0.1\nNAME = 'a'\nFIGURES_DIR = None",
        metadata={"tags": ["parameters"]},
    )
    notebook = v4.new_notebook(cells=[parameters, *map(v4.new_code_cell, sources)])
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.metadata["quick"] = quick or {}
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


class Sound(NamedTuple):
    """A sound lesson that was run."""

    path: Path
    before: bytes  # what the file held
    result: lessons.LessonRun
    printed: list[str]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Sound:
    folder = tmp_path_factory.mktemp("sound")
    (folder / "beside.txt").write_text("here")
    path = write_lesson(folder, "print(EPOCHS * 2)", "print(open('beside.txt').read())")
    before = path.read_bytes()
    result = run_lesson(path, {"EPOCHS": 21}, folder / "out")
    cells = nbformat.read(result.copy, as_version=4).cells
    printed = [output.text for cell in cells for output in cell.get("outputs", [])]
    return Sound(path, before, result, printed)


def test_a_sound_lesson_runs_with_the_parameters_it_was_given(sound):
    assert sound.result.failure is None
    assert "42\n" in sound.printed


def test_the_committed_notebook_is_not_changed(sound):
    assert sound.path.read_bytes() == sound.before


def test_a_lesson_runs_in_its_own_folder(sound):
    assert "here\n" in sound.printed


def test_a_raising_cell_fails_with_its_source_and_error_and_keeps_the_copy(tmp_path):
    path = write_lesson(tmp_path, "print('before')", "wrong = 1 / 0", "print('after')")
    result = run_lesson(path, {}, tmp_path / "out")
    assert "wrong = 1 / 0" in result.failure
    assert "ZeroDivisionError: division by zero" in result.failure
    assert "before" in result.copy.read_text()


@pytest.mark.parametrize("leave", ["exit()", "import sys\nsys.exit(0)", "quit()"])
def test_a_cell_that_leaves_early_fails(tmp_path, leave):
    path = write_lesson(tmp_path, leave, "assert False, 'never reached'")
    assert run_lesson(path, {}, tmp_path / "out").failure


def test_a_last_cell_that_leaves_fails_too(tmp_path):
    path = write_lesson(tmp_path, "print('fine')", "import sys\nsys.exit(0)")
    assert run_lesson(path, {}, tmp_path / "out").failure


def test_a_kernel_that_dies_fails_with_the_cell(tmp_path):
    path = write_lesson(tmp_path, "import os\nos.kill(os.getpid(), 9)", "print('never')")
    result = run_lesson(path, {}, tmp_path / "out")
    assert "the kernel died" in result.failure
    assert "os.kill" in result.failure


def test_a_mistyped_parameter_is_refused_and_the_known_ones_are_named(tmp_path):
    path = write_lesson(tmp_path, "print(EPOCHS)")
    with pytest.raises(CourseError, match=r"parameter EPOCH\. There are: EPOCHS, .*NAME"):
        choose_parameters([path], {"EPOCH": 1})


def test_a_mistyped_name_in_the_quick_setting_is_refused(tmp_path):
    path = write_lesson(tmp_path, "print(EPOCHS)", quick={"EPOCH": 1})
    with pytest.raises(CourseError, match=r"01_small.ipynb sets EPOCH, which it does not have"):
        choose_parameters([path], {}, quick=True)


@pytest.mark.parametrize(
    ("name", "value", "well"),
    [
        ("EPOCHS", 5, True),
        ("EPOCHS", "five", False),
        ("EPOCHS", 0.5, False),
        ("EPOCHS", True, False),  # although True is an int to Python
        ("RATE", True, False),
        ("RATE", 1, True),
        ("RATE", "high", False),
        ("NAME", "b", True),
        ("FIGURES_DIR", "pictures", True),
    ],
)
def test_a_value_must_be_of_the_type_of_the_default(tmp_path, name, value, well):
    path = write_lesson(tmp_path, "print(EPOCHS)")
    if well:
        assert choose_parameters([path], {name: value}) == [{name: value}]
    else:
        with pytest.raises(CourseError, match=f"{name}={value!r} does not do"):
            choose_parameters([path], {name: value})


@pytest.fixture
def print_settings(monkeypatch):
    """What `figures_folder` sets in the environment ends with the test."""
    for name in (style.FORMATS_VARIABLE, style.DPI_VARIABLE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("print_settings")
def test_figures_go_to_the_gallery_and_for_print_elsewhere():
    assert figures_folder(False, None, None) is None
    assert figures_folder(True, None, None) == lessons.FIGURES
    assert figures_folder(True, ["pdf"], None) == lessons.FOR_PRINT
    assert figures_folder(False, None, 600) == lessons.FOR_PRINT, "a resolution asks for figures"


@pytest.mark.usefixtures("print_settings")
def test_a_lesson_writes_its_figures_in_the_formats_and_resolution_for_print(tmp_path):
    draw = (
        "from lenet_helpers.plots import show, training\n"
        "show(training.cross_entropy_curve(), '03_cross_entropy', FIGURES_DIR)"
    )
    figures_folder(True, ["png", "svg"], 600)
    path = write_lesson(tmp_path, draw)
    result = run_lesson(path, {"FIGURES_DIR": str(tmp_path)}, tmp_path / "out")
    assert result.failure is None
    assert {path.suffix for path in tmp_path.glob("03_*")} == {".png", ".svg"}
    with Image.open(tmp_path / "03_cross_entropy.png") as picture:
        assert picture.width == round(600 * style.WIDTH)


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(CourseError, match=r"gif.*png, svg, pdf"):
        figures_folder(True, ["gif"], None)


def test_a_setting_wins_over_the_quick_setting_and_figures_get_a_folder(tmp_path):
    path = write_lesson(tmp_path, "print(EPOCHS)", quick={"EPOCHS": 1, "RATE": 0.2})
    (chosen,) = choose_parameters([path], {"EPOCHS": 2}, quick=True, figures=tmp_path)
    assert chosen == {"EPOCHS": 2, "RATE": 0.2, "FIGURES_DIR": str(tmp_path.resolve())}


def test_a_setting_goes_to_the_lessons_that_have_it(tmp_path):
    first = write_lesson(tmp_path, "print(EPOCHS)")
    second = tmp_path / "02_other.ipynb"
    shutil.copy(first, second)
    notebook = nbformat.read(second, as_version=4)
    notebook.cells[0].source = "SEED = 1"
    nbformat.write(notebook, second)
    assert choose_parameters([first, second], {"EPOCHS": 2}) == [{"EPOCHS": 2}, {}]


def test_paths_become_absolute_since_the_kernels_run_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = read_settings(["DATA_DIR=mine", "MY_PICTURE=5.jpg", "FIGURES_DIR=None", "A_DIR=5"])
    assert settings["DATA_DIR"] == str(tmp_path / "mine")
    assert settings["MY_PICTURE"] == str(tmp_path / "5.jpg")
    assert settings["FIGURES_DIR"] is None
    assert settings["A_DIR"] == str(tmp_path / "5")


@pytest.mark.parametrize("quoted", ["{}", "'{}'", '"{}"', "r'{}'"])
@pytest.mark.parametrize("path", [r"C:\temp\new7.png", r"a\x41", "it's 'mine'", "{x}"])
def test_a_path_is_taken_as_it_was_typed_with_or_without_quotes(path, quoted):
    settings = read_settings([f"MY_PICTURE={quoted.format(path)}"])
    assert settings["MY_PICTURE"] == str(Path(path).resolve())


def test_a_tilde_in_a_path_is_the_home_folder(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    settings = read_settings(["DATA_DIR=~/x", "MY_PICTURE='~'", "MY_NUMBER=~$7.png"])
    assert settings["DATA_DIR"] == str(tmp_path / "x")
    assert settings["MY_PICTURE"] == str(tmp_path)
    assert settings["MY_NUMBER"] == str(Path("~$7.png").resolve())  # Windows has such files


@pytest.mark.parametrize("text", ["", " ", "''", "r''"])
def test_an_empty_path_is_refused(text):
    with pytest.raises(CourseError, match=r"names no path\. Write --set MY_PICTURE=None"):
        read_settings([f"MY_PICTURE={text}"])


def test_an_output_that_is_a_file_is_refused(tmp_path):
    path = write_lesson(tmp_path, "pass")
    with pytest.raises(CourseError, match=r"Cannot write to .*01_small"):
        run_lesson(path, {}, path)


def test_settings_are_read_as_python_values_or_text():
    assert read_settings(["EPOCHS=3", "RATE=0.5", "SIZE=None", "FIT=resize", "NAME=a=b"]) == {
        "EPOCHS": 3,
        "RATE": 0.5,
        "SIZE": None,
        "FIT": "resize",
        "NAME": "a=b",
    }


@pytest.mark.parametrize("name", ["1", "01", "01_small", "01_small.ipynb"])
def test_a_lesson_is_found_by_number_or_name(tmp_path, name):
    path = write_lesson(tmp_path, "pass")
    write_lesson(tmp_path, "pass", name="02_other")
    write_lesson(tmp_path, "pass", name="demo")
    assert find_lessons([name], tmp_path) == [path]


@pytest.mark.parametrize("absolute", [True, False])
def test_a_lesson_is_found_by_the_path_that_the_tab_key_completes(tmp_path, absolute, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    path = write_lesson(tmp_path / "notebooks", "pass")
    monkeypatch.chdir(tmp_path)
    name = path if absolute else Path("notebooks") / path.name
    assert find_lessons([str(name)], tmp_path / "notebooks") == [path]


def test_a_notebook_of_another_folder_is_no_lesson(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    write_lesson(tmp_path / "notebooks", "pass")
    write_lesson(tmp_path, "pass")
    monkeypatch.chdir(tmp_path / "notebooks")
    with pytest.raises(CourseError, match="There is no lesson"):
        find_lessons([str(Path("..") / "01_small.ipynb")], tmp_path / "notebooks")


def test_the_command_for_one_lesson_has_its_settings_and_no_others():
    assignments = ["EPOCHS=3", "MY_PICTURE=my 7.png", "OTHER=1"]
    words = lessons.command_alone("04_x", assignments, {"EPOCHS": 3, "MY_PICTURE": "/7"}, True)
    assert words.startswith("python -m lenet_helpers run 04 --quick --set EPOCHS=3 --set ")
    assert "my 7.png" in words
    assert "OTHER" not in words


def test_all_lessons_are_those_with_a_number(tmp_path):
    for name in ("02_other", "demo", "01_small"):
        write_lesson(tmp_path, "pass", name=name)
    assert [path.stem for path in find_lessons(None, tmp_path)] == ["01_small", "02_other"]


def test_an_unknown_lesson_is_refused(tmp_path):
    write_lesson(tmp_path, "pass")
    with pytest.raises(CourseError, match=r"no lesson '07'\. Choose from 01_small"):
        find_lessons(["07"], tmp_path)
