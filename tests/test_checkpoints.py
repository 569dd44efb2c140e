"""Weights and checkpoints: whole, safe to load, and good for going on."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.optim.lr_scheduler import (
    CosineAnnealingWarmRestarts,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

from lenet_helpers import files
from lenet_helpers.checkpoints import load_network, load_weights, save_weights
from lenet_helpers.data import Batches, Split
from lenet_helpers.errors import CourseError
from lenet_helpers.lenet_1998 import lenet_1998
from lenet_helpers.model import LeNet5
from lenet_helpers.training import fit, seed_everything

# A training that uses every kind of state: Adam's means, a schedule, dropout and NumPy noise.
# What the images show does not matter here, so they are noise: MNIST need not be read four times.
TRAINING = """
import sys, numpy as np, torch
from lenet_helpers.checkpoints import save_weights
from lenet_helpers.data import Batches, Split
from lenet_helpers.model import LeNet5
from lenet_helpers.training import fit, seed_everything

torch.set_num_threads(1)
checkpoint, weights = sys.argv[1:]
seed_everything(3)
noise = Split(torch.randn(3000, 1, 32, 32), torch.randint(10, (3000,)))
model = LeNet5(dropout=0.2)
batches = Batches(noise, 50, True, torch.Generator().manual_seed(3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.003, fused=True)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total_steps=4 * len(batches))

def augment(images):
    print("step", flush=True)
    return images + 0.1 * torch.randn_like(images) + float(np.random.rand()) * 0.01

fit(model, batches, epochs=4, optimizer=optimizer, scheduler=scheduler, augment=augment,
    checkpoint=checkpoint, progress=False)
save_weights(model, weights)
"""


def run_training(folder: Path, kill_at_step: int | None = None) -> int:
    """Run the training above in a child, and kill it at a step; its exit status."""
    command = [sys.executable, "-c", TRAINING]
    arguments = [str(folder / "state.pt"), str(folder / "weights.safetensors")]
    child = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True)
    for step, _line in enumerate(child.stdout, start=1):
        if step == kill_at_step:
            child.kill()
    return child.wait()


@pytest.mark.lessons  # it takes long
def test_a_training_killed_at_any_step_ends_with_the_weights_of_one_that_was_not(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    assert run_training(tmp_path / "whole") == 0

    steps = random.Random(time.time_ns())  # another step on each run of the test
    kills = [steps.randint(61, 110), steps.randint(20, 119)]  # in epoch 2, then in epoch 2 or 3
    for kill_at in kills:
        assert run_training(tmp_path / "killed", kill_at) != 0
        assert not (tmp_path / "killed" / "weights.safetensors").exists()
    assert run_training(tmp_path / "killed") == 0

    whole, killed = (
        (tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "killed")
    )
    assert whole == killed, f"killed at steps {kills}"


def test_saved_weights_come_back_bit_for_bit(tmp_path):
    trained, fresh = LeNet5(batch_norm=True), LeNet5(batch_norm=True)
    save_weights(trained, tmp_path / "weights.safetensors")
    load_weights(fresh, tmp_path / "weights.safetensors")
    for name, tensor in trained.state_dict().items():
        assert torch.equal(tensor, fresh.state_dict()[name]), name


def test_saved_weights_are_a_safetensors_file_with_the_names_of_the_model(tmp_path):
    model = LeNet5()
    save_weights(model, tmp_path / "weights.safetensors")
    with safetensors.safe_open(tmp_path / "weights.safetensors", "numpy") as file:
        assert set(file.keys()) == set(model.state_dict())
        assert sum(file.get_tensor(name).size for name in file.keys()) == 61_706  # noqa: SIM118


class Hostile:
    """Runs code when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return open, (str(self.trace), "w")


@pytest.mark.parametrize("write", ["torch.save", "pickle"])
@pytest.mark.parametrize("load", ["weights", "checkpoint"])
def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path, write, load):
    path, trace = tmp_path / "model.pt", tmp_path / "trace"
    if write == "torch.save":
        torch.save(Hostile(trace), path)
    else:
        path.write_bytes(pickle.dumps(Hostile(trace)))
    with pytest.raises(CourseError, match=r"refused.*can run any code"):
        load_file(load, path)
    assert not trace.exists()


def load_file(kind, path):
    model = LeNet5()
    if kind == "weights":
        load_weights(model, path)
    else:
        continue_training(model, path)


def continue_training(model, path, optimizer=None, epochs=1):
    batches = [(torch.zeros(2, 1, 32, 32), torch.zeros(2, dtype=torch.int64))]
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    return fit(model, batches, epochs=epochs, optimizer=optimizer, checkpoint=path, progress=False)


