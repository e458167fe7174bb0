"""Compares an order with its PaymentIntent, without a lock and without changing anything."""

from __future__ import annotations

from bookshop.money import Money
from bookshop.orders.models import Order
from bookshop.orders.payment.failed_attempts import MAX_ATTEMPTS
from bookshop.orders.payment.sync import address_to_json
from bookshop.orders.states import CLOSED, PAID_FOR, OrderStatus
from bookshop.orders.transitions import derive_status
from bookshop.payments.charges import Charge
from bookshop.payments.intents import IntentStatus, PaymentIntent
from bookshop.reconciliation.facts import OrderFacts


def differences(order: Order, facts: OrderFacts, intent: PaymentIntent) -> list[str]:
    """Return the facts that differ from Stripe's; empty only if `sync_payment` changes nothing."""
    is_same = {
        "payment intent": order.payment_intent == intent.id,
        "payment status": order.intent_status == intent.status.value,
        "order status": _has_status_of(order, intent),
        "failed attempts": _is_attempt_recorded(facts, intent),
    }
    if intent.status is IntentStatus.SUCCEEDED:
        paid = (intent.amount, intent.amount_received) == (order.money, order.total)
        is_same |= {"amount": paid, **_is_recorded(order, facts, intent.charge)}
    return [name for name, same in is_same.items() if not same]


def unrefunded_amount(intent: PaymentIntent) -> Money | None:
    """Return the amount received minus refunds; None if it is zero or the intent is unpaid."""
    if intent.status is not IntentStatus.SUCCEEDED:
        return None
    refunded = intent.charge.amount_refunded if intent.charge else 0
    amount = intent.amount_received - refunded
    return Money(amount, intent.amount.currency) if amount else None


def _is_attempt_recorded(facts: OrderFacts, intent: PaymentIntent) -> bool:
    failed = intent.failed_charge
    is_full = len(facts.failed_attempts) >= MAX_ATTEMPTS
    return failed is None or is_full or failed in facts.failed_attempts


def _has_status_of(order: Order, intent: PaymentIntent) -> bool:
    """True if the order has a status that follows from the intent's."""
    if intent.status is IntentStatus.SUCCEEDED:
        return order.status in PAID_FOR
    if intent.status is IntentStatus.CANCELED:
        return order.status in CLOSED and order.dedup_key is None
    if intent.open:
        return order.status in {OrderStatus.AWAITING_PAYMENT, *CLOSED}
    return order.status == OrderStatus.PROCESSING and intent.status is IntentStatus.PROCESSING


def _is_recorded(order: Order, facts: OrderFacts, charge: Charge | None) -> dict[str, bool]:
    """Return for each fact of the charge True if it is recorded in the order."""
    if charge is None:
        return {}
    refunds = {refund.id: refund.status.value for refund in charge.refunds}
    disputes = {dispute.id: dispute.status.value for dispute in charge.disputes}
    refunded = sum(refund.amount.amount for refund in charge.refunds if refund.status.counts)
    return {
        "refunds": (facts.refunds, order.refunded) == (refunds, refunded),
        "disputes": facts.disputes == disputes,
        "review": order.under_review == charge.under_review,
        "address": (
            order.erased
            or charge.address is None
            or order.address == address_to_json(charge.address)
        ),
        "order status": derive_status(order, set(disputes.values())) == order.status,
    }
