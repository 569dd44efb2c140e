"""Tasks answer back: right answers are right in any form, wrong ones are told what is wrong."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import re

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from make_exercises import EXERCISES, make_exercises

from lenet_helpers.commands import lessons
from lenet_helpers.errors import CourseError
from lenet_helpers.exercises import answers, check, hint, progress, solution
from lenet_helpers.exercises.record import record_file
from lenet_helpers.exercises.registry import MODULES, find_task, tasks_of
from lenet_helpers.exercises.task import NOT_STARTED, NOT_YET, RIGHT, judge

NAMES = [name for lesson in MODULES for name in tasks_of(lesson)]
KNOWN = {lesson: importlib.import_module(f"answers_{lesson}") for lesson in MODULES}
SOURCES = sorted(answers.SOLUTIONS.glob("*.ipynb"))


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    """The tests of one student are not those of another, nor the reader's own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(answers, "_hints_given", {})


def cells_of(path):
    return nbformat.read(path, as_version=4).cells


def grade_ids(path) -> list[str]:
    return [
        cell.metadata.nbgrader.grade_id for cell in cells_of(path) if "nbgrader" in cell.metadata
    ]


def states_after_running(path, monkeypatch) -> dict[str, str]:
    """Run all code of a notebook, without a kernel; what each check says, by task."""
    said = {}

    def keep(name, answer):
        said[name] = judge(find_task(name), answer).state

    namespace: dict = {}
    monkeypatch.setattr("lenet_helpers.exercises.check", keep)
    for cell in cells_of(path):
        if cell.cell_type == "code":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(cell.source, namespace)
    return said


# ---- the notebooks


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_solution_is_right(path, monkeypatch):
    states = states_after_running(path, monkeypatch)
    assert states == dict.fromkeys(tasks_of(path.stem[:2]), RIGHT)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_untouched_exercises_run_and_nothing_is_started(path, monkeypatch):
    states = states_after_running(EXERCISES / path.name, monkeypatch)
    assert states == dict.fromkeys(tasks_of(path.stem[:2]), NOT_STARTED)


