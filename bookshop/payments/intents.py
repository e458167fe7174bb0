"""A PaymentIntent as the shop sees it.

https://docs.stripe.com/api/payment_intents/object
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import stripe

from bookshop.money import Money
from bookshop.payments.charges import Charge, known
from bookshop.settings.parsers import Secret

ORDER = "order"  # the key in an intent's metadata that holds the order's number


class IntentStatus(StrEnum):
    """https://docs.stripe.com/payments/paymentintents/lifecycle."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


#: A customer can still pay.
OPEN = frozenset(
    {
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        IntentStatus.REQUIRES_CONFIRMATION,
        IntentStatus.REQUIRES_ACTION,
    }
)


@dataclass(frozen=True)
class Failure:
    """Why the last attempt to pay failed. `message` is Stripe's, made for customers."""

    type: str
    code: str | None
    decline_code: str | None
    message: str | None


@dataclass(frozen=True)
class PaymentIntent:
    """What Stripe said about one payment, when it was asked at `asked_at`.

    `reference` is the order's number in its metadata. `charge` is None where Stripe was not asked
    for it, which is so in the answers to creating, changing and cancelling, and where nobody has
    tried to pay yet.
    """

    id: str
    status: IntentStatus
    amount: Money
    amount_received: int
    client_secret: Secret
    reference: str | None
    livemode: bool
    failure: Failure | None
    asked_at: datetime
    cancellation_reason: str | None = None
    charge: Charge | None = None

    @property
    def open(self) -> bool:
        """Whether a customer can still pay with it."""
        return self.status in OPEN


def from_stripe(
    intent: stripe.PaymentIntent, asked_at: datetime, charge: Charge | None = None
) -> PaymentIntent:
    """The dataclass of an SDK object.

    One of unknown status is neither open, nor paid, nor over: it is taken for processing.
    """
    error = intent.last_payment_error
    return PaymentIntent(
        id=intent.id,
        status=known(IntentStatus, intent.status, IntentStatus.PROCESSING),
        amount=Money(intent.amount, intent.currency.upper()),
        amount_received=intent.amount_received,
        client_secret=Secret(intent.client_secret or ""),
        reference=intent.metadata.to_dict().get(ORDER),
        livemode=intent.livemode,
        failure=_failure(error) if error else None,
        asked_at=asked_at,
        cancellation_reason=intent.cancellation_reason,
        charge=charge,
    )


def _failure(error: stripe.PaymentIntent.LastPaymentError) -> Failure:
    said = error.to_dict()  # fields that do not apply are absent
    return Failure(
        type=error.type,
        code=said.get("code"),
        decline_code=said.get("decline_code"),
        message=said.get("message"),
    )
