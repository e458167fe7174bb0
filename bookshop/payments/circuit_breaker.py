"""A circuit breaker: while Stripe is down, requests fail at once and one at a time probes it.

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

FAILURE_THRESHOLD = 5  # consecutive failures that open the circuit
RECOVERY_TIME = 3.0  # seconds from opening to the first probe
OPEN_MESSAGE = "circuit breaker open after repeated Stripe failures"


class BreakerState(StrEnum):
    """Which requests pass: all, none, or a single probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Opens after FAILURE_THRESHOLD consecutive failures; closes when Stripe answers again."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """Take a monotonic clock in seconds."""
        self._timer = timer
        self._lock = threading.Lock()
        self._failures = 0
        self._retry_at: float | None = None  # None while closed
        self._probing = False

    @property
    def state(self) -> BreakerState:
        """The current state."""
        with self._lock:
            if self._retry_at is None:
                return BreakerState.CLOSED
            due = self._probing or self._timer() >= self._retry_at
            return BreakerState.HALF_OPEN if due else BreakerState.OPEN

    def check(self) -> None:
        """Raise StripeDownError if a request would not be sent now."""
        if self.state is BreakerState.OPEN or self._probing:
            raise StripeDownError(OPEN_MESSAGE)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Allow a request inside and record its outcome. Raises StripeDownError while open.

        StripeUnavailableError raised inside counts as a failure. A refusal or a stored failure
        shows that Stripe is reachable, and resets the count.
        """
        if not self._admit():
            raise StripeDownError(OPEN_MESSAGE)
        try:
            yield
        except StripeUnavailableError as err:
            if isinstance(err, StoredFailureError):
                self._record_success()
            else:
                self._record_failure()
            raise
        except PaymentsError:
            self._record_success()
            raise
        except BaseException:
            self._end_probe()
            raise
        self._record_success()

    def _admit(self) -> bool:
        with self._lock:
            if self._retry_at is None:
                return True
            if self._probing or self._timer() < self._retry_at:
                return False
            self._probing = True
            return True

    def _record_success(self) -> None:
        with self._lock:
            self._failures = 0
            self._retry_at = None
            self._probing = False

    def _record_failure(self) -> None:
        with self._lock:
            self._failures += 1
            self._probing = False
            if self._failures >= FAILURE_THRESHOLD:
                self._retry_at = self._timer() + RECOVERY_TIME

    def _end_probe(self) -> None:
        """Allow another probe: an error of the shop's own proves nothing about Stripe."""
        with self._lock:
            self._probing = False
