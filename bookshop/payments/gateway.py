"""The gateway to Stripe: PaymentIntents and refunds. https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

from typing import Literal

import stripe

from bookshop.money import Money
from bookshop.payments.administration import Administration
from bookshop.payments.charges import REFUND_KEY, Refund, refund_from_stripe
from bookshop.payments.error_mapping import map_refund_error
from bookshop.payments.intents import ORDER_KEY, PaymentIntent, intent_from_stripe
from bookshop.payments.listing import EXPANDED, Listing


class Gateway(Listing, Administration):
    """Everything that the shop does at Stripe, through one StripeConnection."""

    def create_intent(
        self, key: str, amount: Money, reference: str, description: str
    ) -> PaymentIntent:
        """Create a PaymentIntent; the same idempotency `key` returns the same one.

        `reference`, the order's number, is stored in its metadata. Raises AmountRefusedError, and
        StoredFailureError if Stripe stores a failure under `key`. https://docs.stripe.com/api/idempotent_requests
        """
        with self._operation("create_intent") as checked_at:
            created = self._stripe.payment_intents.create(
                {
                    "amount": amount.amount,
                    "currency": amount.currency.lower(),
                    "automatic_payment_methods": {"enabled": True},
                    "description": description,
                    "metadata": {ORDER_KEY: reference},
                },
                {"idempotency_key": key},
            )
            return intent_from_stripe(created, checked_at)

    def retrieve_intent(self, intent_id: str) -> PaymentIntent:
        """Return the PaymentIntent with its charge. Raises IntentMissingError."""
        with self._operation("retrieve_intent") as checked_at:
            intent = self._stripe.payment_intents.retrieve(intent_id, {"expand": list(EXPANDED)})
            return intent_from_stripe(intent, checked_at, self._complete_charge(intent))

    def update_intent(
        self, intent_id: str, amount: Money, receipt_email: str | None
    ) -> PaymentIntent:
        """Set the amount of an open PaymentIntent and, unless it is None, the receipt's address.

        With an empty address Stripe sends no receipt. Raises EmailRefusedError, IntentMissingError,
        and IntentStateError if the intent can no longer be changed.
        """
        params: stripe.params.PaymentIntentUpdateParams = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
        }
        if receipt_email is not None:
            params["receipt_email"] = receipt_email
        with self._operation("update_intent") as checked_at:
            updated = self._stripe.payment_intents.update(intent_id, params)
            return intent_from_stripe(updated, checked_at)

    def cancel_intent(
        self, intent_id: str, reason: Literal["abandoned", "duplicate"] = "abandoned"
    ) -> PaymentIntent:
        """Cancel a PaymentIntent, so that it can no longer be paid.

        Raises IntentMissingError, and IntentStateError if it has been paid.
        """
        with self._operation("cancel_intent") as checked_at:
            cancelled = self._stripe.payment_intents.cancel(
                intent_id, {"cancellation_reason": reason}
            )
            return intent_from_stripe(cancelled, checked_at)

    def create_refund(self, key: str, intent_id: str, amount: Money, reference: str) -> Refund:
        """Refund `amount` of a payment; the same idempotency `key` refunds it once.

        `reference`, the shop's key of the refund, is stored in its metadata. Raises
        RefundRefusedError, IntentMissingError, and StoredFailureError if Stripe stores a failure
        under `key`. https://docs.stripe.com/refunds
        """
        with self._operation("create_refund", map_refund_error):
            created = self._stripe.refunds.create(
                {
                    "payment_intent": intent_id,
                    "amount": amount.amount,
                    "reason": "requested_by_customer",
                    "metadata": {REFUND_KEY: reference},
                },
                {"idempotency_key": key},
            )
            return refund_from_stripe(created)
