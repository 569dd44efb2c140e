"""Any picture of a digit becomes an image as MNIST would have it; a picture of nothing never."""

from __future__ import annotations

import io
import struct
import time
import zlib

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from lenet_helpers.errors import CourseError
from lenet_helpers.pen import photos
from lenet_helpers.reading.digit import centre, prepare_as_published, prepare_digit, shrink
from lenet_helpers.reading.ink import NoInkError
from lenet_helpers.reading.prediction import predict
from lenet_helpers.recipes import load_pretrained

some = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def page(mnist_test):
    """A three, black on white, 280×280."""
    return drawn(mnist_test[0][18])


def drawn(digit: np.ndarray, zoom: int = 7) -> np.ndarray:
    large = ndimage.zoom(np.pad(digit, 6) / 255, zoom, order=3)
    return np.where(large > 0.5, 0, 255).astype(np.uint8)


def result(picture) -> np.ndarray:
    return prepare_digit(picture).steps["28×28"]


def alike(one, other) -> bool:
    return np.abs(one - other).mean() < 0.02


# ---- what comes out ----


@some
@given(number=st.integers(0, 9999), zoom=st.integers(2, 10))
def test_longest_side_is_20_and_the_centre_of_mass_is_at_pixel_14(mnist_test, number, zoom):
    image = result(drawn(mnist_test[0][number], zoom))
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert np.abs(np.array(ndimage.center_of_mass(image)) - 14).max() <= 0.51  # rounded levels


def test_centre_puts_every_test_digit_back_where_mnist_has_it(mnist_test):
    moved = []
    for number, image in enumerate(mnist_test[0]):
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        crop = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] / np.float32(255)
        if not np.array_equal(centre(crop), image / np.float32(255)):
            moved.append(number)
    assert len(mnist_test[0]) == 10_000
    assert moved == []


def test_the_tensor_is_padded_and_normalised_as_the_course_does(page):
    prepared = prepare_digit(page)
    assert prepared.tensor.shape == (1, 1, 32, 32)
    assert prepared.tensor.dtype == torch.float32
    assert prepared.tensor[0, 0, 0, 0] == pytest.approx(-0.4242, abs=1e-4)
    inner = prepared.tensor[0, 0, 2:30, 2:30] * 0.3081 + 0.1307
    np.testing.assert_allclose(inner, prepared.steps["28×28"], atol=0.003)


def test_each_step_can_be_looked_at(page):
    steps = prepare_digit(page).steps
    names = ["picture", "grey", "paper", "ink", "threshold", "crop", "20 pixels", "28×28"]
    assert list(steps) == names
    assert all(0 <= step.min() <= step.max() <= 1 for step in steps.values())


@some
@given(brightness=st.integers(60, 255))
def test_paper_may_be_darker(page, brightness):
    assert alike(result((page / 255 * brightness).astype(np.uint8)), result(page))


def test_light_ink_on_dark_paper_gives_the_same(page):
    assert alike(result(255 - page), result(page))


@some
@given(slope=st.floats(-0.5, 0.5), turned=st.booleans())
def test_light_may_fall_off(page, slope, turned):
    light = 0.6 + slope * np.linspace(-0.5, 0.5, 280)
    uneven = page * (light[:, None] if turned else light[None])
    assert alike(result(uneven.astype(np.uint8)), result(page))


def test_a_hard_shadow_is_no_ink(page):
    shaded = page.copy()
    shaded[:, :140] = shaded[:, :140] * 0.6
    assert alike(result(shaded), result(page))


def test_place_and_margin_do_not_matter(page):
    moved = np.pad(page, ((200, 20), (10, 300)), constant_values=255)
    assert np.abs(result(moved) - result(page)).mean() < 0.04


def test_specks_and_cut_neighbours_are_dropped(page):
    dirty = page.copy()
    dirty[5:9, 5:9] = dirty[240:244, 30:33] = 0
    dirty[60:200, 268:] = 0  # a stroke of the next digit
    assert alike(result(dirty), result(page))


def test_thin_and_thick_pens_give_strokes_of_one_width(page):
    ink = page == 0
    thin = ndimage.binary_erosion(ink, iterations=6)
    thick = ndimage.binary_dilation(ink, iterations=6)
    shares = [result(np.where(mask, 0, 255).astype(np.uint8)).mean() for mask in (thin, thick)]
    assert shares[1] / shares[0] < 1.5  # drawn, the thick one has several times the ink
    assert thick.sum() / thin.sum() > 2.5


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_a_digit_may_fill_its_frame(page, margin):
    rows, columns = (np.flatnonzero((page == 0).any(axis=axis)) for axis in (1, 0))
    box = page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    filled = result(np.pad(box, margin, constant_values=255))
    assert np.abs(filled - result(page)).mean() < 0.08  # a pixel to the side at most