def test_a_pickled_model_as_tutorials_save_it_is_refused(tmp_path):
    torch.save(LeNet5(), tmp_path / "model.pt")
    with pytest.raises(CourseError, match="refused"):
        load_weights(LeNet5(), tmp_path / "model.pt")
    with pytest.raises(CourseError, match="refused"):
        continue_training(LeNet5(), tmp_path / "model.pt")


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_file_is_refused_and_the_model_unharmed(tmp_path, kept):
    model = LeNet5()
    save_weights(model, tmp_path / "weights")
    continue_training(LeNet5(), tmp_path / "state")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for name, load in (("weights", load_weights), ("state", continue_training)):
        content = (tmp_path / name).read_bytes()
        length = kept if isinstance(kept, int) else int(kept * len(content))
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(CourseError, match=str(tmp_path / name)):
            load(model, tmp_path / name)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def save_plain(model, path):
    """The weights alone, without the arguments of the network."""
    path.write_bytes(safetensors.torch.save(model.state_dict()))


@pytest.mark.parametrize(
    ("argument", "value"),
    [("num_classes", 19), ("activation", "tanh"), ("pooling", "average"), ("dropout", 0.5)],
)
def test_weights_of_a_network_with_another_argument_are_refused_by_its_name(
    argument, value, tmp_path
):
    save_weights(LeNet5(**{argument: value}), tmp_path / "weights")
    model = LeNet5()
    before = model.classifier.linear3.weight.clone()
    here = model.arguments[argument]
    said = f"another network: {argument} is {value} in the file and {here} in the model"
    with pytest.raises(CourseError, match=said):
        load_weights(model, tmp_path / "weights")
    assert torch.equal(model.classifier.linear3.weight, before)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_classes": 11},
        {"in_channels": 3, "image_size": 28, "batch_norm": True},
        {"activation": "tanh", "pooling": "average", "dropout": 0.25},
    ],
)
def test_a_network_is_built_from_its_file_alone(arguments, tmp_path):
    model = LeNet5(**arguments).eval()
    save_weights(model, tmp_path / "weights")
    again = load_network(tmp_path / "weights")
    assert again.arguments == model.arguments
    assert not again.training
    side = model.arguments["image_size"]
    images = torch.randn(2, model.arguments["in_channels"], side, side)
    assert torch.equal(again(images), model(images))


def test_to_save_weights_draws_no_random_number_and_the_bytes_are_always_the_same(tmp_path):
    model = LeNet5(activation="tanh")
    state = torch.get_rng_state()
    for name in ("one", "other"):
        save_weights(model, tmp_path / name)
    assert torch.equal(torch.get_rng_state(), state)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def changed():
    model = LeNet5()
    model.features.activation2 = torch.nn.Identity()  # the arguments know nothing of it
    return model


@pytest.mark.parametrize("build", [lenet_1998, changed, lambda: torch.nn.Linear(3, 2)])
def test_a_network_that_is_no_plain_lenet5_is_saved_without_arguments(build, tmp_path):
    save_weights(build(), tmp_path / "weights")
    again = build()
    load_weights(again, tmp_path / "weights")
    with pytest.raises(CourseError, match=r"weights does not say how its network was built"):
        load_network(tmp_path / "weights")


def test_an_older_file_without_arguments_loads_if_it_fits(tmp_path):
    old, model = LeNet5(), LeNet5()
    save_plain(old, tmp_path / "weights")
    load_weights(model, tmp_path / "weights")
    assert torch.equal(model.classifier.linear3.weight, old.classifier.linear3.weight)


def test_an_argument_that_a_file_does_not_state_has_its_default(tmp_path):
    old = LeNet5(activation="tanh").eval()
    content = safetensors.torch.save(old.state_dict(), {"LeNet5": '{"activation": "tanh"}'})
    (tmp_path / "weights").write_bytes(content)
    again = load_network(tmp_path / "weights")
    assert again.arguments == old.arguments
    assert torch.equal(again(NOISE.images), old(NOISE.images))


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ('{"classes": 10}', "of another version of the course: no LeNet5 can be built with"),
        ('{"num_classes": 0}', "num_classes is 0; it must be at least 1"),
        ("[1, 2]", "damaged or not a safetensors file"),
        ("{", "damaged or not a safetensors file"),
    ],
)
def test_arguments_that_build_no_network_are_named(stated, said, tmp_path):
    content = safetensors.torch.save(LeNet5().state_dict(), {"LeNet5": stated})
    (tmp_path / "weights").write_bytes(content)
    with pytest.raises(CourseError, match=said):
        load_network(tmp_path / "weights")
    with pytest.raises(CourseError):
        load_weights(LeNet5(), tmp_path / "weights")


