"""Claims due e-mails from the outbox, and records the outcome of their delivery.

An e-mail is claimed by one conditional write before it is delivered, so that any number of workers
can share the outbox. A claim expires, so that another worker takes over after a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.db import has_passed
from bookshop.mail.message import QueuedMail
from bookshop.mail.models import MailRecord, MailStatus
from bookshop.mail.transport import DeliveryError, RefusedError, SettingsRefusedError

CLAIM_TIME = timedelta(minutes=20)  # longer than a delivery can take, see smtp.MAX_DELIVERY_TIME
#: Time between a failed attempt and the next one. After the last one the mail is given up.
RETRY_DELAYS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
    *[timedelta(hours=12)] * 5,
)
#: Wrong settings have to be corrected by the operator; no mail is given up meanwhile.
WRONG_SETTINGS_DELAY = timedelta(hours=1)


@dataclass(frozen=True)
class Claim:
    """An e-mail that one worker is delivering; `attempt` counts from 1."""

    id: int
    kind: str
    attempt: int


@dataclass(frozen=True)
class Outcome:
    """The result of a delivery attempt; `error` is None if the e-mail was sent."""

    id: int
    kind: str
    status: MailStatus
    error: DeliveryError | None


def is_unclaimed(now: datetime) -> ColumnElement[bool]:
    """Return the condition that no worker is delivering an e-mail."""
    claimed_until = MailRecord.claimed_until
    return claimed_until.is_(None) | has_passed(claimed_until, now, CLAIM_TIME)


def claim_next(sessions: sessionmaker[Session]) -> Claim | None:
    """Claim the e-mail that has been due longest; None if none is due.

    The claim is committed, so no transaction is open during the delivery.
    """
    now = clock.now()
    due = (
        (MailRecord.status == MailStatus.WAITING)
        & has_passed(MailRecord.due_at, now, max(RETRY_DELAYS))
        & is_unclaimed(now)
    )
    first = (
        select(MailRecord.id)
        .where(due)
        .order_by(MailRecord.due_at, MailRecord.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .correlate(None)
        .scalar_subquery()
    )
    with sessions.begin() as session:
        row = session.execute(
            update(MailRecord)
            .where(MailRecord.id == first, due)
            .values(claimed_until=now + CLAIM_TIME, attempts=MailRecord.attempts + 1)
            .returning(MailRecord.id, MailRecord.kind, MailRecord.attempts)
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return Claim(*row) if row else None


def load_mail(sessions: sessionmaker[Session], claim: Claim) -> QueuedMail:
    """Return the claimed e-mail."""
    with sessions() as session:
        record = session.get_one(MailRecord, claim.id)
        return QueuedMail(
            kind=record.kind,
            order_id=record.order_id,
            recipient=record.recipient,
            message_id=record.message_id,
            written_at=record.written_at,
            detail=record.detail,
        )


def outcome_of(claim: Claim, error: DeliveryError | None) -> Outcome:
    """Return the outcome of an attempt that ended with `error`."""
    if error is None:
        status = MailStatus.SENT
    elif isinstance(error, SettingsRefusedError):
        status = MailStatus.WAITING
    elif isinstance(error, RefusedError) or claim.attempt > len(RETRY_DELAYS):
        status = MailStatus.GIVEN_UP
    else:
        status = MailStatus.WAITING
    return Outcome(claim.id, claim.kind, status, error)


def record_outcome(sessions: sessionmaker[Session], claim: Claim, outcome: Outcome) -> None:
    """Write the outcome to the outbox and end the claim. Raises SQLAlchemyError."""
    now, error = clock.now(), outcome.error
    condition = MailRecord.id == claim.id
    values: dict[str, Any] = {"status": outcome.status.value, "claimed_until": None}
    if error is None:
        values |= {"sent_at": now, "problem": None}
    else:
        # If the claim has expired, the result of the worker that took over counts.
        condition &= MailRecord.status == MailStatus.WAITING
        condition &= MailRecord.attempts == claim.attempt
        values["problem"] = f"{error.summary} {error.answer}".strip()
        if isinstance(error, SettingsRefusedError):
            values |= {"due_at": now + WRONG_SETTINGS_DELAY, "attempts": 0}
        elif outcome.status is MailStatus.WAITING:
            values["due_at"] = now + RETRY_DELAYS[claim.attempt - 1]
    with sessions.begin() as session:
        session.execute(
            update(MailRecord)
            .where(condition)
            .values(values)
            .execution_options(synchronize_session=False)
        )
