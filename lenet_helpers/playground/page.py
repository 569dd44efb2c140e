"""Lesson 06: the drawing pad as a page of its own, served by Voilà to this machine only."""

from __future__ import annotations

import logging
import os
import socket

from lenet_helpers.errors import CourseError
from lenet_helpers.files import ROOT

NOTEBOOK = ROOT / "notebooks" / "demo.ipynb"
TEMPLATES = ROOT / "lenet_helpers" / "playground" / "static"  # holds voila/templates/lenet
HOST = "127.0.0.1"
PORT = 8866


def free_port(wanted: int | None) -> int:
    """The wanted port; without a wish the usual one, or any other if that is taken.

    Raises
    ------
    CourseError
        If the wanted port cannot be had.
    """
    for port in [wanted] if wanted is not None else [PORT, 0]:
        with socket.socket() as probe:
            if os.name == "posix":  # a port whose last connections still close is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return probe.getsockname()[1]
            except (OSError, OverflowError) as error:
                reason = error
    raise CourseError(
        f"Port {wanted} cannot be used: {reason}. Without --port a free one is taken."
    )


def serve(port: int, open_browser: bool) -> None:
    """Serve the page until Ctrl-C; every visitor gets a Python of their own.

    Raises
    ------
    CourseError
        If Voilà is not installed.
    """
    try:
        from voila.app import Voila
    except ModuleNotFoundError as error:
        raise CourseError(
            f"The page needs the package {error.name}: "
            "python -m pip install -c constraints.txt -r requirements.txt"
        ) from error
    known = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join([str(TEMPLATES), *([known] if known else [])])
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one digit is read sooner without more
    logging.getLogger("tornado.general").setLevel(logging.ERROR)  # it warns of its own defaults
    Voila.launch_instance(
        [
            str(NOTEBOOK),
            f"--Voila.ip={HOST}",
            f"--port={port}",
            "--Voila.port_retries=0",
            f"--Voila.open_browser={open_browser}",
            "--template=lenet",
            "--Voila.log_level=ERROR",
            # The Python of a closed page, 0.8 GB, ends after 20 s; a page cannot end its own.
            "--MappingKernelManager.cull_idle_timeout=20",
            "--MappingKernelManager.cull_interval=5",
            "--KernelManager.transport_encryption=auto",  # without it each kernel prints a warning
        ]
    )