def test_weights_of_another_network_are_refused_by_name_and_shape(tmp_path):
    """As an older file is, or that of another kind of network: it does not state arguments."""
    save_plain(LeNet5(num_classes=19), tmp_path / "weights")
    with pytest.raises(CourseError, match=r"classifier.linear3.weight is \(19, 84\) in the file"):
        load_weights(LeNet5(), tmp_path / "weights")
    save_plain(LeNet5(batch_norm=True), tmp_path / "weights")
    with pytest.raises(
        CourseError, match=r"features\.norm\d\.\w+ is \(\d+,\) in the file and missing in"
    ):
        load_weights(LeNet5(), tmp_path / "weights")


def test_a_checkpoint_of_another_optimizer_is_refused(tmp_path):
    continue_training(LeNet5(), tmp_path / "state")
    model = LeNet5()
    with pytest.raises(CourseError, match="optimizer is SGD in the file and Adam here"):
        continue_training(model, tmp_path / "state", torch.optim.Adam(model.parameters()))
    with pytest.raises(CourseError, match=r"lr is 0\.1 in the file and 0\.2 here"):
        continue_training(model, tmp_path / "state", torch.optim.SGD(model.parameters(), lr=0.2))


@pytest.mark.parametrize(
    ("epochs", "seed", "message"),
    [(3, 0, "total_steps of the schedule is 2"), (2, 1, "seed of the batches")],
)
def test_a_checkpoint_of_another_schedule_or_seed_is_refused(tmp_path, epochs, seed, message):
    few = Split(torch.zeros(2, 1, 32, 32), torch.zeros(2, dtype=torch.int64))

    def train(epochs, seed):
        model = LeNet5()
        optimizer = torch.optim.Adam(model.parameters())
        fit(
            model,
            Batches(few, 2, shuffle=True, generator=torch.Generator().manual_seed(seed)),
            epochs=epochs,
            optimizer=optimizer,
            scheduler=OneCycleLR(optimizer, 0.01, total_steps=epochs),
            checkpoint=tmp_path / "state",
            progress=False,
        )

    train(epochs=2, seed=0)
    with pytest.raises(CourseError, match=message):
        train(epochs, seed)


NOISE = Split(torch.zeros(12, 1, 32, 32), torch.zeros(12, dtype=torch.int64))


def train_with(path, *, model=None, batch_size=4, count=12, epochs=1, schedule=None, **settings):
    """A short training with a checkpoint, of which one thing can be other than usual."""
    model = model or LeNet5()
    optimizer = settings.pop("optimizer", lambda m: torch.optim.SGD(m.parameters(), lr=0.1))(model)
    batches = Batches(Split(NOISE.images[:count], NOISE.labels[:count]), batch_size)
    scheduler = schedule(optimizer) if schedule else None
    settings |= {"scheduler": scheduler, "checkpoint": path, "progress": False}
    return fit(model, batches, epochs=epochs, optimizer=optimizer, **settings)


def two_groups(model):
    parts = [{"params": part.parameters()} for part in (model.features, model.classifier)]
    return torch.optim.SGD(parts, lr=0.1)


def halve(images):
    return images / 2


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({}, {"batch_size": 6}, "batch size is 4 in the file and 6 here"),
        ({}, {"count": 10}, "number of images is 12 in the file and 10 here"),
        ({}, {"augment": halve}, "augment is none in the file and halve here"),
        ({}, {"loss_function": torch.nn.CrossEntropyLoss()}, "loss is cross_entropy in the file"),
        ({}, {"model": LeNet5(activation="tanh")}, r"\(activation1\): ReLU\(\) in the file and"),
        ({}, {"optimizer": two_groups}, r"in each group is \[10\] in the file and \[4, 6\] here"),
        (
            {"schedule": lambda optimizer: StepLR(optimizer, 5, gamma=0.5)},
            {"schedule": lambda optimizer: StepLR(optimizer, 5, gamma=0.9)},
            r"gamma of the schedule is 0\.5 in the file and 0\.9 here",
        ),
        (
            {"schedule": lambda optimizer: OneCycleLR(optimizer, 0.5, total_steps=9)},
            {"schedule": lambda optimizer: OneCycleLR(optimizer, 0.6, total_steps=9)},
            "initial learning rates is",
        ),
    ],
)
def test_a_training_with_other_settings_does_not_go_on(first, second, said, tmp_path):
    train_with(tmp_path / "state", **first)
    model = second.pop("model", LeNet5())
    before = model.classifier.linear3.weight.clone()
    with pytest.raises(CourseError, match=said):
        train_with(tmp_path / "state", model=model, epochs=2, **second)
    assert torch.equal(model.classifier.linear3.weight, before)


