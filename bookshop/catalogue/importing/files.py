"""Feeds as they come: plain or compressed with gzip, from a file or a pipe."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import BinaryIO

from bookshop.catalogue.importing.records import FeedError

GZIP = b"\x1f\x8b"


def opened(stream: BinaryIO) -> BinaryIO:
    """The plain bytes of a feed, whether it is compressed or not; `stream` need not seek.

    It is decompressed while it is read, so that a small file that grows large takes no memory. Its
    readers raise FeedError where the compressed file is damaged or cut off.
    """
    head = b""
    while len(head) < len(GZIP) and (more := stream.read(len(GZIP) - len(head))):
        head += more
    whole = io.BufferedReader(_Joined(head, stream))
    if head != GZIP:
        return whole
    return io.BufferedReader(_Unpacked(gzip.GzipFile(fileobj=whole)))


def peeked(stream: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, as many as there are of `size`, and the stream with them."""
    head = stream.read(size)
    return head, io.BufferedReader(_Joined(head, stream))


class _Joined(io.RawIOBase):
    """A stream whose first bytes have been read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        found = self._head or self._rest.read(len(buffer))
        self._head = found[len(buffer) :]
        count = min(len(found), len(buffer))
        buffer[:count] = found[:count]
        return count


class _Unpacked(io.RawIOBase):
    """What a compressed stream holds."""

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            return self._packed.readinto(buffer)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            message = f"The compressed file is damaged or cut off ({error}): ask for it again."
            raise FeedError(message) from error
