"""Covers next to a feed: the file that a record names, or the one named after the book."""

import io
from pathlib import Path

import pytest
from PIL import Image

from bookshop.catalogue.covers import local_files
from bookshop.catalogue.covers import store as store_module
from bookshop.catalogue.covers.local_files import local_cover_finder
from bookshop.catalogue.covers.store import CoverStore
from tests.unit.makers import edition

SKU = "9780306406157"


def jpeg(colour):
    kept = io.BytesIO()
    Image.new("RGB", (60, 90), colour).save(kept, "JPEG")
    return kept.getvalue()


RED, BLUE = jpeg("red"), jpeg("blue")


@pytest.fixture
def store(tmp_path):
    return CoverStore(tmp_path / "kept")


@pytest.fixture
def feed(tmp_path):
    (tmp_path / "feed" / "covers").mkdir(parents=True)
    return tmp_path / "feed"


@pytest.mark.parametrize("place", ["", "covers"])
@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("moss.jpg", "moss.jpg"),
        ("moss.jpg", "https://press.example/img/moss.jpg?size=l"),
        ("a b.jpg", "file:///else/where/a%20b.jpg"),
        (f"{SKU}.jpg", None),
        (f"{SKU}.png", "lost.jpg"),
    ],
)
def test_a_cover_is_found(store, feed, place, file, named):
    (feed / place / file).write_bytes(RED)

    assert local_cover_finder(feed, store)(edition(SKU, cover=named)) == store.save(RED)


def test_the_file_that_the_record_names_comes_first(store, feed):
    (feed / "covers" / f"{SKU}.jpg").write_bytes(BLUE)
    (feed / "covers" / "named.jpg").write_bytes(RED)

    assert local_cover_finder(feed, store)(edition(SKU, cover="named.jpg")) == store.save(RED)


@pytest.mark.parametrize(
    "named", ["../secret.jpg", "/etc/secret.jpg", "..", ".", "", "\0.jpg", "%00.jpg"]
)
def test_a_record_cannot_name_a_file_in_another_folder(store, feed, named):
    (feed.parent / "secret.jpg").write_bytes(RED)
    (feed / "other.jpg").write_bytes(BLUE)

    assert local_cover_finder(feed, store)(edition(SKU, cover=named)) is None


def test_a_file_that_is_no_image_is_logged_and_ignored(store, feed, caplog):
    (feed / f"{SKU}.jpg").write_bytes(b"not a picture")

    assert local_cover_finder(feed, store)(edition(SKU)) is None
    [logged] = caplog.records
    assert (logged.msg, logged.code, logged.sku) == ("cover_refused", "not_an_image", SKU)


def test_a_file_that_is_too_large_is_not_read_whole(store, feed, monkeypatch, caplog):
    monkeypatch.setattr(local_files, "MAX_BYTES", 1000)
    monkeypatch.setattr(store_module, "MAX_BYTES", 1000)
    with (feed / f"{SKU}.jpg").open("wb") as file:
        file.truncate(2**40)

    assert local_cover_finder(feed, store)(edition(SKU)) is None
    assert [logged.code for logged in caplog.records] == ["too_many_bytes"]


def test_a_file_that_cannot_be_read_is_logged_and_ignored(store, feed, monkeypatch, caplog):
    (feed / f"{SKU}.jpg").write_bytes(RED)

    def fails(*_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", fails)
    assert local_cover_finder(feed, store)(edition(SKU)) is None
    assert [logged.code for logged in caplog.records] == ["unreadable"]


def test_a_feed_without_images_has_no_cover_finder(store, tmp_path):
    (tmp_path / "feed.xml").touch()
    assert local_cover_finder(tmp_path, store) is None
    assert local_cover_finder(tmp_path / "nowhere", store) is None