@pytest.mark.parametrize(
    "schedule",
    [
        lambda optimizer: StepLR(optimizer, 2),
        lambda optimizer: MultiStepLR(optimizer, [2, 4]),
        lambda optimizer: CosineAnnealingWarmRestarts(optimizer, 2),
        lambda optimizer: SequentialLR(
            optimizer, [LinearLR(optimizer, total_iters=2), StepLR(optimizer, 2)], [2]
        ),
    ],
)
def test_a_schedule_of_any_kind_goes_on(schedule, tmp_path):
    whole = train_with(tmp_path / "whole", epochs=3, schedule=schedule)
    train_with(tmp_path / "parts", epochs=2, schedule=schedule)
    parts = train_with(tmp_path / "parts", epochs=3, schedule=schedule)
    assert parts.column("learning_rate") == whole.column("learning_rate")


def test_a_training_goes_on_with_a_pytorch_whose_optimizer_has_a_new_setting(tmp_path):
    class Newer(torch.optim.SGD):
        def __init__(self, parameters, lr):
            super().__init__(parameters, lr)
            self.defaults["brand_new"] = None

    Newer.__name__ = "SGD"
    train_with(tmp_path / "state")
    newer = {"optimizer": lambda model: Newer(model.parameters(), lr=0.1)}
    assert len(train_with(tmp_path / "state", epochs=2, **newer).epochs) == 2


def test_fewer_epochs_than_the_file_has_are_refused(tmp_path):
    train_with(tmp_path / "state", epochs=3)
    model = LeNet5()
    before = model.classifier.linear3.weight.clone()
    with pytest.raises(CourseError, match="holds 3 epochs, more than the 2 asked for"):
        train_with(tmp_path / "state", epochs=2, model=model)
    assert torch.equal(model.classifier.linear3.weight, before)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_learning_rate_of_numpy_is_kept_and_goes_on(kind, tmp_path):
    def optimizer(model):
        return torch.optim.SGD(model.parameters(), lr=kind(0.25))

    train_with(tmp_path / "state", optimizer=optimizer)
    history = train_with(tmp_path / "state", optimizer=optimizer, epochs=2)
    assert history.column("learning_rate") == [0.25, 0.25]


def test_what_a_checkpoint_cannot_hold_is_said_when_it_is_written(tmp_path):
    class Odd(torch.optim.SGD):
        def state_dict(self):
            return super().state_dict() | {"mine": Path("folder")}

    with pytest.raises(CourseError, match=r"cannot be kept in .*state"):
        train_with(tmp_path / "state", optimizer=lambda m: Odd(m.parameters(), lr=0.1))
    assert os.listdir(tmp_path) == []


