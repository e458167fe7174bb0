"""Compares an order with its PaymentIntent, without a lock and without changing anything."""

from __future__ import annotations

from bookshop.money import Money
from bookshop.orders.models import Order
from bookshop.orders.payment.sync import address_to_json
from bookshop.orders.states import CLOSED, PAID_FOR, OrderStatus
from bookshop.orders.transitions import derive_status
from bookshop.payments.charges import Charge
from bookshop.payments.intents import IntentStatus, PaymentIntent
from bookshop.reconciliation.facts import OrderFacts


def is_in_sync(order: Order, facts: OrderFacts, intent: PaymentIntent) -> bool:
    """True if `sync_payment` would change nothing; false in doubt."""
    if (order.payment_intent, order.intent_status) != (intent.id, intent.status.value):
        return False
    if intent.status is IntentStatus.SUCCEEDED:
        paid = (intent.amount, intent.amount_received) == (order.money, order.total)
        return order.status in PAID_FOR and paid and _is_recorded(order, facts, intent.charge)
    if intent.status is IntentStatus.CANCELED:
        return order.status in CLOSED and order.dedup_key is None
    if intent.open:
        return order.status in {OrderStatus.AWAITING_PAYMENT, *CLOSED}
    return order.status == OrderStatus.PROCESSING and intent.status is IntentStatus.PROCESSING


def unrefunded_amount(intent: PaymentIntent) -> Money | None:
    """Return the amount received minus refunds; None if it is zero or the intent is unpaid."""
    if intent.status is not IntentStatus.SUCCEEDED:
        return None
    refunded = intent.charge.amount_refunded if intent.charge else 0
    amount = intent.amount_received - refunded
    return Money(amount, intent.amount.currency) if amount else None


def _is_recorded(order: Order, facts: OrderFacts, charge: Charge | None) -> bool:
    """True if the charge's refunds, disputes, review and address are recorded in the order."""
    if charge is None:
        return True
    refunds = {refund.id: refund.status.value for refund in charge.refunds}
    disputes = {dispute.id: dispute.status.value for dispute in charge.disputes}
    refunded = sum(refund.amount.amount for refund in charge.refunds if refund.status.counts)
    return (
        (facts.refunds, facts.disputes, order.refunded) == (refunds, disputes, refunded)
        and order.under_review == charge.under_review
        and (charge.address is None or order.address == address_to_json(charge.address))
        and derive_status(order, set(disputes.values())) == order.status
    )
