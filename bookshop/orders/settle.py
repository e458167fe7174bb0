"""The one function that moves an order from what a PaymentIntent says.

The success page, the checkout page and the webhook all call it. It is idempotent, takes what
they heard in any order, and moves an order once, under a row lock.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.holds import HOLD, release, sell
from bookshop.orders.models import Order, OrderStatus
from bookshop.payments.intents import IntentStatus, PaymentIntent

LOG = logging.getLogger(__name__)

MEANS = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.REQUIRES_CONFIRMATION: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.REQUIRES_ACTION: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.PROCESSING: OrderStatus.PROCESSING,
    IntentStatus.SUCCEEDED: OrderStatus.PAID,
    IntentStatus.CANCELED: OrderStatus.CANCELLED,
}
# A failed attempt is not final, and a payment that lands on a cancelled order counts; paid is the
# end, as far as a PaymentIntent can tell.
MOVES = {
    OrderStatus.AWAITING_PAYMENT: {
        OrderStatus.PROCESSING,
        OrderStatus.PAID,
        OrderStatus.CANCELLED,
    },
    OrderStatus.PROCESSING: {
        OrderStatus.AWAITING_PAYMENT,
        OrderStatus.PAID,
        OrderStatus.CANCELLED,
    },
    OrderStatus.CANCELLED: {OrderStatus.PROCESSING, OrderStatus.PAID},
    OrderStatus.PAID: set(),
}


def settle(session: Session, intent: PaymentIntent, now: datetime) -> Order | None:
    """The order that `intent` pays, moved to where the intent stands.

    None where the intent is not one of the shop's, or contradicts what the shop has written
    down: then no order is touched.
    """
    order = _order_of(session, intent)
    if order is None:
        return None
    order.payment_intent = intent.id
    target = MEANS.get(intent.status)
    outdated = order.asked_at is not None and intent.asked_at < order.asked_at
    if outdated and target is not OrderStatus.PAID:
        return order  # somebody who asked later has been here before
    order.asked_at = max(intent.asked_at, order.asked_at or intent.asked_at)
    if target is None:
        LOG.error("order %s: intent %s is %s", order.number, intent.id, intent.status)
    elif target in MOVES[OrderStatus(order.status)]:
        _move(session, order, target, now)
    return order


def _order_of(session: Session, intent: PaymentIntent) -> Order | None:
    order = session.scalar(
        select(Order)
        .where(Order.number == intent.reference)
        .with_for_update()
        # What this session has read before the lock may be out of date.
        .execution_options(populate_existing=True)
    )
    if order is None:
        return None
    contradictions = [
        name
        for name, said, known in (
            ("id", intent.id, order.payment_intent or intent.id),
            ("amount", intent.amount, order.money),
            ("received", intent.amount_received, order.total),
        )
        if said != known and (name == "id" or intent.status is IntentStatus.SUCCEEDED)
    ]
    if contradictions:
        LOG.error(
            "order %s: intent %s contradicts it in %s: a person has to look",
            order.number,
            intent.id,
            ", ".join(contradictions),
        )
        return None
    return order


def _move(session: Session, order: Order, target: OrderStatus, now: datetime) -> None:
    LOG.info("order %s: %s -> %s", order.number, order.status, target.value)
    order.status = target
    if target is OrderStatus.PAID:
        order.paid_at = now
        if not sell(session, order):
            order.short = True
            LOG.error("order %s is paid, and its copies are gone", order.number)
    elif target is OrderStatus.CANCELLED:
        release(session, order)
        order.basis = None
    elif order.holding:
        # While a payment is on its way the copies wait for it, however long that takes.
        order.held_until = None if target is OrderStatus.PROCESSING else now + HOLD
