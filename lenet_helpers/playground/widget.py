"""Lesson 06: the playground in a notebook: draw, and watch one's own network read.

All of it runs in the browser, `static/*.js`: the pad, the network, and the explanation of each of
its numbers. Python hands over the weights and gets the strokes.
"""

from __future__ import annotations

import anywidget
import numpy as np
import traitlets

from lenet_helpers.checkpoints import weights_as_bytes
from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.playground.bundle import STATIC, join
from lenet_helpers.playground.strokes import render_strokes
from lenet_helpers.recipes import PRETRAINED

DOT = 280 / 8  # pixels of the pad: a smaller drawing is not made larger, as in playground.js


class Playground(anywidget.AnyWidget):
    """What `playground` gives. Displayed again it shows the last drawing."""

    _esm = join("widget") + "\nexport default { render };\n"
    _css = STATIC / "playground.css"

    networks = traitlets.Dict(help="weights as `save_weights` writes them, by name").tag(sync=True)
    guard = traitlets.CBytes(help="the same of the network that knows what is no digit").tag(
        sync=True
    )
    strokes = traitlets.List(help="each a list of points x, y on a pad of 280×280").tag(sync=True)

    @property
    def image(self) -> np.ndarray | None:
        """The drawing as MNIST would have it, grey levels 0…1, `(28, 28)`; None if there is none.

        It is the very image that the network in the browser reads, until single pixels of that
        one are edited: they stay in the browser.
        """
        return render_strokes([np.array(stroke) for stroke in self.strokes], DOT)

    def use(self, model: LeNet5) -> None:
        """Take the weights that `model` has now."""
        name = next(iter(self.networks))
        self.networks = self.networks | {name: _weights_of(model)}

    def __repr__(self) -> str:  # what stands in its place where no widget can be shown
        return "A pad to draw a digit on, and the network. It appears when this cell is run."


def playground(model: LeNet5, name: str = "this network") -> Playground:
    """A pad, and what `model` makes of a drawing, in every layer, while it is drawn.

    Beside it the kit's `course` and `best` can be chosen. The weights are those of now:
    `Playground.use` takes newer ones.

    Raises
    ------
    CourseError
        If the model is no plain `LeNet5` for grey images.
    """
    kit = {each: (PRETRAINED / f"{each}.safetensors").read_bytes() for each in ("course", "best")}
    guard = (PRETRAINED / "characters.safetensors").read_bytes()
    return Playground(networks={name: _weights_of(model)} | kit, guard=guard)


def _weights_of(model: LeNet5) -> bytes:
    arguments = getattr(model, "arguments", None)
    if arguments is None or arguments["in_channels"] != 1:
        raise CourseError("The playground shows a LeNet5 of lesson 02 for grey images only.")
    return weights_as_bytes(model)
