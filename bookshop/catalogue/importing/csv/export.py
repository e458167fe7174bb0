"""Writes the catalogue as CSV: what `table` reads again as it was."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from sqlalchemy import select
from sqlalchemy.engine import Engine

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.csv.cells import guarded
from bookshop.catalogue.importing.csv.columns import COLUMNS, STOCK
from bookshop.catalogue.models import BookRecord

BATCH = 500
HEADER = (*(column.names[0] for column in COLUMNS), STOCK[0])


def export(engine: Engine, file: TextIO) -> int:
    """Write all books that are not withdrawn, a row each; how many they are.

    `file` is opened with `newline=""`.
    """
    writer = csv.writer(file)
    writer.writerow(HEADER)
    count = 0
    for edition, stock in _books(engine):
        writer.writerow(row(edition, stock))
        count += 1
    return count


def row(edition: Edition, stock: int | None) -> list[str]:
    """The cells of a book; `stock` is None where copies are no object."""
    cells = [column.write(edition) for column in COLUMNS]
    return [guarded(cell) for cell in (*cells, "" if stock is None else str(stock))]


def _books(engine: Engine) -> Iterator[tuple[Edition, int | None]]:
    """All books, some at a time, none of them in a transaction that others wait for."""
    last = 0
    while True:
        wanted = (
            select(BookRecord.id, BookRecord.edition, BookRecord.stock)
            .where(BookRecord.id > last, BookRecord.withdrawn.is_(False))
            .order_by(BookRecord.id)
            .limit(BATCH)
        )
        with engine.connect() as connection:
            rows = connection.execute(wanted).all()
        if not rows:
            return
        yield from ((edition, stock) for _book, edition, stock in rows)
        last = rows[-1].id
