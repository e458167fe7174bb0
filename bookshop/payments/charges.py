"""What a PaymentIntent has brought in, and what has gone back: refunds, disputes, warnings.

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

REFUND = "refund"  # the key in a refund's metadata that holds the shop's own name for it
LOG = logging.getLogger(__name__)

_Status = TypeVar("_Status", bound=StrEnum)


class RefundStatus(StrEnum):
    """https://docs.stripe.com/refunds."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "canceled"

    @property
    def counts(self) -> bool:
        """Whether the refund takes its amount off what the charge has brought in."""
        return self not in {RefundStatus.FAILED, RefundStatus.CANCELLED}


class DisputeStatus(StrEnum):
    """https://docs.stripe.com/api/disputes/object#dispute_object-status.

    The warnings are inquiries: a bank asks, and takes no money yet.
    """

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


@dataclass(frozen=True)
class Refund:
    """Money on its way back to a customer. `reference` is the shop's own name for it, if any."""

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
    """A customer who asks their bank for the money; `amount` is what the bank asks back."""

    id: str
    intent_id: str | None
    amount: Money
    status: DisputeStatus
    reason: str
    created: datetime


@dataclass(frozen=True)
class FraudWarning:
    """A bank that takes a payment for fraud and has not asked anything back yet.

    https://docs.stripe.com/disputes/prevention/early-fraud-warnings
    """

    id: str
    intent_id: str | None
    fraud_type: str
    created: datetime


@dataclass(frozen=True)
class Address:
    """Where a customer lives, as told to Stripe; `country` is two letters of ISO 3166.

    Nothing of it shows in a `repr`, and so in no log.
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
    """The last attempt to pay, and all that has become of its money since.

    `amount_refunded` is Stripe's own sum, in minor units of the intent's currency; `under_review`
    says that Stripe waits for a person to approve the payment; `address` is the one to deliver
    to where the intent has that, otherwise the one of the card.
    """

    id: str
    amount_refunded: int
    refunds: tuple[Refund, ...]
    disputes: tuple[Dispute, ...]
    under_review: bool
    address: Address | None


def known(kind: type[_Status], said: str | None, otherwise: _Status) -> _Status:
    """Stripe's word as a status of that kind, and `otherwise` for a word that is not known yet.

    A webhook about it would fail for days if it were an error.
    """
    try:
        return kind(said or "")
    except ValueError:
        LOG.warning("unknown %s %r is taken for %s", kind.__name__, said, otherwise.value)
        return otherwise


def refund_of(refund: stripe.Refund) -> Refund:
    """The dataclass of an SDK object. A refund of unknown status counts, until more is known."""
    return Refund(
        id=refund.id,
        intent_id=_id(refund.payment_intent),
        amount=Money(refund.amount, refund.currency.upper()),
        status=known(RefundStatus, refund.status, RefundStatus.PENDING),
        reference=refund.metadata.to_dict().get(REFUND) if refund.metadata else None,
        reason=refund.reason,
        failure_reason=refund.to_dict(recursive=False).get("failure_reason"),
        created=_moment(refund.created),
    )


def dispute_of(dispute: stripe.Dispute) -> Dispute:
    """The dataclass of an SDK object. A dispute of unknown status is open: a person looks."""
    return Dispute(
        id=dispute.id,
        intent_id=_id(dispute.payment_intent),
        amount=Money(dispute.amount, dispute.currency.upper()),
        status=known(DisputeStatus, dispute.status, DisputeStatus.NEEDS_RESPONSE),
        reason=dispute.reason,
        created=_moment(dispute.created),
    )


def warning_of(warning: stripe.radar.EarlyFraudWarning) -> FraudWarning:
    """The dataclass of an SDK object."""
    return FraudWarning(
        id=warning.id,
        intent_id=_id(warning.to_dict(recursive=False).get("payment_intent")),
        fraud_type=warning.fraud_type,
        created=_moment(warning.created),
    )


def charge_of(
    intent: stripe.PaymentIntent,
    charge: stripe.Charge,
    refunds: Iterable[stripe.Refund],
    disputes: Iterable[stripe.Dispute],
) -> Charge:
    """The dataclass of an intent's charge, whose review is expanded, and of what belongs to it."""
    review = charge.review
    return Charge(
        id=charge.id,
        amount_refunded=charge.amount_refunded,
        refunds=tuple(refund_of(refund) for refund in refunds),
        disputes=tuple(dispute_of(dispute) for dispute in disputes),
        under_review=isinstance(review, stripe.Review) and review.open,
        address=_address(intent.shipping) or _address(charge.billing_details),
    )


def _address(
    party: stripe.PaymentIntent.Shipping | stripe.Charge.BillingDetails | None,
) -> Address | None:
    if party is None or party.address is None:
        return None
    said: dict[str, Any] = party.address.to_dict()
    places = {each.name: said.get(each.name) for each in fields(Address) if each.name != "name"}
    return Address(party.name, **places) if any(places.values()) else None


def _id(expandable: str | stripe.PaymentIntent | None) -> str | None:
    return expandable.id if isinstance(expandable, stripe.PaymentIntent) else expandable


def _moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
