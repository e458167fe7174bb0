"""In what an order and Stripe's word on it differ: found without a lock, told in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.money import Money
from bookshop.orders.models import DisputeRecord, Order, RefundRecord
from bookshop.orders.payment.sync import address_to_json
from bookshop.orders.states import CLOSED, PAID_FOR, UNPAID, OrderStatus
from bookshop.orders.status import derive_status
from bookshop.payments.charges import Charge, DisputeStatus
from bookshop.payments.intents import IntentStatus, PaymentIntent


class Kind(StrEnum):
    """What a difference is about."""

    INTENT = "intent"  # one that is not written down
    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    REVIEW = "review"
    WARNING = "warning"
    ADDRESS = "address"
    STATUS = "status"  # what follows from all that
    OPEN_INTENT = "open_intent"  # of an order that is over
    REFUND_WAITING = "refund_waiting"  # asked for, and not made
    SECOND_INTENT = "second_intent"
    SECOND_PAYMENT = "second_payment"
    CONTRADICTION = "contradiction"
    UNKNOWN_ORDER = "unknown_order"
    MISSING_INTENT = "missing_intent"
    MONEY_OWED = "money_owed"


class End(StrEnum):
    """What becomes of a difference."""

    REPAIRED = "repaired"
    REPAIRABLE = "can be repaired"  # where nothing was to be changed
    LEFT = "left to you"


@dataclass(frozen=True)
class Difference:
    """Something that the shop and Stripe do not agree about."""

    order: str
    intent: str | None
    kind: Kind
    text: str
    end: End


@dataclass(frozen=True)
class Facts:
    """What Stripe decides of an order; refunds and disputes are statuses by Stripe's ids."""

    status: OrderStatus
    intent_id: str | None
    refunded: Money
    refunds: Mapping[str, str]
    disputes: Mapping[str, str]
    under_review: bool
    address: Mapping[str, str] | None


def facts_of(session: Session, order: Order) -> Facts:
    """The facts as the transaction has them."""
    session.flush()
    return Facts(
        OrderStatus(order.status),
        order.payment_intent,
        Money(order.refunded, order.currency),
        _statuses(session, order, RefundRecord),
        _statuses(session, order, DisputeRecord),
        order.under_review,
        order.address,
    )


def agree(order: Order, facts: Facts, intent: PaymentIntent) -> bool:
    """Whether settling would change nothing; in doubt it would."""
    if (order.payment_intent, order.intent_status) != (intent.id, intent.status.value):
        return False
    if intent.status is IntentStatus.SUCCEEDED:
        paid = (intent.amount, intent.amount_received) == (order.money, order.total)
        return order.status in PAID_FOR and paid and _mirrored(order, facts, intent.charge)
    if intent.status is IntentStatus.CANCELED:
        return order.status in CLOSED and order.basis is None
    if intent.open:
        return order.status in {OrderStatus.AWAITING_PAYMENT, *CLOSED}
    return order.status == OrderStatus.PROCESSING and intent.status is IntentStatus.PROCESSING


def contradiction(order: Order, intent: PaymentIntent) -> str | None:
    """How an order's own intent contradicts it, in words."""
    if intent.reference != order.number:
        return f"its PaymentIntent names the order {intent.reference or '(none)'} at Stripe"
    if intent.status is not IntentStatus.SUCCEEDED:
        return None
    ordered = amount_in_words(order.money)
    if intent.amount != order.money:
        return f"{amount_in_words(intent.amount)} were paid at Stripe, {ordered} ordered here"
    received = Money(intent.amount_received, intent.amount.currency)
    if received != order.money:
        return f"{amount_in_words(received)} arrived at Stripe, of {ordered} ordered here"
    return None


def kept(intent: PaymentIntent) -> Money | None:
    """What a payment has brought in and nobody has given back yet, if anything."""
    if intent.status is not IntentStatus.SUCCEEDED:
        return None
    refunded = intent.charge.amount_refunded if intent.charge else 0
    left = Money(intent.amount_received - refunded, intent.amount.currency)
    return left if left.amount else None


def in_words(before: Facts, after: Facts) -> Iterator[tuple[Kind, str]]:
    """What settling has changed, as a difference between there and here."""
    told = [
        *_payment_in_words(before, after),
        *_refunds_in_words(before, after),
        *_disputes_in_words(before, after),
        *_rest_in_words(before, after),
    ]
    yield from told
    if not told and before.status != after.status and before.status in PAID_FOR:
        yield (
            Kind.STATUS,
            f"{_plain(after.status)} by what Stripe says, {_plain(before.status)} here",
        )


