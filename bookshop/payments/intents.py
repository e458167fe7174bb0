"""A PaymentIntent as a dataclass.

https://docs.stripe.com/api/payment_intents/object
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import stripe

from bookshop.money import Money
from bookshop.payments.charges import Charge, parse_status
from bookshop.settings.parsers import Secret

ORDER_KEY = "order"  # in an intent's metadata: the order's number


class IntentStatus(StrEnum):
    """An intent's status. https://docs.stripe.com/payments/paymentintents/lifecycle."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"

    @property
    def final(self) -> bool:
        """True if Stripe never changes the status again."""
        return self in {IntentStatus.CANCELED, IntentStatus.SUCCEEDED}


#: With these a customer can still pay.
OPEN_INTENT_STATUSES = frozenset(
    {
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        IntentStatus.REQUIRES_CONFIRMATION,
        IntentStatus.REQUIRES_ACTION,
    }
)


@dataclass(frozen=True)
class Failure:
    """Why the last attempt to pay failed. `declines` says who may read `message`.

    `charge_id` is None if the attempt failed before there was a charge, as in 3-D Secure.
    """

    type: str
    code: str | None
    decline_code: str | None
    message: str | None
    charge_id: str | None = None


@dataclass(frozen=True)
class PaymentIntent:
    """The state of one payment at Stripe at a time (UTC).

    `amount_received` is in minor units. `reference` is the order's number from the metadata.
    `charge` is None before the first attempt to pay, and in the responses to creating, updating
    and cancelling, which do not include it.
    """

    id: str
    status: IntentStatus
    amount: Money
    amount_received: int
    client_secret: Secret
    reference: str | None
    livemode: bool
    failure: Failure | None
    checked_at: datetime
    cancellation_reason: str | None = None
    charge: Charge | None = None

    @property
    def failed_charge(self) -> str | None:
        """The id of the charge of the last attempt to pay, if it failed and there was one."""
        return self.failure.charge_id if self.failure else None

    @property
    def open(self) -> bool:
        """True if a customer can still pay with it."""
        return self.status in OPEN_INTENT_STATUSES


def intent_from_stripe(
    intent: stripe.PaymentIntent, checked_at: datetime, charge: Charge | None = None
) -> PaymentIntent:
    """Return the dataclass of an SDK object. An unknown status is treated as processing."""
    error = intent.last_payment_error
    return PaymentIntent(
        id=intent.id,
        status=parse_status(IntentStatus, intent.status, IntentStatus.PROCESSING),
        amount=Money(intent.amount, intent.currency.upper()),
        amount_received=intent.amount_received,
        client_secret=Secret(intent.client_secret or ""),
        reference=intent.metadata.to_dict().get(ORDER_KEY),
        livemode=intent.livemode,
        failure=_failure(error) if error else None,
        checked_at=checked_at,
        cancellation_reason=intent.cancellation_reason,
        charge=charge,
    )


def _failure(error: stripe.PaymentIntent.LastPaymentError) -> Failure:
    details = error.to_dict()  # fields that do not apply are absent
    return Failure(
        type=error.type,
        code=details.get("code"),
        decline_code=details.get("decline_code"),
        message=details.get("message"),
        charge_id=details.get("charge"),
    )
