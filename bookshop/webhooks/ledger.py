"""The ledger of events: each has one row, locked while the event is applied.

Locks are taken in one order by everybody: the event's row, the order's, its books'.
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
    """An event's row outside its transaction."""

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


def done_before(session: Session, event_id: str) -> bool:
    """Whether the event needs nothing any more; this delivery of it is then counted."""
    counted = session.execute(
        update(EventRecord)
        .where(EventRecord.id == event_id, EventRecord.status != EventStatus.FAILED)
        .values(deliveries=EventRecord.deliveries + 1)
    )
    return cast("CursorResult[Any]", counted).rowcount == 1


def take(session: Session, event: Event, now: datetime) -> EventRecord | None:
    """The event's row, locked, with this delivery counted. None where it was done meanwhile.

    A new row is `failed` until whoever has taken it says better, in the same transaction.
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
    # Where another delivery is being applied, PostgreSQL waits here until that is decided.
    session.execute(
        insert_into(session, EventRecord)
        .values(values)
        .on_conflict_do_nothing(index_elements=[EventRecord.id])
    )
    record = retake(session, event.id)
    record.deliveries += 1
    return record if record.status == EventStatus.FAILED else None


def retake(session: Session, event_id: str) -> EventRecord:
    """The row of an event that has been delivered before, locked, whatever its status."""
    wanted = select(EventRecord).where(EventRecord.id == event_id)
    return session.scalars(wanted.with_for_update()).one()


def close(
    record: EventRecord,
    status: EventStatus,
    now: datetime,
    *,
    order: str | None = None,
    problem: str | None = None,
) -> None:
    """Write down what came of the event; `order` is the number of the one that it is about."""
    record.status, record.problem, record.order_number = status, problem, order
    record.applied_at = now if status is EventStatus.APPLIED else None


def newest(
    session: Session, limit: int, status: EventStatus | None = None, kind: str = ""
) -> list[EventSnapshot]:
    """The last `limit` events received, the newest first; those whose type begins with `kind`."""
    wanted = select(EventRecord).order_by(EventRecord.received_at.desc(), EventRecord.id)
    if status is not None:
        wanted = wanted.where(EventRecord.status == status.value)
    wanted = wanted.where(EventRecord.type.startswith(kind, autoescape=True))
    return [snapshot(record) for record in session.scalars(wanted.limit(limit))]


def by_id(session: Session, event_id: str) -> EventSnapshot | None:
    """The event of that id."""
    record = session.get(EventRecord, event_id)
    return snapshot(record) if record else None


def snapshot(record: EventRecord) -> EventSnapshot:
    """The row as it is now."""
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
