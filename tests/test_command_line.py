"""The command line as a user meets it: what it prints, and its exit status."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import torch
from conftest import command, lenet
from safetensors.numpy import load_file

from lenet_helpers import recipes
from lenet_helpers.checkpoints import load_weights
from lenet_helpers.commands import doctor
from lenet_helpers.data import MNIST, Batches, Split
from lenet_helpers.files import ROOT
from lenet_helpers.mnist_files import MD5
from lenet_helpers.model import LeNet5
from lenet_helpers.training import evaluate

MISTAKES = [
    (["train", "slow"], "Error: There is no recipe 'slow'. Choose one of quick, course"),
    (["run", "99"], "Error: There is no lesson '99'. Choose from 01_data, 02_model"),
    (["run", "03", "--set", "EPOCH=3"], "Error: No lesson asked for has a parameter EPOCH."),
    (["run", "03", "--set", "EPOCHS=many"], "Error: EPOCHS='many' does not do"),
    (["run", "03", "--set", "EPOCHS"], "Error: --set EPOCHS is not of the form NAME=VALUE."),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_an_error_is_one_line_and_exit_status_1(arguments, message):
    result = command(*arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [MISTAKES[0][0], MISTAKES[3][0]])
def test_a_process_of_its_own_says_the_same_and_no_more(arguments):
    process, here = lenet(*arguments), command(*arguments)
    assert process.returncode == here.returncode
    assert (process.stdout, process.stderr) == (here.stdout, here.stderr)


def test_a_mistyped_command_is_exit_status_2_and_names_a_near_one():
    result = command("rn")
    assert result.returncode == 2
    assert "No such command 'rn'. Did you mean 'run'?" in result.stderr


def test_a_traceback_comes_only_with_debug():
    plain, debug = command("train", "slow"), lenet("--debug", "train", "slow")
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr
    assert debug.returncode == 1


def test_help_lists_the_commands():
    result = lenet("--help")
    assert result.returncode == 0
    for name in ("run", "data", "train", "doctor"):
        assert name in result.stdout


def test_data_says_where_mnist_is(data_dir):
    result = command("data", "--data-dir", data_dir)
    assert result.returncode == 0
    assert "MNIST" in result.stdout
    assert "whole" in result.stdout


def test_train_prints_the_test_accuracy_of_the_weights_it_writes(mnist, tmp_path, monkeypatch):
    few = MNIST(*(Split(split.images[:1000], split.labels[:1000]) for split in mnist))
    monkeypatch.setattr(recipes, "load_recipe_data", lambda *_: few)
    result = command("train", "quick", "--seed", "1", "--weights", tmp_path / "weights")
    assert result.returncode == 0, result.stderr
    model = LeNet5()
    load_weights(model, tmp_path / "weights")
    measured = evaluate(model, Batches(few.test, 1000))
    assert f"test accuracy {measured.accuracy:.2%}, loss {measured.loss:.4f}\n" in result.stdout


def test_weights_that_cannot_be_written_are_refused_before_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "train_recipe", pytest.fail)
    result = command("train", "quick", "--weights", tmp_path)
    assert result.returncode == 1
    assert "is a folder" in result.stderr


def test_ctrl_c_ends_train_with_130_without_a_look_at_the_test_set(mnist, tmp_path, monkeypatch):
    """And keeps the checkpoint, from which the same command goes on."""
    few = mnist._replace(train=Split(mnist.train.images[:640], mnist.train.labels[:640]))
    pressed = []

    class StopsInTheSecondEpoch(Batches):
        def __iter__(self):
            if self.shuffle and (tmp_path / "state").exists() and not pressed:
                pressed.append(True)
                raise KeyboardInterrupt
            return super().__iter__()

    monkeypatch.setattr(recipes, "load_recipe_data", lambda *_: few)
    monkeypatch.setattr(recipes, "Batches", StopsInTheSecondEpoch)
    monkeypatch.setattr(recipes, "evaluate", pytest.fail)  # the one look at the test set
    result = command("train", "course", "--checkpoint", tmp_path / "state")
    assert result.returncode == 130
    assert "epoch 1: training" in result.stdout
    assert "Stopped after 1 of 3 epochs" in result.stdout
    monkeypatch.setattr(recipes, "evaluate", evaluate)
    result = command("train", "course", "--checkpoint", tmp_path / "state")
    assert result.returncode == 0
    assert "epoch 3: training" in result.stdout
    assert "test accuracy" in result.stdout


@pytest.mark.lessons
def test_train_quick_reaches_98_3_per_cent(data_dir, tmp_path):
    weights = tmp_path / "quick.safetensors"
    result = lenet("train", "quick", "--seed", "1", "--weights", weights, "--data-dir", data_dir)
    assert result.returncode == 0, result.stderr
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("test accuracy"))
    assert float(line.split()[2].rstrip("%,")) >= 98.3
    assert sum(tensor.size for tensor in load_file(weights).values()) == 61_706


def test_run_without_lessons_is_an_error(tmp_path, monkeypatch):
    from lenet_helpers.commands import lessons

    monkeypatch.setattr(lessons.find_lessons, "__defaults__", (None, tmp_path))
    result = command("run", "--quick")
    assert result.returncode == 1
    assert f"There are no lessons in {tmp_path}." in result.stderr
    assert "Done" not in result.stdout


def test_run_refuses_a_bad_lesson_before_it_runs_any(tmp_path):
    result = command("run", "01", "99", "--output", tmp_path / "out")
    assert result.returncode == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.lessons
def test_run_quick_executes_a_lesson_and_says_where_the_copy_is(tmp_path):
    result = lenet("run", "2", "--quick", "--output", tmp_path, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "[1/1] 02_model" in result.stdout
    assert "02_model.ipynb" in result.stdout
    copy = nbformat.read(tmp_path / "02_model.ipynb", as_version=4)
    assert all(cell.execution_count for cell in copy.cells if cell.cell_type == "code")


def test_doctor_is_content_here(data_dir):
    result = command("doctor", "--data-dir", data_dir)
    assert result.returncode == 0, result.stdout
    assert metadata.version("torch") in result.stdout
    assert "MEND" not in result.stdout


def test_doctor_finds_data_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "check_packages", lambda _: [])  # they take time, and are well
    result = command("doctor", "--data-dir", tmp_path)
    assert result.returncode == 1
    assert "MEND  MNIST" in result.stdout
    assert "to mend it: python -m lenet_helpers data" in result.stdout


def test_doctor_finds_a_device_that_is_not_there(monkeypatch):
    monkeypatch.setenv("LENET_DEVICE", "toaster")
    finding = doctor.check_device()
    assert "LENET_DEVICE is 'toaster', which cannot be used here" in finding.detail
    assert finding.mend == "unset LENET_DEVICE"


@pytest.mark.skipif(torch.cuda.is_available(), reason="a card that works is here")
def test_doctor_finds_a_card_that_fails_and_names_the_way_without_it(tmp_path, monkeypatch):
    # Every Python process runs this module first. PyTorch then says that it has a card.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if any('pick_device' in word for word in sys.orig_argv):\n"
        "    import torch\n"
        "    torch.cuda.is_available = lambda: True\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.delenv("LENET_DEVICE", raising=False)
    finding = doctor.check_device()
    assert "cuda is there but does not work" in finding.detail
    assert finding.mend == "set LENET_DEVICE=cpu"


def test_doctor_finds_damaged_data(mnist_raw, tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MD5:
        (raw / name).write_bytes((mnist_raw / name).read_bytes())
    assert doctor.check_data(tmp_path).mend is None
    (raw / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    finding = doctor.check_data(tmp_path)
    assert finding.detail == "damaged: train-labels-idx1-ubyte"
    assert finding.mend


def test_doctor_finds_data_that_cannot_be_read(tmp_path, monkeypatch):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MD5:
        (raw / name).write_bytes(b"there")

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    finding = doctor.check_data(tmp_path)
    assert "cannot be read" in finding.detail
    assert "right to read" in finding.mend


@pytest.mark.parametrize(("version", "well"), [((3, 10, 9), False), ((3, 11, 0), True)])
def test_doctor_finds_a_python_that_is_too_old(version, well):
    assert (doctor.check_python(version).mend is None) is well


def test_doctor_finds_missing_and_mismatched_packages(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\nnumpy>=1\ntorch==0.1\nno-such-package\n-e .\n")
    well, mismatched, missing = doctor.check_packages(requirements)
    assert well.mend is None
    assert "the course needs ==0.1" in mismatched.detail
    assert missing.detail == "missing"
    assert "pip install -c constraints.txt -r requirements.txt" in missing.mend


@pytest.fixture
def broken_packages(tmp_path, monkeypatch) -> Path:
    """A folder of packages that every Python process finds first, and that cannot be imported."""
    for name, code in {
        "torch": "raise OSError('libcudart.so: cannot open shared object file')",
        "skimage": "import os; os._exit(139)",  # as a fault in compiled code
        "tqdm": "import packages_that_is_not_there",
    }.items():
        (tmp_path / f"{name}.py").write_text(code)
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), known]))
    return tmp_path


@pytest.mark.usefixtures("broken_packages")
def test_doctor_imports_each_package_and_goes_on_after_one_that_does_not():
    errors = doctor.import_errors(["torch", "json", "skimage", "tqdm", "packaging"])
    assert errors == {
        "torch": "OSError: libcudart.so: cannot open shared object file",
        "skimage": "it ends Python (status 139)",
        "tqdm": "ModuleNotFoundError: No module named 'packages_that_is_not_there'",
    }


@pytest.mark.usefixtures("broken_packages")
def test_doctor_says_one_line_to_mend_a_package_that_does_not_import(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("torch\npackaging\n")
    broken, well = doctor.check_packages(requirements)
    version = metadata.version("torch")
    assert broken.detail.startswith(f"{version} does not import: OSError: libcudart")
    assert broken.mend.endswith(f"pip install --force-reinstall --no-deps torch=={version}")
    assert well.mend is None


@pytest.mark.parametrize("package", ["torch", "jupyter-client", "pillow"])
def test_doctor_looks_at_the_rest_when_a_package_does_not_import(package, data_dir, monkeypatch):
    broken = doctor.Finding(package, "does not import", "install it")
    monkeypatch.setattr(doctor, "check_packages", lambda _: [broken])
    looked_at = {finding.what for finding in doctor.examine(data_dir)}
    needed = {"torch": {"device"}, "jupyter-client": {"kernel python3"}}.get(package, set())
    everything = {"Python", "lenet_helpers", "device", "kernel python3", "MNIST", "disk"}
    assert looked_at == {package} | everything - needed


def test_doctor_finds_that_the_lessons_import_another_checkout(tmp_path, monkeypatch):
    assert doctor.check_checkout().mend is None
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    finding = doctor.check_checkout()
    assert "the lessons import another one" in finding.detail
    assert finding.mend.endswith(f'pip install --no-deps -e "{tmp_path}"')


def test_doctor_finds_that_the_lessons_cannot_import_the_package(tmp_path, monkeypatch):
    (tmp_path / "lenet_helpers.py").write_text("import a_folder_that_was_moved")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert doctor.check_checkout().detail == "the lessons cannot import it"


def test_doctor_finds_a_missing_kernel_and_one_of_another_python(tmp_path, monkeypatch):
    from jupyter_client import kernelspec

    assert doctor.check_kernel().mend is None

    def missing(_manager, name):
        raise kernelspec.NoSuchKernel(name)

    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", missing)
    assert doctor.check_kernel().detail == "missing"

    other = kernelspec.KernelSpec(argv=[str(tmp_path / "python3"), "-m", "ipykernel_launcher"])
    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", lambda *_: other)
    finding = doctor.check_kernel()
    assert "another Python" in finding.detail
    assert "ipykernel install" in finding.mend


def test_doctor_finds_a_full_disk(tmp_path, monkeypatch):
    assert doctor.check_disk(tmp_path / "not" / "there" / "yet").mend is None
    usage = doctor.shutil.disk_usage(tmp_path)._replace(free=10_000_000)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert "free at least 1 GB" in doctor.check_disk(tmp_path).mend


def test_what_the_console_cannot_show_is_replaced_and_the_command_goes_on(data_dir, tmp_path):
    folder = tmp_path / "≈"
    shutil.copytree(data_dir / "MNIST", folder / "MNIST")
    result = lenet("data", "--data-dir", folder, PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("raw, and whole.\n")
    assert "?" in result.stdout


def test_doctor_speaks_when_nothing_is_installed(tmp_path):
    package = ROOT / "lenet_helpers"
    shutil.copytree(package, tmp_path / "lenet_helpers")  # Windows lets few people make links
    result = subprocess.run(
        [sys.executable, "-S", "-m", "lenet_helpers", "doctor"],  # -S: no installed packages
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 1
    assert "pip install -c constraints.txt -r requirements.txt" in result.stderr
    assert "Traceback" not in result.stderr
