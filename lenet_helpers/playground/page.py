"""Lesson 06: the playground as a page that needs no Python: opened from the disk, or served."""

from __future__ import annotations

import base64
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template

from lenet_helpers.files import ROOT, refused, write_whole
from lenet_helpers.playground.bundle import STATIC, join
from lenet_helpers.recipes import PRETRAINED

FOLDER = ROOT / "build" / "playground"
HOST = "127.0.0.1"


def write_page(folder: Path = FOLDER) -> Path:
    """Write the page, and beside it what it loads on demand; gives the path of the page.

    Raises
    ------
    CourseError
        If the folder cannot be written.
    """
    style = "".join((STATIC / name).read_text("utf-8") for name in ("playground.css", "page.css"))
    parts = {"style": style, "course": _network("course"), "script": join("page")}
    page = Template((STATIC / "page.html").read_text("utf-8")).substitute(parts)
    write_networks(folder, "best", "characters")
    write_whole(folder / "index.html", page.encode())
    return folder / "index.html"


def write_networks(folder: Path, *names: str) -> None:
    """Write networks that a page can load, each a script, into `networks` in the page's folder."""
    for name in names:
        write_whole(folder / "networks" / f"{name}.js", _network(name).encode())


def _network(name: str) -> str:
    """A script that hands over the weights of a network."""
    weights = base64.b64encode((PRETRAINED / f"{name}.safetensors").read_bytes()).decode()
    return f'(window.LENET_NETWORKS ??= {{}}).{name} = "{weights}";'


def serve_page(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the page's files, to this machine only; `serve_forever` runs it.

    Raises
    ------
    CourseError
        If the port cannot be had.
    """
    with refused(f"Port {port} cannot be used", "Choose another one, or leave --port out."):
        return ThreadingHTTPServer(
            (HOST, port), partial(SimpleHTTPRequestHandler, directory=folder)
        )
