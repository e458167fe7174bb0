"""The table of received events. https://docs.stripe.com/api/events/object."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column, validates

from bookshop.db import Base


class EventStatus(StrEnum):
    """The outcome of an event. Stripe redelivers events that failed."""

    APPLIED = "applied"  # its order agrees with Stripe
    IGNORED = "ignored"  # it concerns no order of the shop
    FAILED = "failed"  # an error prevented it


class EventRecord(Base):
    """An event that Stripe delivered, under Stripe's own id, so that it is applied once.

    The content is not stored: it holds personal data, may be outdated on arrival, and Stripe
    keeps it for 30 days. `intent` is the id of the PaymentIntent that the event is about,
    `order_number` the order of that intent. `created` is Stripe's time, `received_at` that of the
    first delivery (both UTC). `problem` says what went wrong or what an operator has to check.
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
    def _check_status(self, _key: str, status: str) -> str:
        # A string column keeps migrations simple; unknown values are refused here.
        return EventStatus(status).value
