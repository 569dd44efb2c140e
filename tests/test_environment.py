"""What an installation is made of: the Makefile's environment, versions, and the package's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from lenet_helpers.files import ROOT

needs_make = pytest.mark.skipif(
    os.name == "nt" or shutil.which("make") is None, reason="needs make, and a POSIX system"
)


def make(folder: Path, *arguments: str) -> str:
    """What `make` prints there; it must end well."""
    result = subprocess.run(
        ["make", "--no-print-directory", f"PYTHON={sys.executable}", *arguments],
        cwd=folder,
        env=os.environ | {"LC_ALL": "C"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """A checkout whose environment the Makefile has made; it requires no packages."""
    folder = tmp_path_factory.mktemp("fresh") / "course"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml", "setup.py"):
        (folder / name).touch()
    make(folder, ".venv/.installed")
    return folder


@pytest.fixture
def checkout(fresh, tmp_path) -> Path:
    """A copy in another folder."""
    return shutil.copytree(fresh, tmp_path / "elsewhere", symlinks=True)


def assert_mended(folder: Path) -> None:
    """`make` makes the environment anew, once, and its programs run."""
    assert "it is made anew" in make(folder, ".venv/.installed")
    pip = subprocess.run([folder / ".venv/bin/pip", "--version"], capture_output=True, text=True)
    assert str(folder) in pip.stdout
    assert "up to date" in make(folder, ".venv/.installed")


@needs_make
def test_an_environment_that_is_well_is_left_alone(fresh):
    assert "up to date" in make(fresh, ".venv/.installed")


@needs_make
def test_a_checkout_that_was_moved_gets_a_new_environment(checkout):
    assert_mended(checkout)


@needs_make
def test_an_environment_whose_python_is_gone_is_made_anew(fresh):
    for link in (fresh / ".venv/bin").glob("python*"):
        link.unlink()
        link.symlink_to("/no/such/python")
    assert_mended(fresh)


@needs_make
def test_an_environment_whose_python_was_upgraded_is_made_anew(fresh):
    (packages,) = (fresh / ".venv/lib").glob("python3.*")
    packages.rename(packages.with_name("python3.0"))  # today's Python looks elsewhere
    assert_mended(fresh)


@needs_make
def test_an_installation_that_was_broken_off_goes_on_with_what_is_there(fresh):
    (fresh / ".venv/.installed").unlink()
    (fresh / ".venv/marker").touch()
    assert "anew" not in make(fresh, ".venv/.installed")
    assert (fresh / ".venv/marker").exists()


@needs_make
def test_what_make_installs_is_bound_to_the_versions_that_ci_ran(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in (
        "requirements",
        "requirements-dev",
        "requirements-cluster",
        "requirements-class",
        "constraints",
    ):
        (tmp_path / f"{name}.txt").touch()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "setup.py").touch()
    installs = re.findall(r"pip install .*", make(tmp_path, "-n", ".venv/.installed-dev"))
    assert len(installs) == 2
    assert all(" -c constraints.txt " in line for line in installs)


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and line[0] not in "#-"]


def constraints() -> dict[str, Version]:
    """Exact version of each package, by its normalised name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {re.sub("[-_.]+", "-", name).lower(): Version(text) for name, text in pairs}


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-cluster.txt",
        "requirements-class.txt",
    ],
)
def test_the_exact_versions_satisfy_the_requirements(name):
    exact = constraints()
    for one in requirements(name):
        assert one.specifier.contains(exact[one.name], prereleases=True), one


def test_no_exact_version_is_of_one_build_alone():
    assert not [name for name, version in constraints().items() if version.local]


@pytest.fixture
def source(tmp_path) -> Path:
    """What the package is built from."""
    for name in ("setup.py", "pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "lenet_helpers", tmp_path / "lenet_helpers")
    return tmp_path


def pip_install(source: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Install into `source/target` without a network."""
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    return subprocess.run(
        [*command, "--target", "target", *arguments], cwd=source, capture_output=True, text=True
    )


def test_a_copy_of_the_package_without_its_lessons_is_refused_in_one_sentence(source):
    result = pip_install(source, ".")
    assert result.returncode == 1
    assert "install it there with: python -m pip install -e ." in result.stdout + result.stderr
    assert not (source / "target").exists()


def test_the_installed_package_declares_what_it_needs(source):
    assert pip_install(source, "-e", ".").returncode == 0
    (described,) = source.glob("target/lenet_helpers-*.dist-info/METADATA")
    declared = re.findall("^Requires-Dist: (.*)", described.read_text(encoding="utf-8"), re.M)
    assert set(map(Requirement, declared)) == set(requirements("requirements.txt"))


def test_the_newest_version_in_the_changelog_is_the_package_s():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1]
    assert f'version = "{newest}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
