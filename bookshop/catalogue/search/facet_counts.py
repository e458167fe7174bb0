"""SQL that counts works by the properties of their editions, and stored counts.

A periodic job counts a large catalogue and stores the counts. After a change, lists show the old
counts until the job has run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    String,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.engine import Connection, Engine

from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord, ListingSubject
from bookshop.catalogue.search.models import FacetCount, starts_with
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.works.listing import has_stock
from bookshop.db import writing

LARGE = 20_000  # books, above which a catalogue is not counted during a request
SEPARATOR, EDITIONS_SEPARATOR = "|", ","
STORED_LEVELS = 2  # levels of subjects whose counts are stored

_COLUMNS = (FacetCount.subject, FacetCount.editions, FacetCount.works)


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
            dict(zip((column.key for column in _COLUMNS), row, strict=True))
            for level in range(STORED_LEVELS + 1)
            for row in count_works(connection, price_bands, "", level)
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
    return connection.execute(select(*_COLUMNS).where(subject_or_child)).all()


def count_works(
    connection: Connection, price_bands: PriceBands, subject: str, level: int
) -> list[tuple[str, str, int]]:
    """Return subjects, editions and numbers of works whose editions have equal properties.

    The works are of a subject, or of its descendants `level` levels down. The empty subject at
    level 0 counts all works, with or without a subject.
    """
    code = ListingSubject.code if subject or level else literal("")
    edition = _properties(price_bands)
    statement = select(code.label("code"), edition.label("edition")).select_from(ListingRecord)
    statement = statement.join(BookRecord, BookRecord.id == ListingRecord.book_id)
    if subject or level:
        of_book = ListingSubject.book_id == ListingRecord.book_id
        statement = statement.join(ListingSubject, of_book).where(
            starts_with(ListingSubject.code, subject),
            func.length(ListingSubject.code) == len(subject) + level,
        )
    single = statement.where(ListingRecord.work.is_(None)).subquery()
    editions = func.aggregate_strings(edition, EDITIONS_SEPARATOR).label("edition")
    several = (
        statement.with_only_columns(code.label("code"), editions)
        .where(ListingRecord.work.is_not(None))
        .group_by(text("code"), ListingRecord.work)
        .subquery()
    )
    counts: Counter[tuple[str, str]] = Counter()
    for rows in (single, several):
        grouped = select(rows.c.code, rows.c.edition, func.count()).group_by(
            rows.c.code, rows.c.edition
        )
        for found, properties, count in connection.execute(grouped):
            # The database concatenates editions in any order, and repeats equal ones.
            distinct = sorted(set(properties.split(EDITIONS_SEPARATOR)))
            counts[found, EDITIONS_SEPARATOR.join(distinct)] += count
    return [(found, properties, count) for (found, properties), count in counts.items()]


def split_editions(editions: str) -> list[list[str]]:
    """Return format, language, availability and price band of each edition."""
    return [each.split(SEPARATOR) for each in editions.split(EDITIONS_SEPARATOR)]


def _properties(price_bands: PriceBands) -> Any:
    """Return SQL for the properties of an edition as a string."""
    availability = case(
        (has_stock() & (ListingRecord.state == SaleState.BUY.value), "available"),
        (has_stock() & (ListingRecord.state == SaleState.PREORDER.value), "preorder"),
        else_="",
    )
    band = cast(price_bands.index_of(ListingRecord.amount), String)
    edition: Any = ListingRecord.format
    for part in (ListingRecord.language, type_coerce(availability, String), band):
        edition = edition.concat(SEPARATOR).concat(part)
    return edition


def _is_large(connection: Connection) -> bool:
    row_beyond = select(literal(1)).select_from(ListingRecord).offset(LARGE).limit(1)
    return connection.scalar(row_beyond) is not None
