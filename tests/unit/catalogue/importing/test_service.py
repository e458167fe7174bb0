"""The import service: requests, events, refused records, read-only mode."""

import io

import pytest
from PIL import Image
from sqlalchemy import select

from bookshop.catalogue.covers.store import CoverStore
from bookshop.catalogue.importing.records import FileReport, ReadOptions
from bookshop.catalogue.importing.service import (
    BatchImported,
    FeedFormat,
    FeedImported,
    FeedStream,
    ImportRequest,
    ImportService,
    ReadOnlyError,
    read_feed,
)
from bookshop.catalogue.models import BookRecord
from tests.unit.catalogue.importing.onix_files import ISBNS, message, record
from tests.unit.makers import TERMS

CSV = f"isbn,title\n{ISBNS[1]},Moss\n".encode()


@pytest.fixture
def service(engine, tmp_path):
    return ImportService(
        engine=engine,
        sales_context=TERMS,
        locale="en_GB",
        covers=CoverStore(tmp_path / "stored"),
        folder=tmp_path / "imports",
        is_read_only=lambda: False,
    )


@pytest.fixture
def feed(tmp_path):
    folder = tmp_path / "feeds"
    folder.mkdir()
    path = folder / "feed.xml"
    path.write_bytes(message(record("a", isbn=ISBNS[0]), record("b", isbn="1")))
    return path


def run(service, *feeds, **options):
    events = []
    summary = service.run(ImportRequest(feeds=feeds, **options), events.append)
    return summary, events


def skus(engine):
    with engine.connect() as connection:
        return set(connection.scalars(select(BookRecord.sku)))


def test_feeds_of_several_formats_are_imported_and_summed(service, engine, feed):
    stream = FeedStream("upload", io.BytesIO(CSV))
    summary, events = run(service, feed, stream)
    assert (summary.new, summary.refused, summary.complete) == (2, 1, False)
    assert skus(engine) == {ISBNS[0], ISBNS[1]}
    results = [event for event in events if isinstance(event, FeedImported)]
    assert [(each.feed, each.summary.new) for each in results] == [(feed, 1), (stream, 1)]
    assert [each.refused_file for each in results] == [
        feed.with_name("feed.xml.refused.xml"),
        None,
    ]


def test_a_malformed_record_is_written_to_the_file_of_refused_records(service, engine, feed):
    records = (record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1]), record("c", isbn=ISBNS[2]))
    feed.write_bytes(message(*records).replace(b"<RecordReference>b", b"\x10<RecordReference>b"))
    summary, events = run(service, feed)
    assert (summary.new, summary.refused, summary.stopped) == (2, 1, None)
    assert (summary.errors[0].code, summary.errors[0].isbn) == ("invalid_xml", ISBNS[1])
    assert skus(engine) == {ISBNS[0], ISBNS[2]}
    refused = events[-1].refused_file
    refused.write_bytes(refused.read_bytes().replace(b"\x10", b""))
    assert run(service, refused)[0].new == 1
    assert skus(engine) == set(ISBNS[:3])


def test_progress_has_the_position_in_a_file(service, feed):
    _summary, events = run(service, feed)
    positions = [event.position for event in events if isinstance(event, BatchImported)]
    assert positions == [feed.stat().st_size]
    _summary, events = run(service, FeedStream("upload", io.BytesIO(CSV)))
    assert [event.position for event in events if isinstance(event, BatchImported)] == [None]


def test_refused_records_of_a_stream_are_in_the_services_folder(service):
    stream = FeedStream("upload", io.BytesIO(message(record(isbn="1"))))
    _summary, events = run(service, stream)
    assert events[-1].refused_file == service.folder / "upload.refused.xml"
    assert events[-1].refused_file.is_file()


def test_a_stream_remains_open(service):
    stream = io.BytesIO(CSV)
    run(service, FeedStream("upload", stream))
    assert not stream.closed