@pytest.mark.parametrize("sides", [(40, 0, 0, 0), (0, 50, 0, 30), (35, 35, 35, 35)])
@pytest.mark.parametrize("angle", [-6, 0, 6])
def test_a_sheet_may_lie_on_a_desk(page, sides, angle):
    top, right, bottom, left = sides
    lying = np.pad(page, ((top, bottom), (left, right)), constant_values=90)
    lying = ndimage.rotate(lying, angle, reshape=False, order=1, cval=90)
    turned = ndimage.rotate(page, angle, reshape=False, order=1, cval=255)
    assert np.abs(result(lying) - result(turned)).mean() < 0.06  # another place, other pixels


def test_a_small_digit_in_a_large_photo_is_found(page):
    photo = np.full((3000, 4000), 230, dtype=np.uint8)
    small = np.asarray(Image.fromarray(page).resize((120, 120), Image.Resampling.BOX))
    photo[2000:2120, 700:820] = small / 255 * 230
    assert np.abs(result(photo) - result(small)).mean() < 0.03


def test_several_small_things_on_a_large_page_are_no_digit(page):
    photo = np.full((3000, 4000), 230, dtype=np.uint8)
    small = np.asarray(Image.fromarray(page).resize((120, 120), Image.Resampling.BOX))
    for top, left in ((300, 700), (2000, 700), (1500, 3000)):
        photo[top : top + 120, left : left + 120] = small
    with pytest.raises(NoInkError, match="specks"):
        prepare_digit(photo)


def test_digits_of_eight_by_eight_pixels_are_read():
    """Other writers' digits, from scikit-learn's file; every tenth of them."""
    from sklearn.datasets import load_digits

    small = load_digits()
    pictures = list((small.images[::10] / 16).astype(np.float32))
    answers = predict(load_pretrained(), pictures)
    assert (answers.digit.numpy() == small.target[::10]).mean() >= 0.92


def test_faint_pencil_is_read(page):
    faint = np.where(page == 0, 200, 230).astype(np.uint8)  # 13 % darker
    assert alike(result(faint), result(page))


def test_a_thin_pale_stroke_is_whole_when_made_smaller():
    crop = np.zeros((700, 500), dtype=np.float32)
    crop[20:680, 250] = 0.2
    small = shrink(crop, threshold=0.15)
    assert small.shape[0] == 20
    assert (small.max(axis=1) > 0.5).all()


def test_white_ink_on_nothing_is_read(page):
    ink = 255 - page
    white = np.dstack([np.full_like(page, 255)] * 3 + [ink])
    assert alike(result(white), result(page))


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_a_scanner_may_fill_a_part_of_sixteen_bits(tmp_path, page, bits):
    deep = (page / 255 * (2**bits - 1)).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert alike(result(tmp_path / "deep.png"), result(page))
    assert alike(result(deep), result(page))


def test_coloured_ink_as_bright_as_its_paper_is_found(page):
    paper, ink = np.array([120, 190, 120]), np.array([235, 130, 120])
    colours = np.where(page[..., None] == 0, ink, paper).astype(np.uint8)
    assert alike(result(colours), result(page))


def test_real_digits_drawn_large_are_read_as_the_digits_themselves(mnist_test):
    images, labels = mnist_test[0][:100], torch.from_numpy(mnist_test[1][:100])
    model = load_pretrained()
    ours = predict(model, [drawn(image) for image in images])
    pages = [np.pad(drawn(image), ((0, 100), (0, 60)), constant_values=255) for image in images]
    published = predict(model, torch.cat([prepare_as_published(page) for page in pages]))
    assert (ours.digit == labels).float().mean() >= 0.97
    assert (published.digit == labels).float().mean() <= 0.5


def test_the_pictures_of_the_kit_are_read():
    rows = photos.read_labels(photos.PICTURES)
    labels = torch.tensor([int(label) for _, label in rows])
    assert len(rows) == 40
    assert sum(path.stat().st_size for path, _ in rows) < 1_000_000
    answers = predict(load_pretrained(), [path for path, _ in rows])
    assert (answers.digit == labels).float().mean() >= 0.95


# ---- what is refused ----


def noise(shape, low, high):
    return np.random.default_rng(0).integers(low, high, shape).astype(np.uint8)


