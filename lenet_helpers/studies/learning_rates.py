"""Lesson 04: which learning rates LeNet-5 survives, without and with batch norm, over seeds."""

from __future__ import annotations

import itertools
import math
import time
from pathlib import Path

import joblib
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from lenet_helpers.data import DATA_DIR, Batches, Split, load_mnist
from lenet_helpers.model import LeNet5
from lenet_helpers.studies.runner import Comparison, Record, versions
from lenet_helpers.training import bars_off, seed_everything

NAME = "learning rates"
STUDY = DATA_DIR / "studies" / "learning_rates.json"  # what the command learning-rates gave
BATCH_NORM = {"none": False, "batch norm": True}  # of each network
RATES = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
STEPS, BATCH_SIZE = 300, 32
COUNTED = 50  # the last steps, whose accuracy counts


def accuracy_at(
    rate: float, seed: int, train: Split, steps: int = STEPS, batch_norm: bool = False
) -> float | None:
    """Train LeNet-5 by plain SGD at a constant rate.

    Returns
    -------
    float or None
        Mean training accuracy of the last 50 batches of 32; None if a loss was not finite.
    """
    seed_everything(seed)
    model = LeNet5(batch_norm=batch_norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, fused=True)
    generator = torch.Generator().manual_seed(seed)
    accuracies = []
    for images, labels in itertools.islice(Batches(train, BATCH_SIZE, True, generator), steps):
        logits = model(images)
        loss = functional.cross_entropy(logits, labels)
        if not math.isfinite(loss.item()):
            return None
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        accuracies.append((logits.argmax(dim=1) == labels).float().mean().item())
    counted = accuracies[-COUNTED:]
    return sum(counted) / len(counted)


def train_rates(network: str, seed: int, data_dir: str | Path = DATA_DIR) -> Record:
    """One network from one seed at each of `RATES`, in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads of several processes would wait for each other
    batch_norm = BATCH_NORM[network]
    try:
        train = load_mnist(data_dir, normalize=False).train
        start = time.process_time()
        accuracies = [accuracy_at(rate, seed, train, STEPS, batch_norm) for rate in RATES]
        seconds = time.process_time() - start
    finally:
        torch.set_num_threads(threads)
    return Record(
        NAME,
        network,
        seed,
        train_images=len(train.images),
        parameters=sum(p.numel() for p in LeNet5(batch_norm=batch_norm).parameters()),
        cpu_seconds=round(seconds, 2),
        measured={"accuracies": [a if a is None else round(a, 6) for a in accuracies]},
    )


def settings() -> dict[str, object]:
    """Every hyperparameter of the study, as plain values."""
    return {
        NAME: {
            "name": NAME,
            "optimizer": "sgd",
            "batch_size": BATCH_SIZE,
            "steps": STEPS,
            "rates": [*RATES],
            "variants": {n: f"LeNet5(batch_norm={on})" for n, on in BATCH_NORM.items()},
        }
    }


def study(seeds: int, data_dir: str | Path = DATA_DIR, processes: int = -1) -> Comparison:
    """Both networks with seeds 0, 1, … `seeds` - 1; a record holds an accuracy for each rate."""
    jobs = (
        joblib.delayed(train_rates)(network, seed, data_dir)
        for seed in range(seeds)
        for network in BATCH_NORM
    )
    pool = joblib.Parallel(n_jobs=processes, return_as="generator_unordered")
    total = seeds * len(BATCH_NORM)
    records = list(tqdm(pool(jobs), total=total, unit="run", leave=False, disable=bars_off(True)))
    command = f"python -m lenet_helpers learning-rates --seeds {seeds}"
    return Comparison(records, settings(), versions(), command)
