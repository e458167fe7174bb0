"""Stored covers: sizes, formats, names, and files that are refused."""

import io
import struct
import threading
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bookshop.catalogue.covers import store as store_module
from bookshop.catalogue.covers.images import MAX_SIDE, CoverError
from bookshop.catalogue.covers.picture import TYPES, WIDTHS, stored_picture, widths_up_to
from bookshop.catalogue.covers.store import CoverStore

RED = (200, 30, 40)
ORIENTATION = 0x0112


def file(size=(800, 1200), kind="JPEG", mode="RGB", colour=RED, **how):
    image = Image.new(mode, size, colour)
    kept = io.BytesIO()
    image.save(kept, kind, **how)
    return kept.getvalue()


@pytest.fixture
def covers(tmp_path):
    return CoverStore(tmp_path / "covers")


def near(found, expected):
    return all(abs(a - b) < 12 for a, b in zip(found, expected, strict=True))


def opened(path):
    return Image.open(io.BytesIO(path.read_bytes()))


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "covers").rglob("*") if path.is_file())


def test_a_cover_is_stored_in_every_size_and_format(covers, tmp_path):
    name = covers.save(file())

    shown = stored_picture(name, "/covers")
    assert (shown.width, shown.height) == (640, 960)
    assert len(files(tmp_path)) == len(WIDTHS) * len(TYPES)
    for width in WIDTHS:
        for ending, type_ in TYPES.items():
            kept = opened(covers.path(f"{name.partition('.')[0]}-{width}.{ending}"))
            assert kept.size == (width, width * 3 // 2)
            assert Image.MIME[kept.format] == type_
            assert near(kept.convert("RGB").getpixel((9, 9)), RED)


def test_phones_get_an_image_of_400_pixels_and_covers_stored_before_keep_theirs(covers):
    name = covers.save(file())
    assert "-400.jpg 400w" in stored_picture(name, "/covers").srcset

    before = ".".join(name.split(".")[:2])
    assert [each.split("-")[1] for each in stored_picture(before, "").srcset.split(", ")] == [
        "160.jpg 160w",
        "320.jpg 320w",
        "640.jpg 640w",
    ]


def test_all_files_of_a_picture_exist(covers):
    name = covers.save(file((300, 450)))

    shown = stored_picture(name, "/covers")
    named = {each.split()[0] for _type, srcset in shown.sources for each in srcset.split(", ")}
    named |= {each.split()[0] for each in shown.srcset.split(", ")} | {shown.src}
    assert len(named) == 2 * len(TYPES)  # 160 and its own 300
    assert all(covers.path(address.removeprefix("/covers/")).is_file() for address in named)


def test_the_same_content_has_one_name_and_is_encoded_once(covers, tmp_path):
    first = covers.save(file())
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "covers").rglob("*.*")}

    assert covers.save(file()) == first
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert covers.save(file(colour=(1, 2, 3))) != first


def test_a_lost_file_is_written_again(covers, tmp_path):
    name = covers.save(file())
    covers.path(f"{name.partition('.')[0]}-320.webp").unlink()

    covers.save(file())

    assert len(files(tmp_path)) == len(WIDTHS) * len(TYPES)


