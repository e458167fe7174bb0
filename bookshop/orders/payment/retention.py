"""Deletion of orders that were never paid: they hold e-mail addresses and serve no purpose."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.orders.models import INTENT_MISSING, DisputeRecord, Order, RefundRecord
from bookshop.orders.states import CLOSED
from bookshop.payments.intents import IntentStatus

BATCH = 500  # orders deleted in one transaction, which keeps other writers waiting
#: An intent of these statuses can no longer be paid.
FINAL_INTENT_STATUSES = (IntentStatus.CANCELED, INTENT_MISSING)
log = logging.getLogger(__name__)


def delete_unpaid_orders(sessions: sessionmaker[Session], retention: timedelta) -> int:
    """Delete the closed orders placed more than `retention` ago for which no money ever moved.

    Their lines, audit entries and e-mails are deleted with them. Return their number.
    """
    deleted, batch = 0, BATCH
    while batch == BATCH:
        with sessions.begin() as session:
            due = select(Order.id).where(_never_paid(), Order.placed_at < clock.now() - retention)
            due = due.order_by(Order.id).limit(BATCH).with_for_update(skip_locked=True)
            ids = session.scalars(due).all()
            session.execute(delete(Order).where(Order.id.in_(ids)))
        batch = len(ids)
        deleted += batch
    if deleted:
        log.info("unpaid_orders_deleted", extra={"count": deleted})
    return deleted


def _never_paid() -> ColumnElement[bool]:
    """Return the condition that no money was received for an order, and none can be."""
    return and_(
        Order.status.in_(CLOSED),
        Order.paid_at.is_(None),
        Order.refunded == 0,
        # An operator has to decide about money that contradicts its order.
        ~Order.payment_mismatch,
        Order.fraud_warned_at.is_(None),
        or_(Order.payment_intent.is_(None), Order.intent_status.in_(FINAL_INTENT_STATUSES)),
        ~select(RefundRecord.id).where(RefundRecord.order_id == Order.id).exists(),
        ~select(DisputeRecord.id).where(DisputeRecord.order_id == Order.id).exists(),
    )
