"""What the shop asks of Stripe. https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import stripe

from bookshop import clock
from bookshop.money import Money
from bookshop.payments.account import (
    EVENTS,
    FINGERPRINT,
    Account,
    Endpoint,
    Undelivered,
    account_of,
    endpoint_of,
    fingerprint,
)
from bookshop.payments.charges import (
    REFUND,
    Charge,
    Dispute,
    FraudWarning,
    Refund,
    charge_of,
    dispute_of,
    refund_of,
    warning_of,
)
from bookshop.payments.circuit_breaker import Breaker
from bookshop.payments.error_mapping import error_of, refund_error_of
from bookshop.payments.errors import (
    Outcome,
    PaymentsError,
    StripeBusyError,
    StripeRefusedError,
    outcome_of,
)
from bookshop.payments.http_client import PooledClient
from bookshop.payments.intents import ORDER, PaymentIntent, from_stripe
from bookshop.payments.webhook_signatures import API_VERSION
from bookshop.settings import StripeSettings
from bookshop.settings.parsers import Secret

MAX_AMOUNT = 99_999_999  # minor units, the most that Stripe takes in any currency
PAGE = 100  # objects, the most that Stripe lists at once
# What Stripe leaves out of an intent unless it is asked for.
WHOLE = ("latest_charge.refunds", "latest_charge.review")
LOG = logging.getLogger(__name__)

_Listed = TypeVar(
    "_Listed",
    stripe.PaymentIntent,
    stripe.Refund,
    stripe.Dispute,
    stripe.radar.EarlyFraudWarning,
)

# It writes into the home folder of whoever runs the server.
stripe.enable_telemetry = False
# Below this the SDK writes down whole answers, client secrets and people included.
logging.getLogger("stripe").setLevel(logging.WARNING)


class Gateway:
    """The door: one client, few at a time, each visit bounded in time, none while Stripe is down.

    Every method waits for Stripe, so none may be called while a transaction is open. All raise
    StripeBusyError when too many wait already, StripeDownError while the breaker is open,
    StripeUnavailableError when Stripe gives no answer that counts, StripeRefusedError when it
    says no.
    """

    def __init__(self, settings: StripeSettings) -> None:
        self.livemode = settings.livemode
        self.breaker = Breaker()
        # Told what was asked, how it ended and how many seconds it took.
        self.observe: Callable[[str, Outcome, float], None] = lambda *_: None
        self._gate = threading.BoundedSemaphore(settings.max_concurrency)
        self._http = PooledClient(settings.timeout, settings.max_concurrency)
        client = stripe.StripeClient(
            settings.secret_key.reveal(),
            http_client=self._http,
            max_network_retries=settings.max_network_retries,
            base_addresses={"api": settings.api_base},
        )
        self._intents = client.v1.payment_intents
        self._refunds = client.v1.refunds
        self._disputes = client.v1.disputes
        self._warnings = client.v1.radar.early_fraud_warnings
        self._accounts = client.v1.accounts
        self._endpoints = client.v1.webhook_endpoints
        self._events = client.v1.events

    def check(self) -> None:
        """Raise what a visit would raise now that is not even begun, before anything is done.

        It promises nothing: others may come first. Raises StripeBusyError and StripeDownError.
        """
        self.breaker.check()
        with self._place():
            pass

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
        """The PaymentIntent as it is now, its charge with it. Raises IntentMissingError."""
        with self._ask("retrieve") as asked_at:
            intent = self._intents.retrieve(intent_id, {"expand": list(WHOLE)})
            return from_stripe(intent, asked_at, self._charge(intent))

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

    def cancel_intent(
        self, intent_id: str, reason: Literal["abandoned", "duplicate"] = "abandoned"
    ) -> PaymentIntent:
        """Make sure that nobody pays with it any more.

        Raises IntentMissingError, and IntentStateError where somebody has paid.
        """
        with self._ask("cancel") as asked_at:
            answer = self._intents.cancel(intent_id, {"cancellation_reason": reason})
            return from_stripe(answer, asked_at)

    def create_refund(self, key: str, intent_id: str, amount: Money, reference: str) -> Refund:
        """Send `amount` back to whoever paid; the same `key` sends it once, however often asked.

        `reference` goes into its metadata as `refund`. Raises RefundRefusedError,
        IntentMissingError, and StoredFailureError where Stripe keeps a failure under `key`.
        """
        with self._ask("refund", refund_error_of):
            answer = self._refunds.create(
                {
                    "payment_intent": intent_id,
                    "amount": amount.amount,
                    "reason": "requested_by_customer",
                    "metadata": {REFUND: reference},
                },
                {"idempotency_key": key},
            )
            return refund_of(answer)

    def fraud_warnings(self, intent_id: str) -> tuple[FraudWarning, ...]:
        """What banks have said of the payment so far, newest first. Raises IntentMissingError."""
        with self._ask("warnings"):
            listed = self._warnings.list({"payment_intent": intent_id, "limit": PAGE})
            return tuple(warning_of(each) for each in listed.auto_paging_iter())

    def intents(self, since: datetime) -> Iterator[PaymentIntent]:
        """Every PaymentIntent made at `since` or later, newest first, as retrieve_intent gives it.

        This and the other lists ask for a page at a time, each in a visit of its own and when it
        is needed: between them the caller may take as long as it likes.
        """
        expand = [f"data.{field}" for field in WHOLE]
        for intent, asked_at in self._listed("intents", self._intents.list, since, expand=expand):
            with self._ask("charge") if _has_more(intent) else nullcontext():
                charge = self._charge(intent)
            yield from_stripe(intent, asked_at, charge)

    def refunds(self, since: datetime) -> Iterator[Refund]:
        """Every refund made at `since` or later, newest first."""
        for refund, _asked_at in self._listed("refunds", self._refunds.list, since):
            yield refund_of(refund)

    def disputes(self, since: datetime) -> Iterator[Dispute]:
        """Every dispute opened at `since` or later, newest first."""
        for dispute, _asked_at in self._listed("disputes", self._disputes.list, since):
            yield dispute_of(dispute)

    def all_fraud_warnings(self, since: datetime) -> Iterator[FraudWarning]:
        """Every early fraud warning of `since` or later, newest first."""
        for warning, _asked_at in self._listed("warnings", self._warnings.list, since):
            yield warning_of(warning)

    def account(self) -> Account:
        """The account that the secret key is of."""
        with self._ask("account"):
            account = self._accounts.retrieve_current()
        return account_of(account, self._http.ahead)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """All webhook endpoints of the account."""
        with self._ask("endpoints"):
            listed = self._endpoints.list({"limit": PAGE})
            return tuple(endpoint_of(each) for each in listed.auto_paging_iter())

    def create_endpoint(self, url: str) -> tuple[Endpoint, Secret]:
        """An endpoint at `url` for all that the shop acts on, and its secret, told only now."""
        with self._ask("create endpoint"):
            params: Any = {"url": url, "enabled_events": EVENTS, "api_version": API_VERSION}
            made = self._endpoints.create(params)
        return endpoint_of(made), Secret(made.secret or "")

    def mark_endpoint(self, endpoint_id: str, secrets: Iterable[Secret]) -> None:
        """Keep with an endpoint what its signing secret, one of these, can be told by."""
        known = " ".join(fingerprint(secret) for secret in secrets)
        with self._ask("mark endpoint"):
            params: Any = {"metadata": {FINGERPRINT: known}}
            self._endpoints.update(endpoint_id, params)

    def mend_endpoint(self, endpoint_id: str) -> Endpoint:
        """Switch an endpoint on, for all that the shop acts on. Its version cannot be changed."""
        with self._ask("mend endpoint"):
            params: Any = {"enabled_events": EVENTS, "disabled": False}
            return endpoint_of(self._endpoints.update(endpoint_id, params))

    def undelivered(self, since: datetime, until: datetime) -> Undelivered | None:
        """What of EVENTS was not delivered between two times; None where all was.

        Stripe says so of the account: which of its endpoints did not take one, it does not say.
        """
        span: Any = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
        params: Any = {"delivery_success": False, "created": span, "types": EVENTS, "limit": PAGE}
        with self._ask("undelivered"):
            page = self._events.list(params)
        if not page.data:
            return None
        oldest = datetime.fromtimestamp(page.data[-1].created, UTC)
        return Undelivered(len(page.data), oldest)

    def close(self) -> None:
        """Close the connections to Stripe."""
        self._http.close()

    def _charge(self, intent: stripe.PaymentIntent) -> Charge | None:
        """The charge of an intent that was asked for as WHOLE; asks for what is not in it."""
        charge = intent.latest_charge
        if not isinstance(charge, stripe.Charge):
            return None
        refunds = charge.refunds
        if refunds is None or refunds.has_more:
            refunds = self._refunds.list({"payment_intent": intent.id, "limit": PAGE})
        disputes: Iterable[stripe.Dispute] = ()
        if charge.disputed:
            listed = self._disputes.list({"payment_intent": intent.id, "limit": PAGE})
            disputes = listed.auto_paging_iter()
        return charge_of(intent, charge, refunds.auto_paging_iter(), disputes)

    def _listed(
        self,
        what: str,
        ask: Callable[[Any], stripe.ListObject[_Listed]],
        since: datetime,
        **params: Any,
    ) -> Iterator[tuple[_Listed, datetime]]:
        """Each object of a list, and when the page that it is on was asked for."""
        params |= {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
        while True:
            with self._ask(what) as asked_at:
                page = ask(params)
            for each in page.data:
                yield each, asked_at
            if not page.has_more:
                return
            params["starting_after"] = page.data[-1].id

    @contextmanager
    def _ask(
        self, what: str, translate: Callable[[stripe.StripeError], PaymentsError] = error_of
    ) -> Iterator[datetime]:
        began, outcome = time.perf_counter(), Outcome.BROKEN
        try:
            with self._place(), self.breaker.guard(), self._visit(what, translate):
                yield clock.now()
            outcome = Outcome.ANSWERED
        except PaymentsError as err:
            outcome = outcome_of(err)
            raise
        finally:
            seconds = time.perf_counter() - began
            self.observe(what, outcome, seconds)
            about = {"call": what, "outcome": outcome.value, "seconds": round(seconds, 4)}
            LOG.info("stripe", extra={**about, "stripe_request_id": self._http.request_id})

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the places for those who wait for Stripe."""
        if not self._gate.acquire(blocking=False):
            message = "as many requests wait for Stripe as stripe.max_concurrency allows"
            raise StripeBusyError(message)
        try:
            yield
        finally:
            self._gate.release()

    @contextmanager
    def _visit(
        self, what: str, translate: Callable[[stripe.StripeError], PaymentsError]
    ) -> Iterator[None]:
        try:
            with self._http.visit():
                yield
        except stripe.StripeError as err:
            error = translate(err)
            level = logging.ERROR if isinstance(error, StripeRefusedError) else logging.WARNING
            LOG.log(level, "stripe %s failed: %s", what, error)
            # Stripe's own text may name a card or a person: it stays out of logs and tracebacks.
            raise error from None


def _has_more(intent: stripe.PaymentIntent) -> bool:
    """Whether some of what belongs to the intent has to be asked for by itself."""
    charge = intent.latest_charge
    if not isinstance(charge, stripe.Charge):
        return False
    return charge.disputed or charge.refunds is None or charge.refunds.has_more
