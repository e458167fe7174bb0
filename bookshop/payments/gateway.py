"""What the shop asks of Stripe. https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

import stripe

from bookshop import clock
from bookshop.money import Money
from bookshop.payments.errors import (
    IntentMissingError,
    IntentStateError,
    PaymentsError,
    StoredFailureError,
    StripeBusyError,
    StripeRefusedError,
    StripeUnavailableError,
)
from bookshop.payments.http import PooledClient
from bookshop.payments.intents import ORDER, PaymentIntent, from_stripe
from bookshop.settings import StripeSettings

MAX_AMOUNT = 99_999_999  # minor units, the most that Stripe takes in any currency
LOG = logging.getLogger(__name__)

# It writes into the home folder of whoever runs the server.
stripe.enable_telemetry = False
# Below this the SDK writes down whole answers, client secrets and people included.
logging.getLogger("stripe").setLevel(logging.WARNING)


class Gateway:
    """The door: one client, few at a time, each visit bounded in time.

    Every method waits for Stripe, so none may be called while a transaction is open. All raise
    StripeBusyError when too many wait already, StripeUnavailableError when Stripe gives no answer
    that counts, StripeRefusedError when it says no.
    """

    def __init__(self, settings: StripeSettings) -> None:
        self.livemode = settings.livemode
        self._gate = threading.BoundedSemaphore(settings.max_concurrency)
        self._http = PooledClient(settings.timeout, settings.max_concurrency)
        client = stripe.StripeClient(
            settings.secret_key.reveal(),
            http_client=self._http,
            max_network_retries=settings.max_network_retries,
            base_addresses={"api": settings.api_base},
        )
        self._intents = client.v1.payment_intents

    def create_intent(
        self, key: str, amount: Money, reference: str, description: str
    ) -> PaymentIntent:
        """A PaymentIntent; the same `key` gives the same one, however often it is asked for.

        `reference` goes into its metadata as `order`. Raises StoredFailureError where Stripe
        keeps a failure under `key`.
        """
        with self._ask("create") as asked_at:
            answer = self._intents.create(
                {
                    "amount": amount.amount,
                    "currency": amount.currency.lower(),
                    "automatic_payment_methods": {"enabled": True},
                    "description": description,
                    "metadata": {ORDER: reference},
                },
                {"idempotency_key": key},
            )
            return from_stripe(answer, asked_at)

    def retrieve_intent(self, intent_id: str) -> PaymentIntent:
        """The PaymentIntent as it is now. Raises IntentMissingError."""
        with self._ask("retrieve") as asked_at:
            return from_stripe(self._intents.retrieve(intent_id), asked_at)

    def change_intent(self, intent_id: str, amount: Money, receipt_email: str) -> PaymentIntent:
        """Give an open PaymentIntent its amount, and the address that its receipt goes to.

        Raises IntentMissingError, and IntentStateError where it cannot be changed any more.
        """
        params: stripe.params.PaymentIntentUpdateParams = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "receipt_email": receipt_email,
        }
        with self._ask("change") as asked_at:
            return from_stripe(self._intents.update(intent_id, params), asked_at)

    def cancel_intent(self, intent_id: str) -> PaymentIntent:
        """Make sure that nobody pays with it any more.

        Raises IntentMissingError, and IntentStateError where somebody has paid.
        """
        with self._ask("cancel") as asked_at:
            answer = self._intents.cancel(intent_id, {"cancellation_reason": "abandoned"})
            return from_stripe(answer, asked_at)

    def close(self) -> None:
        """Close the connections to Stripe."""
        self._http.close()

    @contextmanager
    def _ask(self, what: str) -> Iterator[datetime]:
        if not self._gate.acquire(blocking=False):
            message = "as many requests wait for Stripe as stripe.max_concurrency allows"
            raise StripeBusyError(message)
        try:
            with self._http.visit():
                yield clock.now()
        except stripe.StripeError as err:
            error = _translate(err)
            level = logging.ERROR if isinstance(error, StripeRefusedError) else logging.WARNING
            LOG.log(level, "stripe %s failed: %s", what, error)
            # Stripe's own text may name a card or a person: it stays out of logs and tracebacks.
            raise error from None
        finally:
            self._gate.release()


def _translate(err: stripe.StripeError) -> PaymentsError:
    """The shop's own error for one of the SDK's.

    https://docs.stripe.com/error-low-level
    """
    status = err.http_status or 0
    text = f"{type(err).__name__} status={status} code={err.code} request={err.request_id}"
    headers = err.headers or {}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and headers.get("idempotent-replayed") == "true":
        return StoredFailureError(text)
    if isinstance(err, stripe.APIError | stripe.APIConnectionError | stripe.RateLimitError):
        return StripeUnavailableError(text)
    if err.code == "resource_missing":
        return IntentMissingError(text)
    if err.code == "payment_intent_unexpected_state":
        return IntentStateError(text)
    return StripeRefusedError(text)
