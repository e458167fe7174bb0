"""Reads CSV files of books, as spreadsheet programs save them.

Columns that a file does not have, and empty values, leave the book's field unchanged: a file of
ISBN and stock updates the stock alone.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from charset_normalizer import from_bytes

from bookshop.catalogue.importing.csv.header import parse_header
from bookshop.catalogue.importing.csv.rows import parse_row
from bookshop.catalogue.importing.files import decompress, peek
from bookshop.catalogue.importing.records import FeedError, FeedRecord

SAMPLE_SIZE = 256 * 1024  # bytes from which delimiter and encoding are detected
MAX_VALUE_LENGTH = 2**20
DELIMITERS = (",", ";", "\t", "|")
XLSX_MAGIC = b"PK\x03\x04"
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read(stream: BinaryIO, currency: str) -> Iterator[FeedRecord]:
    """Yield the rows of a CSV file; delimiter and encoding are detected.

    `currency` is the shop's, for prices without one. Raises FeedError, possibly after some rows.
    """
    sample, raw = peek(decompress(stream), SAMPLE_SIZE)
    if sample.startswith(XLSX_MAGIC):
        raise FeedError(
            "workbook", "The file is a workbook: save it as “CSV (UTF-8)” and import that."
        )
    encoding = _detect_encoding(sample)
    text = io.TextIOWrapper(cast("io.BufferedReader", raw), encoding, newline="")
    csv.field_size_limit(MAX_VALUE_LENGTH)
    try:
        yield from _rows(text, sample.decode(encoding, "replace"), currency)
    except UnicodeDecodeError as error:
        message = f"The file is not entirely in {encoding}: save it as “CSV (UTF-8)”."
        raise FeedError("invalid_encoding", message) from error
    except csv.Error as error:
        raise FeedError("invalid_csv", f"The file is not valid CSV ({error}).") from error


def _rows(text: io.TextIOWrapper, sample: str, currency: str) -> Iterator[FeedRecord]:
    rows = csv.reader(text, delimiter=_detect_delimiter(sample), strict=True)
    first = next(rows, None)
    if first is None:
        return
    header = parse_header(tuple(first), currency)
    next_line = rows.line_num + 1
    for row in rows:
        line, next_line = next_line, rows.line_num + 1
        if any(value.strip() for value in row):
            yield parse_row(header, tuple(row), line)


def _detect_delimiter(sample: str) -> str:
    """Return the delimiter that is most frequent in the first line, outside of quotes."""
    header = re.sub(r'"[^"]*"', "", sample.partition("\n")[0])
    return max(DELIMITERS, key=header.count)


def _detect_encoding(sample: bytes) -> str:
    for bom, encoding in _BOMS.items():
        if sample.startswith(bom):
            return encoding
    try:
        # Incremental, as the sample may end within a character.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        best = from_bytes(sample, cp_isolation=["cp1252", "cp1250", "mac_roman", "utf_16"]).best()
        return best.encoding if best else "cp1252"
    return "utf-8"
