"""The outbox table: e-mails to be delivered and their delivery status."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, validates

from bookshop.db import Base


class MailStatus(StrEnum):
    """Delivery status. `sent` means that the mail server has accepted the message."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


class MailRecord(Base):
    """An e-mail about an order, written in the transaction that causes it and delivered later.

    `key` is unique per event, so that each event is mailed once. `kind` names the template.
    `message_id` is the left part of the Message-ID header and the same in every attempt.
    `attempts` counts deliveries that were started. The mail is due at `due_at`; a worker has
    claimed it until `claimed_until`. `problem` is the mail server's reason for the last failure.
    `mailbox` is the recipient as limits count it; None for rows of older versions.

    The foreign key names the orders' table only: this package does not import `orders`. Deleting
    an order deletes its e-mails.
    """

    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_status_due_at", "status", "due_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    recipient: Mapped[str]
    mailbox: Mapped[str | None] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
    message_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    written_at: Mapped[datetime]

    @validates("status")
    def _validate_status(self, _key: str, status: str) -> str:
        # Stored as a string: a database enum would need a migration for each new status.
        return MailStatus(status).value
