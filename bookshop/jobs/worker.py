"""Does what time asks for: expires orders, cancels their intents, makes refunds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from bookshop.orders.audit import JOB_WORKER
from bookshop.orders.jobs import run_order_jobs
from bookshop.payments.gateway import Gateway

PAUSE = 30.0  # seconds
LOG = logging.getLogger(__name__)


class JobWorker:
    """A thread of the server. Several processes may each have one: what is done is done once."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        gateway: Gateway,
        also: Callable[[], None] = lambda: None,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        """`also` is what else has to be done from time to time. It rests while `paused`."""
        self._sessions = sessions
        self._gateway = gateway
        self._also = also
        self._paused = paused
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
        """Do what is due by now. A database that is busy is tried again later."""
        try:
            done = run_order_jobs(self._sessions, self._gateway, JOB_WORKER)
        except SQLAlchemyError as err:
            LOG.warning("nothing was swept up: %s", type(err).__name__)
        else:
            if done.expired:
                LOG.info("%s orders have expired", done.expired)

        try:
            self._also()
        except Exception:
            # Whatever troubles others, orders are swept up the next time too.
            LOG.exception("the upkeep of others has failed")

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE):
            if not self._paused():
                self.sweep()
