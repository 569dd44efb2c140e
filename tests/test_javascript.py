"""The playground's JavaScript, in Node, against PyTorch and Python."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from layers import ALL_LAYERS, assert_pytorch_gives, images_for, random_network
from torch import nn

from lenet_helpers.checkpoints import save_weights
from lenet_helpers.data import fit_images
from lenet_helpers.feature_maps import capture
from lenet_helpers.model import LeNet5
from lenet_helpers.playground import bundle
from lenet_helpers.playground.strokes import render_strokes
from lenet_helpers.recipes import PRETRAINED, load_pretrained

NODE = shutil.which("node")

# Reads tasks from standard input, a line each, and answers each with a line.
TASKS = """
import fs from "node:fs";
import { createInterface } from "node:readline";

function bytes(path) {
  const file = fs.readFileSync(path);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
}

const TASKS = {
  async layers(weights, images, output, choices) {
    const found = allLayers(bytes(weights), new Float32Array(bytes(images)), choices);
    fs.writeFileSync(output, new Uint8Array(await found.arrayBuffer()));
  },
  refusal(weights) {
    try {
      buildNetwork(readWeights(bytes(weights)));
      return "no error";
    } catch (error) {
      return error instanceof WeightsError ? error.message : `unexpected: ${error}`;
    }
  },
  render(drawings) {
    return drawings.map(([strokes, least]) => renderStrokes(strokes, least)).map((image) => image && [...image]);
  },
  // Explains chosen values of each layer; gives each explanation with its own receptive field.
  explain(weights, image, wanted) {
    const network = buildNetwork(readWeights(bytes(weights)));
    const layers = forward(network, new Float32Array(bytes(image)));
    const explained = ([name, index]) => ({ ...explain(network, layers, name, index), field: receptiveField(layers, name, index) });
    return wanted.map(explained);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [task, ...given] = JSON.parse(line);
  console.log(JSON.stringify((await TASKS[task](...given)) ?? null));
}
"""  # noqa: E501
Node = Callable[..., Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[Node]:
    """Has one of `TASKS` done, with all of the playground at hand, by one Node for all tests."""
    if NODE is None:
        reason = "needs Node.js: on Debian, apt-get install nodejs"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    script = tmp_path_factory.mktemp("node") / "tasks.mjs"
    script.write_text(bundle.join("playground") + ALL_LAYERS + TASKS, encoding="utf-8")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen([NODE, script], **pipes) as process:

        def run(task: str, *given: object) -> Any:
            print(json.dumps([task, *given], default=str), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            assert answer, "Node has ended; why stands in its error output"
            return json.loads(answer)

        yield run


def layers_of(node: Node, model: LeNet5, images: torch.Tensor, folder: Path) -> bytes:
    """What every layer gives in Node, one image after another."""
    weights, pixels, output = (folder / name for name in ("w.safetensors", "x.bin", "y.bin"))
    save_weights(model, weights)
    pixels.write_bytes(images.numpy().tobytes())
    node("layers", weights, pixels, output)
    return output.read_bytes()


def test_all_test_digits_give_in_every_layer_what_pytorch_gives(node, mnist_test, tmp_path):
    images = fit_images(torch.from_numpy(mnist_test[0]))
    model = load_pretrained("course")
    for batch in images.split(1000):
        assert_pytorch_gives(layers_of(node, model, batch, tmp_path), model, batch)


def test_networks_of_any_settings_give_what_pytorch_gives(node, mnist_test, tmp_path):
    for number in range(200):
        model = random_network(number)
        images = images_for(model, mnist_test[0][20 * number : 20 * number + 20])
        assert_pytorch_gives(layers_of(node, model, images, tmp_path), model, images)


def test_a_file_without_metadata_is_asked_about_and_read_with_the_answers(node, tmp_path):
    model = LeNet5(activation="tanh", pooling="average").eval()
    path = tmp_path / "bare.safetensors"
    path.write_bytes(safetensors.torch.save(model.state_dict()))
    assert "does not say activation and pooling" in node("refusal", path)
    images = torch.randn(2, 1, 32, 32)
    (tmp_path / "x").write_bytes(images.numpy().tobytes())
    choices = {"activation": "tanh", "pooling": "average"}
    node("layers", path, tmp_path / "x", tmp_path / "y", choices)
    found = np.fromfile(tmp_path / "y", np.float32).reshape(2, -1)[:, -10:]
    np.testing.assert_allclose(found, model(images).softmax(1).detach(), rtol=1e-4)


COURSE = (PRETRAINED / "course.safetensors").read_bytes()
HEADER = 8 + int.from_bytes(COURSE[:8], "little")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no safetensors file"),
        (b"PK\x03\x04" + b"\x00" * 200, "no safetensors file"),
        (b"GIF89a" + b"x" * 400, "no safetensors file"),
        (COURSE[:1000], "cut off"),
        (COURSE[:-4000], "is not whole"),
        (COURSE[:200] + b"\xff" * 50 + COURSE[250:], "header of the file is damaged"),
        (COURSE[:HEADER] + b"\xff" * 4 + COURSE[HEADER + 4 :], "not finite"),
        (COURSE.replace(b"linear3.weight", b"linear9.weight"), "linear3.weight is missing"),
        (COURSE.replace(b'max\\"', b'min\\"'), "does not say activation and pooling"),
        (
            COURSE.replace(b'num_classes\\": 10', b'num_classes\\": 11'),
            "says that num_classes is 11",
        ),
        (b"\x02" + b"\x00" * 7 + b"{}", "is missing"),
        (
            COURSE.replace(b'image_size\\": 32', b'image_size\\": 40'),
            "says that image_size is 40, its weights fit 32",
        ),
        (b"\x04" + b"\x00" * 7 + b"null", "header of the file is damaged"),
        (b"\x0a" + b"\x00" * 7 + b'{"a":null}', "is missing"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_words(node, tmp_path, content, words):
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    assert words in node("refusal", path)


def test_a_network_for_colours_and_one_of_another_kind_are_refused(node, tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(LeNet5(in_channels=3), path)
    assert "reads 3 channels" in node("refusal", path)
    path.write_bytes(safetensors.torch.save(nn.Linear(3, 2).state_dict()))
    assert "no LeNet-5 of the course" in node("refusal", path)


def random_drawing(number: int) -> tuple[list[list[list[float]]], float]:
    """A few strokes of random length, size and place; some are dots, some points come twice."""
    random = np.random.default_rng(number)
    strokes = []
    for _ in range(random.integers(1, 5)):
        steps = random.normal(0, random.uniform(0, 30), (random.integers(1, 60), 2))
        stroke = random.uniform(0, 280, 2) + steps.cumsum(axis=0)
        strokes.append(np.repeat(stroke, random.integers(1, 3), axis=0).tolist())
    return strokes, float(random.choice([0, 30]))


def test_strokes_become_the_same_image_in_javascript_and_in_python(node):
    drawings = [random_drawing(number) for number in range(500)]
    drawings += [([], 0), ([[]], 0), ([[[5, 5]]], 0), ([[[5, 5]]], 30), ([[[0, 0], [9, 0]]], 0)]
    images = node("render", drawings)
    for image, (strokes, least) in zip(images, drawings, strict=True):
        expected = render_strokes([np.array(stroke) for stroke in strokes], least)
        if expected is None:
            assert image is None
        else:
            assert np.abs(np.reshape(image, (28, 28)) - expected).max() <= 1 / 255


@pytest.fixture(scope="module", params=[0, 1, 2, 3, 4, 5])
def explained(request, node, mnist_test, tmp_path_factory):
    """A network of some settings, a digit, and explanations of values of each of its layers."""
    folder = tmp_path_factory.mktemp("explain")
    model = random_network(request.param)
    image = images_for(model, mnist_test[0][request.param : request.param + 1])
    save_weights(model, folder / "w")
    (folder / "x").write_bytes(image.numpy().tobytes())
    layers = dict(model.named_modules())
    names = ["activation1", "pool1", "activation2", "pool2", "activation3", "activation4"]
    modules = {
        name: layers[f"{'features' if name[-1] < '3' else 'classifier'}.{name}"] for name in names
    }
    modules["linear3"] = layers["classifier.linear3"]
    with torch.no_grad(), capture(modules) as kept:
        logits = model(image)
    values = {name: kept[name].flatten() for name in modules}
    values["probabilities"] = logits.softmax(1).flatten()
    random = np.random.default_rng(request.param)
    wanted = [(name, int(random.integers(len(v)))) for name, v in values.items() for _ in range(5)]
    found = node("explain", folder / "w", folder / "x", wanted)
    return model, image, values, list(zip(wanted, found, strict=True))


def test_an_explained_value_is_the_networks(explained):
    _, _, values, explanations = explained
    for (name, index), said in explanations:
        assert said["value"] == pytest.approx(values[name][index].item(), rel=1e-4, abs=1e-6)


def test_products_bias_norm_and_activation_give_the_value(explained):
    model, _, _, explanations = explained
    activation = {
        "relu": torch.relu,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        None: lambda z: z,
    }
    for (name, _), said in explanations:
        if "terms" in said:
            for term in said["terms"]:
                products = np.multiply(term["patch"], term["kernel"])
                np.testing.assert_allclose(term["products"], products, rtol=1e-5, atol=1e-9)
            total = sum(sum(term["products"]) for term in said["terms"]) + said["bias"]
        elif "largest" in said:
            parts = [each["input"] * each["weight"] for each in said["largest"]]
            total = sum(parts) + said["rest"]["sum"] + said["bias"]
            linear = {"activation3": "linear1", "activation4": "linear2"}.get(name, name)
            inputs = model.classifier.get_submodule(linear).in_features
            assert len(parts) + said["rest"]["count"] == inputs
            assert np.abs(parts).tolist() == sorted(np.abs(parts), reverse=True)
        else:
            continue
        assert said["sum"] == pytest.approx(total, rel=1e-4, abs=1e-5)
        if norm := said.get("norm"):
            total = (total - norm["mean"]) / norm["deviation"] * norm["scale"] + norm["shift"]
            assert norm["value"] == pytest.approx(total, rel=1e-4, abs=1e-5)
        value = activation[said["activation"]](torch.tensor(total, dtype=torch.float64)).item()
        assert said["value"] == pytest.approx(value, rel=1e-4, abs=1e-5)


def test_a_pooled_value_is_the_largest_or_the_mean_of_its_four(explained):
    model, _, values, explanations = explained
    for (name, _), said in explanations:
        if "four" in said:
            before = values[f"activation{name[-1]}"]
            assert said["four"] == pytest.approx(
                before[said["places"]].tolist(), rel=1e-4, abs=1e-6
            )
            if model.arguments["pooling"] == "max":
                assert said["value"] == max(said["four"]) == said["four"][said["chosen"]]
            else:
                assert said["chosen"] is None
                assert said["value"] == pytest.approx(np.mean(said["four"]), rel=1e-5)


def test_softmax_shows_its_powers_and_their_sum(explained):
    _, _, _, explanations = explained
    for (name, index), said in explanations:
        if name == "probabilities":
            assert said["sum"] == pytest.approx(np.exp(said["logits"]).sum(), rel=1e-6)
            assert said["value"] == pytest.approx(said["powers"][index] / said["sum"], rel=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_softmax_of_logits_whose_powers_overflow_shows_numbers(node, tmp_path, sign):
    model = random_network(0)
    with torch.no_grad():
        model.classifier.linear3.bias += sign * 900
        image = torch.zeros(1, 1, *[model.arguments["image_size"]] * 2)
        expected = model(image).softmax(1).flatten()
    save_weights(model, tmp_path / "w")
    (tmp_path / "x").write_bytes(image.numpy().tobytes())
    classes = range(len(expected))
    found = node("explain", tmp_path / "w", tmp_path / "x", [("probabilities", k) for k in classes])
    assert all(math.isfinite(power) for said in found for power in said["powers"])
    shares = [said["powers"][k] / said["sum"] for k, said in enumerate(found)]
    assert shares == pytest.approx(expected.tolist(), rel=1e-3)


def test_only_pixels_of_the_receptive_field_have_a_gradient(explained):
    model, image, _, explanations = explained
    features = dict(model.features.named_children())
    for (name, index), said in explanations:
        if name in features:
            pixels = image.clone().requires_grad_()
            value = pixels
            for each, layer in features.items():
                value = layer(value)
                if each == name:
                    break
            value.flatten()[index].backward()
            top, left, bottom, right = said["field"]
            assert bottom <= image.shape[2]
            pixels.grad[0, 0, top:bottom, left:right] = 0
            assert not pixels.grad.any()
