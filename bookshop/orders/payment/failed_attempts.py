"""Failed attempts to pay, counted as Stripe reports them, and what they close.

An intent's client secret is enough to try cards at Stripe, without the shop's Pay button. So
attempts are counted when Stripe reports them, for the order, its session and its network.
https://docs.stripe.com/disputes/prevention/card-testing
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from bookshop.orders.audit import AuditEvent, TransitionContext, record_event
from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.payment.closing import close_orders
from bookshop.orders.states import OrderStatus, Rejection
from bookshop.rate_limits.limiter import NETWORK_FACTOR, check_times

ACTION = "failed_attempts"
MAX_ATTEMPTS = 10  # failed ones of an order; and of a session in PERIOD
MAX_NETWORK_ATTEMPTS = NETWORK_FACTOR * MAX_ATTEMPTS  # in PERIOD
PERIOD = timedelta(hours=1)
log = logging.getLogger(__name__)


def attempt_ids(session: Session, order: Order) -> list[str]:
    """Return the ids of the order's failed attempts: of a charge, or of an event without one."""
    query = select(AuditEntry.detail).where(
        AuditEntry.order_id == order.id, AuditEntry.event == AuditEvent.PAYMENT_FAILED
    )
    return [detail["id"] for detail in session.scalars(query)]


def record_failed_attempt(context: TransitionContext, order: Order, attempt_id: str | None) -> None:
    """Record a failed attempt of a locked order once; close unpaid orders at a limit.

    Attempts beyond the order's limit are not recorded: its intent is being cancelled. Do nothing
    without an id.
    """
    known = attempt_ids(context.session, order) if attempt_id else []
    if attempt_id is None or attempt_id in known:
        return
    if len(known) < MAX_ATTEMPTS:
        record_event(context, order, AuditEvent.PAYMENT_FAILED, id=attempt_id)
        context.session.flush()
    conditions = [Order.id == order.id] if len(known) + 1 >= MAX_ATTEMPTS else []
    of_session, of_network = _times(context.session, order.session_id, order.network, context.now)
    if len(of_session) >= MAX_ATTEMPTS:
        conditions.append(_of_session(order.session_id))
    if len(of_network) >= MAX_NETWORK_ATTEMPTS:
        # Other customers of the network may be paying.
        conditions.append(and_(_of_network(order.network), ~Order.stock_reserved))
    if conditions:
        _close(context, or_(*conditions))


def closed_with(order: Order) -> ColumnElement[bool]:
    """Return the condition of the orders that may have been closed together with this one."""
    clients = or_(Order.id == order.id, _of_session(order.session_id), _of_network(order.network))
    return and_(clients, Order.rejection == Rejection.TOO_MANY_FAILURES)


def check_failed_attempts(session: Session, session_id: str, network: str, now: datetime) -> None:
    """Check that a session and its network may place another order.

    Raises RateLimitExceededError.
    """
    of_session, of_network = _times(session, session_id, network, now)
    check_times(ACTION, of_session, MAX_ATTEMPTS, PERIOD, now)
    check_times(ACTION, of_network, MAX_NETWORK_ATTEMPTS, PERIOD, now)


def recent_attempts(now: datetime) -> Select[int]:
    """Return a query of the number of failed attempts in PERIOD."""
    return (
        select(func.count())
        .select_from(AuditEntry)
        .join(Order, Order.id == AuditEntry.order_id)
        # Older orders cannot be paid; without this, all entries would be read.
        .where(Order.placed_at >= now - timedelta(days=2), AuditEntry.at >= now - PERIOD)
        .where(AuditEntry.event == AuditEvent.PAYMENT_FAILED)
    )


def _times(
    session: Session, session_id: str, network: str | None, now: datetime
) -> tuple[list[datetime], list[datetime]]:
    """Return when attempts of a session and of a network failed in PERIOD, oldest first."""
    query = (
        select(AuditEntry.at, Order.session_id, Order.network)
        .join(Order, Order.id == AuditEntry.order_id)
        .where(or_(_of_session(session_id), _of_network(network)))
        .where(AuditEntry.event == AuditEvent.PAYMENT_FAILED)
        .where(AuditEntry.at.between(now - PERIOD, now))
        .order_by(AuditEntry.at)
    )
    failed = session.execute(query).all()
    return (
        [each.at for each in failed if each.session_id == session_id],
        [each.at for each in failed if network is not None and each.network == network],
    )


def _of_session(session_id: str) -> ColumnElement[bool]:
    return Order.session_id == session_id


def _of_network(network: str | None) -> ColumnElement[bool]:
    return and_(Order.network.is_not(None), Order.network == network)


def _close(context: TransitionContext, condition: ColumnElement[bool]) -> None:
    unpaid = and_(Order.status == OrderStatus.AWAITING_PAYMENT, condition)
    for order in close_orders(context, unpaid, OrderStatus.CANCELLED):
        order.rejection = Rejection.TOO_MANY_FAILURES.value
        log.warning("order_closed_after_failed_attempts", extra={"order": order.number})