def test_the_exercises_made_anew_are_the_committed_ones(tmp_path):
    made = make_exercises(tmp_path)
    assert [path.name for path in made] == sorted(path.name for path in EXERCISES.glob("*.ipynb"))
    for path in made:
        assert path.read_text("utf-8") == (EXERCISES / path.name).read_text("utf-8"), path.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_line_of_a_solution_is_in_the_exercises(path):
    exercises = "\n".join(cell.source for cell in cells_of(EXERCISES / path.name)).splitlines()
    region = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.S)
    source = "\n".join(cell.source for cell in cells_of(path))
    given = region.sub("", source).splitlines()  # a line to be mended may stand in both
    solved = "".join(region.findall(source)).splitlines()
    assert "# your code" in map(str.strip, exercises)
    assert not {line for line in solved if line.strip()} - set(given) & set(exercises)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_notebook_and_checks_name_the_same_tasks(path):
    names = list(tasks_of(path.stem[:2]))
    assert grade_ids(path) == [each for name in names for each in (name, f"{name}-check")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_last_task_is_open_and_its_model_answer_folded(path):
    name = f"{path.stem[:2]}-{len(tasks_of(path.stem[:2])) + 1}"
    text = "\n".join(cell.source for cell in cells_of(EXERCISES / path.name))
    assert f"## {name} · Open: " in text
    assert f"<details><summary>Model answer to {name}</summary>" in text


@pytest.mark.parametrize("path", lessons.find_lessons(), ids=lambda path: path.stem)
def test_a_lesson_has_tasks_enough_and_names_each_where_it_teaches(path):
    names = tasks_of(path.stem[:2])
    assert len(names) >= 5
    lesson = "\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "markdown")
    for name in [*names, f"{path.stem[:2]}-{len(names) + 1}"]:
        assert f"[{name}](exercises/{path.name})" in lesson, name


# ---- what is said of an answer


@pytest.mark.parametrize("name", NAMES)
def test_each_wrong_answer_gets_its_own_words(name):
    wrong = KNOWN[name[:2]].WRONG[name]
    said = [judge(find_task(name), answer) for answer, _ in wrong]
    assert len(wrong) >= 2
    for verdict, (_, words) in zip(said, wrong, strict=True):
        assert verdict.state == NOT_YET
        assert words in verdict.words
    assert len({verdict.words for verdict in said}) == len(said)


def test_a_word_that_is_none_of_those_to_choose_from_is_named():
    verdicts = ("agrees", "cannot tell", "cannot tel", "disagrees", "cannot tell")
    said = judge(find_task("09-2"), verdicts)
    assert said.words == "'cannot tel' is none of the words that the task gives."


@pytest.mark.parametrize("name", NAMES)
def test_a_right_answer_in_another_form_is_right(name):
    for answer in KNOWN[name[:2]].RIGHT[name]:
        verdict = judge(find_task(name), answer)
        assert verdict.state == RIGHT, verdict.words


JUNK = st.sampled_from(
    [math.nan, math.inf, -math.inf, "", "junk", b"\x00", {}, set(), [], (), [[]], object(), json,
     torch.nn.Linear(2, 2), torch.nn, np.zeros((0, 3)), torch.full((2, 3, 4, 5), math.nan), [None],
     Ellipsis, None, NotImplemented, type, print, 1j, [1, [2, 3]], ["a", 1], np.array("x"),
     torch.tensor([]), Exception("x"), range(0), iter(()), lambda: 1, lambda *_: math.nan,
     lambda *_: "junk", lambda *_: json, lambda *_: torch.zeros(1, 2, 3, 4, 5, 6), lambda *_: [[]]]
)  # fmt: skip


@settings(max_examples=1200, deadline=None)
@given(name=st.sampled_from(NAMES), junk=st.recursive(JUNK, lambda j: st.lists(j, max_size=4)))
def test_junk_is_never_right_and_never_raises(name, junk):
    assert judge(find_task(name), junk).state != RIGHT


def test_an_exception_is_told_with_its_line_and_without_ours():
    def divide(size, kernel, padding, stride):
        return size / (padding - padding) + kernel + stride

    words = judge(find_task("02-2"), divide).words
    assert "ZeroDivisionError" in words
    assert "return size / (padding - padding) + kernel + stride" in words
    assert "judge" not in words


def test_a_loop_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr("lenet_helpers.exercises.task.SECONDS", 0.3)

    def endless(*_):
        while True:
            with contextlib.suppress(Exception):
                math.sqrt(2)

    assert "was stopped" in judge(find_task("02-2"), endless).words


def test_an_answer_that_changes_what_it_is_given_is_judged_by_what_it_returns():
    def convolve(image, kernels, biases):
        result = torch.nn.functional.conv2d(image[None], kernels, biases)[0]
        image.zero_()
        return result

    assert judge(find_task("02-3"), convolve).state == RIGHT


def test_a_check_leaves_the_number_of_threads_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        judge(find_task("02-3"), torch.zeros(1))
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["02-99", "99-1", "", "two", None])
def test_a_task_that_is_not_there_is_said_in_words(name):
    with pytest.raises(CourseError, match="There is no task"):
        check(name, 1)


# ---- what a student sees


def test_what_is_said_is_a_mark_and_words_as_text_and_as_html():
    said = check("02-4", 416)
    assert repr(said).startswith("✗ 02-4 not yet: It looks as if")
    assert 'role="status"' in said._repr_html_()
    assert "<" not in check("02-1", "<b>")._repr_html_().partition("</strong>")[2].removesuffix(
        "</div>"
    )


def test_hints_come_one_after_another_and_then_the_solution_is_named():
    hints = find_task("02-1").hints
    texts = [hint("02-1").text for _ in range(len(hints) + 1)]
    for number, (text, words) in enumerate(zip(texts, hints, strict=False), start=1):
        assert text == f"Hint {number} of {len(hints)}: {words}"
    assert 'solution("02-1")' in texts[-1]


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_shows_code_and_why(name):
    code, _, why = solution(name).text.partition("```\n")
    assert "###" not in code
    assert "= ..." not in code
    assert len(why.split()) > 15


def test_progress_counts_what_was_right_and_survives_a_new_session():
    check("02-1", 4)
    check("02-4", 416)
    assert "| 02 | ✓ ○" in progress().text
    assert json.loads(record_file().read_text())["done"] == ["02-1"]


def test_a_damaged_record_is_said_in_words_and_left_alone():
    record_file().parent.mkdir(parents=True)
    record_file().write_text("{")
    with pytest.raises(CourseError, match="is damaged"):
        progress()
    with pytest.raises(CourseError, match="is damaged"):
        check("02-1", 4)
    assert record_file().read_text() == "{"


@pytest.mark.parametrize("answer", [416, ...])
def test_while_nbgrader_marks_a_wrong_or_missing_answer_raises_with_the_same_words(
    answer, monkeypatch
):
    words = repr(check("02-4", answer))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(AssertionError) as raised:
        check("02-4", answer)
    assert str(raised.value) == words
    check("02-4", 2416)
    assert not record_file().exists()  # an instructor's machine keeps no student's progress
