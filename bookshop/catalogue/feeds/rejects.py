"""Keeps refused records in a file, each with its reason, to be mended and fed again."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

from bookshop.catalogue.feeds import onix
from bookshop.catalogue.feeds.columns import REASON
from bookshop.catalogue.feeds.notice import Notice
from bookshop.catalogue.feeds.table import RowRefused, RowUpdates, written


class Rejects:
    """A file of refused records, which is made with the first of them."""

    def __init__(self, path: Path) -> None:
        """`path` is the file without an ending, which follows from what is refused."""
        self._stem = path
        self._file: BinaryIO | None = None
        self._end = b""
        self.path: Path | None = None

    def add(self, notice: Notice, isbn: str | None, reason: str) -> None:
        """Keep a record."""
        if isinstance(notice, RowUpdates | RowRefused):
            header = written((*notice.sheet.header, REASON))
            line = notice.raw.rstrip(b"\r\n") + b"," + written((reason,))
            self._opened(".csv", header, b"").write(line)
            return
        begin, end = onix.frame(notice.raw)
        about = f" {isbn}:" if isbn else ""
        comment = f"line {notice.line}:{about} {reason}".replace("--", "- -")
        file = self._opened(".xml", begin, end)
        file.write(f"<!-- {escape(comment)} -->\n".encode())
        file.write(notice.raw.rstrip() + b"\n")

    def close(self) -> None:
        """End the file."""
        if self._file is not None:
            self._file.write(self._end)
            self._file.close()

    def _opened(self, ending: str, begin: bytes, end: bytes) -> BinaryIO:
        if self._file is None:
            self.path = self._stem.with_name(f"{self._stem.name}.refused{ending}")
            self._file = self.path.open("wb")
            self._file.write(begin)
            self._end = end
        return self._file
