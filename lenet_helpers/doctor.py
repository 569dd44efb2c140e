"""Find what is missing for the course, and say how to mend it.

Imports only Python's own library at its top: it has to run when packages are missing.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = (3, 11)
FREE_GIGABYTES = 1.0  # MNIST needs 0.06; executed lessons, checkpoints and figures the rest


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    detail: str
    mend: str | None  # how to mend it; None when it is well


def examine(data_dir: Path) -> list[Finding]:
    """Python, packages, device, kernel, data and disk, in this order."""
    findings = [check_python(sys.version_info[:3]), *check_packages(ROOT / "requirements.txt")]
    if all(finding.mend is None for finding in findings):  # the rest needs the packages
        findings += [check_device(), check_kernel(), check_data(data_dir)]
    return [*findings, check_disk(data_dir)]


def check_python(version: tuple[int, ...]) -> Finding:
    """Whether Python is new enough."""
    text = ".".join(map(str, version))
    wanted = ".".join(map(str, OLDEST_PYTHON))
    mend = None if version >= OLDEST_PYTHON else f"install Python {wanted} or newer"
    return Finding("Python", text, mend)


def check_packages(requirements: Path) -> list[Finding]:
    """Whether each package of a requirements file is there, in a version that it allows."""
    install = f"{Path(sys.executable).name} -m pip install -r requirements.txt"
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return [Finding("packages", "not installed", install)]
    findings = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith(("#", "-")):
            continue
        wanted = Requirement(line)
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            findings.append(Finding(wanted.name, "missing", install))
            continue
        if wanted.specifier.contains(version, prereleases=True):
            findings.append(Finding(wanted.name, version, None))
        else:
            detail = f"{version}, but the course needs {wanted.specifier}"
            findings.append(Finding(wanted.name, detail, install))
    return findings


def check_device() -> Finding:
    """Where networks are trained, and why there."""
    from lenet_helpers.errors import CourseError
    from lenet_helpers.training import pick_device

    try:
        return Finding("device", str(pick_device()), None)
    except CourseError as error:
        return Finding("device", str(error), "unset LENET_DEVICE")


def check_kernel() -> Finding:
    """Whether the kernel `python3`, which the lessons ask for, is this very Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    install = f"{Path(sys.executable).name} -m ipykernel install --sys-prefix"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel python3", "missing", install)
    program = spec.argv[0]
    # Jupyter replaces a bare "python" by the Python that it runs in itself.
    if Path(program).name == program or Path(program) == Path(sys.executable):
        return Finding("kernel python3", "this Python", None)
    mend = f"remove that kernel (jupyter kernelspec remove python3), then {install}"
    return Finding("kernel python3", f"another Python ({program})", mend)


def check_data(data_dir: Path) -> Finding:
    """Whether the four files of MNIST are there and whole."""
    from lenet_helpers.mnist_files import MD5, missing_files

    folder = data_dir / "MNIST" / "raw"
    fetch = f"python -m lenet_helpers data --data-dir {data_dir}"
    if data_dir == ROOT / "data":
        fetch = "python -m lenet_helpers data"
    try:
        missing = missing_files(folder)
    except OSError as error:
        detail = f"cannot be read: {error.filename} ({error.strerror})"
        return Finding("MNIST", detail, f"give yourself the right to read {folder}")
    if not missing:
        return Finding("MNIST", f"{len(MD5)} files, whole", None)
    damaged = [name for name in missing if (folder / name).exists()]
    if damaged:
        return Finding("MNIST", f"damaged: {', '.join(damaged)}", fetch)
    return Finding("MNIST", f"not there yet: {', '.join(missing)}", fetch)


def check_disk(data_dir: Path) -> Finding:
    """Whether there is room for data and results."""
    folders = [data_dir, *data_dir.parents]
    existing = next(folder for folder in folders if os.path.exists(folder))  # no error if closed
    free = shutil.disk_usage(existing).free / 1e9
    mend = (
        None if free >= FREE_GIGABYTES else f"free at least {FREE_GIGABYTES:.0f} GB of disk space"
    )
    return Finding("disk", f"{free:.1f} GB free", mend)
