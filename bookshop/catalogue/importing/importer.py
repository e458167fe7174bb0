"""Bringing the shelf up to date with a feed: some records at a time, each batch whole or not.

What a record says is read and compared outside of transactions, and written in short ones, so that
customers buy meanwhile. Whatever ends an import: what is done is done, and the next run goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError, StatementError

from bookshop import clock
from bookshop.catalogue.importing.models import ImportRun
from bookshop.catalogue.importing.plan import Covers, Plan, plan
from bookshop.catalogue.importing.records import FeedError, Notice, Refusal
from bookshop.catalogue.importing.summary import Refused, Report
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.version import touch
from bookshop.catalogue.writer import put, withdraw
from bookshop.db import insert_into, writing

# Records that are written together: on SQLite nobody else writes meanwhile.
BATCHES = {"sqlite": 100, "postgresql": 500}
PAUSES = (0.2, 1.0, 3.0, 10.0)  # seconds before a database that was busy is asked again
TOO_LONG = "54"  # the class of SQLSTATE by which PostgreSQL refuses what no index has room for
LOG = logging.getLogger(__name__)
_RUNS: Any = ImportRun.__table__
_BOOKS: Any = BookRecord.__table__
_RENEW = (
    update(_BOOKS).where(_BOOKS.c.id == bindparam("book")).values(source=bindparam("new_source"))
)

#: Told of a record that is refused: its ISBN as printed, and why.
Reject = Callable[[Notice, str | None, str], None]


@dataclass(frozen=True)
class File:
    """A file by which an import that was interrupted knows it again."""

    digest: str
    name: str


class Importer:
    """An import into one shop. A dry run writes nothing, and says what a real one comes to."""

    def __init__(
        self,
        engine: Engine,
        terms: SalesContext,
        covers: Covers | None,
        reject: Reject,
        *,
        dry_run: bool = False,
    ) -> None:
        self._engine = engine
        self._terms = terms
        self._covers = covers
        self._reject = reject
        self._dry = dry_run
        self._size = BATCHES[engine.dialect.name]
        self.report = Report()

    def done_before(self, file: File | None) -> int:
        """How many records of the file a run has seen to that was interrupted."""
        if file is None or self._dry:
            return 0
        wanted = select(_RUNS.c.done).where(_RUNS.c.file == file.digest, _RUNS.c.ended_at.is_(None))
        with self._engine.connect() as connection:
            return connection.scalar(wanted) or 0

    def run(
        self,
        notices: Iterable[Notice],
        file: File | None = None,
        watch: Callable[[Report], None] = lambda _report: None,
    ) -> Report:
        """Take the records of a feed, in their order; `watch` is told after each batch.

        With `file` it goes on where an earlier run was interrupted. Raises OperationalError where
        the database stays busy or goes away; `report` then says what has been done.
        """
        report = self.report = Report()
        file = None if self._dry else file
        report.skipped = self.done_before(file)
        if file is not None and not report.skipped:
            self._write(lambda connection: connection.execute(_started(connection, file)))
        batch: list[Notice] = []
        try:
            for number, notice in enumerate(notices, start=1):
                if number > report.skipped:
                    batch.append(notice)
                if len(batch) == self._size:
                    self._take(batch, file)
                    watch(report)
                    batch = []
        except FeedError as err:
            report.stopped = str(err)
        self._take(batch, file)
        watch(report)
        if file is not None and report.stopped is None:
            self._write(lambda connection: connection.execute(_ended(file)))
        return report

    def _take(self, batch: Sequence[Notice], file: File | None) -> None:
        """See to a batch; where the database refuses it, to each record by itself."""
        left = list(batch)
        while left:
            with self._engine.connect() as connection:
                made = plan(connection, left, self._covers)
            try:
                self._carry_out(made, file)
            except (StatementError, UnicodeError) as err:
                if _may_pass(err):
                    raise
                if made.taken > 1:
                    for notice in left[: made.taken]:
                        self._take([notice], file)
                else:
                    self._refuse_by_database(left[0], err)
            left = left[made.taken :]

    def _carry_out(self, made: Plan, file: File | None) -> None:
        done = self.report.seen + made.taken
        if not self._dry:
            self._write(lambda connection: self._put(connection, made, file, done))
        for name in made.counts:
            setattr(self.report, name, getattr(self.report, name) + 1)
        for notice, refusal in made.refused:
            self._count(notice, refusal)

    def _put(self, connection: Connection, made: Plan, file: File | None, done: int) -> None:
        now = clock.now()
        put(connection, made.wares, self._terms, now)
        if made.gone:
            withdraw(connection, made.gone, now)
        if made.renewed:
            connection.execute(_RENEW, made.renewed)
        if file is not None:
            connection.execute(update(_RUNS).where(_RUNS.c.file == file.digest).values(done=done))
        if made.wares or made.gone:
            touch(connection)
        # Before it is known that they were seen to: no interruption loses one.
        for notice, refusal in made.refused:
            self._reject(notice, refusal.isbn, refusal.reason)

    def _write(self, work: Callable[[Connection], object]) -> None:
        """Work in a transaction of its own, again and again where the database is busy."""
        for pause in (*PAUSES, None):
            try:
                with writing(self._engine).begin() as connection:
                    work(connection)
            except OperationalError as err:
                if pause is None or not _may_pass(err):
                    raise
                LOG.info("the database is busy (%s): trying again", type(err.orig).__name__)
                time.sleep(pause)
            else:
                return

    def _refuse_by_database(self, notice: Notice, err: Exception) -> None:
        LOG.warning("the database refused record %s", notice.reference, exc_info=err)
        reason = f"The database does not take the record ({type(err).__name__}): see the log."
        if _state(err).startswith(TOO_LONG):
            reason = "The record has a text, or a word, that is too long for the database."
        refusal = Refusal(reason, notice.sku())
        self._reject(notice, refusal.isbn, refusal.reason)
        self._count(notice, refusal)

    def _count(self, notice: Notice, refusal: Refusal) -> None:
        self.report.refuse(Refused(notice.reference, notice.line, refusal.isbn, refusal.reason))


def _may_pass(err: Exception) -> bool:
    """Whether the database is busy or gone, and no record is to blame."""
    return isinstance(err, OperationalError) and not _state(err).startswith(TOO_LONG)


def _state(err: Exception) -> str:
    """The SQLSTATE; empty where there is none, as on SQLite."""
    return getattr(getattr(err, "orig", None), "sqlstate", None) or ""


def _started(connection: Connection, file: File) -> Any:
    now = clock.now()
    anew = {"done": 0, "started_at": now, "ended_at": None}
    return (
        insert_into(connection, _RUNS)
        .values(file=file.digest, name=file.name, **anew)
        .on_conflict_do_update(index_elements=[_RUNS.c.file], set_=anew)
    )


def _ended(file: File) -> Any:
    return update(_RUNS).where(_RUNS.c.file == file.digest).values(ended_at=clock.now())
