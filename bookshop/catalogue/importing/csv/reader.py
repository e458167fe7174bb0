"""Reads CSV files of books, as spreadsheet programs save them.

Columns that a file does not have, and empty values, leave the book's field unchanged: a file of
ISBN and stock updates the stock alone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from bookshop.catalogue.importing.csv.cells import clean
from bookshop.catalogue.importing.csv.encoding import detect_encoding
from bookshop.catalogue.importing.csv.header import parse_header
from bookshop.catalogue.importing.csv.row_reader import RowReader
from bookshop.catalogue.importing.csv.rows import invalid_row, parse_row
from bookshop.catalogue.importing.files import decompress, peek
from bookshop.catalogue.importing.records import (
    FeedError,
    FeedRecord,
    FileReport,
    ReadOptions,
)

SAMPLE_SIZE = 256 * 1024  # bytes from which delimiter and encoding are detected
DELIMITERS = (",", ";", "\t", "|")
_LINE_END = re.compile(r"\r\n|\r|\n")
# Excel's own first line, which names the delimiter.
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<delimiter>[,;|\t])"?[,;|\t]*', re.IGNORECASE)


def read(stream: BinaryIO, options: ReadOptions, report: FileReport) -> Iterator[FeedRecord]:
    """Yield the rows of a CSV file; delimiter and encoding are detected.

    Completes `report`. Raises FeedError, possibly after some rows.
    """
    sample, raw = peek(decompress(stream), SAMPLE_SIZE)
    encoding = options.encoding or detect_encoding(sample, options.locale)
    report.encoding = encoding
    buffer = cast("io.BufferedReader", raw)
    text = io.TextIOWrapper(buffer, encoding, errors="surrogateescape", newline="")
    try:
        yield from _rows(text, sample.decode(encoding, "replace"), options, report)
    except UnicodeError as error:
        message = (
            f"The file is not entirely in {encoding}: save it as “CSV (UTF-8)”, or name its"
            " encoding with --encoding."
        )
        raise FeedError("invalid_encoding", message) from error


def _rows(
    text: io.TextIOWrapper, sample: str, options: ReadOptions, report: FileReport
) -> Iterator[FeedRecord]:
    first_line, *others = _LINE_END.split(sample, maxsplit=2)[:2]
    separator = _SEPARATOR_LINE.fullmatch(first_line.lstrip("\ufeff"))
    if separator is not None:
        text.readline()
        delimiter = separator["delimiter"]
    else:
        delimiter = _detect_delimiter(first_line if first_line.strip() else "".join(others))
    header = row = None
    for row in RowReader(text, delimiter, first_line=1 if separator is None else 2):
        # DOS programs mark the end of a file with a control character, in a row of its own.
        if not row.code and not any(map(clean, row.values)):
            continue
        if header is None and row.code:
            raise FeedError(row.code, f"The header cannot be read. {row.reason}")
        if header is None:
            header = parse_header(row.values, options)
            report.unread_columns = header.unread
        elif row.code:
            yield invalid_row(header, row.values, row.line, row.code, row.reason)
        else:
            yield parse_row(header, row.values, row.line)
    if header is None and row is not None:
        parse_header((), options)  # raises: the file has nothing but blank lines


def _detect_delimiter(header: str) -> str:
    """Return the delimiter that is most frequent in the header, outside of quotes."""
    unquoted = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=unquoted.count)
