"""Executes requested refunds at Stripe. Call these outside a transaction: they wait for Stripe."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.models import Order, RefundRecord
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.refund_records import LocalRefundStatus, record_stripe_refunds
from bookshop.orders.states import Actor
from bookshop.orders.transitions import update_status
from bookshop.payments.charges import Refund
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

    order_id: int
    intent_id: str
    amount: Money
    attempt: int


def requested_keys(session: Session) -> list[str]:
    """Return the keys of the requested refunds, oldest first."""
    query = select(RefundRecord.key).where(RefundRecord.status == LocalRefundStatus.REQUESTED)
    return [key for key in session.scalars(query.order_by(RefundRecord.id)) if key]


def execute_refund(
    sessions: sessionmaker[Session], gateway: Gateway, key: str, cause: Cause
) -> None:
    """Create the requested refund at Stripe, once, however often this is called.

    Stripe may have executed it already and its response been lost, at any time before: it forgets
    an idempotency key after a day, and keeps the refund. So the refund is searched first.

    Raises the errors of Gateway; the refund stays requested then. A refusal by Stripe is recorded
    and not raised.
    """
    request = _find(sessions, key)
    if request is None:
        return
    try:
        refund = _search(gateway, request.intent_id, key)
        if refund is None:
            idempotency_key = f"refund-{key}-{request.attempt}"
            refund = gateway.create_refund(idempotency_key, request.intent_id, request.amount, key)
    except RefundRefusedError as err:
        _record_refusal(sessions, key, err.reason, cause)
    except IntentMissingError:
        _record_refusal(sessions, key, NO_SUCH_PAYMENT, cause)
    except StoredFailureError:
        _use_next_key(sessions, request, key)
        raise
    else:
        if _record(sessions, request, refund, cause):
            _sync(sessions, gateway, request.intent_id, cause)


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
        amount = Money(refund.amount, order.currency)
        return _Request(order.id, order.payment_intent or "", amount, refund.attempt)


def _search(gateway: Gateway, intent_id: str, key: str) -> Refund | None:
    """Return the refund that was made under the key. Raises the errors of Gateway."""
    refunds = gateway.intent_refunds(intent_id)
    return next((refund for refund in refunds if refund.reference == key), None)


def _record(
    sessions: sessionmaker[Session], request: _Request, refund: Refund, cause: Cause
) -> bool:
    """Record the refund, whether or not the payment still matches its order.

    Return True if the payment is under review, since a refund closes the review at Stripe.
    """
    with sessions.begin() as session:
        order = session.scalars(
            select(Order).where(Order.id == request.order_id).with_for_update()
        ).one()
        context = TransitionContext(session, Cause(Actor.STRIPE, cause.trigger), clock.now())
        record_stripe_refunds(context, order, [refund])
        update_status(context, order)
        return order.under_review


def _sync(sessions: sessionmaker[Session], gateway: Gateway, intent_id: str, cause: Cause) -> None:
    """Record what else has changed at Stripe. Raises the errors of Gateway."""
    intent = gateway.retrieve_intent(intent_id)
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
