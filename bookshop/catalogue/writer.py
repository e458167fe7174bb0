"""Putting books on the shelf: the one place that writes editions and what is made from them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.engine import Connection, Engine

from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.edition import THEMA, Edition, digest, encode
from bookshop.catalogue.forms import form_key, format_of
from bookshop.catalogue.models import (
    NEVER,
    BookRecord,
    CatalogueState,
    ListingRecord,
    ListingSubject,
)
from bookshop.catalogue.pricing import SalesContext, offer
from bookshop.catalogue.search.full_text import document, engine_of
from bookshop.catalogue.search.spelling import index_words
from bookshop.catalogue.search.text_normalization import sort_key
from bookshop.catalogue.version import touch
from bookshop.db import writing

BATCH = 500
# Another number where another row is made of the same edition: the rows are then made anew.
MADE_BY = 2
LOG = logging.getLogger(__name__)

_BOOKS: Any = BookRecord.__table__
_LISTINGS: Any = ListingRecord.__table__
_SUBJECTS: Any = ListingSubject.__table__
#: What listings and all else are made of.
_KEPT = select(BookRecord.id, BookRecord.edition, BookRecord.cover)


@dataclass(frozen=True, slots=True)
class StockCount:
    """How many copies the shop has, None where copies are no object."""

    count: int | None


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """An edition to put on the shelf.

    `book` is the id of the row that it replaces, None for a new book. `cover` is the stored
    picture. `copies` stay as they are where it is None; a new book then has no end of copies.
    """

    edition: Edition
    source: str | None = None
    book: int | None = None
    cover: str | None = None
    copies: StockCount | None = None


def put(
    connection: Connection, wares: Sequence[BookUpdate], terms: SalesContext, now: datetime
) -> None:
    """Add new books, and bring those that are there up to date, in the caller's transaction.

    The caller touches the catalogue's version.
    """
    new = [ware for ware in wares if ware.book is None]
    known = [(ware.book, ware) for ware in wares if ware.book is not None]
    added = list(zip(_fresh_ids(connection, len(new)), new, strict=True))
    insert_rows(connection, _BOOKS, [_new_row(book, ware, now) for book, ware in added])
    if known:
        connection.execute(_RENEW, [_changes(book, ware, now) for book, ware in known])
        counted = [(book, ware.copies) for book, ware in known if ware.copies is not None]
        if counted:
            connection.execute(
                _RECOUNT, [{"book": book, "copies": copies.count} for book, copies in counted]
            )
    unshelve(connection, [book for book, _ware in known])
    shelved = ((book, ware.edition, ware.cover) for book, ware in (*added, *known))
    _shelve(connection, list(shelved), terms, now.date())


def withdraw(connection: Connection, books: Sequence[int], now: datetime) -> None:
    """Show these books no more; what the shop has of them stays counted."""
    connection.execute(
        update(_BOOKS)
        .where(_BOOKS.c.id.in_(books))
        .values(withdrawn=True, source=None, changed_at=now)
    )
    unshelve(connection, books)


def unshelve(connection: Connection, books: Sequence[int]) -> None:
    """Take away what was made of these books."""
    if books:
        for table in (_LISTINGS, _SUBJECTS):
            connection.execute(delete(table).where(table.c.book_id.in_(books)))
        engine_of(connection.dialect.name).erase(connection, books)


def rebuild_listings(engine: Engine, terms: SalesContext, now: datetime) -> bool:
    """Make everything anew that is made of editions, if the shop's terms are others by now.

    Whether they were. It can be repeated, and goes on where it was interrupted.
    """
    wanted = basis(terms)
    if is_fresh(engine, terms):
        return False
    done = 0
    while True:
        with writing(engine).begin() as connection:
            rows = connection.execute(
                _KEPT.where(BookRecord.id > done, BookRecord.withdrawn.is_(False))
                .order_by(BookRecord.id)
                .limit(BATCH)
            ).all()
            if not rows:
                connection.execute(update(CatalogueState).values(basis=wanted))
                touch(connection)
                return True
            _again(connection, rows, terms, now.date())
            done = rows[-1].id


def refresh_due_listings(engine: Engine, terms: SalesContext, now: datetime) -> int:
    """Make the listings anew that the day has changed; how many they were."""
    count = 0
    while True:
        with writing(engine).begin() as connection:
            rows = connection.execute(
                _KEPT.join(ListingRecord, ListingRecord.book_id == BookRecord.id)
                .where(ListingRecord.review_on <= now.date())
                .limit(BATCH)
            ).all()
            if not rows:
                return count
            _again(connection, rows, terms, now.date())
            touch(connection)
            count += len(rows)


def is_fresh(engine: Engine, terms: SalesContext) -> bool:
    """Whether the listings were made on these terms."""
    with engine.connect() as connection:
        return connection.scalar(select(CatalogueState.basis)) == basis(terms)


def basis(terms: SalesContext) -> str:
    """What listings are made by, in short."""
    return f"{MADE_BY} {terms.currency} {terms.country or '-'}"


def listing_row(
    edition: Edition, cover: str | None, terms: SalesContext, day: date
) -> dict[str, Any]:
    """A listing's columns but for its `book_id`."""
    today = offer(edition, terms, day)
    return {
        "sku": edition.sku,
        "title": edition.title,
        "subtitle": edition.subtitle,
        "byline": edition.byline,
        "form": form_key(edition.form, edition.details),
        "format": format_of(edition.form).value,
        "language": edition.language,
        "cover": cover,
        "sort_title": sort_key(edition.title),
        "published": edition.published or edition.on_sale or NEVER,
        "state": today.state.value,
        "amount": today.price and today.price.amount,
        "review_on": today.changes_on,
    }


