"""What the database knows of an event. https://docs.stripe.com/api/events/object."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column, validates

from bookshop.db import Base


class EventStatus(StrEnum):
    """What came of an event. Stripe delivers again what has failed."""

    APPLIED = "applied"  # its order stands where Stripe says
    IGNORED = "ignored"  # it is about none of the shop's orders
    FAILED = "failed"  # something was in the way


class EventRecord(Base):
    """An event that Stripe has delivered, under Stripe's own id: it is applied once.

    Its content is not kept: it is about people, may be out of date when it arrives, and Stripe
    has it for 30 days. `intent` is the PaymentIntent that it is about, `order_number` the order
    of that. `created` is Stripe's time, `received_at` that of the first of the `deliveries`.
    `problem` says in plain words what was in the way, or what a person has to look at.
    """

    __tablename__ = "webhook_events"
    __table_args__ = (Index("ix_webhook_events_status_received_at", "status", "received_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    created: Mapped[datetime]
    api_version: Mapped[str | None]
    intent: Mapped[str | None] = mapped_column(index=True)
    order_number: Mapped[str | None]
    status: Mapped[str]
    deliveries: Mapped[int]
    problem: Mapped[str | None]
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]

    @validates("status")
    def _known_status(self, _key: str, status: str) -> str:
        # A string in the database keeps later migrations painless.
        return EventStatus(status).value
