"""Keeps refused records in a file, each with its reason, to be mended and fed again."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import BinaryIO

from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv.columns import REASON
from bookshop.catalogue.importing.csv.reader import RowRefused, RowUpdates, written
from bookshop.catalogue.importing.records import Notice

ENDINGS = (".xml", ".csv")
_DASHES = re.compile(r"-(?=-|$)")  # two of them end a comment


class Rejects:
    """A file of refused records, which is made with the first of them.

    It is whole at any time: whatever ends an import, it can be mended and fed again.
    """

    def __init__(self, path: Path) -> None:
        """`path` is the file without an ending, which follows from what is refused."""
        self._stem = path
        self._file: BinaryIO | None = None
        self._goes_on = False
        self.path: Path | None = None

    def go_on(self) -> None:
        """Keep what an earlier run of the import has refused, which was interrupted."""
        self._goes_on = True
        found = (self._with(ending) for ending in ENDINGS)
        self.path = next((path for path in found if path.exists()), None)

    def add(self, notice: Notice, isbn: str | None, reason: str) -> None:
        """Keep a record."""
        if isinstance(notice, RowUpdates | RowRefused):
            header, row = _with_reason(notice, reason)
            self._write(".csv", codecs.BOM_UTF8 + written(header), written(row), b"")
            return
        begin, end = onix.frame(notice.raw)
        about = f" {isbn}:" if isbn else ""
        comment = _DASHES.sub("- ", f"line {notice.line}:{about} {reason}")
        record = f"<!-- {comment} -->\n".encode() + notice.raw.rstrip() + b"\n"
        self._write(".xml", begin, record, end)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, ending: str, begin: bytes, record: bytes, end: bytes) -> None:
        if self._file is None:
            self.path = self._with(ending)
            again = self._goes_on and self.path.exists()
            self._file = self.path.open("r+b" if again else "w+b")
            if not again:
                self._file.write(begin + end)
        self._file.seek(-len(end), os.SEEK_END)
        self._file.write(record + end)
        self._file.flush()

    def _with(self, ending: str) -> Path:
        return self._stem.with_name(f"{self._stem.name}.refused{ending}")


def _with_reason(notice: RowUpdates | RowRefused, reason: str) -> tuple[list[str], list[str]]:
    """The header and the row, with the reason before them instead of an earlier one.

    A row of too many cells has none to spare for it at the end.
    """
    names = notice.sheet.header
    cells = [*notice.cells, *[""] * (len(names) - len(notice.cells))]
    earlier = {place for place, name in enumerate(names) if name.strip().lower() == REASON}

    def kept(row: list[str]) -> list[str]:
        return [cell for place, cell in enumerate(row) if place not in earlier]

    return [REASON, *kept(list(names))], [reason, *kept(cells)]
