"""What fit, evaluate and History promise."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from lenet_helpers import evaluation
from lenet_helpers.data import Batches, Split
from lenet_helpers.errors import CourseError
from lenet_helpers.model import LeNet5
from lenet_helpers.training import (
    History,
    TrainingStopped,
    evaluate,
    fit,
    pick_device,
    seed_everything,
)


@pytest.fixture(scope="module")
def small(mnist):
    """2,000 training images of MNIST."""
    return Split(mnist.train.images[:2000], mnist.train.labels[:2000])


def batches_of(split, seed=0, batch_size=64):
    return Batches(split, batch_size, True, torch.Generator().manual_seed(seed))


def fresh(seed=0, **settings):
    seed_everything(seed)
    return LeNet5(**settings)


def weights_of(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_fit_gives_the_weights_of_a_plain_loop(small):
    ours, theirs = fresh(), fresh()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9)
    losses = []
    batches = batches_of(small)
    for _ in range(2):
        for images, labels in batches:
            loss = functional.cross_entropy(theirs(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    optimizer = torch.optim.SGD(ours.parameters(), lr=0.05, momentum=0.9)
    history = fit(ours, batches_of(small), epochs=2, optimizer=optimizer, progress=False)

    assert torch.equal(weights_of(ours), weights_of(theirs))
    assert history.step_losses == losses


def test_fit_steps_the_scheduler_after_every_step(small):
    model = fresh()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    halve = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    history = fit(
        model,
        [(small.images[:8], small.labels[:8])] * 3,
        epochs=2,
        optimizer=optimizer,
        scheduler=halve,
        progress=False,
    )
    assert history.column("learning_rate") == [0.5**2, 0.5**5]  # of the third and the sixth step


def test_fit_augments_training_images_but_not_validation_images():
    seen = []

    class Recorder(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(1, 10)

        def forward(self, images):
            seen.append((self.training, images.mean().item()))
            return self.linear(images.mean(dim=(1, 2, 3)).unsqueeze(1))

    model = Recorder()
    batch = [(torch.ones(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64))]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(
        model,
        batch,
        epochs=1,
        optimizer=optimizer,
        validation=batch,
        augment=lambda images: images * 3,
        progress=False,
    )
    assert seen == [(True, 3.0), (False, 1.0)]


def test_fit_takes_a_dataloader(small):
    model = fresh()
    loader = torch.utils.data.DataLoader(small, batch_size=500)
    optimizer = torch.optim.Adam(model.parameters())
    history = fit(model, loader, epochs=1, optimizer=optimizer, progress=False)
    assert len(history.step_losses) == 4


def test_fit_takes_streams_whose_length_nobody_knows(small):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(zip(small.images[:40], small.labels[:40], strict=True))

    model = fresh()
    stream = torch.utils.data.DataLoader(Stream(), batch_size=16)
    optimizer = torch.optim.Adam(model.parameters())
    settings = {"optimizer": optimizer, "validation": stream, "progress": False}
    history = fit(model, stream, epochs=2, **settings)
    assert len(history.step_losses) == 2 * 3
    assert history.epochs[-1].validation_accuracy == evaluate(model, stream).accuracy


def test_evaluate_agrees_with_scikit_learn(small):
    model = fresh()
    with torch.no_grad():
        probabilities = model(small.images).double().softmax(dim=1).numpy()
    labels = small.labels.numpy()

    metrics = evaluate(model, Batches(small, 300))  # 2,000 is not a multiple of 300

    assert metrics.accuracy == accuracy_score(labels, probabilities.argmax(axis=1))
    assert metrics.loss == pytest.approx(log_loss(labels, probabilities, labels=range(10)), 1e-5)


def test_evaluate_leaves_a_frozen_part_frozen(small):
    model = fresh(batch_norm=True).train()
    model.features.norm1.eval()
    modes = [module.training for module in model.modules()]
    evaluate(model, Batches(small, 500))
    assert [module.training for module in model.modules()] == modes


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_restores_the_mode_and_leaves_no_gradients(small, training):
    model = fresh(dropout=0.5).train(training)
    first, second = (evaluate(model, Batches(small, 500)) for _ in range(2))
    assert first == second  # dropout was off
    assert model.training is training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_history_holds_the_means_over_the_samples_of_an_epoch(small):
    model = fresh()
    frozen = torch.optim.SGD(model.parameters(), lr=0.0)  # so the epoch is an evaluation
    validation = Batches(small, 700)
    history = fit(
        model,
        Batches(small, 300),
        epochs=1,
        optimizer=frozen,
        validation=validation,
        progress=False,
    )
    (epoch,) = history.epochs
    expected = evaluate(model, validation)
    assert epoch.accuracy == expected.accuracy == epoch.validation_accuracy
    assert epoch.loss == pytest.approx(expected.loss, rel=1e-5)
    assert len(history.step_losses) == math.ceil(2000 / 300)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(small):
    def train(seed):
        model = fresh(seed)
        optimizer = torch.optim.Adam(model.parameters(), fused=True)
        fit(model, batches_of(small, seed), epochs=1, optimizer=optimizer, progress=False)
        return weights_of(model)

    assert torch.equal(train(1), train(1))
    assert not torch.equal(train(1), train(2))


def test_seed_everything_sets_python_numpy_and_torch():
    import random

    def draw():
        seed_everything(7)
        return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002

    assert draw() == draw()


def test_a_loss_that_is_not_finite_stops_and_names_the_step(small):
    model = fresh()
    images = small.images[:64].clone()
    images[5] = float("nan")
    batches = [(small.images[:64], small.labels[:64]), (images, small.labels[:64])]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pytest.raises(CourseError, match=r"nan at step 2 .*Image 5 of this batch"):
        fit(model, batches, epochs=1, optimizer=optimizer, progress=False)
    assert weights_of(model).isfinite().all()


def test_a_value_that_is_not_finite_in_validation_is_named(small):
    model = fresh()
    images = small.images[:20].clone()
    images[13, 0, 4, 4] = float("inf")
    validation = [(small.images[:8], small.labels[:8]), (images, small.labels[:20])]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    settings = {"epochs": 1, "optimizer": optimizer, "progress": False}
    with pytest.raises(CourseError, match=r"batch 2 of the validation\. Image 13 of this batch"):
        fit(model, batches_of(small), validation=validation, **settings)
    with pytest.raises(CourseError, match=r"batch 2 of the evaluation\. Image 13 of this batch"):
        evaluate(model, validation)


@pytest.mark.parametrize("every", [3, 100])
def test_results_that_are_read_late_are_the_same(every, small, monkeypatch):
    """As on a graphics card, whose results are read some batches later."""

    def train():
        model = fresh()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        settings = {"epochs": 2, "optimizer": optimizer, "progress": False}
        history = fit(model, batches_of(small), validation=Batches(small, 300), **settings)
        return weights_of(model), history

    at_once, first = train()
    monkeypatch.setitem(evaluation.READ_EVERY, "cpu", every)
    late, second = train()
    assert torch.equal(at_once, late)
    assert second.step_losses == first.step_losses
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert second.column(name) == first.column(name)


def test_a_loss_that_is_not_finite_and_read_late_is_named_by_its_own_step(small, monkeypatch):
    monkeypatch.setitem(evaluation.READ_EVERY, "cpu", 5)
    images = small.images[:64].clone()
    images[5] = float("nan")
    good = (small.images[:64], small.labels[:64])
    batches = [good, (images, small.labels[:64]), good, good]
    model = fresh()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with pytest.raises(CourseError, match=r"nan at step 2 .*Image 5 of this batch"):
        fit(model, batches, epochs=1, optimizer=optimizer, progress=False)
    with pytest.raises(CourseError, match=r"batch 2 of the evaluation\. Image 5 of this batch"):
        evaluate(fresh(), batches)


def test_a_learning_rate_that_is_far_too_large_is_reported(small):
    model = fresh()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e6)
    with pytest.raises(CourseError, match="the learning rate is too large"):
        fit(model, batches_of(small), epochs=3, optimizer=optimizer, progress=False)


@pytest.mark.parametrize(
    ("images", "labels", "classes", "explanation"),
    [
        ((4, 1, 28, 28), [0, 1, 2, 3], 10, r"cannot take images of shape \(4, 1, 28, 28\)"),
        ((4, 3, 32, 32), [0, 1, 2, 3], 10, r"cannot take images of shape \(4, 3, 32, 32\)"),
        ((4, 1, 32, 32), [0, 1, 2, 9], 5, "labels go from 0 to 9, but the model has 5 classes"),
        ((4, 1, 32, 32), [0, 1, -1, 9], 10, "labels go from -1 to 9"),
        ((4, 1, 32, 32), [0, 1, 2], 10, r"4 images but labels of shape \(3,\)"),
        ((4, 1, 32, 32), [[0], [1], [2], [3]], 10, r"labels of shape \(4, 1\)"),
        ((4, 1, 32, 32), [0.0, 1.0, 2.0, 3.0], 10, "torch.float32"),
        ((4, 1, 32, 32), [[0.0, 1.0]] * 4, 2, r"labels\.argmax\(dim=1\), if they are one-hot"),
        ((4, 4, 32, 32), [[0, 0, 0, 1]] * 4, 4, r"labels\.argmax\(dim=1\), if they are one-hot"),
    ],
)
def test_what_does_not_fit_together_is_explained(images, labels, classes, explanation):
    model = LeNet5(num_classes=classes)
    batches = [(torch.zeros(images), torch.tensor(labels))]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(CourseError, match=explanation):
        fit(model, batches, epochs=1, optimizer=optimizer, progress=False)
    with pytest.raises(CourseError, match=explanation):
        evaluate(model, batches)


def test_a_generator_that_is_read_up_is_explained(small):
    model = fresh()
    once = (batch for batch in [(small.images[:8], small.labels[:8])])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(CourseError, match="read only once"):
        fit(model, once, epochs=2, optimizer=optimizer, progress=False)


class StopsInTheSecondEpoch(Batches):
    """Batches during which somebody presses Ctrl-C."""

    epoch = 0

    def __iter__(self):
        self.epoch += 1
        for number, batch in enumerate(super().__iter__()):
            if self.epoch == 2 and number == 5:
                raise KeyboardInterrupt
            yield batch


def test_ctrl_c_hands_over_model_and_history_and_keeps_the_last_checkpoint(small, tmp_path):
    model = fresh()
    checkpoint = tmp_path / "state.pt"
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(
            model,
            StopsInTheSecondEpoch(small, 100),
            epochs=4,
            optimizer=torch.optim.Adam(model.parameters()),
            checkpoint=checkpoint,
            progress=False,
        )
    stopped = caught.value
    assert stopped.model is model
    assert len(stopped.history.epochs) == 1
    assert len(stopped.history.step_losses) == 20 + 5
    assert checkpoint.exists()
    assert "Stopped after 1 of 4 epochs" in str(stopped)
    assert str(checkpoint) in str(stopped)


def test_called_again_after_ctrl_c_fit_goes_on_with_the_same_objects(small, tmp_path):
    """As in a notebook, where the cell of `fit` is run again and those above are not."""

    def train(batches):
        model = fresh()
        optimizer = torch.optim.Adam(model.parameters())
        scheduler = OneCycleLR(optimizer, 0.01, total_steps=60)
        settings = {"epochs": 3, "optimizer": optimizer, "scheduler": scheduler}
        settings |= {"checkpoint": tmp_path / type(batches).__name__, "progress": False}
        try:
            fit(model, batches, **settings)
        except KeyboardInterrupt:
            fit(model, batches, **settings)
        return weights_of(model)

    stopped, whole = (
        train(kind(small, 100, True, torch.Generator().manual_seed(1)))
        for kind in (StopsInTheSecondEpoch, Batches)
    )
    assert torch.equal(stopped, whole)


def test_what_ctrl_c_raises_can_be_sent_to_another_process():
    stopped = pickle.loads(pickle.dumps(TrainingStopped(fresh(), History(), "Stopped.")))
    assert (str(stopped), stopped.history) == ("Stopped.", History())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child process")
def test_a_real_sigint_ends_fit_with_its_history(small):
    model = fresh()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.perf_counter()
    with pytest.raises(TrainingStopped) as caught:
        fit(
            model,
            batches_of(small),
            epochs=10_000,
            optimizer=torch.optim.Adam(model.parameters()),
            progress=False,
        )
    assert caught.value.history.step_losses
    assert time.perf_counter() - start < 30


def test_one_bar_shows_loss_accuracy_and_time_left():
    code = (
        "import torch; from lenet_helpers.model import LeNet5; from lenet_helpers.training import "
        "fit; model = LeNet5(); batch = (torch.zeros(8, 1, 32, 32), torch.zeros(8).long()); "
        "fit(model, [batch] * 100, epochs=3, optimizer=torch.optim.SGD(model.parameters(), 0.1))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TQDM_DISABLE"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    bar = result.stderr
    assert "/300 [" in bar  # one bar for three epochs of 100 steps
    assert "loss=" in bar
    assert "accuracy=" in bar
    assert "<00:" in bar  # time left
    assert result.stdout == ""


@pytest.fixture
def works(monkeypatch) -> set[str]:
    """A machine that says it has CUDA and MPS; on those in this set a computation works."""
    works = {"cuda", "mps"}

    def ones(*shape, device, **settings):
        if device not in works | {"cpu"}:
            raise RuntimeError(f"{device} error: no kernel image is available\nCompile with …")
        return torch.full(shape, 1.0, **settings)

    monkeypatch.delenv("LENET_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", ones)
    return works


@pytest.mark.usefixtures("works")
def test_pick_device_prefers_cuda_then_mps_then_cpu(monkeypatch, capsys):
    assert pick_device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device().type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device().type == "cpu"
    assert capsys.readouterr().out == ""


def test_a_device_on_which_nothing_works_is_left_out_with_a_note(works, capsys):
    works.discard("cuda")
    assert pick_device().type == "mps"
    works.discard("mps")
    assert pick_device().type == "cpu"
    said = capsys.readouterr().out
    assert "cuda is there but does not work (cuda error: no kernel image is available)" in said
    assert "mps is there but does not work" in said
    assert "LENET_DEVICE=cpu" in said


@pytest.mark.usefixtures("works")
def test_a_device_that_computes_wrongly_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(functional, "conv2d", lambda image, _kernel: (image * 2).sum())
    assert pick_device().type == "cpu"
    assert "came out wrong" in capsys.readouterr().out


def test_the_environment_variable_overrides_the_device(works, monkeypatch):
    monkeypatch.setenv("LENET_DEVICE", "cpu")
    assert pick_device().type == "cpu"
    monkeypatch.setenv("LENET_DEVICE", "toaster")
    with pytest.raises(CourseError, match="LENET_DEVICE is 'toaster'"):
        pick_device()
    works.discard("cuda")
    monkeypatch.setenv("LENET_DEVICE", "cuda")
    with pytest.raises(CourseError, match=r"LENET_DEVICE is 'cuda'.*no kernel image"):
        pick_device()


def test_choosing_a_device_draws_no_random_number():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    pick_device()
    assert torch.equal(torch.rand(3), expected)
