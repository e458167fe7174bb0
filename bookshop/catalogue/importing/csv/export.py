"""Exports the catalogue as CSV, which `reader` imports without changes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from sqlalchemy import select
from sqlalchemy.engine import Engine

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.csv.cells import escape_formula
from bookshop.catalogue.importing.csv.columns import COLUMNS, STOCK
from bookshop.catalogue.models import BookRecord

BATCH_SIZE = 500
_WRITTEN = [(column.names[0], column.write) for column in COLUMNS if column.write is not None]
HEADER = (*(name for name, _write in _WRITTEN), STOCK[0])


def export_catalogue(engine: Engine, file: TextIO) -> int:
    """Write one row for each book that is not withdrawn, and return how many.

    `file` must be opened with `newline=""`.
    """
    writer = csv.writer(file)
    writer.writerow(HEADER)
    count = 0
    for edition, stock in _books(engine):
        writer.writerow(export_row(edition, stock))
        count += 1
    return count


def export_row(edition: Edition, stock: int | None) -> list[str]:
    """Return the values of a book; `stock` is None if it is unlimited."""
    values = [write(edition) for _name, write in _WRITTEN]
    return [escape_formula(value) for value in (*values, "" if stock is None else str(stock))]


def _books(engine: Engine) -> Iterator[tuple[Edition, int | None]]:
    """Yield all books in batches, without a transaction that stays open between them."""
    last_id = 0
    while True:
        query = (
            select(BookRecord.id, BookRecord.edition, BookRecord.stock)
            .where(BookRecord.id > last_id, BookRecord.withdrawn.is_(False))
            .order_by(BookRecord.id)
            .limit(BATCH_SIZE)
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        yield from ((edition, stock) for _id, edition, stock in rows)
        last_id = rows[-1].id
