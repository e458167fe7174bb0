"""Exports the catalogue as CSV, which `reader` imports without changes."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

from sqlalchemy import select
from sqlalchemy.engine import Engine

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.csv.cells import escape_formula
from bookshop.catalogue.importing.csv.columns import BLOCKED, COLUMNS, DESCRIPTION, PRICE, STOCK
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.terms.decisions import UNDECIDED, ShopDecisions
from bookshop.catalogue.terms.models import DecisionsRecord
from bookshop.money import Money

BATCH_SIZE = 500
_WRITTEN = [(column.names[0], column.write) for column in COLUMNS if column.write is not None]


def export_catalogue(engine: Engine, file: TextIO, currency: str) -> int:
    """Write one row for each book that is not withdrawn, and return how many.

    `file` must be opened with `newline=""`. `currency` is the shop's, which always has a column.
    """
    with engine.connect() as connection:
        every = connection.scalars(select(DecisionsRecord.decisions)).all()
    own = {price.currency for decisions in every for price in decisions.prices}
    currencies = sorted(own | {currency})
    writer = csv.writer(file)
    writer.writerow(export_header(currencies))
    count = 0
    for edition, stock, decisions in _books(engine):
        writer.writerow(export_row(edition, stock, decisions or UNDECIDED, currencies))
        count += 1
    return count


def export_header(currencies: Sequence[str]) -> list[str]:
    """Return the names of the columns: the trade's record, then the shop's decisions."""
    prices = [f"{PRICE[0]} ({currency.lower()})" for currency in currencies]
    return [*(name for name, _write in _WRITTEN), *prices, DESCRIPTION[0], BLOCKED[0], STOCK[0]]


def export_row(
    edition: Edition, stock: int | None, decisions: ShopDecisions, currencies: Sequence[str]
) -> list[str]:
    """Return the values of a book; `stock` is None if it is unlimited."""
    own = {price.currency: Money(price.amount, price.currency) for price in decisions.prices}
    values = [
        *(write(edition) for _name, write in _WRITTEN),
        *(f"{own[currency].value:f}" if currency in own else "" for currency in currencies),
        decisions.description or "",
        "yes" if decisions.blocked else "",
        "" if stock is None else str(stock),
    ]
    return [escape_formula(value) for value in values]


def _books(engine: Engine) -> Iterator[tuple[Edition, int | None, ShopDecisions | None]]:
    """Yield all books in batches, without a transaction that stays open between them."""
    last_id = 0
    while True:
        query = (
            select(BookRecord.id, BookRecord.edition, BookRecord.stock, DecisionsRecord.decisions)
            .outerjoin(DecisionsRecord, DecisionsRecord.book_id == BookRecord.id)
            .where(BookRecord.id > last_id, BookRecord.withdrawn.is_(False))
            .order_by(BookRecord.id)
            .limit(BATCH_SIZE)
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        yield from ((row.edition, row.stock, row.decisions) for row in rows)
        last_id = rows[-1].id
