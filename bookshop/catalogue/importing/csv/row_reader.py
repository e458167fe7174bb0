"""Reads the rows of a CSV text one by one: a row that is not valid costs no other one."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper

from bookshop.catalogue.importing.records import FeedError

MAX_VALUE_LENGTH = 2**20  # characters
MAX_ROW_LENGTH = 4 * 2**20
# A file with a longer line is not a table.
MAX_LINE_LENGTH = 32 * 2**20
# What TextIOWrapper makes of bytes that are not in the encoding.
_NOT_DECODED = re.compile("[\udc80-\udcff]")
_REASONS = {
    "expected after": 'a quotation mark within a value in quotation marks: write it twice ("")',
    "unexpected end of data": "a quotation mark at the start of a value and none at its end",
    "field limit": f"a value of more than {MAX_VALUE_LENGTH:,} characters",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its first line, its values, and why it cannot be read.

    `code` and `reason` are empty for a valid row. The values of another one are those of its first
    line, as far as they are clear.
    """

    line: int
    values: tuple[str, ...]
    code: str = ""
    reason: str = ""


class RowReader:
    """The rows of a text, whose bytes are decoded with `surrogateescape`."""

    def __init__(self, text: TextIOWrapper, delimiter: str, first_line: int) -> None:
        self._text = text
        self._delimiter = delimiter
        self._line = first_line
        self._again: deque[str] = deque()  # lines to be read again, after a row that is not valid
        self._lines: list[str] = []  # of the current row

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows. Raises FeedError for a line that is too long for a table."""
        csv.field_size_limit(MAX_VALUE_LENGTH)
        rows = self._reader()
        while True:
            self._lines = []
            try:
                values = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                # Its other lines may be rows: the end of a quotation is missing.
                first, *others = self._lines
                self._again.extendleft(reversed(others))
                yield _invalid(self._line, self._values_of(first), "invalid_csv", _why(error))
                self._line += 1
                rows = self._reader()
                continue
            if any(map(_has_undecoded, self._lines)):
                fault = f"characters that are not in {self._text.encoding}, see --encoding"
                yield _invalid(self._line, values, "invalid_encoding", fault)
            else:
                yield Row(self._line, tuple(values))
            self._line += len(self._lines)

    def _values_of(self, line: str) -> list[str]:
        """Return the values of a line, as far as they are clear."""
        try:
            return next(csv.reader([line[:MAX_VALUE_LENGTH]], delimiter=self._delimiter), [])
        except csv.Error:
            return []

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._next_lines(), delimiter=self._delimiter, strict=True)

    def _next_lines(self) -> Iterator[str]:
        length = 0
        while line := self._again.popleft() if self._again else self._read_line():
            length = length + len(line) if self._lines else len(line)
            self._lines.append(line)
            if length > MAX_ROW_LENGTH:
                raise csv.Error(f"more than {MAX_ROW_LENGTH:,} characters")
            yield line

    def _read_line(self) -> str:
        """Return a line, of one that is too long for a row only the start. Raises FeedError."""
        line = self._text.readline(MAX_ROW_LENGTH + 1)
        length, rest = len(line), line
        while length > MAX_ROW_LENGTH and rest and not rest.endswith(("\n", "\r")):
            rest = self._text.readline(MAX_VALUE_LENGTH)
            length += len(rest)
            if length > MAX_LINE_LENGTH:
                text = f"A line has more than {MAX_LINE_LENGTH:,} characters: it is not a table."
                raise FeedError("line_too_long", text)
        return line


def _invalid(line: int, values: list[str], code: str, fault: str) -> Row:
    clean = (_NOT_DECODED.sub("\N{REPLACEMENT CHARACTER}", value) for value in values)
    return Row(line, tuple(clean), code, f"The row has {fault}.")


def _has_undecoded(line: str) -> bool:
    return not line.isascii() and _NOT_DECODED.search(line) is not None


def _why(error: csv.Error) -> str:
    message = str(error)
    return next((reason for part, reason in _REASONS.items() if part in message), message)
