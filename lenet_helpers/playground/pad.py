"""Lesson 06: draw a digit, and watch the network read it.

The pad and the view of the network are widgets. Their part in the browser is static/*.js, sent by
Python itself, so that no request leaves the machine. The pad draws without Python and sends its
pixels after each stroke; Python answers with what the view draws.
"""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import ipywidgets
import matplotlib
import numpy as np
import traitlets
from torch import nn

from lenet_helpers.errors import CourseError
from lenet_helpers.feature_maps import capture
from lenet_helpers.reading.digit import Prepared, prepare_digit
from lenet_helpers.reading.pictures import Picture
from lenet_helpers.reading.prediction import predict
from lenet_helpers.reading.reader import read_one
from lenet_helpers.recipes import load_pretrained

STATIC = Path(__file__).with_name("static")
SIDE = 280  # pixels of the pad, as in pad.js
LAYERS = {
    "conv1": "features.activation1",
    "conv2": "features.activation2",
    "units": "classifier.activation4",
}
DOT = "There is only a dot on the pad: too small for a digit."
INVITATION = "Draw a digit. The network reads it after each stroke."


class DrawingPad(anywidget.AnyWidget):
    """A pad of 280×280 pixels for mouse, pen, finger or keyboard.

    Displayed twice it is the same pad, and it keeps the drawing when the page is loaded again.
    Functions given to `pad.observe(function, "picture")` are called after each stroke.
    """

    _esm = STATIC / "pad.js"
    _css = STATIC / "pad.css"

    pen = traitlets.Int(18, help="width of a stroke in pixels").tag(sync=True)
    strokes = traitlets.List(help="each a list of coordinates x, y, x, y, …").tag(sync=True)
    # Not sent back to the browsers: they draw the strokes.
    picture = traitlets.CBytes(bytes([255]) * SIDE**2, help="grey levels, row by row").tag(
        sync=True, echo_update=False
    )

    @traitlets.validate("picture")
    def _check_picture(self, proposal: dict[str, Any]) -> bytes:
        if len(proposal["value"]) != SIDE**2:
            raise traitlets.TraitError(f"picture needs {SIDE}×{SIDE} bytes, one for each pixel")
        return proposal["value"]

    @property
    def pixels(self) -> np.ndarray:
        """The drawing, `(280, 280)` uint8: paper is 255, ink is 0, as on the screen."""
        return np.frombuffer(self.picture, np.uint8).reshape(SIDE, SIDE).copy()

    def holds_a_dot(self) -> bool:
        """Whether all ink lies in a square of twice the pen's width: too small for a digit."""
        ink = self.pixels < 128
        places = [np.flatnonzero(ink.any(axis=axis)) for axis in (0, 1)]
        return bool(ink.any()) and max(np.ptp(place) + 1 for place in places) < 2 * self.pen

    def __repr__(self) -> str:  # what stands in the place of the pad where no widget can be shown
        return "A pad to draw a digit on. It appears when this cell is run."


class Activity(NamedTuple):
    """What the network holds while it reads one picture; all numpy arrays."""

    image: np.ndarray  # (28, 28), 0 … 1: the prepared digit
    conv1: np.ndarray  # (6, 28, 28): the maps of the first convolution, after ReLU
    conv2: np.ndarray  # (16, 10, 10): those of the second
    units: np.ndarray  # (84,): of the second linear layer, after ReLU
    probabilities: np.ndarray  # (10,)


def watch(model: nn.Module, picture: Picture) -> Activity:
    """Prepare a picture, read it, and keep what the layers of a `LeNet5` answer on the way.

    Raises
    ------
    CourseError
        If the picture shows no digit, or the model has other layers than `LeNet5`.
    """
    modules = dict(model.named_modules())
    for path in LAYERS.values():
        if path not in modules:
            why = "only a LeNet5 of lesson 02 can be watched"
            raise CourseError(f"The model has no layer {path}: {why}.")
    prepared = picture if isinstance(picture, Prepared) else prepare_digit(picture)
    with capture({name: modules[path] for name, path in LAYERS.items()}) as kept:
        prediction = predict(model, prepared)
    maps = {name: answers[0].cpu().numpy() for name, answers in kept.items()}
    probabilities = prediction.probabilities[0].numpy()
    return Activity(prepared.steps["28×28"], **maps, probabilities=probabilities)


