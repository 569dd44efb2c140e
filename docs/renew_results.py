"""The numbers that README, docs and the model cards state, from the files that hold them.

In those texts a measured value stands between two comments that no page shows, as in
`<!-- best.mean -->99.59 %<!-- / -->`. `python docs/renew_results.py` writes today's values there.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np
from torch import nn

from lenet_helpers.data import MNIST, Batches, Split, fit_images, load_mnist
from lenet_helpers.errors import CourseError
from lenet_helpers.files import ROOT, write_whole
from lenet_helpers.pen.characters import draw_characters
from lenet_helpers.recipes import EVALUATION_BATCH, PRETRAINED, find_recipe, load_pretrained
from lenet_helpers.studies import claims
from lenet_helpers.studies.runner import load_study
from lenet_helpers.studies.statistics import final_accuracies, further_run
from lenet_helpers.training import evaluate

TEXTS = (ROOT / "README.md", ROOT / "docs" / "results.md", PRETRAINED / "README.md")
MARKED = re.compile(r"(<!-- (?P<name>[\w.-]+) -->)(?P<value>.*?)(<!-- / -->)", re.DOTALL)
NEW_DRAWINGS, NEW_SEED = 60, 777  # of each symbol, none of which a network has learned from


def stated(text: str) -> dict[str, str]:
    """The marked values of a text, by name."""
    return {match["name"]: match["value"] for match in MARKED.finditer(text)}


def renewed(text: str, values: dict[str, str]) -> str:
    """`text` with today's value at each mark.

    Raises
    ------
    CourseError
        If a mark has a name that is not among `values`.
    """
    unknown = set(stated(text)) - set(values)
    if unknown:
        raise CourseError(f"Nothing is measured under the name {', '.join(sorted(unknown))}.")
    return MARKED.sub(lambda match: match[1] + values[match["name"]] + match[4], text)


def renew_texts(values: dict[str, str]) -> None:
    """Write `values` into README, docs and the model cards."""
    for path in TEXTS:
        write_whole(path, renewed(path.read_text(encoding="utf-8"), values).encode())


def study_values() -> dict[str, str]:
    """What the committed studies gave."""
    best = final_accuracies(load_study("best").of("best", "best"))
    of_1998 = load_study("lenet_1998")
    errors = 1 - np.array(final_accuracies(of_1998.of("lenet-1998", "small batches")))
    (distorted,) = of_1998.of("lenet-1998", "distorted")
    further = further_run(errors)
    table = claims.table(claims.judge(load_study("claims")))
    return {
        "best.mean": per_cent(np.mean(best)),
        "best.range": f"{100 * min(best):.2f} to {per_cent(max(best))}",
        "lenet-1998.mean": per_cent(errors.mean()),
        "lenet-1998.range": f"{100 * errors.min():.2f} to {per_cent(errors.max())}",
        "lenet-1998.further-run": f"{100 * further.low:.2f} and {per_cent(further.high)}",
        "lenet-1998.distorted": per_cent(1 - distorted.test_accuracy),
        "first-weights.paper": lost_starts("2.4 / F"),
        "first-weights.root": lost_starts("1.2 / √F"),
        "claims": f"\n\n{table}\n",
    }


def lost_starts(rule: str) -> str:
    """How many seeds read less than 20 % with the step sizes of 1998, as lesson 07 counts them."""
    starts = load_study("first_weights").of(rule, "the paper's steps")
    lost = sum(start.column("validation_accuracy")[-1] < 0.2 for start in starts)
    return f"{lost} of {len(starts)}"


def weights_values(mnist: MNIST) -> dict[str, str]:
    """What the networks of the kit reach, and the fingerprints of their files."""
    values = {}
    for name in ("course", "best", "characters"):
        content = (PRETRAINED / f"{name}.safetensors").read_bytes()
        values[f"{name}.sha256"] = f"`{hashlib.sha256(content).hexdigest()}`"
        model = load_pretrained(name)
        # a recipe with a smaller split has learned from some of these validation images
        own = find_recipe(name).validation_size == len(mnist.validation)
        for split in ("test", "validation") if own else ("test",):
            measured = evaluate(model, Batches(getattr(mnist, split), EVALUATION_BATCH))
            values[f"{name}.{split}"] = per_cent(measured.accuracy)
            values[f"{name}.{split}-loss"] = f"{measured.loss:.4f}"
    network = load_pretrained("characters")
    drawn, labels = draw_characters(NEW_DRAWINGS, NEW_SEED)
    drawings = Batches(Split(fit_images(drawn), labels), EVALUATION_BATCH)
    values["characters.drawings"] = per_cent(evaluate(network, drawings).accuracy)
    last = network.classifier.linear3  # as if it had only the ten digits to choose from
    last.weight, last.bias = nn.Parameter(last.weight[:10]), nn.Parameter(last.bias[:10])
    among = evaluate(network, Batches(mnist.test, EVALUATION_BATCH))
    values["characters.among-digits"] = per_cent(among.accuracy)
    return values


def per_cent(share: float) -> str:
    """A share as texts have it: 0.9913 is 99.13 %."""
    return f"{100 * share:.2f} %"


if __name__ == "__main__":
    today = study_values() | weights_values(load_mnist())
    renew_texts(today)
    for name, value in today.items():
        print(f"{name:24} {value.strip()}")
