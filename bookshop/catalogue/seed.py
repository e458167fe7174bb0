"""The first books of a new shop, from a sheet of its own."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import Engine

from bookshop.catalogue.covers.local_files import beside
from bookshop.catalogue.covers.store import CoverStore
from bookshop.catalogue.importing.csv import reader
from bookshop.catalogue.importing.importer import Importer
from bookshop.catalogue.importing.records import Notice
from bookshop.catalogue.jobs import after_import
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext

LOG = logging.getLogger(__name__)


def load(engine: Engine, terms: SalesContext, covers: CoverStore, sheet: Path) -> bool:
    """Put the books of a CSV file on the shelf if it is empty; whether it was.

    Rows that are refused are told in the log, and so is a file that is no sheet.
    """
    with engine.connect() as connection:
        if connection.scalar(select(BookRecord.id).limit(1)) is not None:
            return False
    importer = Importer(engine, terms, beside(sheet.parent, covers), _refused)
    with sheet.open("rb") as stream:
        report = importer.run(reader.read(stream, terms.currency))
    if report.stopped is not None:
        LOG.warning("%s was not read to its end: %s", sheet.name, report.stopped)
    after_import(engine, terms)
    return True


def _refused(notice: Notice, _isbn: str | None, reason: str) -> None:
    LOG.warning("line %s of the first books: %s", notice.line, reason)
