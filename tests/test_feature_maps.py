"""Hooks that leave no trace, and measurements on pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.container import BarContainer
from torch import nn

from lenet_helpers.feature_maps import (
    BLACK,
    bars,
    capture,
    cut_patches,
    lead,
    occlusion,
    principal_components,
    stroke_angle,
    strongest_places,
    switched_off,
    tuning,
)
from lenet_helpers.model import LeNet5
from lenet_helpers.plots import feature_maps as figures
from lenet_helpers.recipes import load_pretrained

ANGLES = list(range(0, 180, 15))
DEVICES = ["cpu", "meta", *(["cuda"] if torch.cuda.is_available() else [])]


def hooks_of(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


@pytest.fixture(scope="module")
def model():
    return load_pretrained()


# Hooks


def test_captured_is_what_the_layers_give_one_by_one():
    model, images = LeNet5(), torch.randn(3, 1, 32, 32)
    with capture(dict(model.features.named_children())) as kept:
        model(images)
    signal = images
    for name, layer in model.features.named_children():
        signal = layer(signal)
        assert torch.equal(kept[name], signal), name
    assert hooks_of(model) == 0


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(3, 3)

    def forward(self, x):
        return self.second(self.first(x))  # 2 numbers do not fit 3


def test_hooks_are_removed_when_the_forward_pass_raises():
    model = Broken()
    with pytest.raises(RuntimeError), capture(dict(model.named_modules())) as kept:
        model(torch.zeros(1, 2))
    assert hooks_of(model) == 0
    assert set(kept) == {"first"}  # what had run is kept
    with pytest.raises(RuntimeError), switched_off(model.first, 0):
        model(torch.zeros(1, 2))
    assert hooks_of(model) == 0


def test_hooks_are_removed_when_one_cannot_be_set():
    model = LeNet5()
    with (
        pytest.raises(AttributeError),
        capture({"conv": model.features.conv1, "none": None}),
    ):
        pass
    assert hooks_of(model) == 0


@pytest.mark.parametrize("training", [True, False])
def test_mode_gradients_and_results_stay_as_they_are(training):
    torch.manual_seed(1)
    model = LeNet5(batch_norm=True).train(training)
    model.features.norm1.eval()  # a frozen part has a mode of its own
    model.features.conv1.weight.requires_grad_(False)
    images = torch.randn(4, 1, 32, 32, requires_grad=True)
    model(images).sum().backward()
    expected, parameter = images.grad.clone(), model.features.conv2.weight
    expected_weight = parameter.grad.clone()
    images.grad = parameter.grad = None

    modes = [module.training for module in model.modules()]
    with capture(dict(model.named_modules())) as kept:
        logits = model(images)
        logits.sum().backward()
    assert torch.allclose(images.grad, expected)
    assert torch.allclose(parameter.grad, expected_weight)
    assert logits.requires_grad
    assert not kept[""].requires_grad
    assert [module.training for module in model.modules()] == modes
    assert model.features.conv1.weight.grad is None


def test_a_later_layer_that_works_in_place_does_not_change_what_was_kept():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
    model[0].weight.data, model[0].bias.data = -torch.eye(2), torch.zeros(2)
    with capture({"linear": model[0]}) as kept:
        model(torch.ones(1, 2))
    assert kept["linear"].tolist() == [[-1, -1]]


def test_layers_that_give_tuples_or_dictionaries():
    class Named(nn.Module):
        def forward(self, x):
            return {"double": 2 * x, "note": "text"}

    lstm, named = nn.LSTM(3, 4), Named()
    with capture({"lstm": lstm, "named": named}) as kept:
        output, (state, _) = lstm(torch.zeros(5, 1, 3))
        named(torch.ones(1, requires_grad=True))
    assert torch.equal(kept["lstm"][0], output)
    assert torch.equal(kept["lstm"][1][0], state)
    assert kept["named"]["note"] == "text"
    assert not kept["named"]["double"].requires_grad


@pytest.mark.parametrize("device", DEVICES)
def test_captured_stays_on_the_device(device):
    model = LeNet5().to(device)
    with capture({"pool": model.features.pool2}) as kept:
        model(torch.zeros(2, 1, 32, 32, device=device))
    assert kept["pool"].device.type == device
    assert kept["pool"].shape == (2, 16, 5, 5)


def test_captures_may_be_nested():
    layer = nn.Identity()
    with capture({"a": layer}) as outer:
        with capture({"b": layer}) as inner:
            layer(torch.ones(1))
        layer(torch.zeros(1))
    assert outer["a"].item() == 0  # the latest
    assert inner["b"].item() == 1


@pytest.mark.parametrize("value", [0.0, torch.full((28, 28), 3.0)], ids=["number", "map"])
def test_switched_off_replaces_one_channel_and_no_other(value):
    model, images = LeNet5(), torch.randn(2, 1, 32, 32)
    layer = model.features.activation1
    with capture({"layer": layer}) as before:
        model(images)
    with switched_off(layer, 2, value), capture({"layer": layer}) as after:
        model(images)
    changed = before["layer"].clone()
    changed[:, 2] = value
    assert torch.equal(after["layer"], changed)
    assert hooks_of(model) == 0


# Orientation


@pytest.mark.parametrize("angle", [0, 20, 45, 90, 135, 170])
def test_a_bar_runs_along_its_angle(angle):
    ink = bars([angle], width=2)[0, 0] - BLACK
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    inside = (rows - 15.5) ** 2 + (columns - 15.5) ** 2 < 15**2
    x, y = (columns - 15.5)[inside], (15.5 - rows)[inside]  # y upwards
    weight = ink[inside]
    moments = torch.stack([(weight * x * x).sum(), (weight * x * y).sum(), (weight * y * y).sum()])
    measured = 0.5 * torch.rad2deg(torch.atan2(2 * moments[1], moments[0] - moments[2]))
    assert abs((measured - angle + 90).remainder(180) - 90) < 1
    found = stroke_angle(bars([angle])[:, 0])
    assert found.selectivity > 0.9
    assert abs((found.angle - angle + 90).remainder(180) - 90) < 5


def test_a_shift_moves_the_bar_sideways():
    assert torch.allclose(bars([90], shift=2.0)[..., 2:], bars([90])[..., :-2], atol=1e-4)


def test_tuning_of_known_curves():
    one_angle, level = torch.zeros(12), torch.ones(12)
    one_angle[3] = 2.0
    cosine = 1 + torch.cos(2 * torch.deg2rad(torch.tensor(ANGLES) - 100.0))
    angle, selectivity = tuning(torch.stack([one_angle, level, cosine, torch.zeros(12)]), ANGLES)
    assert angle[0] == pytest.approx(45, abs=0.01)
    assert angle[2] == pytest.approx(100, abs=0.01)
    assert selectivity.tolist() == pytest.approx([1, 0, 0.5, 0], abs=1e-5)


@pytest.mark.parametrize("angle", [0, 30, 75, 90, 150])
def test_the_tuning_of_an_edge_kernel_is_its_edge(angle):
    steps = torch.arange(5) - 2.0
    theta = torch.deg2rad(torch.tensor(float(angle)))
    kernel = steps * theta.sin() + steps[:, None] * theta.cos()  # rises across the edge
    maps = nn.functional.conv2d(bars(ANGLES), kernel[None, None]).relu()[:, :, 9:19, 9:19]
    found = tuning(maps.amax(dim=(2, 3)).T, ANGLES)
    assert abs((found.angle[0] - angle + 90).remainder(180) - 90) < 4


# Patches


def test_the_strongest_places_are_those_of_a_full_search(model, mnist):
    images = mnist.train.images[:700]
    places = strongest_places(model.features, model.features.conv2, images, 5, batch_size=300)
    with torch.no_grad():
        maps = model.features.conv2(model.features.pool1(model.features[:2](images)))
    best = maps.amax(dim=(2, 3)).topk(5, dim=0)
    assert torch.allclose(places.answers, best.values.T, atol=1e-4)
    found = maps[places.images, torch.arange(16)[:, None], places.rows, places.columns]
    assert torch.allclose(found, places.answers, atol=1e-4)


def test_a_patch_alone_gives_the_answer_of_its_place(model, mnist):
    images = mnist.train.images[:300]
    conv1 = model.features.conv1
    places = strongest_places(conv1, conv1, images, 3)
    patches = cut_patches(images, places, side=5)
    with torch.no_grad():
        answers = conv1(patches.reshape(18, 1, 5, 5)).reshape(6, 3, 6)
    own = answers[torch.arange(6), :, torch.arange(6)]
    assert torch.allclose(own, places.answers, atol=1e-4)

    features = model.features
    places = strongest_places(features, features.conv2, images, 3)
    patches = cut_patches(images, places, side=14, stride=2)
    with capture({"conv2": features.conv2}) as kept, torch.no_grad():
        features[:4](patches.reshape(48, 1, 14, 14))
    own = kept["conv2"].reshape(16, 3, 16)[torch.arange(16), :, torch.arange(16)]
    assert torch.allclose(own, places.answers, atol=1e-4)


# Occlusion


def test_lead_is_positive_exactly_where_the_answer_is_right():
    logits, labels = torch.randn(200, 10), torch.randint(0, 10, (200,))
    assert torch.equal(lead(logits, labels) > 0, logits.argmax(dim=1) == labels)
    assert lead(torch.tensor([[1.0, 5.0, 3.0]]), torch.tensor([1])).item() == 2


def test_occlusion_finds_the_pixels_that_decide():
    class Corner(nn.Module):  # class 1 if there is ink in one pixel, else class 0
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, images):
            return torch.stack([0 * images[:, 0, 6, 7], self.scale * images[:, 0, 6, 7]], dim=1)

    image = torch.ones(1, 12, 10)
    leads = occlusion(Corner(), image, 1, side=3, ink=-2.0)
    expected = torch.ones(10, 8)
    expected[4:7, 5:8] = -2  # all places of the square that cover row 6, column 7
    assert torch.equal(leads, expected)
    assert image.min() == 1


# Principal components


def test_components_agree_with_a_full_decomposition(model, mnist):
    with capture({"units": model.classifier.activation4}) as kept, torch.no_grad():
        model(mnist.validation.images[:2000])
    units = kept["units"]
    found = principal_components(units, 3)
    centred = (units - units.mean(dim=0)).double().numpy()
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    for k in range(3):
        cosine = abs(found.directions[:, k].double().numpy() @ rows[k])
        assert cosine == pytest.approx(1, abs=1e-4)
        assert found.shares[k].item() == pytest.approx(
            singular[k] ** 2 / (singular**2).sum(), rel=1e-3
        )
    assert torch.allclose(found.scores, (units - units.mean(dim=0)) @ found.directions, atol=1e-3)


def test_the_sign_of_a_component_does_not_depend_on_chance():
    features = torch.randn(50, 6) * torch.tensor([9.0, 5, 1, 1, 1, 1])
    first, second = principal_components(features), principal_components(features)
    assert torch.allclose(first.scores, second.scores, atol=1e-3)
    assert (first.directions.abs().amax(dim=0) == first.directions.amax(dim=0)).all()


# Figures


def test_kernels_share_one_symmetric_scale():
    axes = figures.kernels(torch.tensor([[[0.5]], [[-2.0]], [[1.0]]])).axes
    assert [ax.images[0].get_clim() for ax in axes[:3]] == [(-2, 2)] * 3
    assert axes[1].get_title() == "kernel 2"


def test_a_tuning_curve_closes_at_180_degrees():
    answers = torch.arange(12.0).repeat(6, 1)
    figure = figures.tuning_curves(
        ANGLES, answers, range(10, 70, 10), [0.1] * 6, torch.randn(6, 5, 5)
    )
    x, y = figure.axes[0].lines[0].get_data()
    assert (x[-1], y[-1]) == (180, 0)
    assert figure.axes[1].get_title() == "map 2: 20°, |R| = 0.10"


def test_accuracy_lost_is_drawn_in_points():
    lost = {"zero": [(0.01, 0.001), (0.02, 0.002)], "mean": [(0.0, 0.001), (-0.01, 0.001)]}
    figure = figures.accuracy_lost({"one": lost, "two": lost})
    bars = next(c for c in figure.axes[0].containers if isinstance(c, BarContainer))
    assert [bar.get_height() for bar in bars] == pytest.approx([1, 2])
    (segments,) = (line.get_segments() for line in bars.errorbar.lines[2])
    assert [np.ptp(segment[:, 1]) for segment in segments] == pytest.approx([0.4, 0.8])


def test_occlusions_are_drawn_over_the_pixels_they_are_centred_on():
    leads = {"black": torch.randn(2, 28, 28)}
    figure = figures.occlusions(torch.rand(2, 32, 32), leads, torch.zeros(2), 5)
    assert figure.axes[1].images[0].get_extent() == [1.5, 29.5, 29.5, 1.5]


def test_each_map_of_a_strip_stands_under_its_number():
    ax = figures.style.new_figure(2.0)[1]
    figures.draw_layer(ax, "pooling", torch.rand(16, 5, 5), 8)
    assert [text.get_text() for text in ax.texts] == [str(n) for n in range(1, 17)]
    for text, picture in zip(ax.texts, ax.images, strict=True):
        left, right, _, top = picture.get_extent()
        assert left < text.get_position()[0] < right
        assert text.get_position()[1] == top


def test_strips_of_maps_of_any_size_are_equally_wide():
    widths = []
    for side in (5, 10):
        ax = figures.style.new_figure(2.0)[1]
        figures.draw_layer(ax, "maps", torch.rand(16, side, side), 8)
        widths.append([ax.get_xlim(), ax.get_ylim(), *(m.get_extent() for m in ax.images)])
    assert widths[0] == widths[1]


def test_the_layers_of_lost_accuracy_have_a_scale_each():
    lost = {"zero": [(0.05, 0.001)], "mean": [(0.04, 0.001)]}
    small = {"zero": [(0.001, 0.0001)], "mean": [(0.002, 0.0001)]}
    left, right = figures.accuracy_lost({"one": lost, "two": small}).axes
    assert left.get_ylim()[1] > 5
    assert right.get_ylim()[1] < 0.5


def test_ten_digits_have_ten_colours_and_no_cloud_lies_on_top():
    labels = torch.arange(10).repeat(60)
    (ax,) = figures.plane(torch.randn(600, 2), labels).axes
    drawn = [line.get_color() for line in ax.lines]
    assert len(set(drawn)) == 10
    assert len(set(drawn[:10])) == len(set(drawn[-10:])) == 10  # all in turns
    assert sum(len(line.get_xdata()) for line in ax.lines) == 600


def test_a_falling_lead_is_blue_as_a_negative_weight_is():
    lead = torch.tensor([[[-3.0, 1.0], [0.0, 0.0]]])
    leads = figures.occlusions(torch.zeros(1, 6, 6), {"black": lead}, torch.zeros(1), 5)
    weights = figures.kernels(torch.tensor([[[-3.0, 1.0]]]))
    falling, negative = (f.axes[n].images[0] for f, n in ((leads, 1), (weights, 0)))
    assert falling.to_rgba(-3.0) == negative.to_rgba(-3.0)
    red, _, blue, _ = falling.to_rgba(-3.0)
    assert blue > red
