"""The catalogue's version: a number that grows with every change that a page can show."""

from __future__ import annotations

import logging
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

TOUCHED = "bookshop_touched"
FRESH = 1.0  # seconds for which a version is believed
GRACE = 60.0  # seconds for which it is believed where the database does not answer
PATIENCE = 1.0  # seconds that one thread waits for another that asks
LOG = logging.getLogger(__name__)
_READ = "SELECT version FROM catalogue_state"  # as it is: each page that is made asks once


def touch(connection: Connection | Session) -> None:
    """Add one to the catalogue's version, in the caller's transaction.

    All who change the catalogue share that row, and its lock lasts until the transaction ends. A
    session touches it right before it commits, when it has all locks of its own: otherwise one who
    waits for a book and one who waits for this row could wait for each other.
    """
    if isinstance(connection, Connection):
        _touch(connection)
        return
    connection.info[TOUCHED] = True
    if not event.contains(connection, "before_commit", _touch_in_the_end):
        event.listen(connection, "before_commit", _touch_in_the_end)


def _touch_in_the_end(session: Session) -> None:
    if not session.in_nested_transaction() and session.info.pop(TOUCHED, False):
        session.flush()
        _touch(session.connection())


def _touch(connection: Connection) -> None:
    connection.execute(update(CatalogueState).values(version=CatalogueState.version + 1))
    connection.info[TOUCHED] = True


@dataclass(frozen=True, slots=True)
class _Known:
    """The version that the database had between `asked_at` and its answer.

    `after` is how often this process had changed the catalogue before it asked.
    """

    version: int | None
    asked_at: float
    believed_until: float
    after: int


class CatalogueVersion:
    """The version as this process knows it: at most a second old.

    What this process has committed itself is seen at once, as soon as its transaction has given
    its connection back. One thread asks the database at a time, and the others go on with what is
    known meanwhile.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds, and never goes back."""
        self._engine = engine
        self._clock = clock
        self._changes = 0
        self._asking = threading.Lock()
        self._installing = threading.Lock()
        self._known = _Known(None, float("-inf"), float("-inf"), 0)
        event.listen(engine, "checkin", self._given_back)

    def current(self) -> int | None:
        """The version; None where nobody knows it, or the database has not told it for a minute."""
        known, now = self._known, self._clock()
        seen = known.after == self._changes
        if seen and now < known.believed_until:
            return known.version
        # Where it is merely old, nobody waits for the thread that asks already.
        if not self._asking.acquire(timeout=0 if seen and known.version else PATIENCE):
            return self._last(now)
        try:
            known, now = self._known, self._clock()
            if known.after == self._changes and now < known.believed_until:
                return known.version
            return self.ask() or self._last(now)
        finally:
            self._asking.release()

    def ask(self) -> int | None:
        """The version that the database has now; None where it does not answer."""
        asked_at, after = self._clock(), self._changes
        try:
            with self._engine.connect() as connection:
                version: int = connection.exec_driver_sql(_READ).scalar_one()
        except SQLAlchemyError as err:
            LOG.warning("the catalogue's version is unknown: %s", type(err).__name__)
            with self._installing:
                self._known = replace(self._known, believed_until=asked_at + FRESH)
            return None
        known = _Known(version, asked_at, asked_at + FRESH, after)
        with self._installing:
            # An answer that was long under way is older than what is known by now.
            if asked_at >= self._known.asked_at:
                self._known = known
        return version

    def forget(self) -> None:
        """Ask the database the next time."""
        with self._installing:
            self._changes += 1

    def _last(self, now: float) -> int | None:
        known = self._known
        usable = known.after == self._changes and now < known.asked_at + GRACE
        return known.version if usable else None

    def _given_back(self, _connection: Any, record: Any) -> None:
        if record.info.pop(TOUCHED, False):
            self.forget()
