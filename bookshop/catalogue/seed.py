"""Loads the first books of a new shop from a CSV file."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import Engine

from bookshop.catalogue.covers.local_files import local_cover_finder
from bookshop.catalogue.covers.store import CoverStore
from bookshop.catalogue.importing.csv import reader
from bookshop.catalogue.importing.importer import Importer
from bookshop.catalogue.importing.records import (
    FeedRecord,
    FileReport,
    ReadOptions,
    RecordError,
)
from bookshop.catalogue.jobs import after_import
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext

log = logging.getLogger(__name__)


def load(
    engine: Engine, sales_context: SalesContext, locale: str, covers: CoverStore, file: Path
) -> bool:
    """Import a CSV file if the catalogue is empty; return True if it was.

    Refused rows, columns that are not read and unreadable files are logged.
    """
    with engine.connect() as connection:
        if connection.scalar(select(BookRecord.id).limit(1)) is not None:
            return False
    find_cover = local_cover_finder(file.parent, covers)
    importer = Importer(engine, sales_context, find_cover, _log_refused)
    options, report = ReadOptions(sales_context.currency, locale), FileReport(file.name)
    with file.open("rb") as stream:
        summary = importer.run(reader.read(stream, options, report))
    fields = {"file": file.name, "encoding": report.encoding, "unread": report.unread_columns}
    log.info("seed_file_read", extra=fields)
    if summary.stopped is not None:
        log.warning("seed_file_not_read", extra={"file": file.name, "reason": summary.stopped})
    after_import(engine, sales_context)
    return True


def _log_refused(record: FeedRecord, error: RecordError) -> None:
    fields = {"line": record.line, "code": error.code, "reason": error.reason}
    log.warning("seed_row_refused", extra=fields)
