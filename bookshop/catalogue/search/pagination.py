"""Keyset pagination: the sort keys of lists, and conditions and cursors for their pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import literal, tuple_
from sqlalchemy.engine import Row

from bookshop.catalogue.models import ListingRecord
from bookshop.catalogue.search.cursor import Cursor, CursorError
from bookshop.catalogue.search.query import Sort

#: The column of each sort order, and True if it is descending.
SORT_KEYS: dict[Sort, tuple[Any, bool]] = {
    Sort.TITLE: (ListingRecord.sort_title, False),
    Sort.NEWEST: (ListingRecord.published, True),
    Sort.PRICE: (ListingRecord.amount, False),
    Sort.PRICE_DESCENDING: (ListingRecord.amount, True),
}
#: Sort orders whose lists contain only books with a price.
PRICED = frozenset({Sort.PRICE, Sort.PRICE_DESCENDING})


def beyond(sort: Sort, cursor: Cursor, *, ascending: bool) -> Any:
    """Return the SQL condition that a book comes after the cursor's book, in that direction.

    Raises CursorError if the cursor is of a list with another sort order.
    """
    column = SORT_KEYS[sort][0]
    position = tuple_(column, ListingRecord.book_id)
    cursor_position = tuple_(_key_of(sort, cursor), cursor.book)
    return position > cursor_position if ascending else position < cursor_position


def cursor_at(row: Row[Any], sort: Sort, *, before: bool) -> Cursor:
    """Return the cursor before or after the book in `row`."""
    keys = {Sort.TITLE: row.sort_title, Sort.NEWEST: row.published.isoformat()}
    return Cursor(keys.get(sort, row.amount), row.book_id, before)


def _key_of(sort: Sort, cursor: Cursor) -> Any:
    """Return the cursor's key as a value of the sort column. Raises CursorError."""
    expected = int if sort in PRICED else str
    if not isinstance(cursor.key, expected):
        raise CursorError(str(cursor))
    if sort is not Sort.NEWEST:
        return literal(cursor.key)
    try:
        return literal(date.fromisoformat(str(cursor.key)))
    except ValueError as err:
        raise CursorError(str(cursor)) from err
