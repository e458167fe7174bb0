"""The audit trail of orders: what happened, when, and who or what caused it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.states import Actor, OrderStatus


class AuditEvent(StrEnum):
    """The kinds of audit entries."""

    STATUS_CHANGED = "status_changed"
    PAY_PRESSED = "pay_pressed"
    PAYMENT_FAILED = "payment_failed"
    OUT_OF_STOCK = "out_of_stock"
    PAYMENT_REJECTED = "payment_rejected"
    PAYMENT_MISMATCH = "payment_mismatch"
    REVIEW_OPENED = "review_opened"
    REVIEW_CLOSED = "review_closed"
    FRAUD_WARNING = "fraud_warning"
    DISPUTE_UPDATED = "dispute_updated"
    REFUND_REQUESTED = "refund_requested"
    REFUND_REFUSED = "refund_refused"
    REFUND_UPDATED = "refund_updated"
    RESTOCKED = "restocked"
    TAKEN_FROM_STOCK = "taken_from_stock"
    ITEMS_SHIPPED = "items_shipped"
    CUSTOMER_ERASED = "customer_erased"


@dataclass(frozen=True)
class Cause:
    """The actor of a change, and its trigger: an event's id, a page, or a command with its user."""

    actor: Actor
    trigger: str


JOB_WORKER = Cause(Actor.CLOCK, "job_worker")


@dataclass(frozen=True)
class TransitionContext:
    """The transaction in which orders change, with its cause and its time (UTC)."""

    session: Session
    cause: Cause
    now: datetime


def record_event(
    context: TransitionContext, order: Order, event: AuditEvent, **detail: Any
) -> None:
    """Add an audit entry other than a change of status; `detail` is JSON data."""
    _add_entry(context, order, event, detail=detail)


def record_transition(
    context: TransitionContext, order: Order, source: OrderStatus | None, target: OrderStatus
) -> None:
    """Add an audit entry for a change of status; `source` is None for a new order."""
    _add_entry(
        context,
        order,
        AuditEvent.STATUS_CHANGED,
        from_status=source and source.value,
        to_status=target.value,
    )


def _add_entry(context: TransitionContext, order: Order, event: AuditEvent, **values: Any) -> None:
    context.session.flush()  # a new order has no id before
    entry = AuditEntry(
        order_id=order.id,
        at=context.now,
        event=event.value,
        actor=context.cause.actor.value,
        cause=context.cause.trigger,
        **values,
    )
    context.session.add(entry)
