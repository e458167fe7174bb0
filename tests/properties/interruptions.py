"""What can come between two things that the shop does: its end, a database that fails, others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

TIMEOUT = 30  # seconds for what is done meanwhile

DIES = "the process dies"
FAILS = "the database fails"


class Killed(BaseException):
    """The process is gone: no handler of the shop's may see it."""


class DatabaseFailed(Exception):
    """It is unknown whether the commit took place."""


@dataclass
class Interruption:
    """What happens at a moment: DIES, FAILS, or something to do.

    `moment` is before or `after` a "request" to Stripe, a "commit", or a "mail" being handed over;
    `skip` says how many of the kind go by before.
    """

    moment: str
    after: bool
    skip: int
    what: str | Callable[[], None]


class Interruptions:
    """At most one at a time. It is forgotten at the end of the step that it was meant for."""

    def __init__(self, lock_awaited: Callable[[], bool] | None) -> None:
        self._lock_awaited = lock_awaited
        self._lock = threading.Lock()
        self._planned: Interruption | None = None
        self._meanwhile: threading.Thread | None = None
        self._problems: list[BaseException] = []
        self.dead = False

    def plan(self, interruption: Interruption) -> None:
        self._planned = interruption

    def forget(self) -> None:
        """Nothing is planned, nothing goes on. Raises what went wrong meanwhile."""
        self._planned, self.dead = None, False
        self._join()
        if self._problems:
            raise self._problems.pop()

    @contextmanager
    def around(self, moment: str):
        """The moments before and after what is done inside."""
        self._reach(moment, after=False)
        yield
        self._reach(moment, after=True)

    def _reach(self, moment: str, *, after: bool) -> None:
        if self.dead:
            raise Killed
        if moment == "commit" and after and self._meanwhile is not threading.current_thread():
            self._join()
        what = self._due(moment, after=after)
        if what is None:
            return
        if what == DIES:
            self.dead = True
            raise Killed
        if what == FAILS:
            raise DatabaseFailed
        self._do(what, holding_locks=moment == "commit" and not after)

    def _due(self, moment: str, *, after: bool) -> str | Callable[[], None] | None:
        with self._lock:
            plan = self._planned
            if plan is None or (plan.moment, plan.after) != (moment, after):
                return None
            plan.skip -= 1
            if plan.skip >= 0:
                return None
            self._planned = None
            return plan.what

    def _do(self, what: Callable[[], None], *, holding_locks: bool) -> None:
        """In a thread of its own, as another of the server's threads would; until it is done.

        Where locks are held, until it waits for one: it goes on as soon as they are let go.
        """

        def work() -> None:
            try:
                what()
            except BaseException as err:  # noqa: BLE001 - raised again in `forget`
                self._problems.append(err)

        self._meanwhile = threading.Thread(target=work, daemon=True)
        self._meanwhile.start()
        deadline = time.monotonic() + TIMEOUT
        while holding_locks and self._meanwhile.is_alive() and not self._lock_awaited():
            assert time.monotonic() < deadline
            self._meanwhile.join(0.002)
        if not holding_locks:
            self._join()

    def _join(self) -> None:
        if self._meanwhile is not None:
            self._meanwhile.join(TIMEOUT)
            assert not self._meanwhile.is_alive(), "what was done meanwhile never ended"
            self._meanwhile = None
