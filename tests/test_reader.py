"""One engine reads a digit, a number and arithmetic: cutting, the search, and what is said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scenes
from conftest import accepts
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy.signal import find_peaks

from lenet_helpers.commands.answers import edit_distance, result
from lenet_helpers.data import read_splits
from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.pen.drawings import draw_character
from lenet_helpers.pen.sums import EXPRESSIONS, TEXTS, write_expression
from lenet_helpers.reading import cutting, tuned
from lenet_helpers.reading.grammar import (
    ARITHMETIC,
    CHARACTER,
    CLASSES,
    DIGIT,
    NUMBER,
    ExpressionError,
    State,
    parse,
)
from lenet_helpers.reading.ink import NoInkError
from lenet_helpers.reading.lines import find_line
from lenet_helpers.reading.parts import Part
from lenet_helpers.reading.reader import (
    expect,
    geometry_scores,
    read,
    read_one,
)
from lenet_helpers.reading.search import LEFT_OUT, Candidate, Path, alternatives, search
from lenet_helpers.reading.tuned import GEOMETRY, TEMPERATURE
from lenet_helpers.recipes import load_pretrained

NUMBERS = photos.PICTURES / "numbers"
PLAIN = NUMBERS / "05_kraft.jpg"
PAPER = photos.PAPERS[0]
PROBABILITIES = st.lists(st.floats(0.01, 1), min_size=3, max_size=3)


@pytest.fixture(scope="module")
def network():
    return load_pretrained("characters")


# ---- grammars ----


def is_arithmetic(text: str) -> bool:
    try:
        parse(text)
    except ExpressionError:
        return False
    return True


@given(st.text(CLASSES, max_size=7) | st.text("12", max_size=3) | st.text("1()-.=", max_size=6))
def test_a_grammar_accepts_what_its_name_says(text):
    assert accepts(NUMBER, text) == text.isdigit()
    assert accepts(DIGIT, text) == (text.isdigit() and len(text) == 1)
    assert accepts(CHARACTER, text) == (len(text) == 1)
    assert accepts(ARITHMETIC, text) == is_arithmetic(text)


@pytest.mark.parametrize("symbol", CLASSES)
def test_every_class_may_stand_alone(symbol):
    assert accepts(CHARACTER, symbol)


# ---- the search ----


def candidate(start: int, end: int, symbol: str, score: float) -> Candidate:
    return Candidate(start, end, symbol, score, float(np.exp(score)), (0, 0, 1, 1))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.permutations("12+-×()=."), PROBABILITIES), min_size=1, max_size=5))
def test_the_beam_finds_what_trying_all_readings_finds(places):
    scores = [dict(zip(symbols, np.log(p), strict=False)) for symbols, p in places]
    texts = {
        "".join(text): sum(row[symbol] for row, symbol in zip(scores, text, strict=True))
        for text in itertools.product(*scores)
    }
    candidates = [
        [candidate(n, n + 1, *pair) for pair in row.items()] for n, row in enumerate(scores)
    ]
    borders = [0.0] * (len(places) + 1)
    assert search(candidates, borders, None)[0].score == pytest.approx(max(texts.values()))
    for grammar in (NUMBER, ARITHMETIC):
        allowed = [score for text, score in texts.items() if accepts(grammar, text)]
        found = search(candidates, borders, grammar)
        assert bool(found) == bool(allowed)
        if found:
            assert found[0].score == pytest.approx(max(allowed))
            assert accepts(grammar, found[0].text)


@given(st.data())
def test_the_best_way_through_groups_is_the_best_of_all_ways(data):
    count = data.draw(st.integers(1, 5))
    scores = st.floats(-9, 0)
    spans = [(i, j) for i in range(count) for j in range(i + 1, count + 1)]
    candidates = [[] for _ in range(count)]
    for start, end in spans:
        candidates[start].append(candidate(start, end, "7", data.draw(scores)))
    borders = [data.draw(scores) for _ in range(count + 1)]
    ways = []
    for cuts in itertools.product((False, True), repeat=count - 1):
        ends = [n + 1 for n, cut in enumerate(cuts) if cut] + [count]
        starts = [0, *ends[:-1]]
        chosen = [
            next(c for c in candidates[i] if c.end == j) for i, j in zip(starts, ends, strict=True)
        ]
        ways.append(sum(c.score + borders[c.end] for c in chosen))
    assert search(candidates, borders, NUMBER)[0].score == pytest.approx(max(ways))


@st.composite
def lattices(draw) -> tuple[list[list[Candidate]], list[float]]:
    """Candidates over at most four pieces: alone, in groups of up to three, and left out."""
    count = draw(st.integers(1, 4))
    scores = st.floats(-5, 0)
    places = []
    for start in range(count):
        starting = [candidate(start, start + 1, LEFT_OUT, draw(scores))]
        for end in range(start + 1, min(start + 3, count) + 1):
            symbols = draw(st.lists(st.sampled_from("12+-×()=."), max_size=3, unique=True))
            starting += [candidate(start, end, symbol, draw(scores)) for symbol in symbols]
        places.append(starting)
    return places, [draw(scores) for _ in range(count + 1)]


def all_ways(places, start: int = 0):
    """Every way from a piece to the end."""
    if start == len(places):
        yield ()
        return
    for first in places[start]:
        for rest in all_ways(places, first.end):
            yield (first, *rest)


@settings(max_examples=60, deadline=None)
@given(lattices())
def test_a_beam_that_is_wide_enough_loses_no_reading_of_groups_and_left_out_pieces(lattice):
    places, borders = lattice
    ways = list(all_ways(places))
    for grammar in (None, DIGIT, CHARACTER, NUMBER, ARITHMETIC):
        allowed = [
            sum(each.score + borders[each.end] for each in way)
            for way in ways
            if grammar is None or accepts(grammar, "".join(each.symbol for each in way))
        ]
        # The kit's own beam drops the worst of more than 20 ways, whatever could become of them.
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(tuned, "BEAM", len(ways))
            found = search(places, borders, grammar)
        assert [path.score for path in found] == pytest.approx(sorted(allowed, reverse=True))


def test_a_piece_that_is_left_out_is_no_part_of_the_text():
    candidates = [
        [candidate(0, 1, "4", -0.1)],
        [candidate(1, 2, "1", -9.0), candidate(1, 2, LEFT_OUT, -2.0)],
    ]
    assert search(candidates, [0.0] * 3, NUMBER)[0].text == "4"


def test_a_group_of_pieces_competes_with_its_pieces():
    apart = [candidate(0, 1, "1", -1.0), candidate(1, 2, "1", -1.0)]
    together = candidate(0, 2, "4", -1.5)
    candidates = [[apart[0], together], [apart[1]]]
    assert search(candidates, [0.0, 0.0, 0.0], NUMBER)[0].text == "4"
    assert search(candidates, [0.0, 1.0, 0.0], NUMBER)[0].text == "11"  # a border is likely there


def test_the_probabilities_of_alternatives_add_up_ways_to_the_same_text():
    paths = [
        Path(TEMPERATURE * np.log(score), (candidate(0, 1, symbol, 0.0),), State())
        for symbol, score in (("1", 0.4), ("7", 0.35), ("1", 0.25))
    ]
    assert alternatives(paths) == [("1", pytest.approx(0.65)), ("7", pytest.approx(0.35))]


def test_what_a_grammar_does_not_have_is_rare_and_rows_still_sum_to_one():
    probabilities = np.full((1, 20), 0.05)
    row = expect(probabilities, NUMBER)[0]
    assert row.sum() == pytest.approx(1)
    assert row[:10].min() > 10 * row[10:19].max()


def best_class(box, among=CLASSES) -> str:
    """Of a line whose digits are 40 pixels high, with their middle in row 100."""
    scores = geometry_scores(box, 40, 100)
    return max(among, key=lambda symbol: scores[CLASSES.index(symbol)])


def test_size_and_place_tell_what_the_shape_does_not():
    assert best_class((100, 0, 104, 24)) == "-"
    assert best_class((114, 0, 119, 5)) == "."
    assert best_class((112, 0, 130, 9), "1/.)") == "."  # a comma
    assert best_class((80, 0, 120, 20), "1/.()") == "1"
    assert best_class((72, 0, 128, 14), "1()") in "()"
    assert best_class((92, 0, 116, 22), "8×") == "×"
    assert best_class((80, 0, 120, 22), "8×") == "8"


def test_every_class_has_a_size_and_a_place():
    assert set(GEOMETRY) == set(CLASSES)
    for symbol in CLASSES:
        assert geometry_scores((80, 0, 120, 24), 40, 100)[CLASSES.index(symbol)] <= 3


# ---- cutting ----


@given(st.lists(st.integers(0, 30), min_size=5, max_size=60), st.integers(1, 9))
def test_a_dip_is_a_peak_upside_down(values, depth):
    values = np.array(values)
    middles = {place for place in cutting.dips(values, depth) if 0 < place < len(values) - 1}
    peaks, found = find_peaks(-values, prominence=depth, plateau_size=1)
    for place, left, right in zip(peaks, found["left_edges"], found["right_edges"], strict=True):
        assert any(left <= middle <= right for middle in middles), place


@pytest.mark.parametrize("lean", [0.0, 0.3])
def test_the_slant_of_leaning_strokes_is_found(lean):
    page = Image.new("L", (700, 240), 255)
    for x in range(80, 600, 60):
        ImageDraw.Draw(page).line((x + lean * 100, 70, x, 170), fill=0, width=6)
    assert cutting.measure_lean(find_line(page)) == pytest.approx(lean, abs=0.06)


@pytest.mark.parametrize("lean", [-0.5, 0.25, 0.5])
def test_a_lean_favours_neither_even_nor_odd_columns(lean):
    """In the leaning columns of a full rectangle lies, but for its ends, as much ink everywhere."""
    columns = cutting._columns(Part(np.ones((40, 200), bool), (0, 0, 40, 200)), lean)
    inner = np.bincount(columns - columns.min())[40:-40]
    assert inner.size > 80
    assert np.ptp(inner) <= 1


def test_two_rings_that_touch_are_cut_where_they_do():
    page = Image.new("L", (300, 160), 255)
    draw = ImageDraw.Draw(page)
    draw.ellipse((60, 50, 105, 110), outline=0, width=6)
    draw.ellipse((102, 50, 147, 110), outline=0, width=6)
    line = find_line(page)
    assert len(line.parts) == 1
    rights = [piece.box[3] for piece, _ in cutting.cut(line.parts[0], line, 0.0)]
    assert any(abs(right - 104) <= 3 for right in rights[:-1])


def test_one_ring_is_cut_into_few_pieces():
    page = Image.new("L", (300, 160), 255)
    ImageDraw.Draw(page).ellipse((60, 50, 110, 110), outline=0, width=6)
    line = find_line(page)
    for lean in (0.0, 0.25, 0.5):  # at 0.5 pixels lie on halves, which must not favour a column
        assert len(cutting.cut(line.parts[0], line, lean)) <= 3


def test_a_part_too_low_or_too_narrow_to_be_two_digits_is_not_cut():
    page = Image.new("L", (300, 160), 255)
    ImageDraw.Draw(page).rectangle((60, 40, 68, 110), fill=0)  # a 1
    ImageDraw.Draw(page).rectangle((100, 75, 150, 81), fill=0)  # a minus
    line = find_line(page)
    assert [len(cutting.cut(part, line, 0.0)) for part in line.parts] == [1, 1]


def groups_of(*parts: Part) -> list[cutting.Group]:
    pieces = [cutting.Piece(part, number, 0.0) for number, part in enumerate(parts)]
    return cutting.find_groups(parts, cutting.togetherness(pieces, 60, 0.0))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_digit_in_three_pieces_is_offered_whole_in_whatever_order_they_come(order):
    """Two of them stand side by side; the third lies below both."""
    left = Part(np.ones((20, 16), bool), (0, 0, 20, 16))
    right = Part(np.ones((20, 16), bool), (0, 22, 20, 38))
    below = Part(np.ones((10, 38), bool), (25, 0, 35, 38))
    groups = groups_of(*((left, right, below)[k] for k in order))
    (whole,) = [group for group in groups if (group.start, group.end) == (0, 3)]
    assert whole.part.box == (0, 0, 35, 38)
    assert whole.part.area == left.area + right.area + below.area


def test_parts_that_stand_side_by_side_are_no_group():
    beside = [Part(np.ones((60, 30), bool), (0, left, 60, left + 30)) for left in (0, 60)]
    assert [(group.start, group.end) for group in groups_of(*beside)] == [(0, 1), (1, 2)]


def test_all_ink_of_a_line_is_in_its_pieces():
    line = find_line(NUMBERS / "10_yellow.jpg")
    pieces = cutting.segment(line).pieces
    assert sum(piece.area for piece in pieces) == sum(part.area for part in line.parts)


@pytest.mark.parametrize(("text", "parts"), [("8=3", 2), ("8÷3", 3)])
def test_the_parts_of_a_symbol_are_offered_as_one(mnist_test, text, parts):
    photo = write_expression(text, *mnist_test, PAPER, np.random.default_rng(1))
    line = find_line(photo)
    segments = cutting.segment(line)
    inner = [n for n, piece in enumerate(segments.pieces) if piece.height < 0.4 * line.height]
    assert len(inner) >= parts
    assert any(
        group.start <= inner[0] and group.end > inner[-1] and group.score > -0.5
        for group in segments.groups
    )
    assert len(segments.borders) == len(segments.pieces) + 1


def test_touching_digits_are_one_connected_part_and_others_are_not(mnist_test):
    apart, _ = written(mnist_test, slice(2000, 2004), 0)
    together, _ = written(mnist_test, slice(2000, 2004), 0, touching=1.0)
    assert len(find_line(together).parts) < len(find_line(apart).parts)


# ---- numbers ----


def written(digits, numbers, seed=0, **how):
    """These digits of the test set rendered in one line, and what it says."""
    images, labels = digits
    paper = photos.PAPERS[seed % len(photos.PAPERS)]
    generator = np.random.default_rng(seed)
    photo = photos.write_number(images[numbers], paper, generator, **how)
    return photo, "".join(map(str, labels[numbers]))


def test_a_number_has_its_digits_their_boxes_and_probabilities(network):
    number = read(network, PLAIN)
    assert number.text == "5441813812"
    assert "".join(symbol.symbol for symbol in number.symbols) == number.text
    height, width = number.line.mask.shape
    for symbol in number.symbols:
        top, left, bottom, right = symbol.box
        assert 0 <= top < bottom <= height
        assert 0 <= left < right <= width
        assert 0 <= symbol.probability <= 1
    lefts = [symbol.box[1] for symbol in number.symbols]
    assert lefts == sorted(lefts)
    assert number.alternatives[0] == (number.text, number.confidence)
    assert sum(probability for _, probability in number.alternatives) <= 1 + 1e-6


def test_digits_that_stand_apart_are_read_on_every_paper(network, mnist_test):
    right = total = 0
    for seed in range(16):
        photo, truth = written(mnist_test, slice(2000 + 6 * seed, 2006 + 6 * seed), seed)
        total += len(truth)
        right += len(truth) - edit_distance(truth, read(network, photo).text)
    assert right / total >= 0.93


def test_some_touching_digits_are_cut_where_parts_alone_would_read_none(network, mnist_test):
    exact = parts = 0
    for seed in range(16):
        pair = slice(3000 + 2 * seed, 3002 + 2 * seed)
        photo, truth = written(mnist_test, pair, seed, touching=1.0)
        number = read(network, photo)
        exact += number.text == truth
        parts += len(number.line.parts) == 2
    assert exact >= parts + 3


def test_specks_do_not_matter(network, mnist_test):
    clean, truth = written(mnist_test, slice(2000, 2006), 0)
    dirty, _ = written(mnist_test, slice(2000, 2006), 0, specks=6)
    assert read(network, clean).text == read(network, dirty).text == truth


def test_one_digit_is_a_number_too(network):
    assert read(network, next(photos.PICTURES.glob("5_*.jpg"))).text == "5"


def test_the_network_keeps_its_mode(network):
    network.train()
    read(network, PLAIN)
    assert network.training
    network.eval()


@pytest.mark.parametrize("paper", photos.PAPERS[::3], ids=lambda paper: paper.name)
def test_a_blank_page_is_no_number(network, paper):
    blank = photos.blank_page(paper, np.random.default_rng(2), (200, 700))
    with pytest.raises(CourseError):
        read(network, blank)


def test_several_lines_are_refused_in_words(network):
    photo = np.asarray(Image.open(PLAIN))
    with pytest.raises(CourseError, match="several lines"):
        read(network, np.concatenate([photo, photo]))


def test_letters_leave_the_network_unsure(network):
    unsure = [not read(network, photos.letter(c)).sure for c in "ABEFHKMRWX"]
    assert sum(unsure) >= 6


def test_a_round_shadow_is_no_number(network):
    picture = Image.new("L", (400, 200), 230)
    ImageDraw.Draw(picture).ellipse((100, 40, 220, 160), fill=90)
    with pytest.raises(NoInkError, match="too thick"):
        read(network, picture)
    assert not read_one(network, picture).sure


def test_a_sure_number_is_right_as_often_as_it_says(network, mnist_test):
    right, promised = [], []
    for seed in range(60):
        numbers = slice(5000 + 3 * seed, 5003 + 3 * seed)
        photo, truth = written(mnist_test, numbers, seed, touching=0.2)
        answer = read(network, photo)
        if answer.sure:
            right.append(answer.text == truth)
            promised.append(answer.confidence)
    assert len(right) >= 30
    assert np.mean(right) == pytest.approx(np.mean(promised), abs=0.08)


# ---- one character ----


@pytest.mark.parametrize("symbol", "÷=")
def test_the_parts_of_a_symbol_are_not_called_several_digits(network, symbol):
    for seed in range(8):
        ink = draw_character(symbol, np.random.default_rng(seed))
        picture = (255 - 255 * np.pad(ink, 20)).astype(np.uint8)
        answer = read_one(network, picture, CHARACTER)
        assert "digits" not in answer.doubt
        assert answer.left_out == []


def test_several_digits_are_never_a_sure_digit_and_are_named(network, data_dir):
    train = read_splits(data_dir).train
    drawn = scenes.draw("several", 30, train.images.numpy(), train.labels.numpy(), seed=5)
    answers = [read_one(network, picture) for picture, _ in drawn]
    assert not any(answer.sure for answer in answers)
    named = [f"{answer.several}: use --number" in answer.doubt for answer in answers]
    assert sum(named) >= 27


# ---- nothing is dropped in silence ----


@pytest.mark.parametrize(
    "path", sorted(photos.PICTURES.glob("*.jpg"))[::3], ids=lambda path: path.stem
)
def test_a_dot_of_the_pen_beside_a_digit_is_never_silent(network, path):
    """It stands two widths of the pen right of the ink, at the foot of the digit."""
    photo = np.asarray(Image.open(path))
    line = read_one(network, photo).line
    rows, columns = (np.flatnonzero(line.ink.mask.any(axis=axis)) for axis in (1, 0))
    room = round(5 * line.pen)
    wide = Image.fromarray(np.pad(photo, ((room, room), (room, room), (0, 0)), mode="edge"))
    colour = np.quantile(photo[line.ink.mask], 0.2 if line.ink.dark else 0.8, axis=0)
    x, y = columns[-1] + room + 2 * line.pen, rows[-1] + room - line.pen
    box = (x - line.pen / 2, y - line.pen / 2, x + line.pen / 2, y + line.pen / 2)
    ImageDraw.Draw(wide).ellipse(box, fill=tuple(map(int, colour)))
    dotted = read_one(network, wide)
    assert not dotted.sure
    assert len(dotted.left_out) == 1 or "digits" in dotted.doubt


def with_a_dot(picture: Image.Image, place: tuple[int, int], radius: int) -> Image.Image:
    dotted = picture.copy()
    x, y = place
    box = (x - radius, y - radius, x + radius, y + radius)
    ImageDraw.Draw(dotted).ellipse(box, fill=tuple(int(v) for v in np.asarray(picture).min((0, 1))))
    return dotted


def test_a_point_painted_into_a_number_is_left_out_and_said(network):
    picture = Image.open(NUMBERS / "02_yellow.jpg")
    clean = read(network, picture)
    assert clean.sure
    assert clean.left_out == []
    between = clean.symbols[3].box[3] + 4, clean.symbols[3].box[2] - 4
    dotted = read(network, with_a_dot(picture, between, 6))
    assert dotted.left_out
    assert not dotted.sure
    assert "left out" in dotted.doubt


def drawn(mnist_test, number: int) -> np.ndarray:
    """A test digit, black on white, 280×280."""
    image = np.asarray(Image.fromarray(mnist_test[0][number]).resize((200, 200)))
    return np.pad(np.where(image > 127, 0, 255).astype(np.uint8), 40, constant_values=255)


def test_a_dot_beside_a_digit_is_left_out_and_said(network, mnist_test):
    page = np.pad(drawn(mnist_test, 0), ((0, 0), (0, 100)), constant_values=255)  # a 7
    assert read_one(network, page).sure
    page[215:235, 320:340] = 0
    dotted = read_one(network, page)
    assert dotted.text == "7"
    assert not dotted.sure


def test_two_digits_where_one_was_asked_for_are_said(network, mnist_test):
    both = np.concatenate([drawn(mnist_test, 0), drawn(mnist_test, 1)], axis=1)
    reading = read_one(network, both)
    assert reading.doubt == "two digits, 72: use --number"
    assert not reading.sure


def test_ink_that_the_border_cuts_is_left_out(network, mnist_test):
    page = drawn(mnist_test, 0)
    page[:12, 100:180] = 0  # the foot of something above
    reading = read_one(network, page)
    assert reading.text == "7"
    assert reading.left_out


# ---- arithmetic ----


def test_the_kits_pictures_are_read_and_worked_out(network):
    rows = photos.read_labels(EXPRESSIONS)
    texts = [read(network, path, ARITHMETIC).text for path, _ in rows]
    assert [truth for _, truth in rows] == list(TEXTS)
    assert sum(text == truth for text, (_, truth) in zip(texts, rows, strict=True)) >= 7
    said = {text: result(text) for text in texts}
    assert said["12+7=19"] == "holds"
    assert said["24÷125=0.19"] == "holds to the decimals given"
    assert said["60/8=7"] == "does not hold: 15/2 = 7.5 is not 7"
    assert "divides by zero" in said["4/(3-3)"]


def test_a_bracket_that_is_missing_is_not_made_up(network, mnist_test):
    photo = write_expression("(8+2", *mnist_test, PAPER, np.random.default_rng(3))
    text = read(network, photo, ARITHMETIC).text
    assert text == "(8+2"
    assert "unbalanced brackets" in result(text)


def test_a_blank_page_is_refused(network):
    page = photos.blank_page(PAPER, np.random.default_rng(0))
    with pytest.raises(NoInkError):
        read(network, page, ARITHMETIC)
