"""Describes differences between an order and Stripe in words, each with its code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bookshop.money import Money
from bookshop.orders.models import Order
from bookshop.orders.states import PAID_FOR, UNPAID, OrderStatus
from bookshop.payments.intents import IntentStatus, PaymentIntent
from bookshop.reconciliation.facts import OrderFacts
from bookshop.reconciliation.findings import FindingCode

#: How Stripe's side of an unpaid order is called, by the status that it gives the order.
UNPAID_AT_STRIPE = {
    OrderStatus.AWAITING_PAYMENT: (FindingCode.PAYMENT_FAILED, "payment failed"),
    OrderStatus.PROCESSING: (FindingCode.PAYMENT_PROCESSING, "payment processing"),
    OrderStatus.CANCELLED: (FindingCode.PAYMENT_CANCELLED, "payment cancelled"),
    OrderStatus.EXPIRED: (FindingCode.PAYMENT_CANCELLED, "payment cancelled"),
}
NOT_RECORDED = "not recorded"


def describe_changes(before: OrderFacts, after: OrderFacts) -> list[tuple[FindingCode, str]]:
    """Return what synchronising changed: `before` are the shop's facts, `after` Stripe's."""
    changes = [
        *_payment_changes(before, after),
        *_refund_changes(before, after),
        *_dispute_changes(before, after),
        *_other_changes(before, after),
    ]
    if not changes and before.status != after.status and before.status in PAID_FOR:
        text = f"{_readable(after.status)} by Stripe's data, {_readable(before.status)} here"
        return [(FindingCode.ORDER_STATUS, text)]
    return changes


def describe_mismatch(order: Order, intent: PaymentIntent) -> str | None:
    """Return how an order's own intent contradicts the order, None if it does not."""
    if intent.reference != order.number:
        return f"its PaymentIntent names order {intent.reference or '(none)'} at Stripe"
    if intent.status is not IntentStatus.SUCCEEDED:
        return None
    ordered = format_amount(order.money)
    if intent.amount != order.money:
        return f"paid at Stripe: {format_amount(intent.amount)}, ordered: {ordered}"
    received = Money(intent.amount_received, intent.amount.currency)
    if received != order.money:
        return f"received at Stripe: {format_amount(received)}, ordered: {ordered}"
    return None


def format_amount(money: Money) -> str:
    """Return an amount for a report, independent of the locale: 12.50 GBP."""
    return f"{money.value} {money.currency}"


def _payment_changes(before: OrderFacts, after: OrderFacts) -> Iterator[tuple[FindingCode, str]]:
    if before.intent_id is None and after.intent_id is not None:
        text = f"PaymentIntent {after.intent_id} at Stripe, {NOT_RECORDED} here"
        yield FindingCode.INTENT_NOT_RECORDED, text
    both_unpaid = after.status in UNPAID and before.status in UNPAID
    if before.status == after.status or before.status in PAID_FOR or both_unpaid:
        return
    paid = (FindingCode.PAYMENT_SUCCEEDED, "paid")
    code, at_stripe = UNPAID_AT_STRIPE.get(after.status, paid)
    yield code, f"{at_stripe} at Stripe, {_readable(before.status)} here"


def _refund_changes(before: OrderFacts, after: OrderFacts) -> Iterator[tuple[FindingCode, str]]:
    if before.refunded != after.refunded:
        at_stripe, here = format_amount(after.refunded), format_amount(before.refunded)
        yield FindingCode.REFUNDED_AMOUNT, f"{at_stripe} refunded at Stripe, {here} here"
        return
    for refund, status in _changed(before.refunds, after.refunds):
        here = _readable(before.refunds.get(refund, NOT_RECORDED))
        yield (
            FindingCode.REFUND_STATUS,
            f"refund {refund}: {_readable(status)} at Stripe, {here} here",
        )


def _dispute_changes(before: OrderFacts, after: OrderFacts) -> Iterator[tuple[FindingCode, str]]:
    for dispute, status in _changed(before.disputes, after.disputes):
        here = _readable(before.disputes.get(dispute, NOT_RECORDED))
        text = f"dispute {dispute}: {_readable(status)} at Stripe, {here} here"
        yield FindingCode.DISPUTE_STATUS, text


def _other_changes(before: OrderFacts, after: OrderFacts) -> Iterator[tuple[FindingCode, str]]:
    if after.under_review and not before.under_review:
        yield FindingCode.REVIEW_OPENED, f"review open at Stripe, {NOT_RECORDED} here"
    if before.under_review and not after.under_review:
        yield FindingCode.REVIEW_CLOSED, "review closed at Stripe, open here"
    if before.address is not None and before.address != after.address:
        yield FindingCode.ADDRESS, "the address at Stripe differs from the one here"


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((name, status) for name, status in after.items() if before.get(name) != status)


def _readable(status: str) -> str:
    return status.replace("_", " ")