NOTHING = {
    "white": np.full((100, 80), 255, np.uint8),
    "black": np.zeros((28, 28), np.uint8),
    "one pixel": np.zeros((1, 1), np.uint8),
    "one row": np.full((1, 500), 200, np.uint8),
    "noise": noise((200, 200), 0, 256),
    "grain": noise((200, 200), 180, 220),
    "small noise": noise((28, 28), 0, 256),
    "coloured noise": noise((100, 100, 3), 0, 256),
    "slope": np.tile(np.linspace(30, 250, 200), (150, 1)).astype(np.uint8),
    "cone": np.hypot(*np.mgrid[:150, :200]).astype(np.uint8),
    "dust": np.where(noise((300, 300), 0, 256) < 3, 0, 255).astype(np.uint8),
    "ruled": np.where(np.arange(240)[:, None] % 24 < 2, 150, 240) * np.ones((1, 200), np.uint8),
    "half dark": np.where(np.arange(200) < 90, 40, 220) * np.ones((150, 1), np.uint8),
    "transparent": np.zeros((50, 50, 4), np.uint8),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_picture_of_nothing_is_no_digit(name):
    with pytest.raises(NoInkError):
        prepare_digit(NOTHING[name].astype(np.uint8))


@pytest.mark.parametrize("paper", photos.PAPERS, ids=lambda paper: paper.name)
def test_blank_paper_is_no_digit(paper):
    generator = np.random.default_rng(1)
    for _ in range(3):
        with pytest.raises(NoInkError):
            prepare_digit(photos.blank_page(paper, generator))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5)), "empty"),
        (np.full((9, 9), np.nan), "not finite"),
        (np.full((9, 9), np.inf), "not finite"),
        (np.full((9, 9), 200.0), "float 0…1"),
        (np.full((9, 9), -1), "uint8"),
        (np.zeros(9), "shape"),
        (np.zeros((9, 9, 7)), "shape"),
        (np.zeros((9, 9), dtype=complex), "complex"),
        (np.array([["a"]]), "U1"),
        (np.broadcast_to(np.uint8(0), (20_000, 20_000)), "100 megapixels"),
    ],
)
def test_arrays_that_are_no_pictures(array, message):
    with pytest.raises(CourseError, match=message):
        prepare_digit(array)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds almost nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


