"""Expiry of orders that were not paid in time: stock is released, their intents are cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.catalogue.models import BookRecord
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import INTENT_MISSING, Order
from bookshop.orders.payment.intents import cancel_intent
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import CLOSED, UNPAID, OrderStatus
from bookshop.orders.transitions import release_dedup_key, transition
from bookshop.payments.errors import IntentMissingError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import OPEN_INTENT_STATUSES

ABANDONED_AFTER = timedelta(hours=24)  # from placing, for orders for which Pay was never pressed


def expire_lapsed(session: Session, cause: Cause, now: datetime) -> int:
    """Expire the orders whose reservation has ended; return their number."""
    return _expire(session, _lapsed(now), cause, now)


def expire_abandoned(session: Session, cause: Cause, now: datetime, limit: int) -> int:
    """Expire at most `limit` orders that were abandoned on the checkout page."""
    return _expire(session, _abandoned(now), cause, now, limit)


def overdue(session: Session, now: datetime) -> int:
    """Return the number of orders that are due to expire."""
    query = select(func.count()).select_from(Order).where(or_(_lapsed(now), _abandoned(now)))
    return session.scalars(query).one()


def open_intents(session: Session, limit: int | None = None) -> list[str]:
    """Return the ids of at most `limit` intents with which closed orders could still be paid."""
    can_be_open = or_(Order.intent_status.is_(None), Order.intent_status.in_(OPEN_INTENT_STATUSES))
    query = (
        select(Order.payment_intent)
        .where(Order.status.in_(CLOSED), Order.payment_intent.is_not(None), can_be_open)
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
        Order.reserved_until < now,
        Order.status == OrderStatus.AWAITING_PAYMENT,
    )


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(
        ~Order.stock_reserved,
        Order.placed_at < now - ABANDONED_AFTER,
        Order.status.in_(UNPAID),
    )


def _expire(
    session: Session,
    condition: ColumnElement[bool],
    cause: Cause,
    now: datetime,
    limit: int | None = None,
) -> int:
    query = (
        select(Order)
        .where(condition)
        .order_by(Order.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    orders = session.scalars(query).all()
    if not orders:  # the usual case, which every checkout passes
        return 0
    # Lock all books in one order first, so that two workers never deadlock.
    skus = {line.sku for order in orders for line in order.lines}
    books = select(BookRecord.id).where(BookRecord.sku.in_(skus)).order_by(BookRecord.sku)
    session.execute(books.with_for_update())
    for order in orders:
        transition(TransitionContext(session, cause, now), order, OrderStatus.EXPIRED)
    session.flush()
    return len(orders)
