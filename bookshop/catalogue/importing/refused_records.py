"""The file of refused records, each with its reason, to be corrected and imported again."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import BinaryIO

from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv.cells import escape_sent_formula
from bookshop.catalogue.importing.csv.columns import REASON
from bookshop.catalogue.importing.csv.rows import CsvRow, InvalidCsvRow, to_csv
from bookshop.catalogue.importing.records import FeedRecord, RecordError
from bookshop.private_files import open_private_file, replace_private_file

SUFFIXES = (".xml", ".csv")
_DASHES = re.compile(r"-(?=-|$)")  # "--" ends an XML comment


class RefusedRecordsFile:
    """A feed of refused records, created with the first one.

    It ends as a feed after each record, so it can be used whatever ends the import. Records are as
    they were sent: one that is not well-formed is to be corrected there. It is not written through
    a link, which a supplier may have put into the folder of the feed.
    """

    def __init__(self, stem: Path, *, append: bool = False) -> None:
        """`stem` is the path without `.refused.xml` or `.refused.csv`.

        With `append`, it keeps the records of the interrupted import that is resumed.
        """
        self._stem = stem
        self._append = append
        self._file: BinaryIO | None = None
        existing = (path for path in map(self._path_with, SUFFIXES) if path.exists())
        self.path = next(existing, None) if append else None

    def add(self, record: FeedRecord, error: RecordError) -> None:
        """Write a record with its reason."""
        if isinstance(record, CsvRow | InvalidCsvRow):
            names, values = _with_reason(record, error.reason)
            # People open this file in a spreadsheet, and another person wrote it.
            header, row = (to_csv(list(map(escape_sent_formula, each))) for each in (names, values))
            self._write(".csv", codecs.BOM_UTF8 + header, row, b"")
            return
        begin, end = onix.message_frame(record.raw)
        isbn = f" {error.isbn}:" if error.isbn else ""
        comment = _DASHES.sub("- ", f"line {record.line}:{isbn} {error.reason}")
        content = f"<!-- {comment} -->\n".encode() + record.raw.rstrip() + b"\n"
        self._write(".xml", begin, content, end)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, suffix: str, begin: bytes, content: bytes, end: bytes) -> None:
        if self._file is None:
            self.path = self._path_with(suffix)
            append = self._append and self.path.exists() and not self.path.is_symlink()
            self._file = (open_private_file if append else replace_private_file)(self.path)
            if not append:
                self._file.write(begin + end)
        self._file.seek(-len(end), os.SEEK_END)
        self._file.write(content + end)
        self._file.flush()

    def _path_with(self, suffix: str) -> Path:
        return self._stem.with_name(f"{self._stem.name}.refused{suffix}")


def _with_reason(record: CsvRow | InvalidCsvRow, reason: str) -> tuple[list[str], list[str]]:
    """Return header and row, with the reason in the first column instead of an earlier reason.

    It is not the last column, as a row with too many values already has a value there.
    """
    names = record.header.names
    values = [*record.values, *[""] * (len(names) - len(record.values))]
    earlier = {index for index, name in enumerate(names) if name.strip().lower() == REASON}

    def without_earlier(row: list[str]) -> list[str]:
        return [value for index, value in enumerate(row) if index not in earlier]

    return [REASON, *without_earlier(list(names))], [reason, *without_earlier(values)]
