"""What a reader can do wrong in a training is said before it costs time; other errors pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import ExponentialLR, OneCycleLR

from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.training import evaluate, fit

BATCH = (torch.zeros(4, 1, 32, 32), torch.arange(4))


def train(model, batches, optimizer=None, epochs=1, **settings):
    optimizer = optimizer or SGD(model.parameters(), lr=0.1)
    return fit(model, batches, epochs=epochs, optimizer=optimizer, progress=False, **settings)


# Optimizer and scheduler


def test_the_optimizer_of_another_model_is_refused():
    other = LeNet5()
    with pytest.raises(CourseError, match="no trainable parameter of this model"):
        train(LeNet5(), [BATCH], SGD(other.parameters(), lr=0.1))


def test_a_model_of_which_every_parameter_is_frozen_is_refused():
    model = LeNet5().requires_grad_(False)
    with pytest.raises(CourseError, match="frozen ones need requires_grad"):
        train(model, [BATCH])


def test_a_part_of_the_model_can_be_trained_alone():
    model = LeNet5()
    model.features.requires_grad_(False)
    before = [parameter.clone() for parameter in model.parameters()]
    train(model, [BATCH], SGD(model.classifier.parameters(), lr=0.1))
    moved = [not torch.equal(*pair) for pair in zip(model.parameters(), before, strict=True)]
    assert moved[:4] == [False] * 4  # two convolutions with their biases
    assert any(moved[4:])


def test_a_scheduler_of_another_optimizer_is_refused():
    model = LeNet5()
    mine, other = SGD(model.parameters(), lr=0.1), SGD(model.parameters(), lr=0.1)
    with pytest.raises(CourseError, match="of another optimizer"):
        train(model, [BATCH], mine, scheduler=ExponentialLR(other, 0.5))


@pytest.mark.parametrize("known", [True, False])
def test_a_one_cycle_schedule_that_is_used_up_is_refused_before_a_step(known):
    model = LeNet5()
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = OneCycleLR(optimizer, 0.1, total_steps=3)
    train(model, [BATCH] * 3, optimizer, scheduler=scheduler)
    before = model.classifier.linear3.weight.clone()
    batches = [BATCH] * 3 if known else iter([BATCH] * 3)
    with pytest.raises(CourseError, match=r"made for 3 steps and has 3 behind it.*new scheduler"):
        train(model, batches, optimizer, scheduler=scheduler)
    assert torch.equal(model.classifier.linear3.weight, before)


def test_a_one_cycle_schedule_can_be_used_in_two_parts():
    model = LeNet5()
    optimizer = SGD(model.parameters(), lr=0.1)
    scheduler = OneCycleLR(optimizer, 0.1, total_steps=4)
    for _ in range(2):
        train(model, [BATCH] * 2, optimizer, scheduler=scheduler)
    with pytest.raises(CourseError, match="4 behind it"):
        train(model, [BATCH], optimizer, scheduler=scheduler)


# Images


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (torch.uint8, r"images are torch\.uint8, the weights .* torch\.float32.*float\(\) / 255"),
        (torch.float64, r"images are torch\.float64, the weights .*images\.float\(\)\."),
    ],
)
def test_images_of_another_type_are_named_with_the_remedy(kind, said):
    batches = [(BATCH[0].to(kind), BATCH[1])]
    with pytest.raises(CourseError, match=said):
        train(LeNet5(), batches)
    with pytest.raises(CourseError, match=said):
        evaluate(LeNet5(), batches)


def test_images_that_are_not_finite_at_the_first_step_are_not_blamed_on_the_learning_rate():
    images = BATCH[0].clone()
    images[2, 0, 5, 5] = float("nan")
    with pytest.raises(CourseError, match=r"nan at step 1 .*Image 2 of this batch") as caught:
        train(LeNet5(), [(images, BATCH[1])])
    assert "learning rate" not in str(caught.value)


def test_first_weights_that_are_not_finite_are_not_blamed_on_the_learning_rate():
    model = LeNet5()
    nn.init.constant_(model.classifier.linear3.bias, float("nan"))
    with pytest.raises(CourseError, match="look at the first weights") as caught:
        train(model, [BATCH])
    assert "learning rate" not in str(caught.value)


def test_weights_that_are_not_finite_are_named_when_the_model_is_measured():
    model = LeNet5()
    nn.init.constant_(model.classifier.linear3.bias, float("inf"))
    with pytest.raises(CourseError, match=r"batch 1 of the evaluation\. The weights of the model"):
        evaluate(model, [BATCH])


# Labels and loss


def test_a_batch_of_ten_one_hot_labels_is_not_taken_for_ten_classes():
    images, classes = torch.zeros(10, 1, 32, 32), torch.arange(10)
    one_hot = nn.functional.one_hot(classes).float()
    with pytest.raises(CourseError, match=r"shape \(10, 10\).*argmax"):
        evaluate(LeNet5(), [(images, one_hot)])


@pytest.mark.filterwarnings("ignore:Using a target size")  # torch's own, before its error
def test_a_loss_that_cannot_compare_logits_with_labels_is_named():
    with pytest.raises(CourseError, match=r"logits of shape \(4, 10\) with labels of shape \(4,\)"):
        train(LeNet5(), [BATCH], loss_function=nn.functional.mse_loss)


def test_a_model_that_gives_no_logits_for_each_image_is_named():
    class Flat(LeNet5):
        def forward(self, images):
            return super().forward(images).flatten()

    with pytest.raises(CourseError, match=r"logits of shape \(40,\) for 4 images"):
        train(Flat(), [BATCH])


# What is not the reader's doing


class Fails(LeNet5):
    """A network whose forward pass fails as it is told."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, images):
        logits = super().forward(images)
        if not images.is_meta:  # where nothing is computed, nothing is out of memory
            raise self.error
        return logits


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        torch.AcceleratorError("CUDA error: no kernel image is available for execution"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
    ids=["CUDA's memory", "CUDA", "cuDNN", "memory"],
)
def test_an_error_of_the_device_or_of_memory_passes_as_it_is(error):
    with pytest.raises(type(error)) as caught:
        train(Fails(error), [BATCH])
    assert caught.value is error
    with pytest.raises(type(error)) as caught:
        evaluate(Fails(error), [BATCH])
    assert caught.value is error


def test_an_error_of_the_device_in_the_loss_passes_as_it_is():
    error = RuntimeError("CUDA error: device-side assert triggered")

    def loss(logits, labels):
        if not logits.is_meta:
            raise error
        return nn.functional.cross_entropy(logits, labels)

    with pytest.raises(RuntimeError) as caught:
        train(LeNet5(), [BATCH], loss_function=loss)
    assert caught.value is error


def test_a_memory_that_is_really_too_small_is_said_in_the_words_of_torch():
    class Greedy(LeNet5):
        def forward(self, images):
            return super().forward(images) + images.new_empty(2**50).sum()

    with pytest.raises(RuntimeError, match="memory"):
        train(Greedy(), [BATCH])
