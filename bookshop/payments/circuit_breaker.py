"""A circuit breaker: while Stripe is down nobody waits for it, and one asks whether it is back.

https://martinfowler.com/bliki/CircuitBreaker.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from bookshop.payments.errors import (
    PaymentsError,
    StoredFailureError,
    StripeDownError,
    StripeUnavailableError,
)

FAILURES = 5  # one after the other, until it opens
DOWN = "Stripe has failed several times in a row: it is asked again in a moment"
PAUSE = 3.0  # seconds from opening until one may try


class State(StrEnum):
    """Whether requests pass: all, none, or one that tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens when Stripe has failed several times in a row, and closes as soon as it answers."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """`timer` gives seconds that only grow."""
        self._timer = timer
        self._lock = threading.Lock()
        self._failures = 0
        self._tries_at: float | None = None  # None as long as it is closed
        self._trying = False

    @property
    def state(self) -> State:
        """What it does at the moment."""
        with self._lock:
            if self._tries_at is None:
                return State.CLOSED
            due = self._trying or self._timer() >= self._tries_at
            return State.HALF_OPEN if due else State.OPEN

    def check(self) -> None:
        """Raise StripeDownError where it is not the time to ask."""
        if self.state is State.OPEN or self._trying:
            raise StripeDownError(DOWN)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Ask Stripe inside. Raises StripeDownError where it is not the time to.

        Stripe has failed where StripeUnavailableError is raised inside; where it says no, or
        repeats a failure of earlier, it has answered.
        """
        if not self._lets_pass():
            raise StripeDownError(DOWN)
        try:
            yield
        except StripeUnavailableError as err:
            if isinstance(err, StoredFailureError):
                self._answered()
            else:
                self._failed()
            raise
        except PaymentsError:
            self._answered()
            raise
        except BaseException:
            self._gave_up()
            raise
        self._answered()

    def _lets_pass(self) -> bool:
        with self._lock:
            if self._tries_at is None:
                return True
            if self._trying or self._timer() < self._tries_at:
                return False
            self._trying = True
            return True

    def _answered(self) -> None:
        with self._lock:
            self._failures = 0
            self._tries_at = None
            self._trying = False

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._trying = False
            if self._failures >= FAILURES:
                self._tries_at = self._timer() + PAUSE

    def _gave_up(self) -> None:
        """It ended by a fault of the shop's own, and says nothing of Stripe."""
        with self._lock:
            self._trying = False
