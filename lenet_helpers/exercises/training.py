"""Lesson 03: what counts as right, and what is often wrong."""

from __future__ import annotations

import numpy as np

from lenet_helpers.exercises.task import Task
from lenet_helpers.exercises.training_answers import (
    backward,
    by_rules,
    descend,
    equal_is_new,
    first_rise,
    in_one_go,
    interrupted,
    keeping,
    rises_in_a_row,
    run_loop,
    some_batches,
    some_losses,
    stop_early,
    two_layers,
    waits_in_all,
)

TASKS = (
    Task(
        name="03-1",
        title="predict: the loss of a network that knows only how often digits come",
        right=0.5 * np.log(2) + 0.5 * np.log(18),
        tolerance=2e-3,  # two decimals
        mistakes={
            "That is its loss if it gives all ten the same. It can do better.": np.log(10),
            "That is the loss of an image that shows a 0. The other half has a larger one.": (
                np.log(2)
            ),
            "That is the logarithm of a mean. The loss is the mean of logarithms.": (
                -np.log(0.25 + 0.25 / 9)
            ),
            "All ten digits count the same. A 0 comes nine times as often as another.": (
                0.1 * np.log(2) + 0.9 * np.log(18)
            ),
            "The logarithm has base 10. The loss takes the natural one.": (
                0.5 * np.log10(2) + 0.5 * np.log10(18)
            ),
            "The logarithm has base 2. The loss takes the natural one.": (
                0.5 * np.log2(2) + 0.5 * np.log2(18)
            ),
            "These are probabilities, given as logits. The loss takes logits: ln p.": (
                np.log(np.exp(1 / 2) + 9 * np.exp(1 / 18)) - 0.5 * (1 / 2 + 1 / 18)
            ),
            "The logarithm of a probability is negative. What is done about it in the loss?": (
                -0.5 * np.log(2) - 0.5 * np.log(18)
            ),
        },
        hints=(
            "Which ten probabilities make the labels most likely? As often as each digit comes.",
            "What is the loss of an image with a 0, and what that of another image?",
            "The loss of the whole set is the mean over its images: half of them show a 0.",
        ),
    ),
    Task(
        name="03-2",
        title="build the way back through two layers",
        inputs=two_layers,
        right=backward,
        parts=tuple(f"the gradient of {name}" for name in ("W1", "b1", "W2", "b2")),
        mistakes={
            "ReLU has a slope as well: what passes it where z is negative?": (
                lambda *given: by_rules(*given, slope=False)
            ),
            "The input of the second layer is h, after the ReLU, not z1.": (
                lambda *given: by_rules(*given, early=True)
            ),
            "An error is passed back by the transposed weights.": (
                lambda *given: by_rules(*given, turned=True)
            ),
            "The last error is the answer minus the truth. The truth is missing.": (
                lambda *given: by_rules(*given, truth=0)
            ),
            "All signs are turned: the error is the answer minus the truth.": (
                lambda *given: tuple(-each for each in backward(*given))
            ),
            "The tables lie on their side: a row belongs to a unit, a column to an input.": (
                lambda *given: tuple(each.T if each.ndim > 1 else each for each in backward(*given))
            ),
        },
        hints=(
            "Go forward first and keep z1, h and the probabilities. The last error is p, less 1 at "
            "the right class.",
            "The gradient of a layer's weights is `torch.outer(error, input)`, that of its bias "
            "the error itself.",
            "Pass the error back with `W2.T @`, then multiply it by the slope of ReLU at z1.",
        ),
    ),
    Task(
        name="03-3",
        title="through max pooling and a convolution by hand",
        right=[[-4, -6], [0, -2]],
        mistakes={
            "That is all windows with the error. Max pooling passes it to one place only.": (
                [[-16, -14], [-12, -14]]
            ),
            "That shares the error among the places, as average pooling would.": (
                [[-4, -3.5], [-3, -3.5]]
            ),
            "That is the kernel, times the error: what the image would get. The kernel gets the "
            "window.": [[-2, -4], [2, 0]],
            "The window is right. It has to be multiplied by the error.": [[2, 3], [0, 1]],
            "The sign is turned.": [[4, 6], [0, 2]],
            "The window was turned by 180°.": [[-2, 0], [-6, -4]],
            "Rows and columns are exchanged.": [[-4, 0], [-6, -2]],
            "That window gives another value than the largest.": [[-2, -4], [-4, -6]],
        },
        hints=(
            "Compute the four values of the convolution. Which of them does max pooling choose?",
            "The whole error goes to that place. The other three places get 0.",
            "The gradient of the kernel is the sum of all windows, each times the error of the "
            "value computed from it. Three of these errors are 0.",
        ),
    ),
    Task(
        name="03-4",
        title="predict: how far an error comes through sigmoids",
        right=10,
        mistakes={
            "That many still leave more than a thousandth at the input of the first unit.": 9,
            "One unit fewer is enough.": 11,
            "The weights are missing: on its way the error is multiplied by them as well.": 5,
            "That leaves less than a hundredth. A thousandth is asked for.": 7,
        },
        hints=(
            "What does one unit leave? Two factors: its slope, and its weight.",
            "The slope is h(1 - h). What is h at z = 0?",
            "Multiply the factor by itself until it falls below 0.001.",
        ),
    ),
    Task(
        name="03-5",
        title="find what is wrong with a training loop",
        inputs=some_batches,
        right=descend,
        use=run_loop,
        parts=("the losses", "the weights after the loop"),
        mistakes={
            "Nothing has been mended yet: look at the loss, and at the gradients.": (
                lambda *given: descend(*given, kept=1, softmax=True)
            ),
            "The loss is right. But each step also takes the gradients of the batches before.": (
                lambda *given: descend(*given, kept=1)
            ),
            "The gradients are cleared. But the loss takes softmax twice.": (
                lambda *given: descend(*given, softmax=True)
            ),
            "The weights never change. Is no step taken, or are the gradients cleared too late?": (
                lambda *given: descend(*given, rate=0)
            ),
            "The weights never change, and the loss takes softmax twice.": (
                lambda *given: descend(*given, rate=0, softmax=True)
            ),
            "The weights are right. But no losses are returned.": (
                lambda *given: ([], descend(*given)[1])
            ),
        },
        hints=(
            "Count the five things that a step does. One of them is missing.",
            "`cross_entropy` wants logits.",
            "The old gradients have to go before `backward` adds the new ones.",
        ),
    ),
    Task(
        name="03-6",
        title="predict: Adam's first step",
        right=[0.99, 1.01],
        mistakes={
            "That is a step of SGD.": [0.95, 1.00001],
            "The means are not corrected for the start.": [1 - 0.01 * 10**0.5, 1 + 0.01 * 10**0.5],
            "Only the mean of the square is corrected.": [0.999, 1.001],
            "Only the mean of the gradient is corrected.": [
                1 - 0.01 * 1000**0.5,
                1 + 0.01 * 1000**0.5,
            ],
            "The steps have the right length. They go uphill.": [1.01, 0.99],
            "The square has no sign, but the mean of the gradient has one.": [0.99, 0.99],
            "The mean is divided by the mean square, not by its root.": [0.998, 11.0],
            "Those are the steps. The weights after them are asked for.": [-0.01, 0.01],
        },
        hints=(
            "At the first step m = 0.1 g and q = 0.001 g². What are they after the correction?",
            "A number divided by the root of its square: what is left of it?",
        ),
    ),
    Task(
        name="03-7",
        title="predict: the rate at which descent runs away",
        right=0.125,
        mistakes={
            "Along the flatter direction this is right. The steeper one runs away long before.": 1,
            "The curvature of 8w² is not 8: take the derivative twice.": 0.25,
            "At this rate one step leads to the bottom of the steeper direction. More is "
            "allowed.": 0.0625,
            "At this rate both directions shrink equally fast. More is allowed.": 1 / 9,
            "That is the border of the lesson's valley. This one is steeper.": 0.2,
        },
        hints=(
            "A step multiplies each weight by 1 minus the rate times the curvature.",
            "A weight runs away if this factor is below -1.",
            "Which curvature decides, the larger or the smaller one?",
        ),
    ),
    Task(
        name="03-8",
        title="build early stopping",
        inputs=some_losses,
        trials=40,
        right=stop_early,
        parts=("the epoch of the stop", "the epoch whose weights are kept"),
        mistakes={
            "It has no patience: it stops at the first epoch that is not better.": first_rise,
            "Each epoch is compared with the one before. Compare it with the lowest.": (
                rises_in_a_row
            ),
            "It stops one epoch too early.": lambda a, n: stop_early(a, n - 1),
            "It goes on for one epoch too many.": lambda a, n: stop_early(a, n + 1),
            "The last weights are kept. Those of the lowest loss are asked for.": (
                lambda a, n: (stop_early(a, n)[0],) * 2
            ),
            "It looks into the future: that loss comes after the stop.": (
                lambda a, n: (stop_early(a, n)[0], int(np.argmin(a)) + 1)
            ),
            "The first epoch is 1, not 0.": lambda a, n: tuple(e - 1 for e in stop_early(a, n)),
            "A loss equal to the lowest is no new lowest: the waiting goes on.": equal_is_new,
            "If it never stops, the first number is the last epoch.": (
                lambda a, n: (stop_early(a, n)[1] + n, stop_early(a, n)[1])
            ),
            "It never stops: it reads the losses to the end.": (
                lambda a, _: (len(a), int(np.argmin(a)) + 1)
            ),
            "After a new lowest loss the waiting begins again.": waits_in_all,
        },
        hints=(
            "Keep two things: the lowest loss so far, and its epoch. `enumerate(losses, start=1)` "
            "counts the epochs.",
            "How many epochs have gone by since the lowest loss? When this is `patience`, stop.",
            "A loss below the lowest is the new lowest, and the waiting begins again.",
        ),
    ),
    Task(
        name="03-9",
        title="find what a checkpoint has forgotten",
        inputs=lambda random: (int(random.integers(2**31)),),
        right=in_one_go,
        use=interrupted,
        mistakes={
            "The weights alone are still not enough.": keeping("weights"),
            "Adam goes on where it was. But dropout draws other masks than in one go.": (
                keeping("weights", "optimizer")
            ),
            "Dropout draws the same masks. But Adam begins anew, with empty means.": (
                keeping("weights", "random")
            ),
            "The weights themselves are missing.": keeping("optimizer", "random"),
            "Nothing that `go_on` looks for is kept. Look at the names.": keeping(),
        },
        hints=(
            "What does Adam remember from one step to the next? `state_dict()` gives it.",
            "What decides which units dropout drops?",
            "`torch.get_rng_state()` gives PyTorch's random state.",
        ),
    ),
)
