"""What pyproject.toml cannot say."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


class InPlace(build_py):
    """Only `pip install -e .`: lessons, weights and results stay in the folder of the course."""

    def run(self) -> None:
        """Refuse a copy of the package, which would find none of them."""
        if not self.editable_mode:
            sys.exit(
                "The course runs in its own folder, where its lessons and weights are; "
                "install it there with: python -m pip install -e ."
            )
        super().run()


lines = (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines()
setup(
    cmdclass={"build_py": InPlace},
    install_requires=[line for line in lines if line.strip() and line[0] not in "#-"],
)
