"""What the database knows of a mail: to whom it goes, what it is about, how far it has come."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from bookshop.db import Base
from bookshop.orders.models import Order


class MailKind(StrEnum):
    """What a mail tells the customer; each kind has its pair of templates."""

    PAID = "paid"
    SOLD_OUT = "sold_out"
    PAYMENT_FAILED = "payment_failed"
    EXPIRED = "expired"
    SHIPPED = "shipped"
    REFUNDED = "refunded"
    LINK = "link"


class MailStatus(StrEnum):
    """How far a mail has come. `sent` is the mail server's word that it has it."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


class MailRecord(Base):
    """A mail in the outbox: written in the transaction that causes it, delivered later.

    `key` names what it is about, so that nothing is mailed about twice. `message_id` is what
    stands before the @ of its Message-ID, the same in every attempt. `attempts` counts
    deliveries that were begun. It is due at `due_at`; until `claimed_until` somebody is at it.
    `problem` is why the last attempt failed, as the mail server put it.
    """

    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_status_due_at", "status", "due_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    recipient: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    message_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    written_at: Mapped[datetime]

    order: Mapped[Order] = relationship()

    @validates("status")
    def _known_status(self, _key: str, status: str) -> str:
        # A string in the database keeps later migrations painless.
        return MailStatus(status).value
