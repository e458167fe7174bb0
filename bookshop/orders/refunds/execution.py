"""Refunds that were asked for, carried out at Stripe. Everything here waits for Stripe."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext, record_event
from bookshop.orders.models import Order, RefundRecord
from bookshop.orders.payment.intents import KEY_LIFE
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.refunds.requests import LocalRefundStatus
from bookshop.payments.errors import (
    IntentMissingError,
    RefundRefusedError,
    StoredFailureError,
)
from bookshop.payments.gateway import Gateway

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Request:
    number: str
    intent_id: str
    amount: Money
    attempt: int
    requested_at: datetime


def requested_keys(session: Session) -> list[str]:
    """The keys of the refunds that Stripe may not have heard of yet, the oldest first."""
    waiting = select(RefundRecord.key).where(RefundRecord.status == LocalRefundStatus.REQUESTED)
    return [key for key in session.scalars(waiting.order_by(RefundRecord.id)) if key]


def execute_refund(
    sessions: sessionmaker[Session], gateway: Gateway, key: str, cause: Cause
) -> None:
    """Have Stripe make the refund that was asked for under `key`, once, however often called.

    Raises the errors of Gateway: then it stays asked for. Stripe's refusal is no error; it is
    written down.
    """
    wanted = _find(sessions, key)
    if wanted is None:
        return
    if wanted.attempt > 1 or wanted.requested_at < clock.now() - KEY_LIFE:
        # The last answer may have been lost, and the key forgotten since.
        _settle(sessions, gateway, wanted, cause)
        wanted = _find(sessions, key)
        if wanted is None:
            return
    try:
        gateway.create_refund(
            f"refund-{key}-{wanted.attempt}", wanted.intent_id, wanted.amount, key
        )
    except RefundRefusedError as err:
        _refuse(sessions, key, err.reason, cause)
        return
    except IntentMissingError:
        _refuse(sessions, key, "Stripe does not know the payment", cause)
        return
    except StoredFailureError:
        _use_another_key(sessions, wanted, key)
        raise
    _settle(sessions, gateway, wanted, cause)


def execute_with_retry(
    sessions: sessionmaker[Session], gateway: Gateway, key: str, cause: Cause
) -> None:
    """Carry out, and once more where Stripe keeps a failure: by then there is another key."""
    try:
        execute_refund(sessions, gateway, key, cause)
    except StoredFailureError:
        execute_refund(sessions, gateway, key, cause)


def _find(sessions: sessionmaker[Session], key: str) -> _Request | None:
    with sessions.begin() as session:
        found = session.execute(
            select(RefundRecord, Order)
            .join(Order, Order.id == RefundRecord.order_id)
            .where(RefundRecord.key == key, RefundRecord.status == LocalRefundStatus.REQUESTED)
        ).one_or_none()
        if found is None:
            return None
        refund, order = found
        return _Request(
            order.number,
            order.payment_intent or "",
            Money(refund.amount, order.currency),
            refund.attempt,
            refund.requested_at,
        )


def _settle(
    sessions: sessionmaker[Session], gateway: Gateway, wanted: _Request, cause: Cause
) -> None:
    intent = gateway.retrieve_intent(wanted.intent_id)
    with sessions.begin() as session:
        sync_payment(session, intent, cause, clock.now())


def _refuse(sessions: sessionmaker[Session], key: str, problem: str, cause: Cause) -> None:
    with sessions.begin() as session:
        wanted = select(RefundRecord).where(RefundRecord.key == key)
        refund = session.scalars(wanted).one()
        order = session.scalars(
            select(Order).where(Order.id == refund.order_id).with_for_update()
        ).one()
        session.refresh(refund)
        if refund.status == LocalRefundStatus.REQUESTED:
            refund.status, refund.problem = LocalRefundStatus.REFUSED, problem
            LOG.error("order %s: Stripe refused the refund %s: %s", order.number, key, problem)
            occasion = TransitionContext(session, cause, clock.now())
            record_event(occasion, order, "refund_refused", key=key, problem=problem)


def _use_another_key(sessions: sessionmaker[Session], wanted: _Request, key: str) -> None:
    with sessions.begin() as session:
        session.execute(
            update(RefundRecord)
            .where(RefundRecord.key == key, RefundRecord.attempt == wanted.attempt)
            .values(attempt=wanted.attempt + 1)
        )
