"""Imports the records of a feed in batches, each in one short transaction.

Records are read and compared outside of transactions, so customers can buy during an import. An
interrupted import keeps the batches that are committed; the next one of the same file resumes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError, StatementError

from bookshop import clock
from bookshop.catalogue.importing.changes import (
    BatchChanges,
    CoverFinder,
    ImportContext,
    compare,
)
from bookshop.catalogue.importing.records import FeedError, FeedRecord, RecordError
from bookshop.catalogue.importing.runs import (
    SourceFile,
    end_run,
    processed_records,
    save_progress,
    start_run,
)
from bookshop.catalogue.importing.summary import ImportSummary, RefusedRecord
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.version import bump_version
from bookshop.catalogue.writer import save_books, withdraw_books
from bookshop.db import writing

# Records for each transaction; on SQLite no other process can write meanwhile.
BATCH_SIZES = {"sqlite": 100, "postgresql": 500}
# A batch of records that are larger than those of books is smaller: it is in memory.
MAX_BATCH_BYTES = 4 * 1024 * 1024
RETRY_DELAYS = (0.2, 1.0, 3.0, 10.0)  # seconds before another try when the database is busy
PROGRAM_LIMIT_EXCEEDED = "54"  # SQLSTATE class of PostgreSQL: a value is too long for an index
UNNAMED = "import"  # the cause of changes by a file without a name, such as standard input
log = logging.getLogger(__name__)
_BOOKS: Any = BookRecord.__table__
_UPDATE_DIGEST = (
    update(_BOOKS).where(_BOOKS.c.id == bindparam("book")).values(source=bindparam("digest"))
)

#: Called for each record that is refused.
OnRefused = Callable[[FeedRecord, RecordError], None]


class Importer:
    """An import into one shop. A dry run reads and compares, and writes nothing."""

    def __init__(
        self,
        engine: Engine,
        sales_context: SalesContext,
        find_cover: CoverFinder | None,
        on_refused: OnRefused,
        *,
        dry_run: bool = False,
    ) -> None:
        self._engine = engine
        self._context = ImportContext(sales_context, find_cover)
        self._on_refused = on_refused
        self._dry_run = dry_run
        self._batch_size = BATCH_SIZES[engine.dialect.name]
        self.summary = ImportSummary()

    def run(
        self,
        records: Iterable[FeedRecord],
        file: SourceFile | None = None,
        on_batch: Callable[[ImportSummary], None] = lambda _summary: None,
    ) -> ImportSummary:
        """Import records in order; `on_batch` is called after each batch.

        With `file`, it resumes an interrupted import of that file. Raises OperationalError if the
        database remains busy or is lost; `summary` then contains what was committed.
        """
        summary = self.summary = ImportSummary()
        file = None if self._dry_run else file
        if file is not None:
            summary.skipped = processed_records(self._engine, file)
            if not summary.skipped:
                self._write(lambda connection: start_run(connection, file, clock.now()))
        batch: list[FeedRecord] = []
        batch_bytes = 0
        try:
            for number, record in enumerate(records, start=1):
                if number > summary.skipped:
                    batch.append(record)
                    batch_bytes += len(record.raw)
                if len(batch) == self._batch_size or batch_bytes > MAX_BATCH_BYTES:
                    self._import_batch(batch, file)
                    on_batch(summary)
                    batch, batch_bytes = [], 0
        except FeedError as error:
            summary.stopped = str(error)
        self._import_batch(batch, file)
        on_batch(summary)
        if file is not None and summary.stopped is None:
            self._write(lambda connection: end_run(connection, file, clock.now()))
        return summary

    def _import_batch(self, batch: Sequence[FeedRecord], file: SourceFile | None) -> None:
        """Import a batch; if the database refuses it, import its records one by one."""
        remaining = list(batch)
        while remaining:
            with self._engine.connect() as connection:
                changes = compare(connection, remaining, self._context)
            try:
                self._save(changes, file)
            except (StatementError, UnicodeError) as error:
                if _is_temporary(error):
                    raise
                if changes.size > 1:
                    for record in remaining[: changes.size]:
                        self._import_batch([record], file)
                else:
                    self._refuse_by_database(remaining[0], error)
            remaining = remaining[changes.size :]

    def _save(self, changes: BatchChanges, file: SourceFile | None) -> None:
        processed = self.summary.processed + changes.size
        if not self._dry_run:
            self._write(lambda connection: self._apply(connection, changes, file, processed))
        for name in changes.counts:
            self.summary.count(name)
        for record, error in changes.refused:
            self._count_refused(record, error)

    def _apply(
        self,
        connection: Connection,
        changes: BatchChanges,
        file: SourceFile | None,
        processed: int,
    ) -> None:
        now = clock.now()
        cause = file.name if file is not None else UNNAMED
        save_books(connection, changes.updates, self._context.sales_context, now, cause)
        if changes.withdrawals:
            withdraw_books(connection, changes.withdrawals, now)
        if changes.new_digests:
            connection.execute(_UPDATE_DIGEST, changes.new_digests)
        if file is not None:
            save_progress(connection, file, processed)
        if changes.updates or changes.withdrawals:
            bump_version(connection)
        # Before the commit: an interruption must not lose a refused record.
        for record, error in changes.refused:
            self._on_refused(record, error)

    def _write(self, work: Callable[[Connection], object]) -> None:
        """Run `work` in a transaction, with retries while the database is busy."""
        for delay in (*RETRY_DELAYS, None):
            try:
                with writing(self._engine).begin() as connection:
                    work(connection)
            except OperationalError as error:
                if delay is None or not _is_temporary(error):
                    raise
                fields = {"error": type(error.orig).__name__, "delay": delay}
                log.info("import_database_busy", extra=fields)
                time.sleep(delay)
            else:
                return

    def _refuse_by_database(self, record: FeedRecord, error: Exception) -> None:
        fields = {"record": record.reference, "line": record.line}
        log.warning("record_refused_by_database", extra=fields, exc_info=error)
        code, reason = (
            ("value_too_long", "The record has a text that is too long for the database.")
            if _sqlstate(error).startswith(PROGRAM_LIMIT_EXCEEDED)
            else (
                "database_error",
                f"The database does not accept the record ({type(error).__name__}): see the log.",
            )
        )
        refusal = RecordError(code, reason, record.sku())
        self._on_refused(record, refusal)
        self._count_refused(record, refusal)

    def _count_refused(self, record: FeedRecord, error: RecordError) -> None:
        self.summary.refuse(
            RefusedRecord(record.reference, record.line, error.isbn, error.code, error.reason)
        )


def _is_temporary(error: Exception) -> bool:
    """True if the database is busy or lost, so that the record is not the cause."""
    return isinstance(error, OperationalError) and not _sqlstate(error).startswith(
        PROGRAM_LIMIT_EXCEEDED
    )


def _sqlstate(error: Exception) -> str:
    """Return the SQLSTATE; empty if there is none, as on SQLite."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""
