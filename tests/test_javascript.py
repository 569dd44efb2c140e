"""The playground's JavaScript, in Node, against PyTorch and Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from lenet_helpers.checkpoints import save_weights
from lenet_helpers.data import fit_images
from lenet_helpers.feature_maps import capture
from lenet_helpers.model import LeNet5, evaluation_mode
from lenet_helpers.playground import bundle
from lenet_helpers.playground.strokes import render_strokes
from lenet_helpers.recipes import PRETRAINED, load_pretrained

NODE = shutil.which("node")

READ = """
import fs from "node:fs";
function bytes(path) {
  const file = fs.readFileSync(path);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
}
"""
# Reads weights and images, writes what every layer gives, one image after another.
FORWARD = """
const [weights, images, output, choices] = process.argv.slice(2);
const network = buildNetwork(readWeights(bytes(weights)), JSON.parse(choices));
const pixels = new Float32Array(bytes(images));
const size = imageSize(network) ** 2;
const file = fs.openSync(output, "w");
for (let at = 0; at < pixels.length; at += size) {
  const layers = forward(network, pixels.slice(at, at + size));
  for (const { data } of Object.values(layers)) fs.writeSync(file, new Uint8Array(data.buffer));
}
"""
REFUSE = """
try { buildNetwork(readWeights(bytes(process.argv[2]))); console.log("no error"); }
catch (error) { console.log(error instanceof WeightsError ? error.message : `unexpected: ${error}`); }
"""  # noqa: E501
RENDER = """
const drawings = JSON.parse(fs.readFileSync(process.argv[2]));
console.log(JSON.stringify(drawings.map(([strokes, least]) => { const image = renderStrokes(strokes, least); return image && [...image]; })));
"""  # noqa: E501


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """Runs a script that may use all of a module of the playground."""
    if NODE is None:
        reason = "needs Node.js: on Debian, apt-get install nodejs"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("node")

    def run(module: str, script: str, *arguments: object) -> str:
        path = folder / "script.mjs"
        path.write_text(bundle.join(module) + READ + script, encoding="utf-8")
        command = [NODE, path, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def pytorchs(model: LeNet5, images: torch.Tensor) -> list[torch.Tensor]:
    """The images, what every layer of the model gives for them, and the probabilities."""
    layers = {
        name: layer
        for name, layer in model.named_modules()
        if not isinstance(layer, nn.Sequential | nn.Dropout | nn.Flatten | LeNet5)
    }
    with torch.no_grad(), evaluation_mode(model), capture(layers) as kept:
        probabilities = model(images).softmax(dim=1)
    return [images, *(kept[name] for name in layers), probabilities]


def largest_errors(node, model: LeNet5, images: torch.Tensor, folder: Path) -> Iterable[float]:
    """Of each layer and image: the largest difference, relative to the layer's largest value."""
    weights, pixels, output = (folder / name for name in ("w.safetensors", "x.bin", "y.bin"))
    save_weights(model, weights)
    pixels.write_bytes(images.numpy().tobytes())
    node("lenet", FORWARD, weights, pixels, output, "{}")
    values = torch.from_numpy(np.fromfile(output, np.float32)).reshape(len(images), -1)
    expected = [layer.flatten(1) for layer in pytorchs(model, images)]
    assert values.shape[1] == sum(layer.shape[1] for layer in expected)
    for theirs, ours in zip(values.split([e.shape[1] for e in expected], 1), expected, strict=True):
        yield ((theirs - ours).abs().amax(1) / ours.abs().amax(1).clamp(min=1e-30)).max().item()
    assert torch.equal(
        values[:, -model.arguments["num_classes"] :].argmax(1), expected[-1].argmax(1)
    )


def test_all_test_digits_give_in_every_layer_what_pytorch_gives(node, mnist_test, tmp_path):
    images = fit_images(torch.from_numpy(mnist_test[0]))
    model = load_pretrained("course")
    for batch in images.split(2000):
        assert max(largest_errors(node, model, batch, tmp_path)) < 1e-4


