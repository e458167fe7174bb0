"""SQL that counts books by their properties, and the stored counts of large catalogues.

A periodic job counts a large catalogue and stores the counts. After a change, lists show the old
counts until the job has run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, delete, func, literal, or_, select, text, update
from sqlalchemy.engine import Connection, Engine

from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord, ListingSubject
from bookshop.catalogue.pricing import SaleState
from bookshop.catalogue.queries import HAS_STOCK
from bookshop.catalogue.search.models import FacetCount, starts_with
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.db import writing

LARGE = 20_000  # books, above which a catalogue is not counted during a request
STORED_LEVELS = 2  # levels of subjects whose counts are stored

_COLUMNS = (
    FacetCount.subject,
    FacetCount.format,
    FacetCount.language,
    FacetCount.availability,
    FacetCount.band,
)


def store_facet_counts(engine: Engine, price_bands: PriceBands) -> bool:
    """Count a large catalogue if it has changed since the last count; True if it was counted.

    Can be repeated, and run by several processes at once.
    """
    with engine.connect() as connection:
        version, counted = connection.execute(
            select(CatalogueState.version, CatalogueState.facets_version)
        ).one()
        if version == counted or not _is_large(connection):
            return False
        rows = [
            dict(zip((*(column.key for column in _COLUMNS), "books"), row, strict=True))
            for level in range(STORED_LEVELS + 1)
            for row in count_books(connection, price_bands, "", level)
        ]
    with writing(engine).begin() as connection:
        connection.execute(delete(FacetCount))
        insert_rows(connection, FacetCount.__table__, rows)
        connection.execute(update(CatalogueState).values(facets_version=version))
    return True


def stored_counts(connection: Connection, subject: str) -> Sequence[Any]:
    """Return the stored counts of a subject and its children; none if they must be counted."""
    if len(subject) >= STORED_LEVELS or not _is_large(connection):
        return ()
    subject_or_child = or_(
        FacetCount.subject == subject,
        starts_with(FacetCount.subject, subject)
        & (func.length(FacetCount.subject) == len(subject) + 1),
    )
    return connection.execute(select(*_COLUMNS, FacetCount.books).where(subject_or_child)).all()


def count_books(
    connection: Connection, price_bands: PriceBands, subject: str, level: int
) -> Sequence[Any]:
    """Return rows of _COLUMNS and a count: of a subject, or of its descendants `level` levels down.

    The empty subject at level 0 counts all books, with or without a subject.
    """
    code: Any = ListingSubject.code if subject or level else literal("")
    availability = case(
        (HAS_STOCK & (ListingRecord.state == SaleState.BUY.value), "available"),
        (HAS_STOCK & (ListingRecord.state == SaleState.PREORDER.value), "preorder"),
        else_="",
    )
    properties = (
        code,
        ListingRecord.format,
        ListingRecord.language,
        availability,
        price_bands.index_of(ListingRecord.amount),
    )
    names = [f"property_{index}" for index in range(len(properties))]
    labelled = (each.label(name) for each, name in zip(properties, names, strict=True))
    statement = (
        select(*labelled, func.count())
        .select_from(ListingRecord)
        .join(BookRecord, BookRecord.id == ListingRecord.book_id)
    )
    if subject or level:
        of_book = ListingSubject.book_id == ListingRecord.book_id
        statement = statement.join(ListingSubject, of_book).where(
            starts_with(ListingSubject.code, subject),
            func.length(ListingSubject.code) == len(subject) + level,
        )
    return connection.execute(statement.group_by(*map(text, names))).all()


def _is_large(connection: Connection) -> bool:
    row_beyond = select(literal(1)).select_from(ListingRecord).offset(LARGE).limit(1)
    return connection.scalar(row_beyond) is not None
