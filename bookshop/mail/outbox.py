"""Writing a mail: a row in the transaction that causes it, delivered once that is committed."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.db import insert_into
from bookshop.mail.models import MailKind, MailRecord, MailStatus
from bookshop.orders.models import Order

__all__ = ["WRITTEN", "MailKind", "enqueue"]

#: Set in a session's `info` when a mail was written, so that its commit wakes the postman.
WRITTEN = "bookshop_mail_written"


def enqueue(
    session: Session, order: Order, kind: MailKind, reference: str, now: datetime, **detail: Any
) -> None:
    """Have the order's customer mailed about what `reference` names, once.

    Kind, order and reference together are written once, however often it is asked for and by
    whom; where no address is known nothing is. `detail` is for the template, in JSON's types.
    Refunded: `amount` in minor units. Shipped: `lines`, each with `title` and `quantity`, and
    `tracking`, a text or None.
    """
    if order.email is None:
        return
    values = {
        "key": f"{kind.value}/{order.number}/{reference}",
        "kind": kind.value,
        "order_id": order.id,
        "recipient": order.email,
        "detail": detail,
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
    session.info[WRITTEN] = True


def requeue(session: Session, mail_id: int, now: datetime) -> bool:
    """Have a mail delivered from now on as if it had just been written, whatever became of it.

    False where there is none of that id, or it is being delivered at this moment.
    """
    found = session.get(MailRecord, mail_id, with_for_update=True)
    if found is None or (found.claimed_until is not None and found.claimed_until >= now):
        return False
    if found.status == MailStatus.SENT:
        # Under the old one, mail systems take it for a copy and drop it.
        found.message_id = secrets.token_hex(16)
    found.status = MailStatus.WAITING
    found.attempts, found.due_at, found.claimed_until = 0, now, None
    found.sent_at = found.problem = None
    return True


def was_enqueued(session: Session, order: Order, kind: MailKind) -> bool:
    """Whether a mail of that kind was written for the order."""
    wanted = select(MailRecord.id).where(
        MailRecord.order_id == order.id, MailRecord.kind == kind.value
    )
    return session.scalar(wanted.limit(1)) is not None
