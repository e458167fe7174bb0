"""ZIP files with a feed, and workbooks."""

import io
import zipfile

import pytest

from bookshop.catalogue.importing import archives
from bookshop.catalogue.importing.files import decompress
from bookshop.catalogue.importing.records import FeedError, FileReport, ReadOptions
from bookshop.catalogue.importing.service import read_feed
from tests.unit.catalogue.importing.onix_files import ISBN, message, record, stream

SHEET = f"isbn,title\n{ISBN},Moss\n".encode()
EXTRAS = {"__MACOSX/._feed.xml": b"x", "covers/a.jpg": b"x", "folder/": b""}


def packed(files, **options):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


class Pipe(io.RawIOBase):
    """A stream that cannot seek, as standard input."""

    def __init__(self, content):
        self._rest = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._rest.readinto(buffer)


@pytest.mark.parametrize("opened", [io.BytesIO, Pipe], ids=["file", "pipe"])
@pytest.mark.parametrize(
    ("files", "title"),
    [
        ({"feed.xml": message(record())}, "Moss"),
        ({"sheet.csv": SHEET}, "Moss"),
        ({"sheet.csv": SHEET, **EXTRAS}, "Moss"),
        ({"content.xml": message(record())}, "Moss"),
    ],
)
def test_the_one_feed_in_a_zip_is_read(opened, files, title):
    found = read_feed(
        opened(packed(files)), None, ReadOptions("GBP", "en_GB"), FileReport("feed.zip")
    )
    assert [each.edition().title for each in found] == [title]


def test_a_zip_file_is_unpacked_in_chunks():
    bomb = packed({"feed.xml": bytes(50_000_000)})
    assert len(decompress(stream(bomb)).read(1000)) == 1000


def test_a_zip_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(archives, "MAX_UNPACKED", 999)
    with pytest.raises(FeedError) as failed:
        decompress(stream(packed({"feed.xml": bytes(1000)})))
    assert failed.value.code == "too_large_unpacked"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (packed({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"x"}), "workbook"),
        (packed({"mimetype": b"x", "content.xml": b"x"}), "workbook"),
        (archives.OLE_MAGIC + b"rest", "workbook"),
        (packed({"a.csv": SHEET, "b.csv": SHEET}), "not_one_feed_in_zip"),
        (packed({}), "not_one_feed_in_zip"),
        (packed({"cover.jpg": b"x"}), "not_one_feed_in_zip"),
        (packed({"a.csv": SHEET})[:-30], "damaged_compression"),
        (packed({"a.csv": SHEET * 99}).replace(b"isbn", b"ISBN", 1)[:40], "damaged_compression"),
    ],
)
def test_workbooks_and_other_zip_files_are_named_as_such(content, code):
    with pytest.raises(FeedError) as failed:
        decompress(stream(content)).read()
    assert failed.value.code == code


def test_damaged_data_in_a_zip_is_an_error_of_the_file():
    content = bytearray(packed({"a.csv": SHEET * 99}))
    content[45] ^= 0xFF
    with pytest.raises(FeedError) as failed:
        decompress(stream(bytes(content))).read()
    assert failed.value.code == "damaged_compression"


def test_a_zip_with_a_password_is_refused():
    content = bytearray(packed({"a.csv": SHEET}))
    directory = content.index(b"PK\x01\x02")
    content[6] |= 1  # the flag in the file's header, and in the directory
    content[directory + 8] |= 1
    with pytest.raises(FeedError) as failed:
        decompress(stream(bytes(content)))
    assert failed.value.code == "encrypted_zip"