def test_covers_next_to_a_file_are_stored(service, engine, feed):
    Image.new("RGB", (60, 90), "red").save(feed.with_name(f"{ISBNS[0]}.jpg"))
    run(service, feed)
    with engine.connect() as connection:
        assert connection.scalar(select(BookRecord.cover)).endswith(".60x90.v2")


def damaged_avif():
    """An image whose decoder raises RuntimeError."""
    kept = io.BytesIO()
    Image.new("RGB", (64, 90), "red").save(kept, "AVIF")
    return kept.getvalue().replace(b"iloc", b"free")


@pytest.mark.parametrize(
    ("name", "image"),
    [
        (f"{ISBNS[0]}.avif", damaged_avif()),
        (f"{ISBNS[0]}.jpg", b"not an image"),
        (f"{ISBNS[0]}.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 20),
    ],
)
def test_a_damaged_cover_is_refused_and_its_book_is_imported(
    service, engine, feed, caplog, name, image
):
    feed.write_bytes(message(record("a", isbn=ISBNS[0]), record("b", isbn=ISBNS[1])))
    feed.with_name(name).write_bytes(image)
    Image.new("RGB", (60, 90), "red").save(feed.with_name(f"{ISBNS[1]}.jpg"))
    summary, _events = run(service, feed)
    assert (summary.new, summary.refused, summary.stopped) == (2, 0, None)
    assert [logged.code for logged in caplog.records if logged.msg == "cover_refused"] == [
        "not_an_image"
    ]
    with engine.connect() as connection:
        covers = dict(connection.execute(select(BookRecord.sku, BookRecord.cover)).all())
    assert covers[ISBNS[0]] is None
    assert covers[ISBNS[1]]


@pytest.mark.parametrize("link", ["x" * 300 + ".jpg", "http://[moss.jpg", "%00.jpg"])
def test_a_cover_name_that_no_file_can_have_does_not_stop_the_import(service, engine, feed, link):
    resource = {
        "ResourceContentType": "01",
        "ResourceVersion": {"ResourceForm": "02", "ResourceLink": link},
    }
    feed.write_bytes(
        message(
            record("a", isbn=ISBNS[0], CollateralDetail={"SupportingResource": resource}),
            record("b", isbn=ISBNS[1]),
        )
    )
    Image.new("RGB", (60, 90), "red").save(feed.with_name("other.jpg"))
    assert run(service, feed)[0].new == 2


def test_a_dry_run_writes_nothing_even_in_read_only_mode(engine, feed, tmp_path):
    covers = CoverStore(tmp_path / "stored")
    service = ImportService(engine, TERMS, "en_GB", covers, tmp_path / "imports", lambda: True)
    Image.new("RGB", (60, 90), "red").save(feed.with_name(f"{ISBNS[0]}.jpg"))
    summary, events = run(service, feed, dry_run=True)
    assert (summary.new, summary.refused) == (1, 1)
    assert events[-1].refused_file is None
    assert skus(engine) == set()
    assert not (tmp_path / "stored").exists()


def test_read_only_mode_refuses_an_import(engine, feed, tmp_path):
    covers = CoverStore(tmp_path / "stored")
    service = ImportService(engine, TERMS, "en_GB", covers, tmp_path / "imports", lambda: True)
    with pytest.raises(ReadOnlyError):
        run(service, feed)
    assert skus(engine) == set()


@pytest.mark.parametrize(
    ("content", "feed_format", "references"),
    [
        (message(record("a")), None, ["a"]),
        (message(record("a"), encoding="UTF-16"), None, ["a"]),
        (message(record("a"), encoding="utf-8-sig").replace(b"utf-8-sig", b"UTF-8"), None, ["a"]),
        (CSV, None, [None]),
        (CSV, FeedFormat.CSV, [None]),
    ],
)
def test_the_format_is_detected_unless_it_is_given(content, feed_format, references):
    options = ReadOptions("GBP", "en_GB")
    found = read_feed(io.BytesIO(content), feed_format, options, FileReport("feed"))
    assert [each.reference for each in found] == references
