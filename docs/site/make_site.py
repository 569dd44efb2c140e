"""Make the site: `make site` writes build/site, which opens from the folder without a network.

MathJax, which sets the formulas, comes from npm once and stays in build/mathjax. If the environment
names a repository, SITE_REPOSITORY=OWNER/NAME, lessons can be opened in Colab and Binder.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
VERSION = "3.2.2"  # the last whose fonts are in the one file that draws formulas
FILES = {"package/es5/tex-svg.js": "tex-svg.js", "package/LICENSE": "LICENSE-MathJax"}


def fetch_mathjax(folder: Path) -> None:
    """Put MathJax and its licence into a folder, unless they are there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # of two processes, the second finds them there
        if all((folder / name).exists() for name in FILES.values()):
            return
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("The site needs npm once, to fetch MathJax: install Node.js with npm.")
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            pack = [npm, "pack", f"mathjax@{VERSION}", "--silent", "--pack-destination", scratch]
            if subprocess.run(pack, cwd=scratch, stdout=subprocess.DEVNULL).returncode:
                sys.exit("npm could not fetch MathJax (see above). It needs the network this once.")
            whole = Path(scratch) / "mathjax"
            whole.mkdir()
            with tarfile.open(Path(scratch) / f"mathjax-{VERSION}.tgz") as archive:
                for source, name in FILES.items():
                    (whole / name).write_bytes(archive.extractfile(source).read())
            shutil.rmtree(folder, ignore_errors=True)
            whole.rename(folder)


def make_site(target: Path) -> None:
    """Build the site beside its place, and put it there when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="site-") as scratch:
        new = Path(scratch) / "html"
        sphinx = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
        folders = ["-c", ROOT / "docs", "-d", Path(scratch) / "doctrees", ROOT, new]
        made = subprocess.run([*sphinx, *folders], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        if made.returncode:
            sys.exit(f"{what_is_wrong(made.stderr)}\nThe site was not made.")
        (new / ".nojekyll").touch()  # GitHub would leave out folders that begin with _
        shutil.rmtree(target, ignore_errors=True)
        new.rename(target)


def what_is_wrong(said: str) -> str:
    """Sphinx's warnings; of a report on an exception, with its traceback, the exception alone."""
    exceptions = re.findall(r"^ *(\w+Error: .*)", said, re.M)
    return exceptions[-1] if "Traceback" in said and exceptions else said.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    target = parser.parse_args().output.resolve()
    repository = os.environ.get("SITE_REPOSITORY", "")
    if repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        sys.exit(f"SITE_REPOSITORY is {repository!r}; write it as OWNER/NAME.")
    try:
        fetch_mathjax(ROOT / "build" / "mathjax")
        make_site(target)
    except OSError as error:
        sys.exit(f"The site cannot be written: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. Nothing was changed.")
    print(f"The site is in {target}: open index.html there.")


if __name__ == "__main__":
    main()
