"""Comparison over seeds: parallel, failing, killed, kept, saved, on a cluster; and the study."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import replace
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from conftest import assert_is_of_today, command
from torch import nn
from torchvision.transforms import v2
from typer.testing import CliRunner

from lenet_helpers.commands import command_line
from lenet_helpers.commands.command_line import app
from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.recipes import find_recipe
from lenet_helpers.studies import runner
from lenet_helpers.studies.bn_dropout import variants_of
from lenet_helpers.studies.records import Comparison, Run, cross, describe
from lenet_helpers.studies.runner import Study, compare, load_study, train_run
from lenet_helpers.studies.statistics import LEVEL, paired_variants

FEW = 640  # training images: these tests are about the runs, not about the networks


def short_variants() -> dict:
    arms = variants_of("sgd-plain")
    return {name: replace(arm, epochs=1, train_size=FEW) for name, arm in arms.items()}


def outcome(comparison: Comparison) -> dict:
    """What must not depend on who trained it."""
    return {r.run: (r.test_accuracy, r.test_loss, r.weights) for r in comparison.records}


def children_of(process_id: int) -> list[int]:
    """The loky workers of a process."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    found = re.findall(rf"^\s*(\d+)\s+{process_id}\s.*popen_loky", listed, re.M)
    return [int(number) for number in found]


@pytest.fixture(scope="module")
def with_failures(data_dir) -> Comparison:
    arms = short_variants()
    arms["wild"] = replace(arms["none"], learning_rate=1e30)
    arms["broken"] = replace(arms["none"], model=partial(LeNet5, image_size=3))
    return compare(cross(arms, [0]), data_dir, processes=2, progress=False)


@pytest.fixture(scope="module")
def compared(with_failures) -> Comparison:
    good = [record for record in with_failures.records if record.variant in short_variants()]
    return Comparison(good, describe(cross(short_variants(), [0])), with_failures.versions)


def test_every_variant_is_trained_with_every_seed():
    runs = cross(variants_of("course"), [3, 5])
    assert [(run.variant, run.seed) for run in runs] == [
        (variant, seed) for seed in (3, 5) for variant in ("none", "batch norm", "dropout", "both")
    ]


def test_the_arms_have_the_layers_they_say():
    arms = variants_of("course", dropout=0.25)
    kinds = {name: {type(m).__name__ for m in arm.model().modules()} for name, arm in arms.items()}
    for name, has_norm, has_dropout in (
        ("none", False, False),
        ("batch norm", True, False),
        ("dropout", False, True),
        ("both", True, True),
    ):
        assert ("BatchNorm2d" in kinds[name], "Dropout" in kinds[name]) == (has_norm, has_dropout)
    assert arms["dropout"].model().classifier.dropout1.p == 0.25
    assert all(replace(arm, model=LeNet5) == find_recipe("course") for arm in arms.values())


def test_records_say_what_was_trained_and_what_it_gave(compared):
    assert len(compared.records) == 4
    for record in compared.records:
        assert record.error is None
        assert record.train_images == FEW
        assert record.parameters == 61_706 + 44 * (record.variant in ("batch norm", "both"))
        assert record.column("epoch") == [1]
        assert record.column("validation_accuracy") == [round(record.test_accuracy, 6)]
        assert record.cpu_seconds > 0
    assert len({record.weights for record in compared.records}) == 4


def test_parallel_runs_give_what_one_run_after_another_gives(compared, data_dir):
    threads = torch.get_num_threads()
    one = train_run(Run("both", short_variants()["both"], 0), str(data_dir))
    assert outcome(compared)[one.run] == (one.test_accuracy, one.test_loss, one.weights)
    assert torch.get_num_threads() == threads


def test_saved_and_loaded_it_is_the_same(compared, tmp_path):
    compared.save(tmp_path / "result.json")
    loaded = Comparison.load(tmp_path / "result.json")
    assert outcome(loaded) == outcome(compared)
    assert loaded.settings == compared.settings
    both = loaded.settings["sgd-plain"]["both"]
    assert both["model"] == "LeNet5(batch_norm=True, dropout=0.5)"
    assert both["train_size"] == FEW
    assert loaded.versions["torch"] == torch.__version__


