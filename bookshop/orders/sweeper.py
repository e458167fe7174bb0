"""Gives lapsed holds back while nobody asks for their books."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.orders.holds import free_lapsed

PAUSE = 30.0  # seconds
LOG = logging.getLogger(__name__)


class Sweeper:
    """A thread of the server. Several processes may each have one: a row is swept once."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End, once a sweep that is under way is done."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> None:
        """Give back what has lapsed by now. A database that is busy is tried again later."""
        try:
            with self._sessions.begin() as session:
                freed = free_lapsed(session, clock.now())
        except SQLAlchemyError as err:
            LOG.warning("lapsed holds were not freed: %s", type(err).__name__)
        else:
            if freed:
                LOG.info("the copies of %s orders were given back", freed)

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE):
            self.sweep()
