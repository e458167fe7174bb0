"""The ledger of events: one row for each event, locked while the event is applied.

Locks are always taken in the same order: the event's row, the order's, its books'.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from bookshop.db import insert_into
from bookshop.payments.webhook_signatures import Event
from bookshop.webhooks.models import EventRecord, EventStatus


@dataclass(frozen=True)
class EventSnapshot:
    """An event's row outside its transaction. `order` is the number of the order."""

    id: str
    type: str
    status: EventStatus
    created: datetime
    api_version: str | None
    payment_intent: str | None
    order: str | None
    deliveries: int
    problem: str | None
    received_at: datetime
    applied_at: datetime | None


def count_redelivery(session: Session, event_id: str) -> bool:
    """Count the delivery of an event that was handled before. Return False for other events."""
    result = session.execute(
        update(EventRecord)
        .where(EventRecord.id == event_id, EventRecord.status != EventStatus.FAILED)
        .values(deliveries=EventRecord.deliveries + 1)
    )
    return cast("CursorResult[Any]", result).rowcount == 1


def begin(session: Session, event: Event, now: datetime) -> EventRecord | None:
    """Count a delivery and return the event's row, locked; None if it needs no handling.

    A new row has the status `failed` until `finish` is called in the same transaction.
    """
    values = {
        "id": event.id,
        "type": event.type,
        "created": event.created,
        "api_version": event.api_version,
        "intent": event.intent_id,
        "status": EventStatus.FAILED.value,
        "deliveries": 0,
        "received_at": now,
    }
    # PostgreSQL waits here while another delivery of the event is being applied.
    session.execute(
        insert_into(session, EventRecord)
        .values(values)
        .on_conflict_do_nothing(index_elements=[EventRecord.id])
    )
    record = lock(session, event.id)
    record.deliveries += 1
    return record if record.status == EventStatus.FAILED else None


def lock(session: Session, event_id: str) -> EventRecord:
    """Return the row of a recorded event, locked, whatever its status."""
    query = select(EventRecord).where(EventRecord.id == event_id)
    return session.scalars(query.with_for_update()).one()


def finish(
    record: EventRecord,
    status: EventStatus,
    now: datetime,
    *,
    order: str | None = None,
    problem: str | None = None,
) -> None:
    """Record the outcome of an event; `order` is the number of the order that it concerns."""
    record.status, record.problem, record.order_number = status, problem, order
    record.applied_at = now if status is EventStatus.APPLIED else None


def list_events(
    session: Session, limit: int, status: EventStatus | None = None, type_prefix: str = ""
) -> list[EventSnapshot]:
    """Return the last `limit` events received, newest first."""
    query = select(EventRecord).order_by(EventRecord.received_at.desc(), EventRecord.id)
    if status is not None:
        query = query.where(EventRecord.status == status.value)
    query = query.where(EventRecord.type.startswith(type_prefix, autoescape=True))
    return [take_snapshot(record) for record in session.scalars(query.limit(limit))]


def find_event(session: Session, event_id: str) -> EventSnapshot | None:
    """Return the event with that id."""
    record = session.get(EventRecord, event_id)
    return take_snapshot(record) if record else None


def take_snapshot(record: EventRecord) -> EventSnapshot:
    """Return the row as it is now."""
    return EventSnapshot(
        id=record.id,
        type=record.type,
        status=EventStatus(record.status),
        created=record.created,
        api_version=record.api_version,
        payment_intent=record.intent,
        order=record.order_number,
        deliveries=record.deliveries,
        problem=record.problem,
        received_at=record.received_at,
        applied_at=record.applied_at,
    )
