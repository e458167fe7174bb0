"""The catalogue's version: a number that grows with every change that a page can show.

It grows by random steps: after a backup is restored, the next versions are not those that the shop
had before. Their entity tags would name pages that browsers and proxies keep from that time.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import event, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bookshop.catalogue.models import CatalogueState

BUMPED = "bookshop_version_bumped"  # key of a connection's or session's info
MAX_STEP = 2**31  # so that the version, of 64 bits, lasts for 2**32 changes
MAX_AGE = 1.0  # seconds for which a version that was read is used
MAX_AGE_ON_ERROR = 60.0  # seconds for which it is used while the database does not respond
LOCK_TIMEOUT = 1.0  # seconds that a thread waits for another thread's query
log = logging.getLogger(__name__)
_SELECT = "SELECT version FROM catalogue_state"  # plain SQL: each page that is rendered needs it


def bump_version(connection: Connection | Session) -> None:
    """Increment the catalogue's version in the caller's transaction.

    All writers of the catalogue share that row, and its lock lasts until the transaction ends. A
    session increments it right before its commit, when it has all its other locks: otherwise a
    writer that waits for a book and one that waits for this row could deadlock.
    """
    if isinstance(connection, Connection):
        _increment(connection)
        return
    connection.info[BUMPED] = True
    if not event.contains(connection, "before_commit", _increment_before_commit):
        event.listen(connection, "before_commit", _increment_before_commit)


def _increment_before_commit(session: Session) -> None:
    if not session.in_nested_transaction() and session.info.pop(BUMPED, False):
        session.flush()
        _increment(session.connection())


def _increment(connection: Connection) -> None:
    step = 1 + secrets.randbelow(MAX_STEP - 1)
    connection.execute(update(CatalogueState).values(version=CatalogueState.version + step))
    connection.info[BUMPED] = True


@dataclass(frozen=True, slots=True)
class _Reading:
    """A version read from the database; times are in seconds of the clock.

    `changes` is the number of changes that this process had committed before it read.
    """

    version: int | None
    read_at: float
    fresh_until: float
    changes: int


class CatalogueVersion:
    """The version as this process last read it: at most MAX_AGE seconds old.

    A change that this process commits is seen as soon as its connection is back in the pool. One
    thread at a time reads the database; the others use the last version meanwhile.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns monotonic seconds."""
        self._engine = engine
        self._clock = clock
        self._changes = 0
        self._query_lock = threading.Lock()
        self._update_lock = threading.Lock()
        self._reading = _Reading(None, float("-inf"), float("-inf"), 0)
        event.listen(engine, "checkin", self._on_checkin)

    def current(self) -> int | None:
        """Return the version; None if the database has not responded for MAX_AGE_ON_ERROR."""
        reading, now = self._reading, self._clock()
        includes_own_changes = reading.changes == self._changes
        if includes_own_changes and now < reading.fresh_until:
            return reading.version
        # If the version is merely old, no thread waits for the one that already reads it.
        may_wait = not (includes_own_changes and reading.version)
        if not self._query_lock.acquire(timeout=LOCK_TIMEOUT if may_wait else 0):
            return self._last_version(now)
        try:
            reading, now = self._reading, self._clock()
            if reading.changes == self._changes and now < reading.fresh_until:
                return reading.version
            return self.read() or self._last_version(now)
        finally:
            self._query_lock.release()

    def read(self) -> int | None:
        """Read the version from the database; None if it does not respond."""
        started_at, changes = self._clock(), self._changes
        try:
            with self._engine.connect() as connection:
                version: int = connection.exec_driver_sql(_SELECT).scalar_one()
        except SQLAlchemyError as err:
            log.warning("catalogue_version_unavailable", extra={"error": type(err).__name__})
            with self._update_lock:
                self._reading = replace(self._reading, fresh_until=started_at + MAX_AGE)
            return None
        reading = _Reading(version, started_at, started_at + MAX_AGE, changes)
        with self._update_lock:
            # A slow query may end after a later one that has read a newer version.
            if started_at >= self._reading.read_at:
                self._reading = reading
        return version

    def invalidate(self) -> None:
        """Make the next `current` read the database."""
        with self._update_lock:
            self._changes += 1

    def _last_version(self, now: float) -> int | None:
        reading = self._reading
        usable = reading.changes == self._changes and now < reading.read_at + MAX_AGE_ON_ERROR
        return reading.version if usable else None

    def _on_checkin(self, _connection: Any, record: Any) -> None:
        if record.info.pop(BUMPED, False):
            self.invalidate()
