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
from typing import NamedTuple

from lenet_helpers.files import ROOT

OLDEST_PYTHON = (3, 11)
FREE_GIGABYTES = 1.0  # MNIST needs 0.06; executed lessons, checkpoints and figures the rest
IMPORT_SECONDS = 300  # the first import of all packages from a slow disk takes a minute
# Where a package is imported under another name than it is installed under.
IMPORT_NAMES = {"scikit-image": "skimage", "pillow": "PIL", "ipython": "IPython"}
IMPORTER = """
import importlib, sys
for name in sys.argv[1:]:
    print("try", name, flush=True)  # before it: the import may end this process
    try:
        importlib.import_module(name)
    except BaseException as error:
        words = " ".join(str(error).split())
        print("bad", name, type(error).__name__ + ": " + words[:200], flush=True)
    else:
        print("well", name, *getattr(sys.modules[name], "__path__", []), flush=True)
"""


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    detail: str
    mend: str | None  # how to mend it; None when it is well


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
    text = ".".join(map(str, version))
    wanted = ".".join(map(str, OLDEST_PYTHON))
    mend = None if version >= OLDEST_PYTHON else f"install Python {wanted} or newer"
    return Finding("Python", text, mend)


def check_packages(requirements: Path) -> list[Finding]:
    """Whether each package of a requirements file is there, in its version, and imports."""
    install = f"{_pip()} -c constraints.txt -r requirements.txt"
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return [Finding("packages", "not installed", install)]
    lines = requirements.read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line.strip() and line[0] not in "#-"]
    modules = {one.name: IMPORT_NAMES.get(one.name, one.name.replace("-", "_")) for one in wanted}
    errors = import_errors(list(modules.values()))
    findings = []
    for one in wanted:
        error = errors.get(modules[one.name])
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            findings.append(Finding(one.name, "missing", install))
            continue
        if not one.specifier.contains(version, prereleases=True):
            detail = f"{version}, but the course needs {one.specifier}"
            findings.append(Finding(one.name, detail, install))
        elif error:
            again = f"{_pip()} --force-reinstall --no-deps {one.name}=={version}"
            findings.append(Finding(one.name, f"{version} does not import: {error}", again))
        else:
            findings.append(Finding(one.name, version, None))
    return findings


def import_errors(modules: list[str]) -> dict[str, str]:
    """Why modules cannot be imported: a child process tries them, outside this folder.

    A module that ends the process is blamed, and the others are tried without it.
    """
    errors = {}
    while left := [module for module in modules if module not in errors]:
        lines, end = _import(left)
        errors |= {words[1]: words[2] for words in lines if words[0] == "bad"}
        if end is None:
            break
        errors[lines[-1][1] if lines else left[0]] = end
    return errors


def _import(modules: list[str]) -> tuple[list[list[str]], str | None]:
    """What the importing process reported of each module, and how it ended, if badly."""
    try:
        child = subprocess.run(
            [sys.executable, "-c", IMPORTER, *modules],
            capture_output=True,
            text=True,
            errors="replace",
            cwd=tempfile.gettempdir(),
            timeout=IMPORT_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        output, end = (late.stdout or b"").decode(errors="replace"), "it takes minutes"
    else:
        output = child.stdout
        end = f"it ends Python (status {child.returncode})" if child.returncode else None
    lines = (line.split(maxsplit=2) for line in output.splitlines())
    return [words for words in lines if words and words[0] in ("try", "bad", "well")], end


def check_checkout() -> Finding:
    """Whether `import lenet_helpers`, as the lessons do it, finds the package of this folder."""
    mend = f'make lab, or without make: {_pip()} --no-deps -e "{ROOT}"'
    lines, _ = _import(["lenet_helpers"])
    found = Path(lines[-1][2]) if lines and lines[-1][0] == "well" else None
    if found is None:
        return Finding("lenet_helpers", "the lessons cannot import it", mend)
    if found.resolve() != ROOT / "lenet_helpers":
        return Finding("lenet_helpers", f"the lessons import another one: {found}", mend)
    return Finding("lenet_helpers", "of this folder", None)


def _pip() -> str:
    """This Python's pip, as it is called from the folder of the course."""
    python = Path(sys.executable)
    name = python.relative_to(ROOT) if python.is_relative_to(ROOT) else python
    return f"{name} -m pip install"


def check_device() -> Finding:
    """Where networks are trained; a device that is there but fails is told apart."""
    code = "from lenet_helpers.training import pick_device; print(pick_device())"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, errors="replace", cwd=ROOT
    )
    *notes, device = child.stdout.splitlines() or [""]
    if child.returncode:
        error = child.stderr.strip().splitlines() or [f"Python ended, status {child.returncode}"]
        asked = "unset LENET_DEVICE" if "LENET_DEVICE" in os.environ else "set LENET_DEVICE=cpu"
        return Finding("device", re.sub(r"^[\w.]+Error: ", "", error[-1]), asked)
    if notes:
        return Finding("device", " ".join(notes), "set LENET_DEVICE=cpu")
    return Finding("device", device, None)


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
