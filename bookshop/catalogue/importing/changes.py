"""Compares the records of a batch with the database: which books to save, withdraw or leave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from bookshop.catalogue.edition import Edition, digest, encode
from bookshop.catalogue.importing.records import (
    DeleteRecord,
    FeedRecord,
    InvalidRecord,
    RecordError,
    ReplaceRecord,
    UpdateRecord,
)
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext, unpayable_prices
from bookshop.catalogue.terms.decisions import UNDECIDED, decided
from bookshop.catalogue.terms.models import DecisionsRecord
from bookshop.catalogue.writer import BookUpdate, StockCount
from bookshop.payment_limits import describe

log = logging.getLogger(__name__)
#: SKUs that would be the address of another page, or of none.
RESERVED_SKUS = frozenset({".", "..", "new.atom"})
_ROWS = select(
    BookRecord.id,
    BookRecord.sku,
    BookRecord.reference,
    BookRecord.source,
    BookRecord.content,
    BookRecord.cover,
    BookRecord.stock,
    BookRecord.withdrawn,
    DecisionsRecord.decisions,
).outerjoin(DecisionsRecord, DecisionsRecord.book_id == BookRecord.id)

#: Stores the cover of an edition and returns its name; None if there is no image.
CoverFinder = Callable[[Edition], str | None]


@dataclass(frozen=True)
class ImportContext:
    """Where records are imported: the shop's currency and country, and its cover images."""

    sales_context: SalesContext
    find_cover: CoverFinder | None


@dataclass
class BatchChanges:
    """What to write for the first `size` records of a batch.

    `withdrawals` are ids of books. `new_digests` are parameters for books whose record changed, but
    not their content. `counts` are names of counters, one for each record that was not refused.
    """

    updates: list[BookUpdate] = field(default_factory=list)
    withdrawals: list[int] = field(default_factory=list)
    new_digests: list[dict[str, Any]] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)
    refused: list[tuple[FeedRecord, RecordError]] = field(default_factory=list)
    size: int = 0


class _ExistingBooks:
    """The rows of the books that the records of a batch describe."""

    def __init__(self, connection: Connection, records: Sequence[FeedRecord]) -> None:
        self._connection = connection
        references = [record.reference for record in records if record.reference is not None]
        rows = self._rows(BookRecord.reference.in_(references))
        self._by_reference = {row.reference: row for row in rows}
        # The SKU takes longer to read, and is needed only for a new reference.
        self._skus = {
            id(record): record.sku()
            for record in records
            if record.reference not in self._by_reference
        }
        skus = sorted(sku for sku in set(self._skus.values()) if sku is not None)
        self._by_sku = {row.sku: row for row in self._rows(BookRecord.sku.in_(skus))}

    def find(self, record: FeedRecord) -> tuple[str | None, Row[Any] | None]:
        """Return the SKU and the row of a record's book, by reference or else by SKU."""
        row = self._by_reference.get(record.reference)
        if row is not None:
            return row.sku, row
        sku = self._skus[id(record)]
        return sku, self._by_sku.get(sku)

    def edition(self, book_id: int) -> Edition:
        query = select(BookRecord.edition).where(BookRecord.id == book_id)
        edition: Edition = self._connection.execute(query).scalar_one()
        return edition

    def _rows(self, where: Any) -> list[Row[Any]]:
        return list(self._connection.execute(_ROWS.where(where)))


def compare(
    connection: Connection,
    records: Sequence[FeedRecord],
    context: ImportContext,
) -> BatchChanges:
    """Return the changes for these records.

    It stops before a second record of the same book: that must be compared with the first one's
    result.
    """
    changes, skus = BatchChanges(), set()
    existing = _ExistingBooks(connection, records)
    for record in records:
        sku, row = existing.find(record)
        if sku is not None and sku in skus:
            break
        skus.add(sku)
        try:
            _compare_record(changes, record, row, existing, context)
        except RecordError as error:
            changes.refused.append((record, error))
        except (SQLAlchemyError, OSError):
            raise  # the database or the disk is at fault, not the record
        except Exception as error:
            # A defect of this package must not stop the import.
            fields = {"record": record.reference, "line": record.line}
            log.exception("record_not_mapped", extra=fields)
            reason = f"The record contains something that the shop cannot process ({error!r})."
            changes.refused.append((record, RecordError("internal_error", reason, sku)))
        changes.size += 1
    return changes


