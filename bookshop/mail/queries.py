"""Mails as reports give them: plain values, times in UTC."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from bookshop.mail.models import MailRecord, MailStatus


def newest(session: Session, limit: int, status: MailStatus | None) -> list[dict[str, Any]]:
    """The last `limit` mails as JSON, of that status where one is given, the newest first."""
    wanted = select(MailRecord).options(selectinload(MailRecord.order))
    if status is not None:
        wanted = wanted.where(MailRecord.status == status)
    wanted = wanted.order_by(MailRecord.id.desc()).limit(limit)
    return [_report(mail) for mail in session.scalars(wanted)]


def _report(mail: MailRecord) -> dict[str, Any]:
    return {
        "id": mail.id,
        "kind": mail.kind,
        "order": mail.order.number,
        "recipient": mail.recipient,
        "status": mail.status,
        "attempts": mail.attempts,
        "written_at": mail.written_at.isoformat(),
        "due_at": mail.due_at.isoformat() if mail.status == MailStatus.WAITING else None,
        "sent_at": mail.sent_at.isoformat() if mail.sent_at else None,
        "problem": mail.problem,
    }
