"""Executes requested refunds at Stripe. Call these outside a transaction: they wait for Stripe."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.models import Order, RefundRecord
from bookshop.orders.payment.intents import KEY_LIFE
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.refund_records import LocalRefundStatus
from bookshop.payments.errors import (
    IntentMissingError,
    RefundRefusedError,
    StoredFailureError,
)
from bookshop.payments.gateway import Gateway

log = logging.getLogger(__name__)

NO_SUCH_PAYMENT = "Stripe has no such payment"


@dataclass(frozen=True)
class _Request:
    """A requested refund. `attempt` is part of the idempotency key."""

    intent_id: str
    amount: Money
    attempt: int
    requested_at: datetime


def requested_keys(session: Session) -> list[str]:
    """Return the keys of the requested refunds, oldest first."""
    query = select(RefundRecord.key).where(RefundRecord.status == LocalRefundStatus.REQUESTED)
    return [key for key in session.scalars(query.order_by(RefundRecord.id)) if key]


def execute_refund(
    sessions: sessionmaker[Session], gateway: Gateway, key: str, cause: Cause
) -> None:
    """Create the requested refund at Stripe, once, however often this is called.

    Raises the errors of Gateway; the refund stays requested then. A refusal by Stripe is recorded
    and not raised.
    """
    request = _find(sessions, key)
    if request is None:
        return
    if request.attempt > 1 or request.requested_at < clock.now() - KEY_LIFE:
        # An earlier response may have been lost, and Stripe may have forgotten the key since.
        _sync(sessions, gateway, request, cause)
        request = _find(sessions, key)
        if request is None:
            return
    try:
        idempotency_key = f"refund-{key}-{request.attempt}"
        gateway.create_refund(idempotency_key, request.intent_id, request.amount, key)
    except RefundRefusedError as err:
        _record_refusal(sessions, key, err.reason, cause)
        return
    except IntentMissingError:
        _record_refusal(sessions, key, NO_SUCH_PAYMENT, cause)
        return
    except StoredFailureError:
        _use_next_key(sessions, request, key)
        raise
    _sync(sessions, gateway, request, cause)


def execute_with_retry(
    sessions: sessionmaker[Session], gateway: Gateway, key: str, cause: Cause
) -> None:
    """Execute the refund, and once more under the next key if Stripe has stored a failure."""
    try:
        execute_refund(sessions, gateway, key, cause)
    except StoredFailureError:
        execute_refund(sessions, gateway, key, cause)


def _find(sessions: sessionmaker[Session], key: str) -> _Request | None:
    with sessions.begin() as session:
        row = session.execute(
            select(RefundRecord, Order)
            .join(Order, Order.id == RefundRecord.order_id)
            .where(RefundRecord.key == key, RefundRecord.status == LocalRefundStatus.REQUESTED)
        ).one_or_none()
        if row is None:
            return None
        refund, order = row
        return _Request(
            order.payment_intent or "",
            Money(refund.amount, order.currency),
            refund.attempt,
            refund.requested_at,
        )


def _sync(
    sessions: sessionmaker[Session], gateway: Gateway, request: _Request, cause: Cause
) -> None:
    intent = gateway.retrieve_intent(request.intent_id)
    with sessions.begin() as session:
        sync_payment(session, intent, cause, clock.now())


def _record_refusal(sessions: sessionmaker[Session], key: str, problem: str, cause: Cause) -> None:
    with sessions.begin() as session:
        refund = session.scalars(select(RefundRecord).where(RefundRecord.key == key)).one()
        order = session.scalars(
            select(Order).where(Order.id == refund.order_id).with_for_update()
        ).one()
        session.refresh(refund)
        if refund.status == LocalRefundStatus.REQUESTED:
            refund.status, refund.problem = LocalRefundStatus.REFUSED, problem
            fields = {"order": order.number, "refund": key, "problem": problem}
            log.error("refund_refused", extra=fields)
            context = TransitionContext(session, cause, clock.now())
            record_event(context, order, AuditEvent.REFUND_REFUSED, key=key, problem=problem)


def _use_next_key(sessions: sessionmaker[Session], request: _Request, key: str) -> None:
    with sessions.begin() as session:
        session.execute(
            update(RefundRecord)
            .where(RefundRecord.key == key, RefundRecord.attempt == request.attempt)
            .values(attempt=request.attempt + 1)
        )
