"""Lists of Stripe objects. https://docs.stripe.com/api/pagination."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Any, TypeVar

import stripe

from bookshop.payments.charges import (
    Charge,
    Dispute,
    FraudWarning,
    Refund,
    charge_from_stripe,
    dispute_from_stripe,
    fraud_warning_from_stripe,
    refund_from_stripe,
)
from bookshop.payments.connection import StripeConnection
from bookshop.payments.intents import PaymentIntent, intent_from_stripe

PAGE_SIZE = 100  # objects, Stripe's maximum
#: Fields that Stripe leaves out of a PaymentIntent unless a request expands them.
EXPANDED = ("latest_charge.refunds", "latest_charge.review")

_Listed = TypeVar(
    "_Listed",
    stripe.PaymentIntent,
    stripe.Refund,
    stripe.Dispute,
    stripe.radar.EarlyFraudWarning,
)


class Listing(StripeConnection):
    """Lists of objects created at a time (UTC) or later, newest first.

    Each page is an operation of its own, requested when it is needed; between pages the caller
    may take as long as it likes.
    """

    def list_intents(self, since: datetime) -> Iterator[PaymentIntent]:
        """Yield every PaymentIntent with its charge."""
        expand = [f"data.{field}" for field in EXPANDED]
        pages = self._pages("list_intents", self._stripe.payment_intents.list, since, expand=expand)
        for intent, checked_at in pages:
            with self._operation("retrieve_charge") if _is_incomplete(intent) else nullcontext():
                charge = self._complete_charge(intent)
            yield intent_from_stripe(intent, checked_at, charge)

    def list_refunds(self, since: datetime) -> Iterator[Refund]:
        """Yield every refund."""
        for refund, _checked_at in self._pages("list_refunds", self._stripe.refunds.list, since):
            yield refund_from_stripe(refund)

    def list_disputes(self, since: datetime) -> Iterator[Dispute]:
        """Yield every dispute."""
        for dispute, _checked_at in self._pages("list_disputes", self._stripe.disputes.list, since):
            yield dispute_from_stripe(dispute)

    def list_fraud_warnings(self, since: datetime) -> Iterator[FraudWarning]:
        """Yield every early fraud warning."""
        fetch = self._stripe.radar.early_fraud_warnings.list
        for warning, _checked_at in self._pages("list_fraud_warnings", fetch, since):
            yield fraud_warning_from_stripe(warning)

    def fraud_warnings(self, intent_id: str) -> tuple[FraudWarning, ...]:
        """Return the early fraud warnings about one payment. Raises IntentMissingError."""
        with self._operation("list_fraud_warnings"):
            listed = self._stripe.radar.early_fraud_warnings.list(
                {"payment_intent": intent_id, "limit": PAGE_SIZE}
            )
            return tuple(fraud_warning_from_stripe(each) for each in listed.auto_paging_iter())

    def intent_refunds(self, intent_id: str) -> tuple[Refund, ...]:
        """Return the refunds of one payment. Raises IntentMissingError."""
        with self._operation("list_refunds"):
            listed = self._stripe.refunds.list({"payment_intent": intent_id, "limit": PAGE_SIZE})
            return tuple(refund_from_stripe(each) for each in listed.auto_paging_iter())

    def _complete_charge(self, intent: stripe.PaymentIntent) -> Charge | None:
        """Return the charge of an intent retrieved with EXPANDED; fetches what is left out."""
        charge = intent.latest_charge
        if not isinstance(charge, stripe.Charge):
            return None
        refunds = charge.refunds
        if refunds is None or refunds.has_more:
            refunds = self._stripe.refunds.list({"payment_intent": intent.id, "limit": PAGE_SIZE})
        disputes: Iterable[stripe.Dispute] = ()
        if charge.disputed:
            listed = self._stripe.disputes.list({"payment_intent": intent.id, "limit": PAGE_SIZE})
            disputes = listed.auto_paging_iter()
        return charge_from_stripe(intent, charge, refunds.auto_paging_iter(), disputes)

    def _pages(
        self,
        name: str,
        fetch: Callable[[Any], stripe.ListObject[_Listed]],
        since: datetime,
        **params: Any,
    ) -> Iterator[tuple[_Listed, datetime]]:
        """Yield each object of a list with the time (UTC) at which its page was requested."""
        params |= {"created": {"gte": int(since.timestamp())}, "limit": PAGE_SIZE}
        while True:
            with self._operation(name) as checked_at:
                page = fetch(params)
            for each in page.data:
                yield each, checked_at
            if not page.has_more:
                return
            params["starting_after"] = page.data[-1].id


def _is_incomplete(intent: stripe.PaymentIntent) -> bool:
    """True if part of the intent's charge needs a request of its own."""
    charge = intent.latest_charge
    if not isinstance(charge, stripe.Charge):
        return False
    return charge.disputed or charge.refunds is None or charge.refunds.has_more
