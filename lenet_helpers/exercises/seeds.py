"""Lesson 04, what a few runs tell: what counts as right, and what is often wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy import stats

from lenet_helpers.exercises.task import Task

# ---- 04-6: the sign-flip test


def sign_flip(differences: list[float]) -> float:
    """SciPy's permutation test of one sample, which flips signs; exact for so few."""
    test = stats.permutation_test((differences,), np.mean, permutation_type="samples")
    return float(test.pvalue)


def share_of_signs(counts: Callable[[np.ndarray, float], np.ndarray]) -> Callable:
    """The p-value as somebody has it who counts other patterns, by their means."""

    def answer(differences: list[float]) -> float:
        signs = np.array(list(itertools.product([1, -1], repeat=len(differences))))
        means = (signs * differences).mean(axis=1)
        return float(counts(means, float(np.mean(differences))).mean())

    return answer


def some_differences(random: np.random.Generator) -> tuple[list[float]]:
    """Five to eight of both signs, in the mean above zero or below."""
    values = random.normal(0.4, 0.3, random.integers(5, 9))
    values[0] = -random.uniform(0.1, 0.2)
    values[1:] = np.abs(values[1:]) + 0.05
    return ((random.choice([-1, 1]) * values).round(3).tolist(),)


# ---- the answers to 04-8

CONFIRMED, CONTRADICTED, NOT_SHOWN = "confirmed", "contradicted", "not shown"
PUBLISHED, OTHER = "as published", "not as published"

TASKS = (
    Task(
        name="04-6",
        title="build the sign-flip test",
        inputs=some_differences,
        right=sign_flip,
        mistakes={
            "Only one side is counted. As far from zero may be above or below.": (
                share_of_signs(lambda means, mean: means * np.sign(mean) >= abs(mean) - 1e-9)
            ),
            "A negative mean counts nearly every pattern there: take its distance from zero.": (
                share_of_signs(lambda means, mean: np.abs(means) >= mean - 1e-9)
            ),
            "Means at or above the one that was measured are counted. Below zero counts too.": (
                share_of_signs(lambda means, mean: means >= mean - 1e-9)
            ),
            "The pattern that was measured has to be counted too: at least as far.": (
                share_of_signs(lambda means, mean: np.abs(means) > abs(mean) + 1e-9)
            ),
            "That is the share of the patterns that are nearer to zero.": (
                share_of_signs(lambda means, mean: np.abs(means) < abs(mean) - 1e-9)
            ),
            "That is the p-value of Student's test. Here the signs are flipped.": (
                lambda differences: stats.ttest_1samp(differences, 0).pvalue
            ),
            "That is the sign test: it counts signs and does not look at the sizes.": (
                lambda d: stats.binomtest(int(np.sum(np.array(d) > 0)), len(d)).pvalue
            ),
        },
        hints=(
            "`itertools.product([1, -1], repeat=n)` gives every way to choose n signs.",
            "Multiply the differences by each pattern. How far from zero is the mean?",
            "Count the patterns that are at least as far as the one that was measured. Equal means "
            "may differ by rounding: leave them 1e-9.",
        ),
    ),
    Task(
        name="04-7",
        title="predict how many pairs are needed",
        right=9,
        mistakes={
            "Two patterns are as far from zero: all plus and all minus.": 8,
            "That would do for one question. Here twelve share the 0.05.": 6,
            "That would do for one question, and if only one side were counted.": 5,
            "A smaller number is enough.": 10,
        },
        hints=(
            "What is the smallest p-value that n pairs can give?",
            "Each of the twelve questions has the level 0.05/12.",
        ),
    ),
    Task(
        name="04-8",
        title="predict the verdict on four claims",
        right=(CONFIRMED, CONTRADICTED, NOT_SHOWN, PUBLISHED),
        parts=("the first", "the second", "the third", "the fourth"),
        mistakes={
            "Three differences are tested. Which level has each?": (
                (CONFIRMED, CONTRADICTED, CONFIRMED, PUBLISHED)
            ),
            "Look at the sign of the second difference. What was claimed?": (
                (CONFIRMED, CONFIRMED, NOT_SHOWN, PUBLISHED)
            ),
            "Look at the level of each, and at the sign of each.": (
                (CONFIRMED, CONFIRMED, CONFIRMED, PUBLISHED)
            ),
            "A p-value above the level shows nothing, in neither direction.": (
                (CONFIRMED, CONTRADICTED, CONTRADICTED, PUBLISHED)
            ),
            "An epoch is as published if it lies in the range of the seeds, the median or not.": (
                (CONFIRMED, CONTRADICTED, NOT_SHOWN, OTHER)
            ),
        },
        hints=(
            "Write the level first: 0.05 divided by the number of differences that are tested.",
            "Then the sign, for those whose p-value is below the level.",
        ),
    ),
)
