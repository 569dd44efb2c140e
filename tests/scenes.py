"""Pictures that strangers take, drawn by code from MNIST's training digits; each kind is a scene.

A scene takes digits `(n, 28, 28)`, grey levels 0…255, and a random generator; it gives a picture,
uint8 grey `(height, width)` or colours `(height, width, 3)`. Nothing here uses the reader's code.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

Random = np.random.Generator
DARK_INKS = ((25, 25, 30), (30, 45, 130), (20, 20, 90), (150, 25, 35), (60, 60, 65))
RULES = ((110, 112, 118), (150, 150, 150), (180, 180, 180), (150, 175, 215), (90, 125, 195),
         (205, 160, 160))  # fmt: skip


def strokes(digit: np.ndarray, height: float, random: Random, thick: float = 0.0) -> np.ndarray:
    """Coverage 0…1 of a digit about `height` pixels high, without an empty row or column.

    `thick` moves the outline outwards: between -1, thin, and 1, thick.
    """
    rows, columns = (np.flatnonzero(digit.max(axis=axis) > 60) for axis in (1, 0))
    box = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] / 255.0
    large = ndimage.zoom(np.pad(box, 3), height / box.shape[0], order=3)
    large = ndimage.rotate(large, random.uniform(-6, 6), order=1)
    slope = max(1.0, height / 28) * 2
    level = 0.5 - 0.22 * thick
    cover = ((large - level) * slope + 0.5).clip(0, 1)
    rows, columns = (np.flatnonzero(cover.max(axis=axis) > 0.1) for axis in (1, 0))
    return cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def place(cover: np.ndarray, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """The coverage with margins of so many pixels."""
    return np.pad(cover, ((top, bottom), (left, right)))


def margins(cover: np.ndarray, random: Random, least: float = 0.25, most: float = 1.2) -> tuple:
    """Four margins between `least` and `most` heights of the digit."""
    return tuple(int(cover.shape[0] * random.uniform(least, most)) for _ in range(4))


def paper_colour(random: Random) -> np.ndarray:
    """Of white, grey, yellowish or reddish paper, 0…1."""
    return np.clip(random.uniform(0.7, 0.97) + random.normal(0, 0.02, 3), 0, 1)


def ink_colour(random: Random) -> np.ndarray:
    """Of a dark pen, 0…1."""
    return np.array(DARK_INKS[random.integers(len(DARK_INKS))]) / 255


def lit(shape: tuple[int, ...], random: Random) -> np.ndarray:
    """Brightness of uneven light `(height, width, 1)`: it falls to one side by up to a third."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    angle, fall = random.uniform(0, 2 * np.pi), random.uniform(0, 0.15)
    return (1 - fall * (1 + np.cos(angle) * x + np.sin(angle) * y))[..., np.newaxis]


