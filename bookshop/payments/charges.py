"""A payment's charge and what happened to its money: refunds, disputes, fraud warnings.

https://docs.stripe.com/api/charges/object
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import stripe

from bookshop.money import Money

REFUND_KEY = "refund"  # in a refund's metadata: the shop's own key of the refund

log = logging.getLogger(__name__)

_Status = TypeVar("_Status", bound=StrEnum)


class RefundStatus(StrEnum):
    """A refund's status at Stripe. https://docs.stripe.com/refunds."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "canceled"

    @property
    def counts(self) -> bool:
        """True if the refund reduces the amount that the shop keeps."""
        return self not in {RefundStatus.FAILED, RefundStatus.CANCELLED}

    @property
    def rank(self) -> int:
        """The stage of the refund. Stripe never returns to a lower one."""
        return REFUND_STAGES[self]


class DisputeStatus(StrEnum):
    """A dispute's status. https://docs.stripe.com/api/disputes/object#dispute_object-status.

    The warning statuses are inquiries: the bank asks for evidence and has not taken the money.
    """

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"

    @property
    def rank(self) -> int:
        """The stage of the dispute. Stripe does not return to a lower one."""
        return DISPUTE_STAGES[self]


#: A refund that succeeded can still fail: https://docs.stripe.com/refunds#failed-refunds.
REFUND_STAGES = {
    RefundStatus.REQUIRES_ACTION: 0,
    RefundStatus.PENDING: 0,
    RefundStatus.SUCCEEDED: 1,
    RefundStatus.FAILED: 2,
    RefundStatus.CANCELLED: 2,
}
#: An inquiry, even a closed one, can become a dispute:
#: https://docs.stripe.com/disputes/how-disputes-work.
DISPUTE_STAGES = {
    DisputeStatus.WARNING_NEEDS_RESPONSE: 0,
    DisputeStatus.WARNING_UNDER_REVIEW: 1,
    DisputeStatus.WARNING_CLOSED: 2,
    DisputeStatus.NEEDS_RESPONSE: 3,
    DisputeStatus.UNDER_REVIEW: 4,
    DisputeStatus.WON: 5,
    DisputeStatus.LOST: 5,
    DisputeStatus.PREVENTED: 5,
}


@dataclass(frozen=True)
class Refund:
    """A refund at Stripe. `reference` is the shop's own key, None if it was made elsewhere."""

    id: str
    intent_id: str | None
    amount: Money
    status: RefundStatus
    reference: str | None
    reason: str | None
    failure_reason: str | None
    created: datetime


@dataclass(frozen=True)
class Dispute:
    """A payment that the customer disputed with their bank; `amount` is what the bank claims."""

    id: str
    intent_id: str | None
    amount: Money
    status: DisputeStatus
    reason: str
    created: datetime


@dataclass(frozen=True)
class FraudWarning:
    """A bank's early warning that a payment may be fraud, before any dispute.

    https://docs.stripe.com/disputes/prevention/early-fraud-warnings
    """

    id: str
    intent_id: str | None
    fraud_type: str
    created: datetime


@dataclass(frozen=True)
class Address:
    """A customer's name and address as given to Stripe; `country` is an ISO 3166 alpha-2 code.

    No field appears in `repr`, so that none reaches a log.
    """

    name: str | None = field(default=None, repr=False)
    line1: str | None = field(default=None, repr=False)
    line2: str | None = field(default=None, repr=False)
    postal_code: str | None = field(default=None, repr=False)
    city: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    country: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Charge:
    """The latest attempt to pay an intent, with its refunds and disputes.

    `amount_refunded` is Stripe's own sum, in minor units of the intent's currency.
    `under_review` is true while Stripe waits for an operator to approve the payment. `address`
    is the delivery address if the intent has one, otherwise the billing address. `receipt_email` is
    the intent's at the time of the attempt, `email` the payer's.
    """

    id: str
    amount_refunded: int
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    under_review: bool
    address: Address | None
    receipt_email: str | None = field(repr=False)
    email: str | None = field(default=None, repr=False)


def parse_status(kind: type[_Status], value: str | None, default: _Status) -> _Status:
    """Return Stripe's value as a status of that kind, `default` if the value is unknown.

    An error instead would make every webhook about the object fail for days.
    """
    try:
        return kind(value or "")
    except ValueError:
        fields = {"kind": kind.__name__, "value": value, "default": default.value}
        log.warning("stripe_status_unknown", extra=fields)
        return default


def refund_from_stripe(refund: stripe.Refund) -> Refund:
    """Return the dataclass of an SDK object. An unknown status is treated as pending."""
    return Refund(
        id=refund.id,
        intent_id=_intent_id(refund.payment_intent),
        amount=Money(refund.amount, refund.currency.upper()),
        status=parse_status(RefundStatus, refund.status, RefundStatus.PENDING),
        reference=refund.metadata.to_dict().get(REFUND_KEY) if refund.metadata else None,
        reason=refund.reason,
        failure_reason=refund.to_dict(recursive=False).get("failure_reason"),
        created=_utc(refund.created),
    )


def dispute_from_stripe(dispute: stripe.Dispute) -> Dispute:
    """Return the dataclass of an SDK object. An unknown status is treated as open."""
    return Dispute(
        id=dispute.id,
        intent_id=_intent_id(dispute.payment_intent),
        amount=Money(dispute.amount, dispute.currency.upper()),
        status=parse_status(DisputeStatus, dispute.status, DisputeStatus.NEEDS_RESPONSE),
        reason=dispute.reason,
        created=_utc(dispute.created),
    )


def fraud_warning_from_stripe(warning: stripe.radar.EarlyFraudWarning) -> FraudWarning:
    """Return the dataclass of an SDK object."""
    return FraudWarning(
        id=warning.id,
        intent_id=_intent_id(warning.to_dict(recursive=False).get("payment_intent")),
        fraud_type=warning.fraud_type,
        created=_utc(warning.created),
    )


def charge_from_stripe(
    intent: stripe.PaymentIntent,
    charge: stripe.Charge,
    refunds: Iterable[stripe.Refund],
    disputes: Iterable[stripe.Dispute],
) -> Charge:
    """Return the dataclass of an intent's charge, whose review is expanded."""
    review = charge.review
    return Charge(
        id=charge.id,
        amount_refunded=charge.amount_refunded,
        refunds=tuple(refund_from_stripe(refund) for refund in refunds),
        disputes=tuple(dispute_from_stripe(dispute) for dispute in disputes),
        under_review=isinstance(review, stripe.Review) and review.open,
        address=_address(intent.shipping) or _address(charge.billing_details),
        receipt_email=charge.receipt_email,
        email=charge.billing_details.to_dict().get("email"),
    )


def _address(
    party: stripe.PaymentIntent.Shipping | stripe.Charge.BillingDetails | None,
) -> Address | None:
    if party is None or party.address is None:
        return None
    address: dict[str, Any] = party.address.to_dict()
    parts = {each.name: address.get(each.name) for each in fields(Address) if each.name != "name"}
    return Address(party.name, **parts) if any(parts.values()) else None


def _intent_id(expandable: str | stripe.PaymentIntent | None) -> str | None:
    return expandable.id if isinstance(expandable, stripe.PaymentIntent) else expandable


def _utc(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
