"""The outbox: an e-mail is a row of the transaction that causes it, delivered after its commit."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookshop.db import insert_into
from bookshop.mail.addresses import mailbox_key
from bookshop.mail.models import MailRecord, MailStatus
from bookshop.mail.queue import is_unclaimed

#: Set in a session's `info` when an e-mail was enqueued, so that the commit wakes the worker.
ENQUEUED = "bookshop_mail_enqueued"


@dataclass(frozen=True)
class NewMail:
    """An e-mail to enqueue. Kind, order and reference identify it; `detail` is JSON data."""

    kind: str
    order_id: int
    order_number: str
    reference: str
    recipient: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The unique key of the event that the e-mail is about."""
        return f"{self.kind}/{self.order_number}/{self.reference}"


def enqueue(session: Session, mail: NewMail, now: datetime) -> None:
    """Add the e-mail to the outbox unless one with the same key is there already."""
    values = {
        "key": mail.key,
        "kind": mail.kind,
        "order_id": mail.order_id,
        "recipient": mail.recipient,
        "mailbox": mailbox_key(mail.recipient),
        "detail": dict(mail.detail),
        "message_id": secrets.token_hex(16),
        "status": MailStatus.WAITING.value,
        "attempts": 0,
        "due_at": now,
        "written_at": now,
    }
    session.execute(
        insert_into(session, MailRecord)
        .values(values)
        .on_conflict_do_nothing(index_elements=[MailRecord.key])
    )
    session.info[ENQUEUED] = True


def requeue(session: Session, mail_id: int, now: datetime) -> bool:
    """Queue an existing e-mail for immediate delivery, also if it was sent or given up.

    Return False if there is no such e-mail, or a worker is delivering it now.
    """
    query = select(MailRecord).where(MailRecord.id == mail_id, is_unclaimed(now))
    mail = session.scalar(query.with_for_update())
    if mail is None:
        return False
    if mail.status == MailStatus.SENT:
        # Mail systems drop a second message with the same Message-ID as a duplicate.
        mail.message_id = secrets.token_hex(16)
    mail.status = MailStatus.WAITING
    mail.attempts, mail.due_at, mail.claimed_until = 0, now, None
    mail.sent_at = mail.problem = None
    return True


def was_enqueued(session: Session, order_id: int, kind: str) -> bool:
    """Return True if an e-mail of this kind was enqueued for the order."""
    query = select(MailRecord.id).where(MailRecord.order_id == order_id, MailRecord.kind == kind)
    return session.scalar(query.limit(1)) is not None


def count_to_mailbox(
    session: Session, recipient: str, kinds: Collection[str], since: datetime
) -> int:
    """Return the number of e-mails of these kinds to the recipient's mailbox since a time (UTC)."""
    query = select(func.count()).where(
        MailRecord.mailbox == mailbox_key(recipient),
        MailRecord.kind.in_(kinds),
        MailRecord.written_at >= since,
    )
    return session.scalars(query).one()