def painted(cover: np.ndarray, page: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Ink `(3,)` over a page `(height, width, 3)` where it covers it."""
    return page * (1 - cover[..., np.newaxis]) + ink * cover[..., np.newaxis]


def taken(picture: np.ndarray, random: Random, blur: float = 0.8) -> np.ndarray:
    """What a camera gives of colours 0…1: a little blurred and noisy, uint8."""
    picture = ndimage.gaussian_filter(picture, (blur, blur, 0)) if blur else picture
    noise = random.normal(0, random.uniform(0.003, 0.02), picture.shape)
    return ((picture + noise).clip(0, 1) * 255).round().astype(np.uint8)


def written(cover: np.ndarray, random: Random, blur: float = 0.8) -> np.ndarray:
    """Coverage as ink of some colour on some paper in uneven light, as a camera sees it."""
    page = np.broadcast_to(paper_colour(random), (*cover.shape, 3))
    return taken(painted(cover, page, ink_colour(random)) * lit(cover.shape, random), random, blur)


def plain(digits: np.ndarray, random: Random) -> np.ndarray:
    """One digit on paper with a margin."""
    cover = strokes(digits[0], random.uniform(60, 350), random, random.uniform(-0.7, 0.8))
    return written(place(cover, *margins(cover, random)), random)


def tight(digits: np.ndarray, random: Random) -> np.ndarray:
    """A crop to the digit: at most 3 pixels of paper around it, seldom a part of it cut off."""
    cover = strokes(digits[0], random.uniform(28, 220), random, random.uniform(-0.5, 0.6))
    return written(place(cover, *random.integers(0, 4, 4)), random, 0.5)


def desk(digits: np.ndarray, random: Random) -> np.ndarray:
    """A sheet that lies on a desk, which shows on one to four sides, with the sheet's shadow."""
    cover = strokes(digits[0], random.uniform(90, 260), random, random.uniform(-0.4, 0.8))
    cover = place(cover, *margins(cover, random, 0.35, 1.0))
    sides = np.zeros(4, int)
    shown = random.permutation(4)[: random.integers(1, 5)]
    sides[shown] = (random.uniform(0.08, 0.35, len(shown)) * max(cover.shape)).astype(int)
    cover = place(cover, *sides)
    sheet = np.pad(np.ones(np.subtract(cover.shape, (sides[[0, 2]].sum(), sides[[1, 3]].sum()))),
                   ((sides[0], sides[2]), (sides[1], sides[3])))  # fmt: skip
    angle = random.uniform(-8, 8)
    cover, sheet = (
        ndimage.rotate(np.pad(part, 40, mode="edge"), angle, reshape=False, order=1)[40:-40, 40:-40]
        for part in (cover, sheet)
    )
    kinds = ((0.42, 0.29, 0.18), (0.62, 0.47, 0.31), (0.2, 0.2, 0.21), (0.5, 0.5, 0.5),
             (0.3, 0.36, 0.33))  # fmt: skip
    grain = ndimage.gaussian_filter(random.normal(0, 1, cover.shape), (1, random.uniform(1, 25)))
    wood = np.array(kinds[random.integers(len(kinds))]) * random.uniform(0.8, 1.2)
    table = wood * (1 + random.uniform(0.02, 0.1) * (grain / grain.std()))[..., np.newaxis]
    shadow = ndimage.gaussian_filter(np.roll(sheet, random.integers(-6, 7, 2), (0, 1)), 4)
    table = table * (1 - 0.4 * shadow * random.random())[..., np.newaxis]
    page = np.where(sheet[..., np.newaxis] > 0.5, paper_colour(random), table)
    picture = painted(cover, page, ink_colour(random)) * lit(cover.shape, random)
    return taken(picture.clip(0, 1), random)


def small(digits: np.ndarray, random: Random) -> np.ndarray:
    """A digit 60 to 150 pixels high somewhere in a photo of 12 megapixels."""
    cover = strokes(digits[0], random.uniform(60, 150), random, random.uniform(-0.2, 0.8))
    page = np.empty((3000, 4000, 3), np.uint8)
    tile = random.normal(0, random.uniform(1, 4), (500, 500))
    colour = paper_colour(random) * 255
    light = lit((60, 80), random)
    light = np.asarray(Image.fromarray(light[..., 0].astype(np.float32)).resize((4000, 3000), 2))
    grain = np.tile(tile, (6, 8)).astype(np.float32)
    for channel in range(3):
        page[..., channel] = (colour[channel] * light + grain).clip(0, 255)
    cover = np.pad(ndimage.gaussian_filter(np.pad(cover, 4), 0.8), 0)[..., np.newaxis]
    top, left = (int(random.uniform(0.15, 0.75) * side) for side in page.shape[:2])
    here = page[top : top + cover.shape[0], left : left + cover.shape[1]]
    here[:] = here * (1 - cover) + 255 * ink_colour(random) * light[top, left] * cover
    return page


def tiny(digits: np.ndarray, random: Random) -> np.ndarray:
    """A whole picture of 8 to 20 pixels a side, grey, dark on light or light on dark."""
    side = int(random.choice([8, 10, 12, 16, 20]))
    rows, columns = (np.flatnonzero(digits[0].max(axis=axis) > 60) for axis in (1, 0))
    box = digits[0][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    margin = int(random.integers(0, 4))
    size = max(box.shape) + 2 * margin
    square = np.zeros((size, size), np.uint8)
    top, left = (size - box.shape[0]) // 2, (size - box.shape[1]) // 2
    square[top : top + box.shape[0], left : left + box.shape[1]] = box
    shrunk = np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BOX))
    return shrunk if random.random() < 0.5 else 255 - shrunk


def faint(digits: np.ndarray, random: Random) -> np.ndarray:
    """A pale pencil: 12 to 25 per cent darker than the paper, with little noise."""
    cover = strokes(digits[0], random.uniform(80, 300), random, random.uniform(-0.5, 0.5))
    cover = place(cover, *margins(cover, random))
    cover = cover * (1 + 0.1 * random.normal(0, 1, cover.shape)).clip(0.6, 1.2)
    page = np.broadcast_to(paper_colour(random), (*cover.shape, 3))
    ink = page[0, 0] * (1 - random.uniform(0.12, 0.25))
    picture = painted(cover.clip(0, 1), page, ink) * lit(cover.shape, random)
    noise = random.normal(0, random.uniform(0.002, 0.008), picture.shape)
    picture = ndimage.gaussian_filter(picture, (0.7, 0.7, 0)) + noise
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)