def book_row(edition: Edition, now: datetime) -> dict[str, Any]:
    """What of a book's columns follows from its edition."""
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


_RENEW = (
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
_RECOUNT = update(_BOOKS).where(_BOOKS.c.id == bindparam("book")).values(stock=bindparam("copies"))


def _new_row(book: int, ware: BookUpdate, now: datetime) -> dict[str, Any]:
    return {
        "id": book,
        "sku": ware.edition.sku,
        "cover": ware.cover,
        "stock": ware.copies.count if ware.copies else None,
        "held": 0,
        "withdrawn": False,
        "source": ware.source,
        "added_at": now,
        **book_row(ware.edition, now),
    }


def _changes(book: int, ware: BookUpdate, now: datetime) -> dict[str, Any]:
    row = {**book_row(ware.edition, now), "source": ware.source, "cover": ware.cover}
    return {"book": book, **{f"new_{name}": value for name, value in row.items()}}


def _again(connection: Connection, rows: Sequence[Any], terms: SalesContext, day: date) -> None:
    unshelve(connection, [book for book, _edition, _cover in rows])
    _shelve(connection, rows, terms, day)


def _shelve(
    connection: Connection,
    books: Sequence[tuple[int, Edition, str | None]],
    terms: SalesContext,
    day: date,
) -> None:
    """Make everything that lists and search need of these books; they have none of it yet."""
    insert_rows(
        connection,
        _LISTINGS,
        [
            {"book_id": book, **listing_row(edition, cover, terms, day)}
            for book, edition, cover in books
        ],
    )
    insert_rows(
        connection,
        _SUBJECTS,
        [
            {"code": code, "book_id": book}
            for book, edition, _cover in books
            for code in sorted(_subjects(edition))
        ],
    )
    engine_of(connection.dialect.name).write(
        connection, [document(book, edition) for book, edition, _cover in books]
    )
    index_words(connection, (edition for _book, edition, _cover in books))


def _subjects(edition: Edition) -> set[str]:
    """Each Thema code with those above it: FBA is of FB and of F."""
    codes = (subject.code for subject in edition.subjects if subject.scheme == THEMA)
    return {code[:length] for code in codes for length in range(1, len(code) + 1)}


def _fresh_ids(connection: Connection, count: int) -> list[int]:
    """Ids for new books, nobody else's."""
    if not count:
        return []
    if connection.dialect.name == "postgresql":
        taken = text(
            "SELECT nextval(pg_get_serial_sequence('books', 'id')) FROM generate_series(1, :count)"
        )
        return list(connection.scalars(taken, {"count": count}))
    last = connection.scalar(select(func.max(_BOOKS.c.id))) or 0
    return list(range(last + 1, last + 1 + count))