def random_network(number: int) -> LeNet5:
    """A network of one input channel with settings, weights and statistics of its own."""
    random = np.random.default_rng(number)
    torch.manual_seed(number)
    model = LeNet5(
        image_size=int(random.integers(16, 41)),
        num_classes=int(random.integers(2, 25)),
        batch_norm=bool(random.integers(2)),
        dropout=float(random.choice([0.0, 0.5])),
        activation=str(random.choice(["relu", "tanh", "sigmoid"])),
        pooling=str(random.choice(["max", "average"])),
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(values)
            nn.init.uniform_(module.running_var, 0.1, 2)
    return model.eval()


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_networks_of_any_settings_give_what_pytorch_gives(node, mnist_test, tmp_path, start):
    for number in range(start, start + 50):
        model = random_network(number)
        size = model.arguments["image_size"]
        digits = torch.from_numpy(mnist_test[0][20 * number : 20 * number + 20])
        images = nn.functional.interpolate(fit_images(digits), size=(size, size))
        assert max(largest_errors(node, model, images, tmp_path)) < 1e-4, model.arguments


def test_a_file_without_metadata_is_asked_about_and_read_with_the_answers(node, tmp_path):
    model = LeNet5(activation="tanh", pooling="average").eval()
    path = tmp_path / "bare.safetensors"
    path.write_bytes(safetensors.torch.save(model.state_dict()))
    assert "does not say activation and pooling" in node("lenet", REFUSE, path)
    images = torch.randn(2, 1, 32, 32)
    (tmp_path / "x").write_bytes(images.numpy().tobytes())
    choices = json.dumps({"activation": "tanh", "pooling": "average"})
    node("lenet", FORWARD, path, tmp_path / "x", tmp_path / "y", choices)
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
        (b"\x04" + b"\x00" * 7 + b"null", "header of the file is damaged"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_words(node, tmp_path, content, words):
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    assert words in node("lenet", REFUSE, path)


def test_a_network_for_colours_and_one_of_another_kind_are_refused(node, tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(LeNet5(in_channels=3), path)
    assert "reads 3 channels" in node("lenet", REFUSE, path)
    path.write_bytes(safetensors.torch.save(nn.Linear(3, 2).state_dict()))
    assert "no LeNet-5 of the course" in node("lenet", REFUSE, path)


def random_drawing(number: int) -> tuple[list[list[list[float]]], float]:
    """A few strokes of random length, size and place; some are dots, some points come twice."""
    random = np.random.default_rng(number)
    strokes = []
    for _ in range(random.integers(1, 5)):
        steps = random.normal(0, random.uniform(0, 30), (random.integers(1, 60), 2))
        stroke = random.uniform(0, 280, 2) + steps.cumsum(axis=0)
        strokes.append(np.repeat(stroke, random.integers(1, 3), axis=0).tolist())
    return strokes, float(random.choice([0, 30]))


def test_strokes_become_the_same_image_in_javascript_and_in_python(node, tmp_path):
    drawings = [random_drawing(number) for number in range(500)]
    drawings += [([], 0), ([[]], 0), ([[[5, 5]]], 0), ([[[5, 5]]], 30), ([[[0, 0], [9, 0]]], 0)]
    (tmp_path / "drawings.json").write_text(json.dumps(drawings))
    images = json.loads(node("strokes", RENDER, tmp_path / "drawings.json"))
    for image, (strokes, least) in zip(images, drawings, strict=True):
        expected = render_strokes([np.array(stroke) for stroke in strokes], least)
        if expected is None:
            assert image is None
        else:
            assert np.abs(np.reshape(image, (28, 28)) - expected).max() <= 1 / 255


# Explains chosen values of each layer; gives each explanation with its own receptive field.
EXPLAIN = """
const [weights, images, wanted] = process.argv.slice(2);
const network = buildNetwork(readWeights(bytes(weights)));
const layers = forward(network, new Float32Array(bytes(images)));
console.log(JSON.stringify(JSON.parse(wanted).map(([name, index]) =>
  ({ ...explain(network, layers, name, index), field: receptiveField(layers, name, index) }))));
"""


@pytest.fixture(scope="module", params=[0, 1, 2, 3, 4, 5])
def explained(request, node, mnist_test, tmp_path_factory):
    """A network of some settings, a digit, and explanations of values of each of its layers."""
    folder = tmp_path_factory.mktemp("explain")
    model = random_network(request.param)
    size = model.arguments["image_size"]
    digit = fit_images(torch.from_numpy(mnist_test[0][request.param : request.param + 1]))
    image = nn.functional.interpolate(digit, size=(size, size))
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
    found = json.loads(node("explain", EXPLAIN, folder / "w", folder / "x", json.dumps(wanted)))
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
