"""Lesson 09, the claims: what counts as right, and what is often wrong."""

from __future__ import annotations

import math
import statistics

import numpy as np
from scipy import stats

from lenet_helpers.exercises import slips
from lenet_helpers.exercises.slips import quantile
from lenet_helpers.exercises.task import Task

# ---- 09-1: where one more run lies


def further_run(accuracies: list[float], widen: float = 1.0) -> tuple[float, float]:
    """SciPy's interval of Student's distribution, of the right width times `widen`."""
    n, mean = len(accuracies), statistics.fmean(accuracies)
    spread = statistics.stdev(accuracies) * math.sqrt(1 + 1 / n) * widen
    low, high = stats.t.interval(0.95, n - 1, loc=mean, scale=spread)
    return float(low), float(high)


def widened(factor_of_n):
    """The interval as somebody has it whose width is wrong by a factor that depends on n."""
    return lambda accuracies: further_run(accuracies, factor_of_n(len(accuracies)))


def some_accuracies(random: np.random.Generator) -> tuple[list[float]]:
    """Five to seven, well below 100 %, with a spread that no draw makes small."""
    values = random.normal(size=random.integers(5, 8))
    values = (values - values.mean()) / values.std(ddof=1)
    return ((random.uniform(0.85, 0.9) + random.uniform(0.01, 0.02) * values).tolist(),)


# The answers to 09-2, in the order of its claims: 98 % rounded, 98 % cut, 98.1 % and 97.8 % rounded
# to a tenth, and over 98 %. Ours lie from 97.86 to 98.44 %.
AGREES, DISAGREES, UNSURE = "agrees", "disagrees", "cannot tell"

TASKS = (
    Task(
        name="09-1",
        title="build the interval of one further run",
        inputs=some_accuracies,
        right=further_run,
        parts=("the lower bound", "the upper bound"),
        tolerance=1e-5,
        mistakes={
            "That is where the mean of all runs lies. One more run scatters by itself as well.": (
                widened(lambda n: 1 / math.sqrt(n + 1))
            ),
            "It looks like 1.96 in place of t: with a few runs the spread is not known so well.": (
                widened(lambda n: 1.959964 / quantile(n))
            ),
            "The standard deviation was divided by n. Estimated from n runs, by how much?": (
                widened(lambda n: math.sqrt((n - 1) / n))
            ),
            "The root is missing: the mean of a few runs is uncertain, too.": (
                widened(lambda n: 1 / math.sqrt(1 + 1 / n))
            ),
            "5 % lie beyond each bound. 5 % in all are asked for.": (
                widened(lambda n: quantile(n, 0.95) / quantile(n))
            ),
            "The t is that of one run more: count the degrees of freedom again.": (
                widened(lambda n: quantile(n + 1) / quantile(n))
            ),
        },
        hints=(
            "Three things are needed: the mean, the standard deviation of a few runs, and a t.",
            "`np.std` divides by n unless it is told `ddof=1`. `stats.t.ppf(0.975, ...)` leaves "
            "2.5 % on one side.",
            "Two things scatter: the further run itself, and the mean. Their variances add up.",
        ),
    ),
    Task(
        name="09-2",
        title="predict the verdict on five claims",
        right=(AGREES, UNSURE, UNSURE, DISAGREES, UNSURE),
        parts=("98 % rounded", "98 % cut", "98.1 % rounded", "97.8 % rounded", "over 98 %"),
        mistakes={
            "To meet is not enough to agree: do nearly all further runs give what is claimed?": (
                (AGREES, AGREES, AGREES, DISAGREES, AGREES)
            ),
            "A number that was cut stands for another range than one that was rounded.": (
                (AGREES, AGREES, UNSURE, DISAGREES, UNSURE)
            ),
            "It looks as if the claim had to lie in our interval. It is the other way round.": (
                (UNSURE, UNSURE, AGREES, DISAGREES, UNSURE)
            ),
            "Our mean is above 98 %. But what of the runs in the lower part of the interval?": (
                (AGREES, UNSURE, UNSURE, DISAGREES, AGREES)
            ),
            "98 % cut and over 98 % both begin at 98.0 %. Where does our interval begin?": (
                (AGREES, AGREES, UNSURE, DISAGREES, AGREES)
            ),
            "There is a third verdict: what if some runs give the claim and some do not?": (
                (AGREES, DISAGREES, DISAGREES, DISAGREES, DISAGREES)
            ),
        },
        hints=(
            "Write the range of each claim first. 98 % rounded is from 97.5 to 98.5 %.",
            "98 % cut begins at 98.0 %. A tenth is rounded by at most half a tenth.",
            "Does our interval lie wholly in the claim's range? Do the two meet at all?",
        ),
    ),
    Task(
        name="09-3",
        title="predict how many seeds are needed",
        right=13,
        mistakes={
            "The root of 1 + 1/n is missing: it is one further run that was published.": 11,
            "With 1.96 or the like in place of t the number of seeds hardly matters. It does.": 2,
            "That is the interval of the mean. A published number is one run.": 4,
            "That would do for one question. Here four share the 5 %.": 5,
            "The level lies on one side there. A claim may be too high or too low.": 8,
            "One too few: count the degrees of freedom. The reach is to be below 3.1.": 12,
            "One too many: a smaller number is enough.": 14,
        },
        hints=(
            "Which share of the 5 % has one question of four, and which share of that one side?",
            "Write the reach as a function of n and print it for n from 2 on.",
            "The degrees of freedom are n - 1. Take the first n whose reach is below 3.1.",
        ),
    ),
    Task(
        name="09-4",
        title="how much a perfect batch says",
        right=(0.9728**64, 459),
        parts=("the probability", "the number of images"),
        tolerance=0.01,
        mistakes={
            "That is the probability that at least one of the 64 is misread.": (
                (1 - 0.9728**64, 459)
            ),
            "The first is in percent. A fraction from 0 to 1 is asked for.": (17.113, 459),
            "With that many images it is still a little more than one in a hundred.": (
                (0.9728**64, 458)
            ),
            "The second network reads 99 %, not 97.28 %.": (0.9728**64, 167),
            "That many images give one mistake in the mean. How often do they give none?": (
                (0.9728**64, 100)
            ),
        },
        hints=(
            "Independent events: probabilities multiply.",
            "Look for the smallest n with 0.99 to the power n below 0.01. A logarithm gets n down.",
            "Both logarithms are negative. Round so that the probability is below 0.01.",
        ),
    ),
    Task(
        name="09-5",
        title="predict the first loss that is printed",
        right=2.5 * math.log(26),
        tolerance=0.005,
        mistakes={
            "That is the loss of one step. What does this code print?": math.log(26),
            "That is the sum of the 50 losses. They are divided by 20.": 50 * math.log(26),
            "That would be so with ten classes.": 2.5 * math.log(10),
            "Cross-entropy takes the natural logarithm, not that to base 10.": 2.5 * math.log10(26),
            "Cross-entropy takes the natural logarithm, not that to base 2.": 2.5 * math.log2(26),
            "It is a loss, not a probability: its logarithm is missing.": 2.5 / 26,
        },
        hints=(
            "A network that guesses gives each letter the same probability. Which?",
            "Cross-entropy is minus the natural logarithm of the right letter's probability.",
            "50 losses of that size are added up. Then comes the slip.",
        ),
    ),
    *slips.TASKS,
)
