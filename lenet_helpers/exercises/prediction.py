"""Lesson 06: what counts as right, and what is often wrong."""

from __future__ import annotations

from lenet_helpers.exercises.prediction_answers import (
    answer_if_first,
    answer_or_refuse,
    as_is,
    choose,
    middle_of_box,
    probabilities_of_digits,
    read,
    run_reading,
    small_network,
    some_ink,
    some_logits,
    some_page,
    some_readings,
    steps,
    with_centre_at,
)
from lenet_helpers.exercises.task import Task

TASKS = (
    Task(
        name="06-1",
        title="find where an overconfident answer comes from",
        inputs=small_network,
        right=read,
        use=run_reading,
        parts=("the digits", "the confidences"),
        mistakes={
            "The ten probabilities of an image still do not sum to 1, and its answer still hangs "
            "on its companions.": lambda *given: read(*given, train=True, dim=0),
            "An image's answer no longer hangs on its companions in batch norm. But do its ten "
            "probabilities sum to 1?": lambda *given: read(*given, dim=0),
            "The ten probabilities of an image sum to 1. But they still hang on the other images "
            "of the batch: which layer looks at those?": lambda *given: read(*given, train=True),
            "Those are logits. A confidence is a probability.": (
                lambda *given: read(*given, softmax=as_is)
            ),
            "All is right but the order: the digits come first.": (
                lambda *given: read(*given)[::-1]
            ),
        },
        hints=(
            "Print the sum of each row of the probabilities, and of each column.",
            "`softmax(dim=…)`: along which direction do the ten classes of one image lie?",
            "Lesson 04: what does batch norm divide by in training, and what in evaluation? "
            "`model.eval()`.",
        ),
    ),
    Task(
        name="06-2",
        title="Otsu's threshold on eight values",
        right=4,
        mistakes={
            "There the means are farthest apart. But one class is small: weigh with both sizes.": 1,
            "That makes two halves of four values. Otsu's classes need not be of equal size.": 7,
            "That is the widest gap. Otsu compares the means and the sizes of the classes.": 11,
            "This splits the values in the right place. The largest value up to the border is "
            "asked for.": 5.5,
            "There only 11 and 15 are left above.": 10,
            "That is the variance between the classes. The threshold is asked for.": 18.70417,
        },
        hints=(
            "There are six places to split between different values. For each, count both "
            "classes and take their means.",
            "The variance between the classes: (n0/8) (n1/8) (difference of the means)².",
            "Compare the thresholds 1, 4 and 7 first.",
        ),
    ),
    Task(
        name="06-3",
        title="build the centring of MNIST",
        inputs=some_ink,
        right=with_centre_at,
        mistakes={
            "That is 13.5, the middle of the image, or it is rounded down. MNIST's makers chose "
            "another pixel; take the nearest place.": lambda ink: with_centre_at(ink, middle=13.5),
            "The middle of the box is centred. The ink is not equally heavy on all sides.": (
                middle_of_box
            ),
            "Every pixel with ink counts the same. Weigh the places by the grey level.": (
                lambda ink: with_centre_at(ink, weights=1.0 * (ink > 0))
            ),
            "Rows and columns of the centre of mass are exchanged.": (
                lambda ink: with_centre_at(ink, exchanged=True)
            ),
            "The place is rounded up. Take the nearest pixel.": (
                lambda ink: with_centre_at(ink, up=1)
            ),
        },
        hints=(
            "`ndimage.center_of_mass(ink)` gives row and column of the centre of mass inside the "
            "box.",
            "If the box begins in row `top`, the centre of mass lies in row `top + mass`. Where "
            "shall it lie?",
            "Round `top` and `left` to the nearest whole number, and copy the box into zeros of "
            "28×28.",
        ),
    ),
    Task(
        name="06-4",
        title="find the wrong order in a preparation",
        inputs=some_page,
        right=steps,
        mistakes={
            "The whole page is still scaled to 20 pixels. It is the digit that should be.": (
                lambda *given: steps(*given, order="scale mask crop")
            ),
            "The digit has its size. But its edges are hard: the threshold comes after the "
            "scaling.": lambda *given: steps(*given, order="mask crop scale mask"),
            "The mask comes first. But the page is scaled before its margin is cut off.": (
                lambda *given: steps(*given, order="mask scale crop")
            ),
            "The pale ink is still in it. Scale the mask, not the strength of the ink.": (
                lambda *given: steps(*given, order="crop scale")
            ),
            "It is not placed in 28×28 yet.": lambda *given: steps(
                *given, order="mask crop scale*"
            ),
        },
        hints=(
            "Look at the size of the digit: which side becomes 20 pixels long, and of what?",
            "Look at the edges: MNIST's are grey. A threshold makes them hard.",
            "In the lesson the order was: threshold, crop, scale, centre.",
        ),
    ),
    Task(
        name="06-5",
        title="predict: what changes the prepared image",
        right=[False, False, False, True, True, False],
        mistakes={
            "The ink may be dark or light: which of the two it is, is found out.": [
                False,
                False,
                False,
                True,
                True,
                True,
            ],
            "A thicker pen makes little difference: strokes are brought to MNIST's width.": [
                False,
                False,
                True,
                True,
                True,
                False,
            ],
            "A thicker pen and light ink make little difference: see how strokes and ink are "
            "prepared.": [False, False, True, True, True, True],
            "Nothing in the preparation turns a digit upright.": [
                False,
                False,
                False,
                False,
                True,
                False,
            ],
            "The digit is scaled with its proportions kept, so a stretched one stays stretched.": [
                False,
                False,
                False,
                True,
                False,
                False,
            ],
            "Something does change it: no step turns a digit or mends its proportions.": 6
            * [False],
            "The order is right, the question is turned: True where the image changes.": [
                True,
                True,
                True,
                False,
                False,
                True,
            ],
        },
        hints=(
            "Go through the steps of the preparation. For each change: which step takes it away?",
            "Paper and ink, crop and scale, and the centre take away four of the six.",
        ),
    ),
    Task(
        name="06-6",
        title="predict: what thirty right answers of thirty promise",
        right=30 / (30 + 1.96**2),
        tolerance=1e-3,
        mistakes={
            "The standard error was taken at a = 1, where it is 0. It belongs to p.": 1.0,
            "The factor 1.96 is missing.": 30 / 31,
            "The lesson takes 1.96 standard errors.": 30 / 34,
            "The factor 1.96 has to be squared together with the root.": 30 / (30 + 1.96),
            "That is one more wrong answer of thirty. Wilson's interval reaches further.": 29 / 30,
            "That is the probability of a failure. The one of a right answer is asked for.": (
                1.96**2 / (30 + 1.96**2)
            ),
            "That looks like per cent. A number from 0 to 1 is asked for.": (
                100 * 30 / (30 + 1.96**2)
            ),
            "That would be the border for 90 right answers of 90.": 90 / (90 + 1.96**2),
        },
        hints=(
            "Put a = 1 and n = 30 into the lesson's inequality. At the lower end both sides are "
            "equal.",
            "Square both sides: (1 - p)² = 1.96² p (1 - p) / 30. Divide by 1 - p.",
        ),
    ),
    Task(
        name="06-7",
        title="build the choice of a threshold",
        inputs=some_readings,
        right=choose,
        parts=("the threshold", "the share of digits answered"),
        mistakes={
            "A digit is answered if its confidence reaches the threshold: equal is enough.": (
                lambda *given: choose(*given, shift=1)
            ),
            "There is a smaller one: further down the accuracy rises again.": (
                lambda *given: choose(*given, first=True)
            ),
            "This share counts the right answers only. All that are answered count.": (
                lambda *given: choose(*given, counted="right")
            ),
            "That is the share refused.": lambda *given: choose(*given, counted="refused"),
            "That is the largest such threshold: it refuses all but one.": (
                lambda *given: choose(*given, largest=True)
            ),
            "The promise is kept where the share is exactly `wanted`, too.": (
                lambda *given: choose(*given, more=True)
            ),
            "Some digits have equal confidences: a threshold answers all of them or none.": (
                lambda *given: choose(*given, split=True)
            ),
            "There the promise is not kept: digits of equal confidence are answered together, and "
            "one of them is wrong.": (
                lambda *given: (choose(*given, split=True)[0], choose(*given)[1] + 3 / 48)
            ),
        },
        hints=(
            "Try every confidence that occurs as the threshold.",
            "The accuracy is the share right among those that are answered.",
            "It does not rise steadily with the threshold. Of all thresholds that keep the "
            "promise take the smallest.",
        ),
    ),
    Task(
        name="06-8",
        title="build an answer that may be none",
        inputs=some_logits,
        right=answer_or_refuse,
        mistakes={
            "The softmax runs over the ten digits only. The other ten classes have to take part.": (
                probabilities_of_digits
            ),
            "Some answers are no digits: the classes from 10 on mean refusal.": (
                lambda *given: answer_or_refuse(*given, classes=20)
            ),
            "Where the most probable class is a digit, it is answered at any probability. What "
            "is the threshold for?": lambda logits, _: answer_if_first(logits, 0),
            "A digit may reach a low threshold although another class is more probable. The text "
            "asks for the most probable digit.": answer_if_first,
            "The ten digits together reach the threshold. One of them alone has to.": (
                lambda *given: answer_or_refuse(*given, together=True)
            ),
            "Nothing is refused.": lambda logits, _: answer_or_refuse(logits, 0),
        },
        hints=(
            "The softmax over twenty classes comes first.",
            "Then look at the first ten columns: which is the largest, and how large is it?",
            "`torch.where(condition, digit, -1)` gives -1 where the condition is not met.",
        ),
    ),
)