def _payment_in_words(before: Facts, after: Facts) -> Iterator[tuple[Kind, str]]:
    if before.intent_id is None and after.intent_id is not None:
        yield (
            Kind.INTENT,
            f"{after.intent_id} is its PaymentIntent at Stripe, and none is known here",
        )
    unpaid = after.status in UNPAID and before.status in UNPAID
    if before.status == after.status or before.status in PAID_FOR or unpaid:
        return
    there = {
        OrderStatus.AWAITING_PAYMENT: "the payment failed",
        OrderStatus.PROCESSING: "in process",
        OrderStatus.CANCELLED: "cancelled",
        OrderStatus.EXPIRED: "cancelled",
    }.get(after.status, "paid")
    yield Kind.PAYMENT, f"{there} at Stripe, {_plain(before.status)} here"


def _refunds_in_words(before: Facts, after: Facts) -> Iterator[tuple[Kind, str]]:
    if before.refunded != after.refunded:
        back, known = amount_in_words(after.refunded), before.refunded.value
        yield Kind.REFUND, f"{back} went back at Stripe, {known} here"
        return
    for refund, status in _changed(before.refunds, after.refunds):
        known_as = _plain(before.refunds.get(refund, "unknown"))
        yield Kind.REFUND, f"refund {refund} is {_plain(status)} at Stripe, {known_as} here"


def _disputes_in_words(before: Facts, after: Facts) -> Iterator[tuple[Kind, str]]:
    for dispute, status in _changed(before.disputes, after.disputes):
        known = before.disputes.get(dispute)
        there = _dispute(status)
        if known is None:
            yield Kind.DISPUTE, f"a dispute {there} at Stripe that is not known here"
        else:
            yield Kind.DISPUTE, f"a dispute {there} at Stripe, and {_dispute(known)} here"


def _rest_in_words(before: Facts, after: Facts) -> Iterator[tuple[Kind, str]]:
    if after.under_review and not before.under_review:
        yield Kind.REVIEW, "Stripe advises to look at the payment first, which is not known here"
    if before.under_review and not after.under_review:
        yield Kind.REVIEW, "the review of the payment is over at Stripe, and still open here"
    if before.address is not None and before.address != after.address:
        yield Kind.ADDRESS, "Stripe has another address than is known here"


def _mirrored(order: Order, facts: Facts, charge: Charge | None) -> bool:
    """Whether all that became of the money is written down, and the order stands accordingly."""
    if charge is None:
        return True
    refunds = {refund.id: refund.status.value for refund in charge.refunds}
    disputes = {dispute.id: dispute.status.value for dispute in charge.disputes}
    back = sum(refund.amount.amount for refund in charge.refunds if refund.status.counts)
    return (
        (facts.refunds, facts.disputes, order.refunded) == (refunds, disputes, back)
        and order.under_review == charge.under_review
        and (charge.address is None or order.address == address_to_json(charge.address))
        and derive_status(order, set(disputes.values())) == order.status
    )


def _statuses(
    session: Session, order: Order, kind: type[RefundRecord | DisputeRecord]
) -> dict[str, str]:
    wanted = select(kind.stripe_id, kind.status).where(kind.order_id == order.id)
    return {name: status for name, status in session.execute(wanted) if name}


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, status) for name, status in after.items() if before.get(name) != status)


def _dispute(status: str) -> str:
    words = {
        DisputeStatus.WON: "was won",
        DisputeStatus.LOST: "was lost",
        DisputeStatus.PREVENTED: "was prevented",
        DisputeStatus.UNDER_REVIEW: "is under review",
        DisputeStatus.WARNING_NEEDS_RESPONSE: "is an open inquiry",
        DisputeStatus.WARNING_UNDER_REVIEW: "is an inquiry under review",
        DisputeStatus.WARNING_CLOSED: "is a closed inquiry",
    }
    return words.get(DisputeStatus(status), "is open")


def amount_in_words(money: Money) -> str:
    """An amount as reports have it, whatever the locale: 12.50 GBP."""
    return f"{money.value} {money.currency}"


def _plain(status: str) -> str:
    return status.replace("_", " ")
