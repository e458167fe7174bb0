"""What happened to an order, when, and by whom: the audit rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.states import Actor, OrderStatus


@dataclass(frozen=True)
class Cause:
    """Who causes something, and by what: an event's id, a page, a command and who gave it."""

    actor: Actor
    what: str


JOB_WORKER = Cause(Actor.CLOCK, "sweeper")


@dataclass(frozen=True)
class TransitionContext:
    """A transaction in which something happens to orders: what causes it, and when."""

    session: Session
    cause: Cause
    now: datetime


def record_event(occasion: TransitionContext, order: Order, what: str, **detail: Any) -> None:
    """Add something to the order's history that is no move: a refund, a warning.

    `detail` is in JSON's types.
    """
    _add(occasion, order, what, detail=detail)


def record_transition(
    occasion: TransitionContext, order: Order, source: OrderStatus | None, target: OrderStatus
) -> None:
    """Add a change of the order's status; an order that has just been placed has no source."""
    _add(occasion, order, target.value, source=source and source.value, target=target.value)


def _add(occasion: TransitionContext, order: Order, what: str, **values: Any) -> None:
    occasion.session.flush()  # an order that is new has no id before
    entry = AuditEntry(
        order_id=order.id,
        at=occasion.now,
        what=what,
        actor=occasion.cause.actor.value,
        cause=occasion.cause.what,
        **values,
    )
    occasion.session.add(entry)
