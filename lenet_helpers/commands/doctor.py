"""Find what is missing for the course, and say how to mend it.

Imports only Python's own library at its top: it has to run when packages are missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from lenet_helpers.files import ROOT

OLDEST_PYTHON = (3, 11)
FREE_GIGABYTES = 1.0  # MNIST needs 0.06; executed lessons, checkpoints and figures the rest
LONGEST_SECONDS = 300  # the first import of all packages from a slow disk takes a minute
# Where a package is imported under another name than it is installed under.
IMPORT_NAMES = {"scikit-image": "skimage", "pillow": "PIL", "ipython": "IPython"}


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    detail: str
    mend: str | None = None  # how to mend it; None when it is well


def examine(data_dir: Path) -> list[Finding]:
    """Python, packages, this checkout, device, kernel, data and disk, in this order.

    A package that does not import leaves out only what needs it.
    """
    packages = check_packages(ROOT / "requirements.txt")
    broken = {finding.what for finding in packages if finding.mend}
    findings = [check_python(sys.version_info[:3]), *packages, check_checkout()]
    if not broken & {"packages", "torch", "numpy", "safetensors", "tqdm"}:
        findings.append(check_device())
    if not broken & {"packages", "jupyter-client", "traitlets"}:
        findings.append(check_kernel())
    if not broken & {"packages", "filelock", "tqdm"}:
        findings.append(check_data(data_dir))
    return [*findings, check_disk(data_dir)]


def check_python(version: tuple[int, ...]) -> Finding:
    """Whether Python is new enough."""
    wanted = ".".join(map(str, OLDEST_PYTHON))
    mend = None if version >= OLDEST_PYTHON else f"install Python {wanted} or newer"
    return Finding("Python", ".".join(map(str, version)), mend)


def check_packages(requirements: Path) -> list[Finding]:
    """Whether each package of a requirements file is there, in its version, and imports."""
    install = f"{_pip()} -c constraints.txt -r requirements.txt"
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return [Finding("packages", "not installed", install)]
    lines = requirements.read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line.strip() and line[0] not in "#-"]
    errors = import_errors([one.name for one in wanted])
    return [_check_package(one, errors.get(one.name), install) for one in wanted]


def _check_package(wanted: Any, error: str | None, install: str) -> Finding:
    """Whether the package of one `Requirement` is there, in its version, and without `error`."""
    name = wanted.name
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, "missing", install)
    if not wanted.specifier.contains(version, prereleases=True):
        return Finding(name, f"{version}, but the course needs {wanted.specifier}", install)
    if error:
        mend = f"{_pip()} --force-reinstall --no-deps {name}=={version}"
        return Finding(name, f"{version} does not import: {error}", mend)
    return Finding(name, version)


def import_errors(packages: list[str]) -> dict[str, str]:
    """Why packages cannot be imported: if not all can, each is tried in a process of its own."""
    imports = [f"import {IMPORT_NAMES.get(name, name.replace('-', '_'))}" for name in packages]
    if _python("; ".join(imports))[1] is None:
        return {}
    errors = {name: _python(one)[1] for name, one in zip(packages, imports, strict=True)}
    return {name: error[:200] for name, error in errors.items() if error}


def _python(code: str, folder: Path | None = None) -> tuple[list[str], str | None]:
    """Lines that a Python of its own prints, and the error that ends it, in one line.

    It runs in a folder that is not the course's unless one is named, and may end of what it runs.
    """
    program, place = [sys.executable, "-c", code], folder or tempfile.gettempdir()
    captured = {"capture_output": True, "text": True, "errors": "replace"}
    try:
        child = subprocess.run(program, cwd=place, timeout=LONGEST_SECONDS, **captured)
    except subprocess.TimeoutExpired:
        return [], "it takes minutes"
    # the frames of a traceback are indented; below the last one stand the error and its words
    error = re.search(r"^\w.*", child.stderr.rpartition("Traceback")[2], re.MULTILINE | re.DOTALL)
    if child.returncode == 1 and error:
        return [], " ".join(error[0].split())
    ended = f"it ends Python (status {child.returncode})" if child.returncode else None
    return child.stdout.splitlines(), ended


def check_checkout() -> Finding:
    """Whether `import lenet_helpers`, as the lessons do it, finds the package of this folder."""
    mend = f'make lab, or without make: {_pip()} --no-deps -e "{ROOT}"'
    printed, error = _python("import lenet_helpers; print(lenet_helpers.__path__[0])")
    if error:
        return Finding("lenet_helpers", "the lessons cannot import it", mend)
    found = Path(printed[-1])
    if found.resolve() != ROOT / "lenet_helpers":
        return Finding("lenet_helpers", f"the lessons import another one: {found}", mend)
    return Finding("lenet_helpers", "of this folder")


def _pip() -> str:
    """This Python's pip, as it is called from the folder of the course."""
    python = Path(sys.executable)
    name = python.relative_to(ROOT) if python.is_relative_to(ROOT) else python
    return f"{name} -m pip install"


def check_device() -> Finding:
    """Where networks are trained; a device that is there but fails is told apart."""
    code = "from lenet_helpers.training import pick_device; print(pick_device())"
    printed, error = _python(code, ROOT)
    if error:
        asked = "unset LENET_DEVICE" if "LENET_DEVICE" in os.environ else "set LENET_DEVICE=cpu"
        return Finding("device", re.sub(r"^[\w.]+Error: ", "", error), asked)
    *notes, device = printed
    mend = "set LENET_DEVICE=cpu" if notes else None
    return Finding("device", " ".join(notes or [device]), mend)


def check_kernel() -> Finding:
    """Whether the kernel `python3`, which the lessons ask for, is this very Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    install = f"{_pip().removesuffix('pip install')}ipykernel install --sys-prefix"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("kernel python3", "missing", install)
    program = spec.argv[0]
    # Jupyter replaces a bare "python" by the Python that it runs in itself.
    if Path(program).name == program or Path(program) == Path(sys.executable):
        return Finding("kernel python3", "this Python")
    mend = f"remove that kernel (jupyter kernelspec remove python3), then {install}"
    return Finding("kernel python3", f"another Python ({program})", mend)


def check_data(data_dir: Path) -> Finding:
    """Whether the four files of MNIST are there and whole."""
    from lenet_helpers.mnist_files import MD5, missing_files

    folder = data_dir / "MNIST" / "raw"
    where = "" if data_dir == ROOT / "data" else f" --data-dir {data_dir}"
    try:
        missing = missing_files(folder)
    except OSError as error:
        detail = f"cannot be read: {error.filename} ({error.strerror})"
        return Finding("MNIST", detail, f"give yourself the right to read {folder}")
    if not missing:
        return Finding("MNIST", f"{len(MD5)} files, whole")
    damaged = [name for name in missing if (folder / name).exists()]
    what = f"damaged: {', '.join(damaged)}" if damaged else f"not there yet: {', '.join(missing)}"
    return Finding("MNIST", what, f"python -m lenet_helpers data{where}")


def check_disk(data_dir: Path) -> Finding:
    """Whether there is room for data and results."""
    # os.path, since a folder that is closed to us is no error to it
    existing = next(filter(os.path.exists, [data_dir, *data_dir.parents]))
    free = shutil.disk_usage(existing).free / 1e9
    mend = f"free at least {FREE_GIGABYTES:.0f} GB of disk space"
    return Finding("disk", f"{free:.1f} GB free", None if free >= FREE_GIGABYTES else mend)