@pytest.mark.parametrize("content", ["", "[]", '{"records": [{"seed": 1}]}', '{"records": 3}'])
def test_a_damaged_file_is_refused(content, tmp_path):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(CourseError, match=r"result\.json is not a saved comparison"):
        Comparison.load(tmp_path / "result.json")


def test_a_failing_run_is_a_record_and_loses_no_other(with_failures):
    errors = {record.variant: record.error for record in with_failures.failed}
    assert set(errors) == {"wild", "broken"}
    assert "CourseError: The loss is" in errors["wild"]
    assert "ValueError" in errors["broken"]
    assert len(with_failures.records) == 6


class KillsItsProcess(LeNet5):
    """A network that ends its process as if the system had run out of memory."""

    def __init__(self) -> None:
        super().__init__()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL and no ps")
@pytest.mark.lessons  # it takes long
def test_a_worker_killed_midway_is_reported_and_its_run_repeated(compared, data_dir, tmp_path):
    killed = []

    def kill_one_worker() -> None:
        """As soon as the first run is there, so that others are under way."""
        while not (tmp_path / "keep.json").exists():
            time.sleep(0.01)
        worker = children_of(os.getpid())[0]
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)

    thread = threading.Thread(target=kill_one_worker)
    thread.start()
    result = compare(
        cross(short_variants(), [0]),
        data_dir,
        processes=2,
        keep=tmp_path / "keep.json",
        progress=False,
    )
    thread.join()
    assert killed
    assert len(result.interruptions) == 1
    assert "A worker process died during sgd-plain" in result.interruptions[0]
    assert not result.failed
    assert outcome(result) == outcome(compared)


def test_no_processes_are_refused(data_dir):
    with pytest.raises(CourseError, match="0 processes train nothing"):
        compare(cross(short_variants(), [0]), data_dir, processes=0)


def test_ctrl_c_in_a_single_process_stops_the_study_and_keeps_no_half_run(data_dir, tmp_path):
    def interrupt(_images):
        raise KeyboardInterrupt

    arms = {"stopped": replace(short_variants()["none"], augment=interrupt)} | short_variants()
    keep = tmp_path / "keep.json"
    with pytest.raises(KeyboardInterrupt):
        compare(cross(arms, [0]), data_dir, processes=1, keep=keep, progress=False)
    assert not keep.exists()


def test_a_full_disk_stops_the_study(data_dir, tmp_path, monkeypatch):
    def full(*_):
        raise CourseError("Cannot write: no space left.")

    monkeypatch.setattr(Comparison, "save", full)
    settings = {"processes": 1, "keep": tmp_path / "k.json", "progress": False}
    with pytest.raises(CourseError, match="no space left"):
        compare(cross(short_variants(), [0]), data_dir, **settings)


def test_a_result_that_is_not_named_json_is_refused_before_the_training(tmp_path):
    result = command("study", "claims", "--output", tmp_path / "claims.md")
    assert result.returncode == 1
    assert "must have a name that ends in .json" in result.stderr


def test_a_stopped_comparison_goes_on_from_what_was_kept(compared, data_dir, tmp_path):
    keep = tmp_path / "keep.json"
    partly = Comparison(compared.records[:3], compared.settings, compared.versions)
    partly.save(keep)
    runs = cross(short_variants(), [0])
    again = compare(runs, data_dir, processes=2, keep=keep, progress=False)
    kept = {record.run: record for record in partly.records}
    assert {record.run: record for record in again.records[:3]} == kept  # its seconds too
    assert outcome(again) == outcome(compared)
    assert outcome(Comparison.load(keep)) == outcome(compared)


