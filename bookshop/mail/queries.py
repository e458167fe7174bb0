"""E-mails of the outbox as JSON data; times in UTC."""

from __future__ import annotations

from typing import Any

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session

from bookshop.mail.models import MailRecord, MailStatus

#: The orders' table by name: this package does not import `orders`.
ORDERS = table("orders", column("id"), column("number"))


def newest_mails(session: Session, limit: int, status: MailStatus | None) -> list[dict[str, Any]]:
    """Return the last `limit` e-mails, optionally of one status, newest first."""
    query = select(MailRecord, ORDERS.c.number).join(ORDERS, ORDERS.c.id == MailRecord.order_id)
    if status is not None:
        query = query.where(MailRecord.status == status)
    query = query.order_by(MailRecord.id.desc()).limit(limit)
    return [_to_json(mail, number) for mail, number in session.execute(query)]


def _to_json(mail: MailRecord, order_number: str) -> dict[str, Any]:
    return {
        "id": mail.id,
        "kind": mail.kind,
        "order": order_number,
        "recipient": mail.recipient,
        "status": mail.status,
        "attempts": mail.attempts,
        "written_at": mail.written_at.isoformat(),
        "due_at": mail.due_at.isoformat() if mail.status == MailStatus.WAITING else None,
        "sent_at": mail.sent_at.isoformat() if mail.sent_at else None,
        "problem": mail.problem,
    }