def ruled(digits: np.ndarray, random: Random) -> np.ndarray:
    """Notebook paper: lines from side to side, through the digit or not; some with a margin."""
    return _lined(digits, random, spacing=random.uniform(0.3, 1.0), both=False)


def squared(digits: np.ndarray, random: Random) -> np.ndarray:
    """Squared paper."""
    return _lined(digits, random, spacing=random.uniform(0.25, 0.8), both=True)


def _lined(digits: np.ndarray, random: Random, spacing: float, both: bool) -> np.ndarray:
    height = random.uniform(80, 220)
    cover = strokes(digits[0], height, random, random.uniform(-0.6, 0.7))
    cover = place(cover, *margins(cover, random, 0.3, 1.2))
    page = np.broadcast_to(paper_colour(random), (*cover.shape, 3)).copy()
    colour = np.array(RULES[random.integers(len(RULES))]) / 255
    thick, step = random.uniform(1.5, 5), max(20.0, spacing * height)
    slope = np.tan(np.radians(random.uniform(-3, 3)))
    y, x = np.mgrid[: cover.shape[0], : cover.shape[1]]
    lines = [(y + slope * x, step)]
    if both:
        lines.append((x - slope * y, step))
    elif random.random() < 0.4:  # a red margin, once
        lines.append((x - slope * y - random.uniform(0, 0.25) * cover.shape[1], 1e6))
    for across, period in lines:
        start = random.uniform(0, period) if period < 1e6 else 0.0
        away = np.abs((across - start + period / 2) % period - period / 2)
        line = (thick / 2 - away + 0.5).clip(0, 1)
        red = np.array([0.85, 0.35, 0.35]) if period == 1e6 else colour
        page = painted(line, page, np.minimum(red, page[0, 0]))
    picture = painted(cover, page, ink_colour(random)) * lit(cover.shape, random)
    return taken(picture, random, random.uniform(0.4, 1.0))


def several(digits: np.ndarray, random: Random) -> np.ndarray:
    """Two or three digits side by side, some of which touch."""
    height, line, end = random.uniform(60, 200), np.zeros((600, 1200)), 20
    for digit in digits[: random.integers(2, 4)]:
        cover = strokes(
            digit, height * random.uniform(0.85, 1.15), random, random.uniform(-0.5, 0.6)
        )
        top = 200 + int(random.normal(0, 0.05) * height)
        here = line[top : top + cover.shape[0], end : end + cover.shape[1]]
        np.maximum(here, cover, out=here)
        end += cover.shape[1] + int(random.uniform(-0.08, 0.35) * height)
    rows, columns = (np.flatnonzero(line.any(axis=axis)) for axis in (1, 0))
    line = line[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return written(place(line, *margins(line, random)), random)


def scribble(_digits: np.ndarray, random: Random) -> np.ndarray:
    """No digit: a curve through random points, a star of lines, or rings."""
    size, kind = 300, random.integers(3)
    picture = Image.new("L", (size, size))
    pencil, width = ImageDraw.Draw(picture), int(random.integers(4, 16))
    if kind == 0:
        points = random.uniform(60, 240, (random.integers(6, 12), 2))
        pencil.line([tuple(point) for point in points], 255, width, joint="curve")
    elif kind == 1:
        for angle in np.arange(3 + random.integers(4)) * np.pi / 3 + random.uniform(0, 1):
            away = random.uniform(60, 90) * np.array([np.cos(angle), np.sin(angle)])
            pencil.line([*(150 - away), *(150 + away)], 255, width)
    else:
        for _ in range(random.integers(3, 6)):
            x, y, radius = *random.uniform(100, 200, 2), random.uniform(15, 45)
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), None, 255, width)
    return written(np.asarray(picture) / 255, random)


Scene = Callable[[np.ndarray, Random], np.ndarray]
SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (plain, tight, desk, small, tiny, faint, ruled, squared, several, scribble)
}


def draw(
    name: str, count: int, images: np.ndarray, labels: np.ndarray, seed: int = 0
) -> list[tuple[np.ndarray, str]]:
    """`count` pictures of a scene, each with what is written; nothing where there is no digit.

    `images` `(n, 28, 28)` and `labels` are those of MNIST's training set.
    """
    random = np.random.default_rng([seed, *name.encode()])
    drawn = []
    for _ in range(count):
        chosen = random.integers(0, len(images), 3)
        truth = "" if name in ("several", "scribble") else str(labels[chosen[0]])
        drawn.append((SCENES[name](images[chosen], random), truth))
    return drawn