class NetworkView(anywidget.AnyWidget):
    """Draws what `live_prediction` hands over, in place."""

    _esm = STATIC / "view.js"
    _css = STATIC / "view.css"

    pad = traitlets.Instance(DrawingPad).tag(sync=True, **ipywidgets.widget_serialization)
    reading = traitlets.Dict().tag(sync=True)  # one value, so that all of it changes at once
    palette = traitlets.CBytes().tag(sync=True)  # red, green and blue of each level 0 … 255

    @traitlets.default("palette")
    def _magma(self) -> bytes:
        return _levels(matplotlib.colormaps["magma"](np.arange(256))[:, :3])


class LivePrediction(ipywidgets.Box):
    """A pad beside the view of the network, below each other where the page is narrow."""

    def __repr__(self) -> str:
        return (
            "A pad to draw a digit on, and what the network sees. It appears when this cell is run."
        )


def live_prediction(
    pad: DrawingPad, model: nn.Module, example: Picture | None = None
) -> LivePrediction:
    """The pad, and beside it what `model` makes of the drawing, again after each stroke.

    Shown are the prepared image, the ten probabilities, the maps of both convolutions and the 84
    units before the last layer. Where the pad shows no digit, the view says so in words, and so
    it does with any error. `model` may be trained on meanwhile: a copy with its newest weights
    reads, so that neither its mode nor its hooks change.

    Parameters
    ----------
    pad
        Where the digit is drawn.
    model
        A `LeNet5`.
    example
        A picture of a digit that the view shows as long as nothing has been drawn.
    """
    reader, guard = copy.deepcopy(model).eval(), load_pretrained("characters")
    view = NetworkView(pad=pad, reading=_in_words(INVITATION))
    turn = threading.Lock()  # JupyterLab may call from a thread for each browser

    def read(picture: Picture) -> dict[str, Any]:
        try:
            reader.load_state_dict(model.state_dict())
            prepared = prepare_digit(picture)
            return _reading(watch(reader, prepared), read_one(guard, prepared).doubt)
        except CourseError as error:
            return _in_words(str(error))
        except Exception as error:  # in a callback it would be lost
            return _in_words(f"This cannot be read. {type(error).__name__}: {error}")

    def read_pad(_change: Any = None) -> None:
        with turn:
            reading = _in_words(DOT) if pad.holds_a_dot() else read(pad.pixels)
            view.reading = reading | {"answers": view.reading["answers"] + 1}

    if pad.strokes:
        read_pad()
    elif example is not None:
        reading = read(example)
        view.reading = reading | {"words": f"{reading['words']}. An example. {INVITATION}"}
    pad.observe(read_pad, "picture")
    return LivePrediction([pad, view]).add_class("lenet-live")


def _reading(activity: Activity, doubt: str) -> dict[str, Any]:
    """An activity as the view wants it: levels 0 … 255 with one scale for each layer.

    `doubt` is why the network of all characters is not sure, in words.
    """
    digit = int(activity.probabilities.argmax())
    sure = float(activity.probabilities[digit])
    layers = {name: getattr(activity, name) for name in LAYERS}
    words = f"with {sure:.1%}" + (f" (not sure: {doubt})" if doubt else "")
    return _in_words(words) | {
        "digit": digit,
        "probabilities": activity.probabilities.tolist(),
        "image": _levels(activity.image),
        **{name: _levels(maps / max(maps.max(), 1e-9)) for name, maps in layers.items()},
    }


def _in_words(words: str) -> dict[str, Any]:
    """A reading without a digit."""
    nothing = dict.fromkeys(("image", *LAYERS), b"")
    return {"answers": 0, "digit": None, "words": words, "probabilities": [], **nothing}


def _levels(values: np.ndarray) -> bytes:
    return (values.clip(0, 1) * 255).round().astype(np.uint8).tobytes()
