"""Where a page of a list begins: after or before a book, by what the list is sorted by.

Books that come or go meanwhile move no page, and the last page costs what the first one does.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

MOST_LETTERS = 1000


class CursorError(ValueError):
    """The address names no place in a list."""


@dataclass(frozen=True)
class Cursor:
    """The place beside the book `book`, whose sort key is `key`; `before` it, or after it."""

    key: str | int | None
    book: int
    before: bool = False

    def __str__(self) -> str:
        raw = msgspec.json.encode((self.key, self.book, self.before))
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read(text: str) -> Cursor:
    """The cursor that is written so. Raises CursorError."""
    if len(text) > MOST_LETTERS or not text.isascii():
        raise CursorError(text[:MOST_LETTERS])
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = msgspec.json.decode(raw, type=tuple[str | int | None, int, bool])
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as err:
        raise CursorError(text) from err
    cursor = Cursor(*found)
    if not 0 <= cursor.book < 2**31 or "\0" in str(found[0]):
        raise CursorError(text)
    if isinstance(cursor.key, int) and abs(cursor.key) >= 2**31:
        raise CursorError(text)
    return cursor