def as_file(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_bad_files_are_refused_quickly(tmp_path, page):
    whole = as_file(Image.fromarray(page), "PNG")
    photo = as_file(Image.fromarray(page), "JPEG")
    webp = as_file(Image.fromarray(page), "WEBP")
    bad = {
        "text.png": (b"hello, I am no picture", "not a picture"),
        "empty.png": (b"", "not a picture"),
        "cut.png": (whole[: len(whole) // 2], "damaged"),
        "header.png": (whole[:40], "damaged|not a picture"),
        "cut.jpg": (photo[: len(photo) // 2], "damaged"),
        "cut.webp": (webp[: len(webp) // 2], "damaged|not a picture"),
        "zero.png": (png_of_size(0, 100), "damaged|empty|not a picture"),
        "large.png": (png_of_size(11_000, 11_000), "100 megapixels"),
        "bomb.png": (png_of_size(2_000_000, 2_000_000), "megapixels|damaged"),
    }
    for name, (content, message) in bad.items():
        path = tmp_path / name
        path.write_bytes(content)
        start = time.perf_counter()
        with pytest.raises(CourseError, match=message):
            prepare_digit(path)
        assert time.perf_counter() - start < 2, name


def test_what_is_no_file(tmp_path):
    with pytest.raises(CourseError, match="There is no file"):
        prepare_digit(tmp_path / "missing.png")
    with pytest.raises(CourseError, match="Cannot read"):
        prepare_digit(tmp_path)
    with pytest.raises(CourseError, match="not int"):
        prepare_digit(5)


# ---- what is read ----


def test_every_common_kind_of_file_gives_the_same(tmp_path, page):
    grey = Image.fromarray(page)
    clear = Image.new("RGBA", grey.size, (255, 0, 0, 0))  # red, but nothing of it can be seen
    clear.paste((0, 0, 0, 255), mask=Image.fromarray(255 - page))
    kinds = {
        "grey.png": grey,
        "palette.png": grey.convert("P"),
        "bits.png": grey.convert("1"),
        "colour.png": grey.convert("RGB"),
        "clear.png": clear,
        "clear.webp": clear,
        "deep.png": Image.fromarray(page.astype(np.uint16) * 257),
        "both.png": grey.convert("LA"),
        "print.jpg": grey.convert("CMYK"),
        "photo.jpg": grey,
        "photo.bmp": grey,
        "picture.webp": grey,
    }
    expected = result(page)
    for name, image in kinds.items():
        image.save(tmp_path / name)
        assert alike(result(tmp_path / name), expected), name
        assert alike(result(str(tmp_path / name)), expected), name
        assert alike(result(image), expected), name


def test_pillow_pictures_of_whole_numbers_and_fractions_give_the_same(page):
    expected = prepare_digit(page).tensor
    fractions = Image.fromarray(page.astype(np.float32) / 255)
    whole = Image.fromarray(page.astype(np.int32))
    assert (fractions.mode, whole.mode) == ("F", "I")
    for picture in (fractions, whole):
        assert torch.allclose(prepare_digit(picture).tensor, expected, atol=1e-3)


def test_a_damaged_picture_that_pillow_has_opened_is_refused(tmp_path, page):
    Image.fromarray(page).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(CourseError, match="damaged"), Image.open(tmp_path / "cut.jpg") as picture:
        prepare_digit(picture)


def test_a_photo_is_turned_as_the_camera_was_held(tmp_path, page):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    lying = Image.fromarray(page).rotate(90, expand=True)
    lying.save(tmp_path / "photo.jpg", exif=exif)
    assert alike(result(tmp_path / "photo.jpg"), result(page))


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("held", range(1, 9))
def test_every_way_to_hold_the_camera_is_undone(tmp_path, page, held, kind):
    """The eight values of EXIF's tag, by what the standard says that row 0 and column 0 are."""
    seen = {
        1: page,
        2: page[:, ::-1],
        3: page[::-1, ::-1],
        4: page[::-1],
        5: page.T,
        6: np.rot90(page),
        7: page[::-1, ::-1].T,
        8: np.rot90(page, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = held
    Image.fromarray(np.ascontiguousarray(seen[held])).save(tmp_path / f"photo.{kind}", exif=exif)
    assert alike(result(tmp_path / f"photo.{kind}"), result(page))


BAD_EXIF = [b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"x"]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("exif", BAD_EXIF)
@pytest.mark.filterwarnings("error")
def test_damaged_exif_does_not_damage_a_photo(tmp_path, page, kind, exif):
    path = tmp_path / f"photo.{kind.lower()}"
    Image.fromarray(page).save(path, kind, exif=exif)
    assert alike(result(path), result(page))


@pytest.mark.filterwarnings("error")
def test_a_phones_jpeg_with_a_preview_behind_it_is_one_photo(tmp_path, page):
    preview = Image.fromarray(page).resize((60, 60))
    path = tmp_path / "photo.jpg"
    Image.fromarray(page).save(path, "MPO", save_all=True, append_images=[preview])
    with Image.open(path) as photo:
        assert (photo.format, photo.n_frames) == ("MPO", 2)
        assert alike(result(photo), result(page))
    assert alike(result(path), result(page))


@pytest.mark.parametrize(
    ("brand", "kind"), [(b"heic", "HEIC"), (b"mif1", "HEIC"), (b"avif", "AVIF")]
)
def test_a_phones_other_formats_are_named_with_the_way_out(tmp_path, brand, kind):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0" + bytes(100))
    with pytest.raises(CourseError, match=f"photo.jpg is a photo in the format {kind}.*as JPEG"):
        prepare_digit(path)


def test_a_tilde_is_the_home_folder(tmp_path, page, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    Image.fromarray(page).save(tmp_path / "7.png")
    assert alike(result("~/7.png"), result(page))


def test_of_an_animation_the_first_frame_is_read_with_a_warning(tmp_path, page):
    frames = [Image.fromarray(page), Image.new("L", (280, 280), 255)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="several frames"):
        image = result(tmp_path / "moves.gif")
    assert alike(image, result(page))


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page / 255,
        lambda page: (page / 255).astype(np.float16),
        lambda page: page > 127,
        lambda page: page.astype(np.uint16) * 257,
        lambda page: page.astype(np.int64),
        lambda page: page[..., None],
        lambda page: np.stack([page] * 3, axis=-1),
        lambda page: torch.from_numpy(page / 255).unsqueeze(0),
        lambda page: torch.from_numpy(page).expand(3, -1, -1),
    ],
)
def test_arrays_of_every_kind(page, change):
    assert alike(result(change(page)), result(page))


def test_a_large_photo_takes_seconds_at_most(page):
    large = Image.fromarray(page).resize((6000, 4500))
    start = time.perf_counter()
    prepare_digit(large)
    assert time.perf_counter() - start < 10
