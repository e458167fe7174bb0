"""Opens the one feed in a ZIP file, and recognises workbooks, which are ZIP files too.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
import zlib
from typing import IO, BinaryIO, cast

from bookshop.catalogue.importing.records import FeedError

ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # Microsoft's older files, .xls among them
MAX_UNPACKED = 4 * 1024**3  # bytes of a feed in a ZIP file
MAX_IN_MEMORY = 8 * 1024**2  # bytes of a ZIP file that cannot seek; larger ones go to disk
MAX_SHOWN = 5  # file names in an error
_ENCRYPTED = 0x1  # general purpose bit flag
# Files that programs add to an archive, and images of covers.
_NOT_FEEDS = (
    *("__macosx/", ".ds_store", "thumbs.db", "desktop.ini"),
    *(".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".tif", ".tiff"),
)
# What a workbook of Microsoft (.xlsx) and of OpenDocument (.ods) always contains.
_WORKBOOKS = ({"[Content_Types].xml"}, {"mimetype", "content.xml"})


def open_zip(stream: BinaryIO) -> BinaryIO:
    """Return the only feed in a ZIP file; it is unpacked while it is read.

    Raises FeedError for a workbook, a damaged or encrypted file, several feeds or none, or one that
    unpacks to more than MAX_UNPACKED. Reading raises FeedError where the data is damaged.
    """
    try:
        seekable = _seekable(stream)
        archive = zipfile.ZipFile(seekable)
        member = archive.open(_only_feed(archive))
        return io.BufferedReader(_ZipMember(member, None if seekable is stream else seekable))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise damaged(error) from error


def workbook_error() -> FeedError:
    """Return the error for a workbook, which says what to do."""
    return FeedError(
        "workbook",
        "The file is a workbook, not CSV: open it in the spreadsheet program, save it as “CSV"
        " (UTF-8)”, and import that.",
    )


def damaged(error: Exception) -> FeedError:
    """Return the error for compressed data that cannot be read."""
    message = f"The compressed file is damaged or truncated ({error}): request a new copy."
    return FeedError("damaged_compression", message)


def _seekable(stream: BinaryIO) -> BinaryIO:
    """Return the stream, or a copy that can seek: a ZIP file has its directory at its end."""
    if stream.seekable():
        return stream
    copy = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=MAX_IN_MEMORY))  # noqa: SIM115
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy


def _only_feed(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    names = {member.filename for member in members}
    if any(parts <= names for parts in _WORKBOOKS):
        raise workbook_error()
    feeds = [member for member in members if not _is_extra(member.filename)]
    if len(feeds) != 1:
        shown = ", ".join(repr(member.filename) for member in feeds[:MAX_SHOWN]) or "none"
        raise FeedError(
            "not_one_feed_in_zip",
            f"The ZIP file must contain one ONIX or CSV file; it contains {len(feeds)} ({shown}):"
            " unpack it, and import its files one after the other.",
        )
    if feeds[0].flag_bits & _ENCRYPTED:
        raise FeedError(
            "encrypted_zip", "The ZIP file has a password: unpack it, and import what it contains."
        )
    if feeds[0].file_size > MAX_UNPACKED:
        raise FeedError(
            "too_large_unpacked",
            f"The file in the ZIP file would have {feeds[0].file_size:,} bytes: ask for smaller"
            " files.",
        )
    return feeds[0]


def _is_extra(name: str) -> bool:
    return name.lower().startswith(_NOT_FEEDS) or name.lower().endswith(_NOT_FEEDS)


class _ZipMember(io.RawIOBase):
    """The unpacked data of a file in a ZIP file. Raises FeedError instead of zipfile's errors.

    It closes `copy`, the temporary copy of a ZIP file that cannot seek.
    """

    def __init__(self, member: IO[bytes], copy: BinaryIO | None) -> None:
        self._member = member
        self._copy = copy

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            data = self._member.read(len(buffer))
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise damaged(error) from error
        buffer[: len(data)] = data
        return len(data)
