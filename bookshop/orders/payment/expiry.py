"""Orders that were not paid in time: their copies are given back, their intents cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.catalogue.models import BookRecord
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import Order
from bookshop.orders.payment.intents import MISSING, cancel_intent
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import CLOSED, UNPAID, OrderStatus
from bookshop.orders.transitions import release_dedup_key, transition
from bookshop.payments.errors import IntentMissingError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import OPEN

ABANDONED_AFTER = timedelta(hours=24)  # from placing, where nobody ever pressed Pay


def expire_lapsed(session: Session, cause: Cause, now: datetime) -> int:
    """Expire the orders whose hold is over, and give their copies back; how many there were."""
    return _expire(session, _lapsed(now), cause, now)


def expire_abandoned(session: Session, cause: Cause, now: datetime, limit: int) -> int:
    """Expire at most `limit` of the orders that somebody only looked at, a day ago."""
    return _expire(session, _abandoned(now), cause, now, limit)


def overdue(session: Session, now: datetime) -> int:
    """How many orders have lapsed or been abandoned, and not expired yet."""
    wanted = select(func.count()).select_from(Order).where(or_(_lapsed(now), _abandoned(now)))
    return session.scalars(wanted).one()


def open_intents(session: Session, limit: int | None = None) -> list[str]:
    """The intents, at most `limit`, with which closed orders could still be paid."""
    unsure = or_(Order.intent_status.is_(None), Order.intent_status.in_(OPEN))
    wanted = (
        select(Order.payment_intent)
        .where(Order.status.in_(CLOSED), Order.payment_intent.is_not(None), unsure)
        .order_by(Order.id)
        .limit(limit)
    )
    return [intent for intent in session.scalars(wanted) if intent]


def cancel_order_intent(
    sessions: sessionmaker[Session], gateway: Gateway, intent_id: str, cause: Cause
) -> None:
    """Cancel a closed order's intent at Stripe; one that was paid after all pays its order.

    Waits for Stripe. Raises the errors of Gateway.
    """
    try:
        intent = cancel_intent(gateway, intent_id, "abandoned")
    except IntentMissingError:
        with sessions.begin() as session:
            order = session.scalars(
                select(Order).where(Order.payment_intent == intent_id).with_for_update()
            ).one()
            order.intent_status = MISSING
            release_dedup_key(order)
        return
    with sessions.begin() as session:
        if sync_payment(session, intent, cause, clock.now()) is None:
            # A contradiction is for a person; Stripe need not be asked again and again.
            session.execute(
                update(Order)
                .where(Order.payment_intent == intent_id)
                .values(intent_status=intent.status.value)
            )


def _lapsed(now: datetime) -> ColumnElement[bool]:
    return and_(Order.holding, Order.held_until < now, Order.status == OrderStatus.AWAITING_PAYMENT)


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(
        ~Order.holding,
        Order.placed_at < now - ABANDONED_AFTER,
        Order.status.in_(UNPAID),
    )


def _expire(
    session: Session,
    which: ColumnElement[bool],
    cause: Cause,
    now: datetime,
    limit: int | None = None,
) -> int:
    found = (
        select(Order)
        .where(which)
        .order_by(Order.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    orders = session.scalars(found).all()
    if not orders:  # as nearly always, and each checkout asks
        return 0
    # All books are locked in one order first, so that two sweeps never wait for each other.
    skus = {line.sku for order in orders for line in order.lines}
    books = select(BookRecord.id).where(BookRecord.sku.in_(skus)).order_by(BookRecord.sku)
    session.execute(books.with_for_update())
    for order in orders:
        transition(TransitionContext(session, cause, now), order, OrderStatus.EXPIRED)
    session.flush()
    return len(orders)
