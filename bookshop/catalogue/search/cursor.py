"""Cursors of pagination: the position of a page, given by a book and its sort key.

Books that are added or removed meanwhile shift no page, and the last page costs as much as the
first.
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
    """The position after, or with `before` before, the book with the id `book`.

    `key` is that book's value of the column by which the list is sorted. `str` encodes a cursor.
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
    # What PostgreSQL's types cannot hold.
    if not 0 <= cursor.book < 2**31 or "\0" in str(cursor.key):
        raise CursorError(text)
    if isinstance(cursor.key, int) and abs(cursor.key) >= 2**31:
        raise CursorError(text)
    return cursor
