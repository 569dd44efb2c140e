"""Lesson 07: what counts as right, and what is often wrong."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from lenet_helpers.exercises.task import Task

A, S = 1.7159, 2 / 3  # amplitude and slope of the squashing
RATE, ROOM = 0.0005, 0.02  # of a step: the global size, and what keeps it from exploding


def squash(sums: torch.Tensor) -> torch.Tensor:
    """The paper's activation."""
    return A * torch.tanh(S * sums)


def doubles(random: np.random.Generator, *shapes: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
    """Random tensors of these shapes."""
    return tuple(torch.from_numpy(random.normal(size=shape)) for shape in shapes)


# ---- 07-1: the pooling that learns


def pool(maps: torch.Tensor, weights: torch.Tensor, biases: torch.Tensor) -> torch.Tensor:
    """The sums of S2, not squashed, as a convolution of each map by itself."""
    kernels = weights.view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return functional.conv2d(maps, kernels, biases, stride=2, groups=len(weights))


def maps_to_pool(random: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Maps of two images; coefficients of both signs, not near zero."""
    maps, biases = doubles(random, (2, 3, 8, 10), (3,))
    return maps, torch.from_numpy(random.uniform(0.3, 0.9, 3)) * torch.tensor([1, -1, 1]), biases


# ---- 07-4: equation 9


def equation_8(distances: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean distance to the right bitmap."""
    return functional.nll_loss(-distances, labels)


def equation_9(distances: torch.Tensor, labels: torch.Tensor, kappa: float) -> torch.Tensor:
    """A cross-entropy with an eleventh logit."""
    return functional.cross_entropy(functional.pad(-distances, (0, 1), value=-kappa), labels)


def logarithms(distances: torch.Tensor, kappa: float) -> torch.Tensor:
    """The second term of equation 9, of each image."""
    return torch.logsumexp(functional.pad(-distances, (0, 1), value=-kappa), 1)


def without_the_right(distances: torch.Tensor, labels: torch.Tensor, kappa: float) -> torch.Tensor:
    """Equation 9 with a sum over the wrong digits alone."""
    rivals = distances.scatter(1, labels[:, None], math.inf)
    return equation_8(distances, labels) + logarithms(rivals, kappa).mean()


def distances_and_labels(random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Distances so small that every term of equation 9 counts."""
    distances = torch.from_numpy(random.uniform(0.5, 4, (6, 10)))
    return distances, torch.from_numpy(random.integers(0, 10, 6)), float(random.uniform(0.4, 1.5))


# ---- 07-5: curvature through a hidden layer


def curvature(x, w1, b1, w2) -> torch.Tensor:
    """Twice the sum of the squared derivatives of all answers, from autograd."""
    weights = w1.clone().requires_grad_()
    answers = w2 @ squash(weights @ x + b1)
    rows = [torch.autograd.grad(one, weights, retain_graph=True)[0] for one in answers]
    return 2 * sum(row**2 for row in rows)


def slope(x, w1, b1, amplitude: float = A, steepness: float = S) -> torch.Tensor:
    """Of the squashing, at each hidden unit."""
    return amplitude * steepness * (1 - torch.tanh(steepness * (w1 @ x + b1)) ** 2)


def passed(of_h, slopes, x) -> torch.Tensor:
    """From half the curvature by each h to that by the weights of the first layer."""
    return torch.outer(2 * of_h * slopes**2, x**2)


def hidden_layer(random: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """An input of 4 values, the weights and biases of 5 hidden units, the weights of 3 answers."""
    return doubles(random, (4,), (5, 4), (5,), (3, 5))


# ---- 07-6: a step size for each weight


def sizes(inputs, curvatures, room=ROOM) -> torch.Tensor:
    """The lesson's rule for a linear layer."""
    return RATE / (room + torch.einsum("no,ni->oi", curvatures, inputs**2) / len(inputs))


def inputs_and_curvatures(random: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Several images; one of the four inputs is nearly always 0, so that its curvature is, too."""
    images = int(random.integers(6, 10))
    (inputs,) = doubles(random, (images, 4))
    curvatures = torch.from_numpy(random.uniform(0.05, 2, (images, 3)))
    return inputs * torch.tensor([1, 1, 0.01, 1]), curvatures


TASKS = (
    Task(
        name="07-1",
        title="mend a tutorial's subsampling",
        inputs=maps_to_pool,
        right=lambda x, w, b: squash(pool(x, w, b)),
        mistakes={
            "That is w times the mean. The paper adds up.": lambda x, w, b: squash(
                pool(x, w / 4, b)
            ),
            "The result is not squashed yet.": pool,
            "The paper squashes last, not first.": lambda x, w, b: pool(squash(x), w, b),
            "The logistic function is never negative. The paper's squashing is the tanh, scaled.": (
                lambda x, w, b: torch.sigmoid(pool(x, w, b))
            ),
            "The paper's tanh has an amplitude and a slope.": (
                lambda x, w, b: torch.tanh(pool(x, w, b))
            ),
            "The bias is added four times.": lambda x, w, b: squash(pool(x, w, 4 * b)),
            "The bias is added behind the squashing. It belongs inside, to the sum.": (
                lambda x, w, b: squash(pool(x, w, 0 * b)) + b[:, None, None]
            ),
            "The biases are missing: each map has one.": lambda x, w, b: squash(pool(x, w, 0 * b)),
            "The largest of four values is max pooling, today's. The paper adds them up.": (
                lambda x, w, b: squash(
                    functional.max_pool2d(x, 2) * w[:, None, None] + b[:, None, None]
                )
            ),
        },
        hints=(
            "There are four steps, in this order: add up, multiply, add the bias, squash.",
            "`maps[:, :, 0::2, 0::2]` is the upper left of each four. Which are the others?",
            "There is one weight for each map: `weights[:, None, None]` fits the maps.",
        ),
    ),
    Task(
        name="07-2",
        title="predict: C3 without its table",
        right=(60_900, 430_908),
        parts=("the parameters", "the connections"),
        mistakes={
            "That is what comes on top. The whole network is asked for.": (900, 90_000),
            "A weight of C3 is used at each place of its map.": (60_900, 341_808),
            "A missing square of the table is a whole kernel, not one weight.": (60_036, 344_508),
            "The maps of C3 are 10×10: nothing is padded.": (60_900, 517_308),
            "No bias is new: a map has one, however many maps it sees.": (60_936, 434_508),
            "Those are C3's own numbers. The whole network is asked for.": (2_416, 241_600),
            "That is today's LeNet-5. S2, S4 and the output stay the paper's.": (61_706, 429_342),
        },
        hints=(
            "How many squares of the table are empty? It has 16 columns and 6 rows.",
            "Each empty square becomes a kernel of 5×5.",
            "A weight of C3 is used once at each place of its map: how many places are there?",
        ),
    ),
    Task(
        name="07-3",
        title="predict: a digit drawn in half the ink",
        right=(21.0, 20.0),
        parts=("equation 8", "equation 9"),
        mistakes={
            "Half of 84 is not it: the difference at each place is squared.": (42.0, 41.0),
            "In equation 9 the sign of κ is turned: what is log(e^-1)?": (21.0, 22.0),
            "The rubbish class is missing. It has the largest term of all.": (21.0, 0.0),
            "The logarithm is not 0: the rubbish class alone gives e^-κ.": (21.0, 21.0),
            "That is a code of zeros. This one is halfway to the bitmap.": (84.0, 83.0),
        },
        hints=(
            "How far is 0.5 from 1, and -0.5 from -1? Square it, and add up 84 of these.",
            "In the logarithm of equation 9 there are eleven terms. Which one is the largest?",
            "The terms of the digits are so small that only that of the rubbish class counts.",
        ),
    ),
    Task(
        name="07-4",
        title="build equation 9",
        inputs=distances_and_labels,
        right=equation_9,
        mistakes={
            "That is equation 8: the second term is missing.": lambda d, y, _: equation_8(d, y),
            "The distance to the right bitmap is missing.": lambda d, _, k: logarithms(d, k).mean(),
            "The sign of κ is turned.": lambda d, y, k: equation_9(d, y, -k),
            "The rubbish class is missing.": lambda d, y, _: equation_9(d, y, math.inf),
            "The sum in the logarithm has all ten digits, the right one too.": without_the_right,
            "The sign of the distances in the exponent is turned.": (
                lambda d, y, k: equation_8(d, y) + logarithms(-d, k).mean()
            ),
            "The second term is taken off. It is added.": (
                lambda d, y, k: equation_8(d, y) - logarithms(d, k).mean()
            ),
            "That is the sum over the images, not the mean.": (
                lambda d, y, k: len(d) * equation_9(d, y, k)
            ),
            "One logarithm is taken of all images together. Each image has its own.": (
                lambda d, y, k: equation_8(d, y) + logarithms(d, k).exp().mean().log()
            ),
        },
        hints=(
            "`distances[torch.arange(len(labels)), labels]` is the distance to the right bitmap.",
            "In the logarithm of each image stands exp(-kappa) and a sum over its row.",
            "The mean over the images comes last.",
        ),
    ),
    Task(
        name="07-5",
        title="build the curvature through a hidden layer",
        inputs=hidden_layer,
        right=curvature,
        mistakes={
            "The weights of the second layer are not squared.": (
                lambda x, w1, b1, w2: passed(w2.sum(0), slope(x, w1, b1), x)
            ),
            "Square the weights of the second layer first, then add them up.": (
                lambda x, w1, b1, w2: passed(w2.sum(0) ** 2, slope(x, w1, b1), x)
            ),
            "That is the slope of a plain tanh.": (
                lambda x, w1, b1, w2: passed((w2**2).sum(0), slope(x, w1, b1, 1, 1), x)
            ),
            "The slope of the squashing is not squared.": (
                lambda x, w1, b1, w2: curvature(x, w1, b1, w2) / slope(x, w1, b1)[:, None]
            ),
            "The inputs are not squared.": lambda x, *more: curvature(x, *more) / x,
            "The factor 2 of the squared distance is missing.": lambda *net: curvature(*net) / 2,
            "The amplitude is missing in the slope.": lambda *net: curvature(*net) / A**2,
            "The slope has 2/3 twice: inside the tanh, and before it.": (
                lambda *net: curvature(*net) / S**2
            ),
        },
        hints=(
            "Go back as the table of the lesson does: at the answers the curvature is 2.",
            "Each h has the sum over the answers: 2 times the squared weight that leads there.",
            "Then come the squared slopes, at z, and squared inputs: `torch.outer` makes 5×4.",
        ),
    ),
    Task(
        name="07-6",
        title="find what is wrong with the step sizes",
        inputs=inputs_and_curvatures,
        right=sizes,
        mistakes={
            "That is the function as it stands.": lambda x, c: RATE / (c.T @ x / len(x)) + ROOM,
            "No size is negative now. But what if a curvature is nearly zero?": (
                lambda x, c: sizes(x, c, room=0) + ROOM
            ),
            "Without the 0.02 nothing keeps a step from exploding.": lambda x, c: sizes(x, c, 0),
            "The 0.02 is in its place. But a curvature can still be negative.": (
                lambda x, c: RATE / (ROOM + c.T @ x / len(x))
            ),
            "Positive now, but it is the inputs that are squared, of each image.": (
                lambda x, c: RATE / (ROOM + (c.T @ x / len(x)) ** 2)
            ),
            "Multiply for each image, then take the mean.": (
                lambda x, c: RATE / (ROOM + torch.outer(c.mean(0), (x**2).mean(0)))
            ),
            "The given curvatures need no square.": lambda x, c: sizes(x, c**2),
            "The mean over the images is meant, not the sum.": lambda x, c: sizes(x, c * len(x)),
            "A root is Adam's. Here it is divided by the curvature itself.": (
                lambda x, c: RATE / (ROOM + (RATE / sizes(x, c, room=0)).sqrt())
            ),
        },
        hints=(
            "What is a curvature multiplied by on its way to a weight? See the lesson's table.",
            "With squares no curvature is negative. It can still be 0: look at the last column.",
            "Compare the last line with the lesson's formula: where do the brackets stand?",
        ),
    ),
    Task(
        name="07-7",
        title="predict: first weights for inputs that agree",
        right=math.sqrt(3 / 75),
        tolerance=5e-3,
        mistakes={
            "That is a weight's standard deviation. How far do they reach?": 1 / math.sqrt(75),
            "This sum does not grow with F: the weights are independent.": math.sqrt(3) / 75,
            "This sum does not grow with F, and a reach is no standard deviation.": 1 / 75,
            "That is the square of it.": 3 / 75,
            "That is the paper's rule. Which spread does it give here?": 2.4 / 75,
            "That is the lesson's rule: a standard deviation of 0.69.": 1.2 / math.sqrt(75),
            "That is for one input. Here 75 products are added up.": math.sqrt(3),
        },
        hints=(
            "All inputs are 1: the sum of the products is the sum of 75 weights.",
            "Variances of independent weights add up, whatever the inputs have in common.",
            "75 times the variance of one weight is 1.",
        ),
    ),
)