def test_concurrent_writers_store_complete_files(covers, tmp_path):
    data, names = file((400, 600)), []
    threads = [threading.Thread(target=lambda: names.append(covers.save(data))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(set(names)) == 1
    assert len(names) == 6
    assert not [name for name in files(tmp_path) if name.startswith(".")]
    for path in (tmp_path / "covers").rglob("*.*"):
        opened(path).load()


def test_metadata_is_not_published(covers):
    exif = Image.Exif()
    exif[0x010E] = "Ada's kitchen"
    exif[ORIENTATION] = 6  # turned by a quarter
    name = covers.save(file((900, 600), exif=exif))

    shown = stored_picture(name, "/covers")
    assert (shown.width, shown.height) == (600, 900)
    for _type, srcset in shown.sources:
        path = covers.path(srcset.split()[0].removeprefix("/covers/"))
        assert b"kitchen" not in path.read_bytes()
        assert not opened(path).getexif()


@pytest.mark.parametrize(
    ("kind", "mode", "colour"),
    [
        ("PNG", "RGBA", (200, 30, 40, 0)),
        ("PNG", "LA", (9, 0)),
        ("GIF", "P", 0),
        ("WEBP", "RGB", RED),
        ("AVIF", "RGB", RED),
        ("TIFF", "CMYK", (0, 0, 0, 0)),
        ("PNG", "I;16", 65535),
        ("PNG", "1", 1),
    ],
)
def test_every_format_and_mode_is_accepted(covers, kind, mode, colour):
    assert stored_picture(covers.save(file((100, 160), kind, mode, colour)), "").width == 100


def test_transparency_becomes_white(covers):
    name = covers.save(file((100, 160), "PNG", "RGBA", (0, 0, 0, 0)))

    kept = opened(covers.path(f"{name.partition('.')[0]}-100.jpg"))
    assert min(kept.getpixel((50, 80))) > 250


def bomb(width=60_000, height=60_000):
    """A small file that says it is a huge picture."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        (file()[:2000], "not_an_image"),
        (bomb(), "too_many_pixels"),
        (bomb(8000, 8000), "too_many_pixels"),
        (file((39, 900)), "too_small"),
        (file((40, MAX_SIDE + 1), "PNG"), "too_long"),
        (file((MAX_SIDE + 1, 40), "PNG"), "too_long"),
        (file((50, 65_500)), "too_long"),
    ],
    ids=[
        *("empty", "svg", "truncated", "bomb", "large bomb", "small"),
        *("tall", "wide", "tallest jpeg"),
    ],
)
def test_an_unusable_file_is_refused(covers, tmp_path, data, code):
    with pytest.raises(CoverError) as refused:
        covers.save(data)
    assert refused.value.code == code
    assert files(tmp_path) == []


@pytest.mark.parametrize("size", [(40, MAX_SIDE), (MAX_SIDE, 40)])
def test_the_longest_image_is_written_in_every_format(covers, tmp_path, size):
    name = covers.save(file(size, "PNG"))

    shown = stored_picture(name, "")
    assert (shown.width, shown.height) == ((40, MAX_SIDE) if size[0] == 40 else (640, 1))
    assert len(files(tmp_path)) == len(widths_up_to(shown.width)) * len(TYPES)


@pytest.mark.parametrize(
    "error", [struct.error, IndexError, TypeError, RuntimeError, RecursionError, MemoryError]
)
def test_every_error_of_a_decoder_refuses_the_file(covers, monkeypatch, error):
    def fail(_image):
        raise error

    monkeypatch.setattr("bookshop.catalogue.covers.images.ImageOps.exif_transpose", fail)
    with pytest.raises(CoverError) as refused:
        covers.save(file())
    assert refused.value.code == "not_an_image"


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded(covers):
    image = file((4000, 4000), progressive=True)
    last = image.rindex(b"\xff\xda")
    scan, end = image[last:-2], image[-2:]
    assert len(scan) < 200
    begin = time.process_time()
    with pytest.raises(CoverError) as refused:
        covers.save(image[:-2] + scan * 50_000 + end)
    assert refused.value.code == "too_many_scans"
    assert time.process_time() - begin < 5


def test_a_file_with_too_many_bytes_is_refused(covers, monkeypatch):
    monkeypatch.setattr(store_module, "MAX_BYTES", 2**20)
    with pytest.raises(CoverError) as refused:
        covers.save(b"\0" * (2**20 + 1))
    assert refused.value.code == "too_many_bytes"


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_an_arbitrary_file_is_stored_or_refused(tmp_path_factory, junk, at):
    whole = file((60, 90))
    data = whole[:at] + junk + whole[at + len(junk) :]
    covers = CoverStore(tmp_path_factory.mktemp("junk"))
    try:
        name = covers.save(data)
    except CoverError:
        return
    assert stored_picture(name, "")


@pytest.mark.parametrize("width", [1, 159, 160, 161, 640])
def test_widths_are_unique_and_end_with_the_images_own(width):
    found = widths_up_to(width)
    assert found == sorted(set(found))
    assert found[-1] == width


@pytest.mark.parametrize(
    "name", ["moss.svg", "", "../../etc/passwd", "g" * 24 + ".10x10", "a" * 24 + ".0x0"]
)
def test_another_name_is_no_stored_picture(name):
    assert stored_picture(name, "") is None