def test_a_flipped_bit_anywhere_is_noticed_and_the_model_unharmed(tmp_path):
    train_with(tmp_path / "state")
    content = (tmp_path / "state").read_bytes()
    model = LeNet5()
    before = model.classifier.linear3.weight.clone()
    for position in [*range(0, len(content), len(content) // 40), len(content) - 1]:
        damaged = bytearray(content)
        damaged[position] ^= 1
        (tmp_path / "state").write_bytes(damaged)
        with pytest.raises(CourseError, match="damaged"):
            train_with(tmp_path / "state", model=model, epochs=2)
    assert torch.equal(model.classifier.linear3.weight, before)


def write_checkpoint(path, content):
    """As `fit` writes it, with the right checksum."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    checksum = hashlib.sha256(buffer.getvalue()).digest()
    path.write_bytes(buffer.getvalue() + b"sha256: " + checksum)


def test_a_checkpoint_without_a_checksum_is_said_to_be_of_another_version(tmp_path):
    torch.save({"model": LeNet5().state_dict()}, tmp_path / "state")
    with pytest.raises(CourseError, match=r"of another version of the course.*can be deleted"):
        train_with(tmp_path / "state")


def test_another_kind_of_file_with_a_checksum_is_refused(tmp_path):
    write_checkpoint(tmp_path / "state", {"model": LeNet5().state_dict()})
    with pytest.raises(CourseError, match="is not the checkpoint of a training"):
        train_with(tmp_path / "state")


def test_a_hostile_file_with_a_checksum_runs_no_code(tmp_path):
    write_checkpoint(tmp_path / "state", Hostile(tmp_path / "trace"))
    with pytest.raises(CourseError, match="refused"):
        train_with(tmp_path / "state")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("history", [[], {}, {"epochs": [{"epoch": 1}], "step_losses": []}])
def test_a_history_of_another_kind_is_refused_and_the_model_unharmed(history, tmp_path):
    train_with(tmp_path / "state")
    stored = torch.load(tmp_path / "state", weights_only=True)
    write_checkpoint(tmp_path / "state", stored | {"history": history})
    model = LeNet5()
    before = model.classifier.linear3.weight.clone()
    with pytest.raises(CourseError, match=r"history in .* is of another version"):
        train_with(tmp_path / "state", model=model, epochs=2)
    assert torch.equal(model.classifier.linear3.weight, before)


def test_the_random_state_of_mps_is_kept(tmp_path, monkeypatch):
    state = torch.arange(4, dtype=torch.uint8)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: state)
    train_with(tmp_path / "state")
    put_back = []
    monkeypatch.setattr(torch.mps, "set_rng_state", put_back.append)
    train_with(tmp_path / "state", epochs=2)
    assert len(put_back) == 1
    assert torch.equal(put_back[0], state)


def test_a_checkpoint_that_cannot_be_written_is_said_before_the_training(tmp_path):
    with pytest.raises(CourseError, match="is a folder"):
        train_with(tmp_path, augment=pytest.fail)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CourseError, match=r"Cannot read .*nowhere"):
        load_weights(LeNet5(), tmp_path / "nowhere")


def test_a_finished_training_is_not_trained_again(tmp_path):
    model, again = LeNet5(), LeNet5()
    first = continue_training(model, tmp_path / "state", epochs=2)
    second = continue_training(again, tmp_path / "state", epochs=2)
    assert first == second
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_holds_only_what_weights_only_loads(tmp_path):
    model = LeNet5()
    optimizer = torch.optim.Adam(model.parameters())
    batch = [(torch.zeros(2, 1, 32, 32), torch.zeros(2, dtype=torch.int64))]
    scheduler = OneCycleLR(optimizer, 0.01, total_steps=5)
    fit(
        model,
        batch,
        epochs=1,
        optimizer=optimizer,
        scheduler=scheduler,
        checkpoint=tmp_path / "state",
        progress=False,
    )
    assert torch.load(tmp_path / "state", weights_only=True)["history"]["epochs"]


def test_the_random_state_after_continuing_is_that_of_an_unbroken_run(tmp_path):
    def draws(epochs, path):
        seed_everything(5)
        split = Split(torch.zeros(20, 1, 32, 32), torch.zeros(20, dtype=torch.int64))
        model = LeNet5()
        generator = torch.Generator().manual_seed(5)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def noise(images):
            random.random()
            np.random.rand()  # noqa: NPY002 - the global generator is what is tested
            return images + torch.randn(1)

        fit(
            model,
            Batches(split, 5, True, generator),
            epochs=epochs,
            optimizer=optimizer,
            augment=noise,
            checkpoint=path,
            progress=False,
        )
        order = torch.randperm(100, generator=generator).tolist()
        return random.random(), np.random.rand(), torch.rand(1).item(), order  # noqa: NPY002

    expected = draws(3, tmp_path / "unbroken")
    draws(1, tmp_path / "broken")
    assert draws(3, tmp_path / "broken") == expected


def test_a_failing_write_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch):
    model = LeNet5()
    save_weights(model, tmp_path / "weights")
    before = (tmp_path / "weights").read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CourseError, match=r"Cannot write .*weights: No space left on device"):
        save_weights(LeNet5(), tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == before
    assert os.listdir(tmp_path) == ["weights"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_process_killed_while_it_writes_leaves_the_old_or_the_new_file(tmp_path):
    code = (
        "import sys; from lenet_helpers.files import write_whole; n = 0\n"
        "while True: n += 1; write_whole(sys.argv[1], bytes([n % 256]) * 3_000_000); print(n)"
    )
    path = tmp_path / "file"
    for delay in (0.0, 0.01, 0.03):
        child = subprocess.Popen(
            [sys.executable, "-uc", code, str(path)], stdout=subprocess.PIPE, text=True
        )
        child.stdout.readline()
        time.sleep(delay)
        child.kill()
        child.wait()
        content = path.read_bytes()
        assert len(content) == 3_000_000
        assert len(set(content)) == 1
