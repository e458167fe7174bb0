"""Closing of unpaid orders: expired, or outdated by the catalogue. Their intents are cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.db import has_passed
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import INTENT_MISSING, Order
from bookshop.orders.offers import is_outdated
from bookshop.orders.payment.closing import close_orders
from bookshop.orders.payment.intents import cancel_intent
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import CLOSED, UNPAID, OrderStatus
from bookshop.orders.transitions import release_dedup_key
from bookshop.payments.errors import IntentMissingError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import OPEN_INTENT_STATUSES

ABANDONED_AFTER = timedelta(hours=24)  # from placing, for orders for which Pay was never pressed


def expire_lapsed(session: Session, cause: Cause, now: datetime) -> int:
    """Expire the orders whose reservation has ended; return their number."""
    context = TransitionContext(session, cause, now)
    return len(close_orders(context, _lapsed(now), OrderStatus.EXPIRED))


def expire_abandoned(session: Session, cause: Cause, now: datetime, limit: int) -> int:
    """Expire at most `limit` orders that were abandoned on the checkout page."""
    context = TransitionContext(session, cause, now)
    return len(close_orders(context, _abandoned(now), OrderStatus.EXPIRED, limit))


def cancel_outdated(session: Session, cause: Cause, now: datetime, limit: int) -> int:
    """Cancel at most `limit` orders that the shop would not place again at their price.

    Their copies are not reserved. A customer could still confirm their payments with Stripe,
    without the checkout page.
    """
    context = TransitionContext(session, cause, now)
    return len(close_orders(context, _outdated(), OrderStatus.CANCELLED, limit))


def overdue(session: Session, now: datetime) -> int:
    """Return the number of orders that are due to expire."""
    query = select(func.count()).select_from(Order).where(or_(_lapsed(now), _abandoned(now)))
    return session.scalars(query).one()


def open_intents(
    session: Session, limit: int | None = None, *conditions: ColumnElement[bool]
) -> list[str]:
    """Return the ids of at most `limit` intents with which closed orders could still be paid.

    `conditions` limit the orders.
    """
    can_be_open = or_(Order.intent_status.is_(None), Order.intent_status.in_(OPEN_INTENT_STATUSES))
    query = (
        select(Order.payment_intent)
        .where(Order.status.in_(CLOSED), Order.payment_intent.is_not(None), can_be_open)
        .where(*conditions)
        .order_by(Order.id)
        .limit(limit)
    )
    return [intent_id for intent_id in session.scalars(query) if intent_id]


def cancel_order_intent(
    sessions: sessionmaker[Session], gateway: Gateway, intent_id: str, cause: Cause
) -> None:
    """Cancel the intent of a closed order. If it was paid meanwhile, the order becomes paid.

    Waits for Stripe. Raises the errors of Gateway.
    """
    try:
        intent = cancel_intent(gateway, intent_id, "abandoned")
    except IntentMissingError:
        with sessions.begin() as session:
            order = session.scalars(
                select(Order).where(Order.payment_intent == intent_id).with_for_update()
            ).one()
            order.intent_status = INTENT_MISSING
            release_dedup_key(order)
        return
    with sessions.begin() as session:
        if sync_payment(session, intent, cause, clock.now()) is None:
            # A payment mismatch needs an operator. Do not ask Stripe about it again and again.
            session.execute(
                update(Order)
                .where(Order.payment_intent == intent_id)
                .values(intent_status=intent.status.value)
            )


def _lapsed(now: datetime) -> ColumnElement[bool]:
    return and_(
        Order.stock_reserved,
        has_passed(Order.reserved_until, now, RESERVATION_TIME),
        Order.status == OrderStatus.AWAITING_PAYMENT,
    )


def _outdated() -> ColumnElement[bool]:
    return and_(~Order.stock_reserved, Order.status == OrderStatus.AWAITING_PAYMENT, is_outdated())


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(
        ~Order.stock_reserved,
        Order.placed_at < now - ABANDONED_AFTER,
        Order.status.in_(UNPAID),
    )