def _compare_record(
    changes: BatchChanges,
    record: FeedRecord,
    row: Row[Any] | None,
    existing: _ExistingBooks,
    context: ImportContext,
) -> None:
    """Add the changes for one record. Raises RecordError."""
    if isinstance(record, InvalidRecord):
        raise RecordError(record.code, record.reason, record.isbn)
    if isinstance(record, DeleteRecord):
        if row is None or row.withdrawn:
            changes.counts.append("unchanged")
        else:
            changes.withdrawals.append(row.id)
            changes.counts.append("deleted")
        return
    stock, find_cover = record.copies(), context.find_cover
    if row is not None and _is_unchanged(record, row, stock, find_cover):
        changes.counts.append("unchanged")
        return
    edition = _edition(record, row, existing)
    _check_sku(edition, row)
    current = (row and row.decisions) or UNDECIDED
    decisions = record.decisions(current)
    _check_prices(decided(edition, decisions), context.sales_context)
    cover = (find_cover and find_cover(edition)) or (row.cover if row is not None else None)
    if row is None or row.withdrawn:
        changes.counts.append("new")
    elif (
        row.content == digest(encode(edition))
        and row.cover == cover
        and _keeps_stock(row, stock)
        and decisions == current
    ):
        changes.new_digests.append({"book": row.id, "digest": record.digest})
        changes.counts.append("unchanged")
        return
    else:
        changes.counts.append("changed")
    book_id = None if row is None else row.id
    # None keeps the decisions, also those that another import changes at the same time.
    decided_now = None if decisions == current else decisions
    changes.updates.append(BookUpdate(edition, record.digest, book_id, cover, stock, decided_now))


def _is_unchanged(
    record: FeedRecord, row: Row[Any], stock: StockCount | None, find_cover: CoverFinder | None
) -> bool:
    """True if the record is the one imported last, so it need not be mapped."""
    return (
        row.source == record.digest
        and not row.withdrawn
        # Sales change the stock, so a count that equals the last one may still differ from it.
        and _keeps_stock(row, stock)
        # Images may arrive after the record.
        and (find_cover is None or row.cover is not None)
    )


def _keeps_stock(row: Row[Any], stock: StockCount | None) -> bool:
    return stock is None or stock.count == row.stock


def _edition(record: FeedRecord, row: Row[Any] | None, existing: _ExistingBooks) -> Edition:
    """Return the edition after the import of a record. Raises RecordError."""
    if isinstance(record, ReplaceRecord):
        return record.edition()
    if not isinstance(record, UpdateRecord):
        raise TypeError(type(record).__name__)
    if row is not None and not row.withdrawn:
        return record.apply(existing.edition(row.id))
    if not record.complete:
        raise RecordError(
            "unknown_book",
            "The shop does not have this book, and the record is too short to add it: a row needs a"
            " title, ONIX the complete record (notification 03).",
            record.sku(),
        )
    return record.edition()


def _check_sku(edition: Edition, row: Row[Any] | None) -> None:
    """Raise RecordError if the SKU belongs to another record, or cannot be part of an address."""
    if row is not None and edition.sku != row.sku:
        raise RecordError(
            "sku_changed",
            f"The reference belongs to {row.sku}, and the record is for {edition.sku}: delete that"
            " book first (notification 05), or use a new reference.",
            edition.isbn,
        )
    if "/" in edition.sku or edition.sku.startswith("@@") or edition.sku in RESERVED_SKUS:
        raise RecordError(
            "invalid_sku",
            f"The SKU {edition.sku!r} cannot be part of a page's address: use another one, without"
            " a slash.",
            edition.isbn,
        )


def _check_prices(edition: Edition, sales_context: SalesContext) -> None:
    """Raise RecordError if customers would be charged an amount that Stripe does not accept."""
    for price, reason in unpayable_prices(edition, sales_context):
        amount = f"{price.value:f} {price.currency}"
        raise RecordError(
            "unpayable_price",
            f"The price {amount} cannot be paid: {describe(reason, price.currency)}",
            edition.isbn,
        )
