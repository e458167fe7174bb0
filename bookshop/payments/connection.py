"""The connection to Stripe: one client, limited in concurrency, time and repeated failure."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import stripe

from bookshop import clock
from bookshop.payments.circuit_breaker import CircuitBreaker
from bookshop.payments.error_mapping import map_error
from bookshop.payments.errors import (
    Outcome,
    PaymentsError,
    StripeRefusedError,
    outcome_of,
)
from bookshop.payments.gate import Gate
from bookshop.payments.http_client import PooledHTTPClient
from bookshop.settings import StripeSettings

log = logging.getLogger(__name__)

# Telemetry writes into the home directory of the user who runs the server.
stripe.enable_telemetry = False
# Below WARNING the SDK logs whole responses, with client secrets and personal data.
logging.getLogger("stripe").setLevel(logging.WARNING)


class StripeConnection:
    """The one StripeClient, and the limits that every operation passes.

    Operations wait for Stripe: do not call them inside a transaction. All raise StripeBusyError
    when too many are waiting (see gate), StripeDownError while the circuit breaker is open,
    StripeUnavailableError when Stripe does not respond, and StripeRefusedError when it refuses.
    """

    def __init__(self, settings: StripeSettings) -> None:
        self.livemode = settings.livemode
        self.breaker = CircuitBreaker()
        #: Called after each operation with its name, its outcome and its duration in seconds.
        self.observe: Callable[[str, Outcome, float], None] = lambda *_: None
        self._gate = Gate(settings.max_concurrency)
        self._http = PooledHTTPClient(settings.timeout, settings.max_concurrency)
        self._stripe = stripe.StripeClient(
            settings.secret_key.reveal(),
            http_client=self._http,
            max_network_retries=settings.max_network_retries,
            base_addresses={"api": settings.api_base},
        ).v1

    def check(self) -> None:
        """Raise StripeBusyError or StripeDownError if an operation would fail at once.

        Call it before work that would be wasted. It reserves nothing.
        """
        self.breaker.check()
        with self._gate.place():
            pass

    def close(self) -> None:
        """Close the connections to Stripe."""
        self._http.close()

    @contextmanager
    def _operation(
        self, name: str, translate: Callable[[stripe.StripeError], PaymentsError] = map_error
    ) -> Iterator[datetime]:
        """Run the requests inside as one operation; gives the time (UTC) at which it began."""
        started, outcome = time.perf_counter(), Outcome.BROKEN
        try:
            with self._gate.place(), self.breaker.guard(), self._translated(name, translate):
                yield clock.now()
            outcome = Outcome.ANSWERED
        except PaymentsError as err:
            outcome = outcome_of(err)
            raise
        finally:
            seconds = time.perf_counter() - started
            self.observe(name, outcome, seconds)
            fields = {"call": name, "outcome": outcome.value, "seconds": round(seconds, 4)}
            log.info("stripe_request", extra={**fields, "stripe_request_id": self._http.request_id})

    @contextmanager
    def _translated(
        self, name: str, translate: Callable[[stripe.StripeError], PaymentsError]
    ) -> Iterator[None]:
        """Apply the time-out, and raise the shop's own errors for the SDK's."""
        try:
            with self._http.operation():
                yield
        except stripe.StripeError as err:
            error = translate(err)
            level = logging.ERROR if isinstance(error, StripeRefusedError) else logging.WARNING
            log.log(level, "stripe_request_failed", extra={"call": name, "error": str(error)})
            # Stripe's message may name a card or a person: keep it out of logs and tracebacks.
            raise error from None