def test_what_was_kept_with_other_settings_is_refused(compared, data_dir, tmp_path):
    compared.save(tmp_path / "keep.json")
    other = {"none": replace(short_variants()["none"], learning_rate=0.02)}
    with pytest.raises(CourseError, match="other settings"):
        compare(cross(other, [0]), data_dir, keep=tmp_path / "keep.json", progress=False)


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        ({"model": partial(LeNet5, 1, 32)}, {"model": partial(LeNet5, 1, 28)}),
        (
            {"loss": nn.CrossEntropyLoss()},
            {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
        ),
        ({"augment": v2.RandomRotation(10)}, {"augment": v2.RandomRotation(20)}),
    ],
)
def test_what_was_kept_of_another_network_loss_or_augmentation_is_refused(
    kept, wanted, compared, data_dir, tmp_path
):
    recipe = short_variants()["none"]
    stale = describe(cross({"none": replace(recipe, **kept)}, [0]))
    Comparison(compared.records[:1], stale, compared.versions).save(tmp_path / "keep.json")
    runs = cross({"none": replace(recipe, **wanted)}, [0])
    with pytest.raises(CourseError, match="other settings"):
        compare(runs, data_dir, keep=tmp_path / "keep.json", progress=False)


def test_a_hyperparameter_of_numpy_can_be_saved(compared, tmp_path):
    run = Run("none", replace(short_variants()["none"], learning_rate=np.float32(0.25)), 0)
    Comparison([], describe([run]), compared.versions).save(tmp_path / "result.json")
    saved = Comparison.load(tmp_path / "result.json").settings["sgd-plain"]["none"]
    assert saved["learning_rate"] == 0.25


@pytest.mark.lessons  # it takes long
def test_dask_workers_give_the_same_numbers(compared, data_dir, tmp_path):
    distributed = pytest.importorskip("distributed")  # requirements-cluster.txt
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        result = compare(cross(short_variants(), [0]), data_dir, progress=False)
    assert outcome(result) == outcome(compared)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL and no ps")
def test_the_command_reports_a_run_that_kills_its_worker_and_keeps_the_rest(
    compared, data_dir, tmp_path, monkeypatch
):
    arms = {**short_variants(), "deadly": replace(short_variants()["none"], model=KillsItsProcess)}
    deadly = Study(lambda seeds: cross(arms, range(seeds)), seeds=10)
    monkeypatch.setattr(runner, "find_study", lambda _: deadly)
    monkeypatch.setattr(command_line, "ROOT", tmp_path)  # where the partial result goes
    output = tmp_path / "result.json"
    options = ["study", "deadly", "--seeds", "1", "--processes", "2"]
    options += ["--output", str(output), "--data-dir", str(data_dir)]
    shown = CliRunner().invoke(app, options)
    assert isinstance(shown.exception, CourseError)  # main() makes it one line and exit status 1
    assert "1 runs failed" in str(shown.exception)
    assert "A worker process died during sgd-plain" in shown.output
    assert "sgd-plain deadly 0 failed" in shown.output
    assert "4 runs in" in shown.output
    result = Comparison.load(output)
    (failed,) = result.failed
    assert failed.run == ("sgd-plain", "deadly", 0)
    assert "worker process died" in failed.error
    good = {run: values for run, values in outcome(result).items() if run != failed.run}
    assert good == outcome(compared)
    (kept,) = (tmp_path / "build").glob("*.partial.json")  # to repeat only what failed
    assert len(Comparison.load(kept).records) == 5


# The committed study


@pytest.fixture(scope="module")
def study() -> Comparison:
    return load_study("bn_dropout")


def test_the_study_is_what_the_command_runs_today(study):
    assert_is_of_today("bn_dropout")
    assert {r.train_images for r in study.records} == {55_000, 60_000}


def test_the_study_has_enough_seeds_for_its_verdicts(study):
    pairs = paired_variants(study, "sgd-plain", "both", "none")
    smallest_p_value = 2 / 2 ** len(pairs)  # of the sign-flip test
    assert smallest_p_value < LEVEL / 3


def test_the_mode_alone_changes_no_weight(study):
    never = {record.seed: record for record in study.of("sgd-plain", "none")}
    switched = study.of("sgd-plain", "mode only")
    assert len(switched) == 2
    assert all(record.weights == never[record.seed].weights for record in switched)


@pytest.mark.lessons
def test_a_run_of_the_study_trained_again_has_the_same_accuracy(study, data_dir):
    record = study.of("course", "none")[0]
    again = train_run(Run("none", variants_of("course")["none"], record.seed), str(data_dir))
    assert again.error is None
    assert abs(again.test_accuracy - record.test_accuracy) <= 0.002
