"""Splits a message into its records without parsing them, so that each is parsed on its own.

A record that is not well-formed then ends at its own end tag, at the start of the next record, or
at the end of the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bookshop.catalogue.importing.records import FeedError

CHUNK_SIZE = 64 * 1024
# The largest record in bytes.
MAX_RECORD_BYTES = 4 * 1024 * 1024
# A file with more bytes than these before its first record, or between two, is not a feed.
MAX_UNREAD_BYTES = 32 * 1024 * 1024
_MAX_TOKEN = 64  # bytes, the longest match of _TOKEN
_NAME = rb"(?:[\w.-]{1,40}:)?"  # a namespace prefix
_TOKEN = re.compile(
    rb"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|(?P<instruction>\?)"
    rb"|(?P<record>%(p)b[Pp]roduct(?=[\s/>]))|(?P<record_end>/%(p)b[Pp]roduct\s{0,8}>)"
    rb"|(?P<message>%(p)bONIX[Mm]essage(?=[\s/>]))|(?P<message_end>/%(p)bONIX[Mm]essage\s{0,8}>)"
    rb"|(?P<header>%(p)b[Hh]eader(?=[\s/>])))" % {b"p": _NAME}
)
_RECORD_START = re.compile(rb"<%b[Pp]roduct[\s/>]" % _NAME)
_CLOSERS = {"comment": b"-->", "cdata": b"]]>", "instruction": b"?>"}


class ByteStream(Protocol):
    """What can be read in chunks."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """The bytes of a record and its first line.

    `nested` is true if a CDATA section of the record contains the start of another one, as where
    the end of the section is missing.
    """

    content: bytes
    line: int
    nested: bool = False


class MessageSplitter:
    """Reads a message of an encoding in which ASCII characters are single bytes, in order."""

    def __init__(self, stream: ByteStream, line: int) -> None:
        """`line` is the number of the first line of the stream."""
        self._stream = stream
        self._data = bytearray()  # begins with the current record
        self._size = 0  # bytes of the current record
        self._offset = 0  # position of the data in the stream
        self._line = line
        self._end_tag = b""  # of the first record, and nearly always of all
        # Up to which position of the stream there is none of these, so that nothing is searched
        # twice.
        self._searched: dict[bytes, int] = {}

    def prolog(self) -> bytes:
        """Return what precedes the first record; the whole file if it has none.

        Raises FeedError for a file that is too large to be a feed.
        """
        size = start = 0
        while token := self._search(start):
            kind, size, start = token
            if kind == "record":
                break
            if kind in _CLOSERS:
                start = self._section_end(kind, start)
            elif kind == "message_end":
                self.check_end(start)
        content = bytes(self._data[:size] if token else self._data)
        self._drop(len(content))
        return content

    def records(self, *, single: bool) -> Iterator[RawRecord]:
        """Yield the records after the prolog, each up to its first end tag.

        `exact_record` returns the current record as it is where that is not well-formed. With
        `single` there is one record, without a message. Raises FeedError, possibly after some
        records.
        """
        if single:
            yield self._first_record()
            self.check_end(self._size)
            return
        while self._go_to_next():
            yield self._quick_record()

    def exact_record(self) -> RawRecord:
        """Return the current record with regard to comments, CDATA sections and missing end tags.

        Raises FeedError if the file ends within it.
        """
        nested = False
        start = self._find(b">", 0) + 1
        while token := self._search(start):
            kind, begin, start = token
            if kind == "comment":
                start = self._strict_comment_end(start)
            elif kind in _CLOSERS:
                start = self._section_end(kind, start)
                nested = nested or _RECORD_START.search(self._data, begin, start) is not None
            elif kind == "record_end":
                return self._record(start, nested=nested)
            elif kind != "header":  # the end tag is missing
                return self._record(begin, nested=nested)
        raise self._error("ends within a record")

    def check_end(self, start: int = 0) -> None:
        """Raise FeedError unless the rest of the file is comments and blank lines."""
        while token := self._search(start):
            kind, _begin, start = token
            if kind not in {"comment", "instruction"}:
                raise self._error("does not end where the message ends")
            start = self._section_end(kind, start)

    def _first_record(self) -> RawRecord:
        if not self._data:
            raise self._error("has no record")
        return self._quick_record()

    def _go_to_next(self) -> bool:
        """Go to the next record. Return False at the end of the message."""
        start = self._size
        while token := self._search(start):
            kind, begin, start = token
            if kind in _CLOSERS:
                start = self._section_end(kind, start)
            elif kind == "record":
                self._drop(begin)
                return True
            elif kind == "record_end":  # its start tag is missing, or misspelt
                self._drop(self._size)
                return True
            elif kind == "message_end":
                self.check_end(start)
                return False
            else:
                raise self._error("has a second Header or message")
        raise self._error("ends before the end of the message")

    def _quick_record(self) -> RawRecord:
        """Return the current record up to the first end tag, which nearly always ends it."""
        start = self._find(b">", 0) + 1
        if self._data[start - 2 : start] == b"/>":
            return self._record(start)
        if not self._end_tag and (match := _RECORD_START.match(self._data)):
            self._end_tag = b"</%b>" % bytes(match[0][1:-1])
        end = self._find_end(self._end_tag, start)
        return self.exact_record() if end is None else self._record(end)

    def _record(self, size: int, *, nested: bool = False) -> RawRecord:
        self._size = size
        return RawRecord(bytes(self._data[:size]), self._line, nested)

    def _section_end(self, kind: str, start: int) -> int:
        """Return the end of a comment, CDATA section or processing instruction.

        Return its start if it has no end within the length of a record: the record is not
        well-formed then, and those after it can be.
        """
        end = self._find_end(_CLOSERS[kind], start)
        return start if end is None else end

    def _strict_comment_end(self, start: int) -> int:
        """Return the end of a comment, or its start if it has none before it contains "--".

        XML allows none, so that the end that is found is not that of a comment in a later record.
        """
        end = self._find_end(b"--", start)
        while end is not None and end == len(self._data) and self._read():
            pass
        return start if end is None or self._data[end : end + 1] != b">" else end + 1

    def _find_end(self, closer: bytes, start: int) -> int | None:
        """Return the end of a closer; None if there is none within the length of a record."""
        first = max(start, self._searched.get(closer, 0) - self._offset)
        while (found := self._data.find(closer, first)) < 0:
            first = max(first, len(self._data) - len(closer) + 1)
            self._searched[closer] = self._offset + first
            if len(self._data) - start > MAX_RECORD_BYTES or not self._read():
                return None
        return found + len(closer)

    def _search(self, start: int) -> tuple[str, int, int] | None:
        """Return kind, start and end of the next token; None if there is none."""
        while (match := _TOKEN.search(self._data, start)) is None:
            start = max(start, len(self._data) - _MAX_TOKEN)
            if not self._read():
                return None
        return match.lastgroup or "", match.start(), match.end()

    def _find(self, what: bytes, start: int) -> int:
        while (found := self._data.find(what, start)) < 0:
            start = len(self._data)
            if not self._read():
                raise self._error("ends within a record")
        return found

    def _read(self) -> bool:
        """Read more bytes. Return False at the end. Raises FeedError beyond MAX_UNREAD_BYTES."""
        chunk = self._stream.read(CHUNK_SIZE)
        self._data += chunk
        if len(self._data) > MAX_UNREAD_BYTES:
            limit = MAX_UNREAD_BYTES // 1024**2
            message = f"The file has more than {limit} MB without a record: it is not a feed."
            raise FeedError("record_too_large", message)
        return bool(chunk)

    def _drop(self, size: int) -> None:
        """Go on `size` bytes."""
        self._line += self._data.count(b"\n", 0, size)
        del self._data[:size]
        self._offset += size
        self._size = 0

    def _error(self, fault: str) -> FeedError:
        line = self._line + self._data.count(b"\n")
        message = f"The file {fault} (line {line:,}). Request a new copy."
        return FeedError("invalid_xml", message)
