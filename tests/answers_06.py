"""Lesson 06's tasks, answered wrongly and rightly in other ways than its own checks do."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from scipy.stats import binomtest


def reading(evaluate=True, dim=1, softmax=True):
    def read(model, images):
        model.train(not evaluate)
        with torch.inference_mode():
            logits = model(images)
        p = logits.exp() / logits.exp().sum(dim, keepdim=True) if softmax else logits
        return p.argmax(1).tolist(), p.amax(1).tolist()

    return read


def placed(ink, place):
    image = np.zeros((28, 28))
    top, left = (int(each) for each in place)
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def mass(ink):
    """By the sums of the rows and of the columns."""
    sums = ink.sum(axis=1), ink.sum(axis=0)
    return np.array([(np.arange(len(each)) * each).sum() / ink.sum() for each in sums])


def centred_by_rolling(ink):
    image = placed(ink, (0, 0))
    shift = 14 - np.array(ndimage.center_of_mass(image))
    return torch.from_numpy(np.roll(image, shift.round().astype(int), axis=(0, 1))).float()


def box_of(image):
    rows, columns = image.any(1).nonzero()[0], image.any(0).nonzero()[0]
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def small(image):
    wide, high = (round(side * 20 / max(image.shape)) for side in image.shape[::-1])
    return np.array(Image.fromarray(np.float32(image)).resize((wide, high), Image.Resampling.BOX))


def put(image):
    return placed(image, (14 - mass(image)).round())


def choose_by_sorting(confidence, right, wanted, split=False):
    pairs = sorted(zip(confidence.tolist(), right.tolist(), strict=True), reverse=True)
    following = [value for value, _ in pairs[1:]] + [None]
    best, hits = None, 0
    for number, ((value, hit), other) in enumerate(zip(pairs, following, strict=True), start=1):
        hits += hit
        if hits / number >= wanted and (split or value != other):
            best = value, number / len(pairs)
    return best


def choose_above(confidence, right, wanted):
    values = confidence.unique()
    kept = [t for t in values if right[confidence >= t].double().mean() > wanted]
    return kept[0], (confidence >= kept[0]).double().mean()


def choose_until_it_fails(confidence, right, wanted):
    threshold = 1
    for value in confidence.sort(descending=True).values:
        if right[confidence >= value].double().mean() < wanted:
            break
        threshold = value
    return threshold, (confidence >= threshold).double().mean()


def share_of_right(confidence, right, wanted):
    threshold, _ = choose_by_sorting(confidence, right, wanted)
    return threshold, (right & (confidence >= threshold)).double().mean()


def share_refused(*given):
    threshold, share = choose_by_sorting(*given)
    return threshold, 1 - share


def answer_in_a_loop(logits, threshold):
    answers = []
    for row in logits.double().numpy():
        p = np.exp(row) / np.exp(row).sum()
        best = int(p[:10].argmax())
        answers.append(best if p[best] >= threshold else -1)
    return answers


def answer_if_any_class_is_sure(logits, threshold):
    p, answer = torch.softmax(logits, 1).max(1)
    return torch.where(p < threshold, -1, answer)


def answer_if_the_first_is_a_digit(logits, threshold):
    p, answer = torch.softmax(logits, 1).max(1)
    return torch.where((p < threshold) | (answer > 9), -1, answer)


def answer_whatever_the_threshold(logits, _):
    answer = logits.argmax(1)
    return torch.where(answer > 9, -1, answer)


def answer_of_ten(logits, threshold):
    p, answer = torch.softmax(logits[:, :10], 1).max(1)
    return torch.where(p < threshold, -1, answer)


def answer_if_ten_are_sure(logits, threshold):
    sure = torch.softmax(logits, 1)[:, :10].sum(1) >= threshold
    return [int(row[:10].argmax()) if yes else -1 for row, yes in zip(logits, sure, strict=True)]


def wilson(right, n):
    return binomtest(right, n).proportion_ci(method="wilson").low


# Name -> wrong answers, each with a part of what is said.
WRONG = {
    "06-1": [
        (reading(evaluate=False, dim=0), "still do not sum to 1"),
        (reading(dim=0), "do its ten"),
        (reading(evaluate=False), "which layer"),
        (reading(softmax=False), "logits"),
        (lambda *given: reading()(*given)[1], "2 results are asked for"),
    ],
    "06-2": [(1, "farthest apart"), (7, "equal size"), (11, "widest gap"), (10, "only 11 and 15"),
             (5.5, "right place"), (18.70417, "variance"), (0, "another one")],
    "06-3": [
        (lambda ink: placed(ink, (13.5 - mass(ink)).round()), "13.5"),
        (lambda ink: placed(ink, (14 - np.array(ink.shape) / 2) // 1), "middle of the box"),
        (lambda ink: placed(ink, (14 - mass(ink > 0)).round()), "Every pixel"),
        (lambda ink: placed(ink, (14 - mass(ink)[::-1]).round()), "exchanged"),
        (lambda ink: placed(ink, np.ceil(14 - mass(ink))), "rounded up"),
        (lambda ink: ink, "28×28 values expected"),
    ],
    "06-4": [
        (lambda ink, t: put(box_of(1.0 * (small(ink) > t))), "whole page"),
        (lambda ink, t: put(1.0 * (small(box_of(ink > t)) > t)), "edges are hard"),
        (lambda ink, t: put(box_of(small(ink > t))), "margin"),
        (lambda ink, _: put(small(box_of(ink))), "pale ink"),
        (lambda ink, t: small(box_of(ink > t)), "not placed in 28×28"),
    ],
    "06-5": [([0, 0, 0, 1, 1, 1], "dark or light"), ([0, 0, 1, 1, 1, 0], "thicker pen makes"),
             ([0, 0, 0, 0, 1, 0], "upright"), ([False] * 3 + [True] + [False] * 2, "stretched"),
             ([False] * 6, "Something does"), ([1, 1, 1, 0, 0, 1], "question is turned")],
    "06-6": [(1, "where it is 0"), (0.967742, "factor 1.96 is missing"), (30 / 34, "takes 1.96"),
             (0.938673, "squared"), (0.966667, "one more wrong"), (88.65, "per cent"),
             (0.5, "another one")],
    "06-7": [
        (choose_until_it_fails, "further down"),
        (share_of_right, "right answers only"),
        (share_refused, "share refused"),
        (choose_above, "exactly `wanted`"),
        (lambda *given: choose_by_sorting(*given, split=True), "all of them or none"),
        (lambda *given: choose_by_sorting(*given)[::-1], "Look at the threshold"),
    ],
    "06-8": [
        (answer_of_ten, "ten digits only"),
        (answer_if_any_class_is_sure, "mean refusal"),
        (answer_if_the_first_is_a_digit, "low threshold"),
        (answer_whatever_the_threshold, "threshold for"),
        (answer_if_ten_are_sure, "together"),
        (lambda logits, _: logits[:, :10].argmax(1), "Nothing is refused"),
    ],
}  # fmt: skip
# Name -> right answers in another form.
RIGHT = {
    "06-1": [reading(), lambda *given: [np.array(each) for each in reading()(*given)]],
    "06-2": [4.0, np.int64(4)],
    "06-3": [centred_by_rolling, lambda ink: placed(ink, np.floor(14.5 - mass(ink)))],
    "06-4": [
        lambda ink, t: put(small(box_of(np.float64(ink >= t)))),
    ],
    "06-5": [np.array([0, 0, 0, 1, 1, 0], dtype=bool), torch.tensor([0, 0, 0, 1, 1, 0])],
    "06-6": [wilson(30, 30), 0.8865, 0.886],
    "06-7": [choose_by_sorting],
    "06-8": [answer_in_a_loop],
}
