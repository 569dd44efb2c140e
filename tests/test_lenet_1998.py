"""The network and the training of 1998, against the paper's own counts and equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import nn
from torch.func import functional_call, jacrev
from torch.nn import functional

from lenet_helpers import lenet_1998 as paper
from lenet_helpers.data import Batches, Split
from lenet_helpers.lenet_1998 import LevenbergMarquardt, curvature, lenet_1998
from lenet_helpers.model import LeNet5, layer_table
from lenet_helpers.training import evaluate, fit, seed_everything

# Section II-B: output, trainable parameters, connections.
LAYERS = {
    "c1": ((6, 28, 28), 156, 122_304),
    "s2": ((6, 14, 14), 12, 5_880),
    "c3": ((16, 10, 10), 1_516, 151_600),
    "s4": ((16, 5, 5), 32, 2_000),
    "c5": ((120, 1, 1), 48_120, 48_120),
    "f6": ((84,), 10_164, 10_164),
    "output": ((10,), 0, 840),
}


@pytest.fixture
def network() -> nn.Sequential:
    seed_everything(0)
    return lenet_1998()


@pytest.fixture(scope="module")
def grey(mnist) -> Split:
    """A thousand training digits with grey levels 0…1."""
    images = (mnist.train.images[:1000] * 0.3081 + 0.1307).clamp(0, 1)
    return Split(images, mnist.train.labels[:1000])


# The network


@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_has_the_counts_of_the_paper(network, name):
    (row,) = (row for row in layer_table(network, (1, 32, 32)) if row.name == name)
    assert (row.output_shape, row.parameters, row.connections) == LAYERS[name]


def test_60_000_parameters_and_340_908_connections(network):
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == 60_000
    assert sum(row.connections for row in layer_table(network, (1, 32, 32))) == 340_908


def test_with_todays_parts_it_is_todays_network():
    seed_everything(0)
    today = lenet_1998(radial_basis=False, squash=False, subsampling=False, table=False)
    ours = LeNet5()
    values = dict(zip(ours.state_dict(), today.state_dict().values(), strict=True))
    ours.load_state_dict({name: v.view_as(ours.state_dict()[name]) for name, v in values.items()})
    images = torch.rand(4, 1, 32, 32)
    scaled = 1.275 * images - 0.1
    assert torch.allclose(today(images), ours(scaled), atol=1e-5)


def test_black_on_white_becomes_minus_0_1_and_1_175():
    assert paper.ScaleInput()(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([-0.1, 1.175])


def test_the_squashing_maps_1_to_1_and_never_leaves_1_7159():
    squash = paper.Squash()
    assert squash(torch.tensor([-1.0, 0.0, 1.0])).tolist() == pytest.approx([-1, 0, 1], abs=1e-4)
    assert squash(torch.tensor(50.0)).item() == pytest.approx(1.7159)


def test_subsampling_is_a_sum_of_four_times_a_coefficient_plus_a_bias():
    layer = paper.Subsampling(1)
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.bias.fill_(3)
    assert layer(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).item() == pytest.approx(8)


@pytest.mark.parametrize("number", range(16))
def test_a_map_of_c3_sees_the_maps_of_table_1_and_no_others(network, number):
    maps = torch.rand(1, 6, 14, 14, requires_grad=True)
    network.c3(maps)[0, number].sum().backward()
    seen = maps.grad[0].abs().sum(dim=(1, 2)) > 0
    # columns 0 to 5 of Table I hold three neighbours, and so on, the last one all six
    expected = [
        *("012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145"),
        *("0125", "0134", "1245", "0235", "012345"),
    ][number]
    assert "".join(str(i) for i in range(6) if seen[i]) == expected


def test_c3_adds_the_convolutions_of_single_maps(network):
    maps = torch.randn(2, 6, 14, 14)
    sums = network.c3.bias.view(1, 16, 1, 1).repeat(2, 1, 10, 10).detach()
    for (to, source), kernel in zip(network.c3.seen.T.tolist(), network.c3.weight, strict=True):
        sums[:, to] += functional.conv2d(maps[:, [source]], kernel.view(1, 1, 5, 5))[:, 0].detach()
    assert torch.allclose(network.c3(maps), sums, atol=1e-5)


def test_the_bitmaps_are_ten_different_pictures_of_plus_and_minus_one():
    bitmaps = paper.draw_bitmaps()
    assert bitmaps.shape == (10, 12, 7)
    assert set(bitmaps.unique().tolist()) == {-1.0, 1.0}
    distances = cdist(bitmaps.flatten(1), bitmaps.flatten(1), "sqeuclidean")
    assert distances[~np.eye(10, dtype=bool)].min() >= 4 * 4  # at least four pixels differ


def test_an_output_is_minus_the_squared_distance_to_the_bitmap(network):
    code = torch.randn(5, 84)
    distances = cdist(code, paper.draw_bitmaps().flatten(1), "sqeuclidean")
    assert np.allclose(network.output(code), -distances, rtol=1e-5)


def test_first_weights_lie_within_1_2_over_the_root_of_the_fan_in():
    seed_everything(0)
    network = lenet_1998()
    for layer, inputs in ((network.c1, 25), (network.c5, 400), (network.f6, 120)):
        reach = 1.2 / math.sqrt(inputs)
        assert layer.weight.abs().max() <= reach
        assert layer.weight.std().item() == pytest.approx(reach / math.sqrt(3), rel=0.15)
    of_three, of_six = network.c3.weight[:3], network.c3.weight[-6:]
    assert of_three.abs().max() <= 1.2 / math.sqrt(75)
    assert of_six.abs().max() <= 1.2 / math.sqrt(150)


# The losses


def test_equation_8_is_the_mean_distance_to_the_right_bitmap():
    distances = torch.tensor([[3.0, 1.0, 7.0], [2.0, 5.0, 4.0]])
    assert paper.squared_loss(-distances, torch.tensor([1, 2])).item() == pytest.approx(2.5)


def test_equation_9_adds_the_competition_of_all_classes_and_rubbish():
    distances, labels, j = torch.tensor([[3.0, 1.0, 7.0], [2.0, 5.0, 4.0]]), [1, 2], 1.0
    expected = [
        row[label] + math.log(math.exp(-j) + sum(math.exp(-y) for y in row))
        for row, label in zip(distances.tolist(), labels, strict=True)
    ]
    found = paper.discriminative_loss(-distances, torch.tensor(labels), rubbish=j)
    assert found.item() == pytest.approx(sum(expected) / 2)


def test_equation_9_stays_finite_for_far_codes():
    far = torch.full((1, 10), -1000.0)
    assert paper.discriminative_loss(far, torch.tensor([0])).item() == pytest.approx(999)


# The curvature


def toy_network() -> nn.Sequential:
    """One hidden layer, no shared weights."""
    seed_everything(1)
    return nn.Sequential(nn.Linear(4, 5), paper.Squash(), nn.Linear(5, 3)).double()


def test_the_curvature_is_the_diagonal_of_the_gauss_newton_matrix():
    model = toy_network()
    inputs, labels = torch.randn(7, 4, dtype=torch.float64), torch.zeros(7, dtype=torch.long)
    targets = torch.randn(3, dtype=torch.float64)

    def loss(outputs, _labels):
        return (outputs - targets).square().sum(dim=1).mean()

    parameters = dict(model.named_parameters())
    jacobian = jacrev(lambda p: functional_call(model, p, (inputs,)))(parameters)
    found = curvature(model, inputs, labels, loss)
    for (name, parameter), h in zip(parameters.items(), found, strict=True):
        by_output = jacobian[name].detach().flatten(2).square()  # (n, outputs, weights)
        expected = 2 * by_output.sum(dim=1).mean(dim=0).view_as(parameter)
        assert torch.allclose(h, expected), name


def test_the_curvature_is_not_the_diagonal_of_the_full_hessian():
    model = toy_network()
    inputs, labels = torch.randn(7, 4, dtype=torch.float64), torch.zeros(7, dtype=torch.long)

    def loss(outputs, _labels):
        return (outputs - 3).square().sum(dim=1).mean()

    parameters = dict(model.named_parameters())

    def of_first(weight):
        return loss(functional_call(model, parameters | {"0.weight": weight}, (inputs,)), labels)

    full = jacrev(jacrev(of_first))(parameters["0.weight"].detach()).reshape(20, 20).diagonal()
    assert not torch.allclose(curvature(model, inputs, labels, loss)[0].flatten(), full, rtol=0.01)


def test_shared_weights_get_the_sum_over_their_places():
    images = torch.randn(3, 1, 6, 6)
    convolution = nn.Conv2d(1, 2, 5)
    leaving = torch.rand(3, 2, 2, 2)
    _, weight, bias = paper.curvature_through(convolution, images, leaving)
    expected = sum(
        leaving[n, :, y, x].view(2, 1, 1, 1) * images[n, :, y : y + 5, x : x + 5].square()
        for n in range(3)
        for y in range(2)
        for x in range(2)
    )
    assert torch.allclose(weight, expected, rtol=1e-4)
    assert torch.allclose(bias, leaving.sum(dim=(0, 2, 3)))


@pytest.mark.parametrize("loss", [paper.squared_loss, paper.discriminative_loss])
def test_curvature_is_never_negative_and_one_for_each_parameter(network, grey, loss):
    found = curvature(network, grey.images[:100], grey.labels[:100], loss)
    for parameter, h in zip(network.parameters(), found, strict=True):
        assert h.shape == parameter.shape
        assert h.min() >= 0
        assert torch.isfinite(h).all()


def test_curvature_at_f6_by_equation_8_is_2(network, grey):
    *_, bias = curvature(network, grey.images[:50], grey.labels[:50], paper.squared_loss)
    values = grey.images[:50]
    with torch.no_grad():
        for layer in list(network)[:-2]:
            values = layer(values)
    slope = paper.AMPLITUDE * paper.SLOPE * (1 - torch.tanh(paper.SLOPE * values).square())
    assert torch.allclose(bias, 2 * slope.square().mean(dim=0), rtol=1e-4)


# The training


def test_a_step_is_the_global_size_over_002_plus_the_curvature(network, grey):
    loss = paper.discriminative_loss
    optimizer = LevenbergMarquardt(network, grey, loss, 1, learning_rate=0.0005, warm_up=0)
    before = [p.detach().clone() for p in network.parameters()]
    state = torch.get_rng_state()
    loss(network(grey.images[:1]), grey.labels[:1]).backward()
    optimizer.step()
    torch.set_rng_state(state)
    chosen = torch.randperm(1000)[:500]
    twin = lenet_1998()
    with torch.no_grad():
        for parameter, old in zip(twin.parameters(), before, strict=True):
            parameter.copy_(old)
    second = curvature(twin, grey.images[chosen], grey.labels[chosen], loss)
    for new, old, h in zip(network.parameters(), before, second, strict=True):
        expected = old - 0.0005 / (0.02 + h) * new.grad
        assert torch.allclose(new, expected, atol=1e-6)


def test_steps_grow_to_their_size_over_the_first_images():
    model = toy_network()
    few = Split(torch.randn(40, 4, dtype=torch.float64), torch.zeros(40, dtype=torch.long))
    optimizer = LevenbergMarquardt(model, few, paper.squared_loss, 8, warm_up=32)
    parameters, moved = list(model.parameters()), []
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    for _ in range(5):  # 8, 16, 24, 32 and 40 images
        before = parameters[0].detach().clone()
        optimizer.step()
        moved.append((before - parameters[0]).detach())
    for step, part in zip(moved, (0.25, 0.5, 0.75, 1, 1), strict=True):
        assert torch.allclose(step, part * moved[-1])


def test_20_passes_go_through_the_step_sizes_of_the_paper():
    model = toy_network()
    few = Split(torch.randn(8, 4, dtype=torch.float64), torch.zeros(8, dtype=torch.long))
    optimizer = LevenbergMarquardt(model, few, paper.squared_loss, 8, learning_rate=0.0005)
    sizes = []
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for _ in range(20):
        optimizer.step()
        sizes.append(optimizer.param_groups[0]["lr"])
    expected = 2 * [0.0005] + 3 * [0.0002] + 3 * [0.0001] + 4 * [0.00005] + 8 * [0.00001]
    assert sizes == pytest.approx(expected)


def test_a_step_of_a_batch_is_the_sum_of_the_steps_of_its_samples(network, grey):
    loss, images, labels = paper.squared_loss, grey.images[:4], grey.labels[:4]
    start = {name: p.detach().clone() for name, p in network.named_parameters()}

    def change(chosen, batch_size):
        """What one step from the start, with the same curvature, does to each parameter."""
        seed_everything(1)
        network.load_state_dict(start)
        optimizer = LevenbergMarquardt(network, grey, loss, batch_size, warm_up=0)
        optimizer.zero_grad()
        loss(network(images[chosen]), labels[chosen]).backward()
        optimizer.step()
        return [p.detach() - start[name] for name, p in network.named_parameters()]

    singles = [change([sample], 1) for sample in range(4)]
    for together, *alone in zip(change(range(4), 4), *singles, strict=True):
        assert torch.allclose(together, sum(alone), atol=1e-6)


def test_the_network_learns_digits_in_a_short_training(grey, mnist):
    seed_everything(0)
    model = lenet_1998()
    loss = paper.discriminative_loss
    optimizer = LevenbergMarquardt(model, grey, loss, 16, passes=3, warm_up=1000)
    batches = Batches(grey, 16, shuffle=True, generator=torch.Generator().manual_seed(0))
    fit(model, batches, epochs=3, optimizer=optimizer, loss_function=loss, progress=False)
    test = (mnist.test.images[:2000] * 0.3081 + 0.1307).clamp(0, 1)
    assert evaluate(model, [(test, mnist.test.labels[:2000])]).accuracy > 0.5


def test_a_training_goes_on_from_its_checkpoint_with_the_same_weights(grey, tmp_path):
    def train(epochs, checkpoint):
        seed_everything(3)
        model = lenet_1998()
        few = Split(grey.images[:160], grey.labels[:160])
        optimizer = LevenbergMarquardt(model, few, paper.discriminative_loss, 16, passes=3)
        batches = Batches(few, 16, shuffle=True, generator=torch.Generator().manual_seed(3))
        fit(
            model, batches, epochs=epochs, optimizer=optimizer, progress=False,
            loss_function=paper.discriminative_loss, checkpoint=checkpoint,
        )  # fmt: skip
        return model

    whole = train(3, None)
    train(1, tmp_path / "state.pt")
    continued = train(3, tmp_path / "state.pt")
    for one, other in zip(whole.parameters(), continued.parameters(), strict=True):
        assert torch.equal(one, other)
