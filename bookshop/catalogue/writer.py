"""Writes of books: the only code that inserts, updates and withdraws rows of `books`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text, update
from sqlalchemy.engine import Connection

from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.edition import Edition, digest, encode
from bookshop.catalogue.listings import delete_listings, insert_listings
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.terms.decisions import UNDECIDED, ShopDecisions, decided
from bookshop.catalogue.terms.storage import load_decisions, save_decisions

_BOOKS: Any = BookRecord.__table__


@dataclass(frozen=True, slots=True)
class StockCount:
    """The number of copies that the shop has; None for unlimited stock."""

    count: int | None


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """An edition to save.

    `book_id` is the row to update, None for a new book. `cover` is the name of the stored image.
    If `stock` is None, an existing book keeps its stock, and that of a new book is unlimited. If
    `decisions` is None, the shop's decisions are kept; a new book has none.
    """

    edition: Edition
    source: str | None = None
    book_id: int | None = None
    cover: str | None = None
    stock: StockCount | None = None
    decisions: ShopDecisions | None = None


def save_books(
    connection: Connection,
    updates: Sequence[BookUpdate],
    sales_context: SalesContext,
    now: datetime,
    cause: str = "import",
) -> None:
    """Insert new books and update existing ones, with listings, in the caller's transaction.

    `cause` names what changed the shop's decisions, in their history. The caller has to call
    `bump_version`.
    """
    new = [each for each in updates if each.book_id is None]
    existing = [(each.book_id, each) for each in updates if each.book_id is not None]
    added = list(zip(_new_ids(connection, len(new)), new, strict=True))
    insert_rows(connection, _BOOKS, [_new_row(book_id, each, now) for book_id, each in added])
    if existing:
        connection.execute(
            _UPDATE_BOOK, [_update_parameters(book_id, each, now) for book_id, each in existing]
        )
        counts = [
            {"book": book_id, "count": each.stock.count}
            for book_id, each in existing
            if each.stock is not None
        ]
        if counts:
            connection.execute(_UPDATE_STOCK, counts)
    delete_listings(connection, [book_id for book_id, _update in existing])
    decisions = _save_decisions(connection, [*added, *existing], cause, now)
    saved = [
        (book_id, decided(each.edition, decisions.get(book_id)), each.cover)
        for book_id, each in (*added, *existing)
    ]
    insert_listings(connection, saved, sales_context, sales_context.day(now))


def withdraw_books(connection: Connection, book_ids: Sequence[int], now: datetime) -> None:
    """Take these books out of the catalogue; rows and stock stay. The caller bumps the version."""
    connection.execute(
        update(_BOOKS)
        .where(_BOOKS.c.id.in_(book_ids))
        .values(withdrawn=True, source=None, changed_at=now)
    )
    delete_listings(connection, book_ids)


def book_row(edition: Edition, now: datetime) -> dict[str, Any]:
    """Return the columns of a book that follow from its edition."""
    encoded = encode(edition)
    return {
        "isbn": edition.isbn,
        "reference": edition.reference,
        "work": edition.work,
        "title": edition.title,
        "content": digest(encoded),
        "changed_at": now,
        "edition": encoded,
    }


def _save_decisions(
    connection: Connection, updates: Sequence[tuple[int, BookUpdate]], cause: str, now: datetime
) -> dict[int, ShopDecisions]:
    """Save the decisions that changed, and return those of all these books by id."""
    existing = [book_id for book_id, each in updates if each.book_id is not None]
    decisions = load_decisions(connection, existing)
    changed = {
        book_id: each.decisions
        for book_id, each in updates
        if each.decisions is not None and each.decisions != decisions.get(book_id, UNDECIDED)
    }
    save_decisions(connection, changed, cause, now)
    return decisions | changed


_UPDATE_BOOK = (
    update(_BOOKS)
    .where(_BOOKS.c.id == bindparam("book"))
    .values(
        withdrawn=False,
        **{
            name: bindparam(f"new_{name}")
            for name in (
                *("isbn", "reference", "work", "title", "content"),
                *("changed_at", "edition", "source", "cover"),
            )
        },
    )
)
_UPDATE_STOCK = (
    update(_BOOKS).where(_BOOKS.c.id == bindparam("book")).values(stock=bindparam("count"))
)


def _new_row(book_id: int, book: BookUpdate, now: datetime) -> dict[str, Any]:
    return {
        "id": book_id,
        "sku": book.edition.sku,
        "cover": book.cover,
        "stock": book.stock.count if book.stock else None,
        "reserved": 0,
        "withdrawn": False,
        "source": book.source,
        "added_at": now,
        **book_row(book.edition, now),
    }


def _update_parameters(book_id: int, book: BookUpdate, now: datetime) -> dict[str, Any]:
    row = {**book_row(book.edition, now), "source": book.source, "cover": book.cover}
    return {"book": book_id, **{f"new_{name}": value for name, value in row.items()}}


def _new_ids(connection: Connection, count: int) -> list[int]:
    """Return `count` unused ids: from PostgreSQL's sequence, or above the highest on SQLite."""
    if not count:
        return []
    if connection.dialect.name == "postgresql":
        statement = text(
            "SELECT nextval(pg_get_serial_sequence('books', 'id')) FROM generate_series(1, :count)"
        )
        return list(connection.scalars(statement, {"count": count}))
    last = connection.scalar(select(func.max(_BOOKS.c.id))) or 0
    return list(range(last + 1, last + 1 + count))
