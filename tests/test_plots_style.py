"""How figures are made, shown and saved."""

from __future__ import annotations

import base64

import matplotlib
import numpy as np
import pytest

from lenet_helpers.plots import FIGURES, save_figure, show, style
from lenet_helpers.plots import training as plots
from lenet_helpers.training import Epoch, History


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_picture_gives_the_same_bytes(tmp_path, kind):
    for name in ("one", "two"):
        save_figure(plots.cross_entropy_curve(), name, tmp_path, formats=[kind])
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_a_saved_figure_holds_no_version_and_no_date(tmp_path):
    save_figure(plots.cross_entropy_curve(), "a", tmp_path, formats=["png", "svg", "pdf"])
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert matplotlib.__version__.encode() not in content, path.suffix
        assert b"CreationDate" not in content
        assert b"dc:date" not in content


def test_the_resolution_is_the_callers(tmp_path):
    save_figure(plots.cross_entropy_curve(), "low", tmp_path, dpi=100)
    save_figure(plots.cross_entropy_curve(), "high", tmp_path, dpi=600)
    width = [
        int.from_bytes((tmp_path / f"{name}.png").read_bytes()[16:20], "big")  # PNG header, IHDR
        for name in ("low", "high")
    ]
    assert width == [round(style.WIDTH * 100), round(style.WIDTH * 600)]


def test_the_readers_own_settings_stay():
    before = dict(matplotlib.rcParams)
    plots.cross_entropy_curve()
    assert dict(matplotlib.rcParams) == before


def test_the_readers_own_settings_do_not_change_a_figure(tmp_path):
    save_figure(plots.cross_entropy_curve(), "one", tmp_path)
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.dpi": 30}):
        save_figure(plots.cross_entropy_curve(), "two", tmp_path)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_show_gives_the_picture_with_its_words_and_saves_it(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(style, "display", lambda bundle, **_: shown.append(bundle))
    show(plots.cross_entropy_curve(), "03_cross_entropy", tmp_path)
    (bundle,) = shown
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"] == FIGURES["03_cross_entropy"].alternative_text
    assert (tmp_path / "03_cross_entropy.png").exists()


def test_show_saves_nothing_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(style, "display", lambda *_, **__: None)
    show(plots.cross_entropy_curve(), "03_cross_entropy", None)
    assert not list(tmp_path.iterdir())


def test_every_figure_has_a_caption_of_one_sentence_and_alternative_text():
    for name, words in FIGURES.items():
        assert words.caption.endswith("."), name
        assert len(words.alternative_text) > 30, name


def test_smoothing_is_the_mean_of_the_last_losses():
    losses = np.random.default_rng(0).random(100)
    expected = [losses[max(0, i - 39) : i + 1].mean() for i in range(100)]
    np.testing.assert_allclose(plots.smoothed(losses), expected)


def test_learning_curves_show_the_history():
    history = History([Epoch(n, 0.5 / n, 0.9, 0.4 / n, 0.95, 1.0, 0.1) for n in (1, 2, 3)])
    accuracy, loss = plots.learning_curves(history).axes
    assert [list(line.get_ydata()) for line in accuracy.lines] == [[0.9] * 3, [0.95] * 3]
    assert list(loss.lines[1].get_ydata()) == [0.4, 0.2, 0.4 / 3]


def test_the_confusion_matrix_writes_each_count_into_its_cell():
    counts = np.diag([5, 6, 7])
    counts[0, 2] = 3
    (ax,) = plots.confusion_matrix(counts).axes
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written == {(0, 0): "5", (1, 1): "6", (2, 2): "7", (2, 0): "3"}
