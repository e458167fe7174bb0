"""Cursors of keyset pagination: the position of a page is a book and its sort key.

Unlike an offset, a cursor is not shifted by added or removed books, and the last page costs as much
as the first.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

MAX_LENGTH = 1000


class CursorError(ValueError):
    """The text is no cursor, or a cursor of another list."""


@dataclass(frozen=True)
class Cursor:
    """The position after the book with the id `book`, or before it if `before` is true.

    `key` is the book's value in the column that sorts the list. `str` encodes a cursor.
    """

    key: str | int | None
    book: int
    before: bool = False

    def __str__(self) -> str:
        raw = msgspec.json.encode((self.key, self.book, self.before))
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that `text` encodes. Raises CursorError."""
    if len(text) > MAX_LENGTH or not text.isascii():
        raise CursorError(text[:MAX_LENGTH])
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        fields = msgspec.json.decode(raw, type=tuple[str | int | None, int, bool])
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as err:
        raise CursorError(text) from err
    cursor = Cursor(*fields)
    # PostgreSQL's types cannot hold larger numbers and NUL characters.
    if not 0 <= cursor.book < 2**31 or "\0" in str(cursor.key):
        raise CursorError(text)
    if isinstance(cursor.key, int) and abs(cursor.key) >= 2**31:
        raise CursorError(text)
    return cursor
