"""Rows derived from editions: listings, their subjects, the full-text index, spelling words.

They depend on the sales context and on the day, and are rebuilt when these change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, literal, select, update
from sqlalchemy.engine import Connection, Engine

from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.edition import THEMA, Edition
from bookshop.catalogue.forms import form_key, format_of
from bookshop.catalogue.models import (
    UNKNOWN_DATE,
    BookRecord,
    CatalogueState,
    ListingRecord,
    ListingSubject,
)
from bookshop.catalogue.pricing import SalesContext, offer_on
from bookshop.catalogue.search.full_text import document, full_text_index
from bookshop.catalogue.search.spelling import index_words
from bookshop.catalogue.search.text_normalization import sort_key
from bookshop.catalogue.terms.decisions import decided
from bookshop.catalogue.terms.markets import in_market
from bookshop.catalogue.terms.models import DecisionsRecord
from bookshop.catalogue.version import bump_version
from bookshop.db import writing

BATCH = 500  # books that are rebuilt in one transaction
# Increment it when this code derives other rows from an edition: listings are rebuilt at the start.
BUILD_VERSION = 4

_LISTINGS: Any = ListingRecord.__table__
_SUBJECTS: Any = ListingSubject.__table__
_SOURCES = select(
    BookRecord.id, BookRecord.edition, BookRecord.cover, DecisionsRecord.decisions
).outerjoin(DecisionsRecord, DecisionsRecord.book_id == BookRecord.id)


def build_key(sales_context: SalesContext) -> str:
    """Return a key that changes when all listings must be rebuilt, whatever edition and day."""
    currency, country = sales_context.currency, sales_context.country
    return f"{BUILD_VERSION} {currency} {country} {sales_context.timezone}"


def priced_in(currency: Any) -> ColumnElement[bool]:
    """Return the condition that the listings' amounts are in a currency: a code, or a column.

    A key contains its currency between spaces.
    """
    return CatalogueState.built_for.contains(literal(" ") + currency + " ")


def listings_are_current(engine: Engine, sales_context: SalesContext) -> bool:
    """True if all listings were built for this sales context by this version of the code."""
    with engine.connect() as connection:
        return connection.scalar(select(CatalogueState.built_for)) == build_key(sales_context)


def rebuild_listings(engine: Engine, sales_context: SalesContext, now: datetime) -> bool:
    """Rebuild all listings unless they are current; True if they were rebuilt.

    Works in batches, each a transaction of its own. An interrupted run can be repeated.
    """
    if listings_are_current(engine, sales_context):
        return False
    last_id = 0
    while True:
        with writing(engine).begin() as connection:
            rows = connection.execute(
                _SOURCES.where(BookRecord.id > last_id, BookRecord.withdrawn.is_(False))
                .order_by(BookRecord.id)
                .limit(BATCH)
            ).all()
            if not rows:
                connection.execute(
                    update(CatalogueState).values(built_for=build_key(sales_context))
                )
                bump_version(connection)
                return True
            _replace_listings(connection, rows, sales_context, sales_context.day(now))
            last_id = rows[-1].id


def refresh_due_listings(engine: Engine, sales_context: SalesContext, now: datetime) -> int:
    """Rebuild the listings whose offer has changed by today; return their number."""
    count, day = 0, sales_context.day(now)
    while True:
        with writing(engine).begin() as connection:
            rows = connection.execute(
                _SOURCES.join(ListingRecord, ListingRecord.book_id == BookRecord.id)
                .where(ListingRecord.review_on <= day)
                .limit(BATCH)
            ).all()
            if not rows:
                return count
            _replace_listings(connection, rows, sales_context, day)
            bump_version(connection)
            count += len(rows)


def insert_listings(
    connection: Connection,
    books: Sequence[tuple[int, Edition, str | None]],
    sales_context: SalesContext,
    day: date,
) -> None:
    """Insert all derived rows of books that have none.

    `books` are ids, editions as the shop sells them, and covers.
    """
    insert_rows(
        connection,
        _LISTINGS,
        [
            {"book_id": book_id, **listing_row(edition, cover, sales_context, day)}
            for book_id, edition, cover in books
        ],
    )
    insert_rows(
        connection,
        _SUBJECTS,
        [
            {"code": code, "book_id": book_id}
            for book_id, edition, _cover in books
            for code in sorted(_subject_codes(edition))
        ],
    )
    full_text_index(connection.dialect.name).insert(
        connection, [document(book_id, edition) for book_id, edition, _cover in books]
    )
    index_words(connection, (edition for _book_id, edition, _cover in books))


def delete_listings(connection: Connection, book_ids: Sequence[int]) -> None:
    """Delete all derived rows of these books, except words that spelling correction uses."""
    if book_ids:
        for table in (_LISTINGS, _SUBJECTS):
            connection.execute(delete(table).where(table.c.book_id.in_(book_ids)))
        full_text_index(connection.dialect.name).delete(connection, book_ids)


def listing_row(
    edition: Edition, cover: str | None, sales_context: SalesContext, day: date
) -> dict[str, Any]:
    """Return the columns of a listing except `book_id`."""
    edition = in_market(edition, sales_context.country)
    offer = offer_on(edition, sales_context, day)
    return {
        "sku": edition.sku,
        "title": edition.title,
        "subtitle": edition.subtitle,
        "byline": edition.byline,
        "form": form_key(edition.form, edition.details),
        "format": format_of(edition.form).value,
        "language": edition.language,
        "cover": cover,
        "sort_title": sort_key(edition.sort_title or edition.title),
        "published": edition.published or edition.on_sale or UNKNOWN_DATE,
        "state": offer.state.value,
        "amount": offer.price and offer.price.amount,
        "work": edition.work,
        "review_on": offer.changes_on,
    }


def _replace_listings(
    connection: Connection, rows: Sequence[Any], sales_context: SalesContext, day: date
) -> None:
    delete_listings(connection, [row.id for row in rows])
    books = [(row.id, decided(row.edition, row.decisions), row.cover) for row in rows]
    insert_listings(connection, books, sales_context, day)


def _subject_codes(edition: Edition) -> set[str]:
    """Return the Thema codes of an edition and of their ancestors: FBA, FB and F."""
    codes = (subject.code for subject in edition.subjects if subject.scheme == THEMA)
    return {code[:length] for code in codes for length in range(1, len(code) + 1)}
