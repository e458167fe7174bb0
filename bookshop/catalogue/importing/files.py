"""Reads feeds as they arrive: plain, gzip-compressed or in a ZIP file, from a file or a pipe."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO

from bookshop.catalogue.importing.archives import (
    EMPTY_ZIP_MAGIC,
    OLE_MAGIC,
    ZIP_MAGIC,
    damaged,
    open_zip,
    workbook_error,
)

GZIP_MAGIC = b"\x1f\x8b"


def decompress(stream: BinaryIO) -> BinaryIO:
    """Return the uncompressed bytes of a stream, which need not seek.

    Data is decompressed while it is read, so a decompression bomb does not fill the memory. Raises
    FeedError for a workbook and for a ZIP file that does not contain one feed. Reading raises
    FeedError where the compressed data is damaged or truncated.
    """
    head = b""
    while len(head) < len(ZIP_MAGIC) and (more := stream.read(len(ZIP_MAGIC) - len(head))):
        head += more
    if head in {ZIP_MAGIC, EMPTY_ZIP_MAGIC} and stream.seekable():
        stream.seek(-len(head), io.SEEK_CUR)
        return open_zip(stream)
    whole = io.BufferedReader(_PrefixedStream(head, stream))
    if head in {ZIP_MAGIC, EMPTY_ZIP_MAGIC}:
        return open_zip(whole)
    if head == OLE_MAGIC:
        raise workbook_error()
    if not head.startswith(GZIP_MAGIC):
        return whole
    return io.BufferedReader(_GzipStream(gzip.GzipFile(fileobj=whole)))


def peek(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """Return up to `size` bytes from the start, and a stream that still contains them."""
    head = stream.read(size)
    return head, io.BufferedReader(_PrefixedStream(head, stream))


class _PrefixedStream(io.RawIOBase):
    """A stream that starts with bytes that have already been read from it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        chunk = self._head or self._rest.read(len(buffer))
        self._head = chunk[len(buffer) :]
        count = min(len(chunk), len(buffer))
        buffer[:count] = chunk[:count]
        return count


class _GzipStream(io.RawIOBase):
    """A decompressed stream. Raises FeedError instead of gzip's errors."""

    def __init__(self, compressed: gzip.GzipFile) -> None:
        self._compressed = compressed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            return self._compressed.readinto(buffer)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise damaged(error) from error
