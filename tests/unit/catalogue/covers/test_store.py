"""Covers: resized once, kept under names that stand for one picture, and nothing but pictures."""

import io
import struct
import threading
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bookshop.catalogue.covers import store as store_module
from bookshop.catalogue.covers.images import CoverError
from bookshop.catalogue.covers.picture import TYPES, WIDTHS, picture, sizes
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


def test_a_cover_is_kept_in_every_size_and_format(covers, tmp_path):
    name = covers.keep(file())

    shown = picture(name, "/covers")
    assert (shown.width, shown.height) == (640, 960)
    assert len(files(tmp_path)) == len(WIDTHS) * len(TYPES)
    for width in WIDTHS:
        for ending, type_ in TYPES.items():
            kept = opened(covers.path(f"{name.partition('.')[0]}-{width}.{ending}"))
            assert kept.size == (width, width * 3 // 2)
            assert Image.MIME[kept.format] == type_
            assert near(kept.convert("RGB").getpixel((9, 9)), RED)


def test_what_a_page_names_is_there(covers):
    name = covers.keep(file((300, 450)))

    shown = picture(name, "/covers")
    named = {each.split()[0] for _type, srcset in shown.sources for each in srcset.split(", ")}
    named |= {each.split()[0] for each in shown.srcset.split(", ")} | {shown.src}
    assert len(named) == 2 * len(TYPES)  # 160 and its own 300
    assert all(covers.path(address.removeprefix("/covers/")).is_file() for address in named)


def test_the_same_file_is_kept_once_and_another_under_another_name(covers, tmp_path):
    first = covers.keep(file())
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "covers").rglob("*.*")}

    assert covers.keep(file()) == first
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert covers.keep(file(colour=(1, 2, 3))) != first


def test_a_file_that_was_lost_is_made_again(covers, tmp_path):
    name = covers.keep(file())
    covers.path(f"{name.partition('.')[0]}-320.webp").unlink()

    covers.keep(file())

    assert len(files(tmp_path)) == len(WIDTHS) * len(TYPES)


def test_many_at_once_keep_one_cover_whole(covers, tmp_path):
    data, names = file((400, 600)), []
    threads = [threading.Thread(target=lambda: names.append(covers.keep(data))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(set(names)) == 1
    assert len(names) == 6
    assert not [name for name in files(tmp_path) if name.startswith(".")]
    for path in (tmp_path / "covers").rglob("*.*"):
        opened(path).load()


def test_nothing_that_a_camera_wrote_beside_the_picture_is_published(covers):
    exif = Image.Exif()
    exif[0x010E] = "Ada's kitchen"
    exif[ORIENTATION] = 6  # turned by a quarter
    name = covers.keep(file((900, 600), exif=exif))

    shown = picture(name, "/covers")
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
def test_every_kind_of_picture_is_a_cover(covers, kind, mode, colour):
    assert picture(covers.keep(file((100, 160), kind, mode, colour)), "").width == 100


def test_what_is_see_through_is_white(covers):
    name = covers.keep(file((100, 160), "PNG", "RGBA", (0, 0, 0, 0)))

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
    ("data", "why"),
    [
        (b"", "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (file()[:2000], "no picture"),
        (bomb(), "too many pixels"),
        (bomb(8000, 8000), "too many pixels"),
        (file((39, 900)), "smaller than 40"),
    ],
)
def test_what_is_no_cover_is_refused_in_words(covers, tmp_path, data, why):
    with pytest.raises(CoverError, match=why):
        covers.keep(data)
    assert files(tmp_path) == []


def test_a_file_that_is_too_large_is_not_read(covers, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_BYTES", 2**20)
    with pytest.raises(CoverError, match="larger than 1 MiB"):
        covers.keep(b"\0" * (2**20 + 1))


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_no_file_whatever_does_more_than_be_refused(tmp_path_factory, junk, at):
    whole = file((60, 90))
    data = whole[:at] + junk + whole[at + len(junk) :]
    covers = CoverStore(tmp_path_factory.mktemp("junk"))
    try:
        name = covers.keep(data)
    except CoverError:
        return
    assert picture(name, "")


@pytest.mark.parametrize("width", [1, 159, 160, 161, 640])
def test_no_size_is_larger_than_the_picture_or_there_twice(width):
    found = sizes(width)
    assert found == sorted(set(found))
    assert found[-1] == width


@pytest.mark.parametrize(
    "name", ["moss.svg", "", "../../etc/passwd", "g" * 24 + ".10x10", "a" * 24 + ".0x0"]
)
def test_a_name_that_is_none_of_ours_is_no_picture(name):
    assert picture(name, "") is None
