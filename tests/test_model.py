"""LeNet-5 and the table of its layers: counts are written out, not read back."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchinfo import summary

from lenet_helpers.model import SMALLEST_IMAGE, LeNet5, layer_table


def parameters_of(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def names_of(part: nn.Sequential) -> list[str]:
    return [name for name, _ in part.named_children()]


def test_default_network_has_61706_parameters():
    convolutions = 6 * (5 * 5 * 1 + 1) + 16 * (5 * 5 * 6 + 1)
    linear = 120 * (16 * 5 * 5 + 1) + 84 * (120 + 1) + 10 * (84 + 1)
    assert convolutions + linear == 61_706
    assert parameters_of(LeNet5()) == 61_706


def test_shapes_go_28_14_10_5():
    shapes = {row.name: row.output_shape for row in layer_table(LeNet5(), (1, 32, 32))}
    assert shapes == {
        "conv1": (6, 28, 28),
        "pool1": (6, 14, 14),
        "conv2": (16, 10, 10),
        "pool2": (16, 5, 5),
        "linear1": (120,),
        "linear2": (84,),
        "linear3": (10,),
    }


def test_logits_are_not_squashed():
    torch.manual_seed(0)
    logits = LeNet5()(torch.randn(8, 1, 32, 32))
    assert logits.shape == (8, 10)
    assert logits.min() < 0  # no ReLU, no softmax at the end
    assert not torch.allclose(logits.exp().sum(1), torch.ones(8))  # no log-softmax either


@settings(max_examples=40, deadline=None)
@given(
    in_channels=st.integers(1, 4),
    image_size=st.integers(16, 70),
    num_classes=st.integers(1, 30),
    batch_norm=st.booleans(),
    dropout=st.sampled_from([0.0, 0.3]),
    activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
    pooling=st.sampled_from(["max", "average"]),
)
def test_every_size_that_fits_works(in_channels, image_size, num_classes, **options):
    model = LeNet5(in_channels, image_size, num_classes, **options)
    logits = model(torch.randn(2, in_channels, image_size, image_size))
    assert logits.shape == (2, num_classes)
    assert logits.isfinite().all()
    side = ((image_size - 4) // 2 - 4) // 2
    assert model.classifier.linear1.in_features == 16 * side * side


@given(image_size=st.integers(-5, 15))
def test_too_small_an_image_is_refused_with_the_smallest_size(image_size):
    with pytest.raises(ValueError, match=rf"image_size is {image_size};.* at least 16 pixels"):
        LeNet5(image_size=image_size)


def test_the_smallest_size_is_the_smallest():
    """A pixel less, and PyTorch itself finds nothing left to pool."""
    features = LeNet5().features
    assert features(torch.zeros(1, 1, SMALLEST_IMAGE, SMALLEST_IMAGE)).shape == (1, 16, 1, 1)
    with pytest.raises(RuntimeError, match="too small"):
        features(torch.zeros(1, 1, SMALLEST_IMAGE - 1, SMALLEST_IMAGE - 1))


@pytest.mark.parametrize("name", ["in_channels", "num_classes"])
@pytest.mark.parametrize("value", [0, -1])
def test_counts_below_one_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}; it must be at least 1"):
        LeNet5(**{name: value})


@pytest.mark.parametrize(
    ("name", "known"), [("activation", "relu, tanh, sigmoid"), ("pooling", "max, average")]
)
def test_unknown_words_are_refused_with_the_known_ones(name, known):
    with pytest.raises(ValueError, match=f"{name} is 'swish'; choose one of {known}"):
        LeNet5(**{name: "swish"})


@pytest.mark.parametrize("dropout", [-0.1, 1.5])
def test_impossible_dropout_is_refused(dropout):
    with pytest.raises(ValueError, match="dropout probability"):
        LeNet5(dropout=dropout)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_torchinfo_summary_works(batch_norm):
    statistics = summary(LeNet5(batch_norm=batch_norm), (1, 1, 32, 32), verbose=0)
    assert statistics.total_params == 61_706 + batch_norm * 2 * (6 + 16)
    assert "Conv2d" in str(statistics)


def test_the_plain_network_has_activation_after_each_layer_but_the_last():
    model = LeNet5()
    assert names_of(model.features) == [
        *("conv1", "activation1", "pool1"),
        *("conv2", "activation2", "pool2"),
    ]
    assert names_of(model.classifier) == [
        *("flatten", "linear1", "activation3"),
        *("linear2", "activation4"),
        "linear3",
    ]


def test_batch_norm_stands_between_convolution_and_activation():
    model = LeNet5(batch_norm=True)
    assert names_of(model.features) == [
        *("conv1", "norm1", "activation1", "pool1"),
        *("conv2", "norm2", "activation2", "pool2"),
    ]
    assert parameters_of(model) == 61_706 + 2 * (6 + 16)


def test_dropout_follows_the_hidden_linear_layers():
    model = LeNet5(dropout=0.4)
    assert names_of(model.classifier) == [
        *("flatten", "linear1", "activation3", "dropout1"),
        *("linear2", "activation4", "dropout2"),
        "linear3",
    ]
    assert model.classifier.dropout1.p == model.classifier.dropout2.p == 0.4
    assert parameters_of(model) == 61_706


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, {nn.ReLU, nn.MaxPool2d}),
        ({"activation": "tanh", "pooling": "average"}, {nn.Tanh, nn.AvgPool2d}),
        ({"activation": "sigmoid"}, {nn.Sigmoid, nn.MaxPool2d}),
    ],
)
def test_activation_and_pooling_are_those_asked_for(options, kinds):
    used = {type(module) for module in LeNet5(**options).modules()}
    assert used & {nn.ReLU, nn.Tanh, nn.Sigmoid, nn.MaxPool2d, nn.AvgPool2d} == kinds


def test_options_without_weights_leave_the_random_start_alone():
    """Variants that are compared start from the same weights for the same seed."""

    def weights(**options):
        torch.manual_seed(3)
        return list(LeNet5(**options).parameters())

    plain = weights()
    for options in ({"dropout": 0.5}, {"pooling": "average"}, {"activation": "tanh"}):
        assert all(map(torch.equal, plain, weights(**options)))


def test_table_agrees_with_arithmetic():
    table = {row.name: row[2:] for row in layer_table(LeNet5(), (1, 32, 32))}
    assert table == {  # neurons, parameters, connections
        "conv1": (6 * 28 * 28, 6 * (5 * 5 * 1 + 1), 28 * 28 * 6 * (5 * 5 * 1 + 1)),
        "pool1": (6 * 14 * 14, 0, 6 * 14 * 14 * 2 * 2),
        "conv2": (16 * 10 * 10, 16 * (5 * 5 * 6 + 1), 10 * 10 * 16 * (5 * 5 * 6 + 1)),
        "pool2": (16 * 5 * 5, 0, 16 * 5 * 5 * 2 * 2),
        "linear1": (120, 120 * (400 + 1), 120 * (400 + 1)),
        "linear2": (84, 84 * (120 + 1), 84 * (120 + 1)),
        "linear3": (10, 10 * (84 + 1), 10 * (84 + 1)),
    }
    assert table["conv1"] == (4_704, 156, 122_304)  # C1 of the paper, in its own numbers


def test_table_of_another_size_agrees_with_arithmetic():
    table = {row.name: row[1:] for row in layer_table(LeNet5(3, 28, 7), (3, 28, 28))}
    assert table["conv1"] == ((6, 24, 24), 6 * 24 * 24, 6 * (75 + 1), 6 * 24 * 24 * (75 + 1))
    assert table["linear1"] == ((120,), 120, 120 * (16 * 4 * 4 + 1), 120 * (16 * 4 * 4 + 1))
    assert table["linear3"] == ((7,), 7, 7 * (84 + 1), 7 * (84 + 1))


def test_table_of_batch_norm():
    rows = layer_table(LeNet5(batch_norm=True), (1, 32, 32))
    assert [row.name for row in rows][:3] == ["conv1", "norm1", "pool1"]
    assert rows[1][1:] == ((6, 28, 28), 6 * 28 * 28, 2 * 6, 6 * 28 * 28 * 2)
    assert sum(row.parameters for row in rows) == 61_706 + 2 * (6 + 16)


def test_table_counts_groups_missing_biases_and_oblong_windows():
    model = nn.Sequential(
        nn.Conv2d(6, 12, 3, groups=3, bias=False),
        nn.AvgPool2d((1, 2)),
        nn.Flatten(),
        nn.Linear(12 * 4 * 2, 5, bias=False),
    )
    assert [row[1:] for row in layer_table(model, (6, 6, 6))] == [
        ((12, 4, 4), 12 * 4 * 4, 12 * 3 * 3 * 2, 12 * 4 * 4 * 3 * 3 * 2),
        ((12, 4, 2), 12 * 4 * 2, 0, 12 * 4 * 2 * 1 * 2),
        ((5,), 5, 5 * 96, 5 * 96),
    ]


def test_table_counts_trainable_parameters_only():
    model = LeNet5()
    model.features.requires_grad_(False)
    table = {row.name: row for row in layer_table(model, (1, 32, 32))}
    assert table["conv1"].parameters == table["conv2"].parameters == 0
    assert table["conv1"].connections == 28 * 28 * 6 * (5 * 5 * 1 + 1)
    assert table["linear3"].parameters == 10 * (84 + 1)


def test_table_serves_other_types_and_networks_without_parameters():
    assert layer_table(LeNet5().double(), (1, 32, 32)) == layer_table(LeNet5(), (1, 32, 32))
    assert layer_table(nn.MaxPool2d(2), (1, 4, 4))[0].neurons == 4


@pytest.mark.parametrize("input_size", [(1, 32, 32), (1, 31, 17)])
def test_table_leaves_the_model_as_it_was(input_size):
    """Also when the forward pass raises: the second size does not fit the network."""
    model = LeNet5(batch_norm=True, dropout=0.5)
    model(torch.randn(4, 1, 32, 32)).sum().backward()
    model.train()
    model.features.norm1.eval()  # a frozen part of a network in training
    before = copy.deepcopy(model.state_dict())
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    modes = [module.training for module in model.modules()]
    random_state = torch.get_rng_state()

    if input_size == (1, 32, 32):
        layer_table(model, input_size)
    else:
        with pytest.raises(RuntimeError):
            layer_table(model, input_size)

    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(map(torch.equal, gradients, (p.grad for p in model.parameters())))
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), random_state)
