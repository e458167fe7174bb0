"""Delivering what the outbox holds: by a thread of the server, or by a command, or by both.

A mail is claimed by one conditional write before it is delivered, so that any number of postmen
share the work and none does another's. The claim ends by itself: what a postman who was killed
left behind, another takes up.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pyramid.registry import Registry
from sqlalchemy import event, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from bookshop import clock
from bookshop.mail.folder import Folder
from bookshop.mail.message import Mail, domain, message
from bookshop.mail.models import MailKind, MailRecord, MailStatus
from bookshop.mail.outbox import WRITTEN
from bookshop.mail.smtp import Smtp
from bookshop.mail.transport import (
    DeliveryError,
    OutageError,
    RefusedError,
    SettingsRefusedError,
    Transport,
)
from bookshop.orders.emails import EmailComposer
from bookshop.orders.snapshot import snapshot
from bookshop.settings import Settings

PAUSE = 20  # seconds between two looks at the outbox, if nobody wakes the postman
LONGEST_PAUSE = 600  # while the mail server is out of order
FAREWELL = 10  # seconds that a delivery under way has, when the server stops
LEASE = timedelta(minutes=20)  # longer than a delivery can take: see smtp.LONGEST
#: How long after each failed attempt the next one is made; after the last the mail is given up.
DELAYS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
    *[timedelta(hours=12)] * 5,
)
AFTER_SETTINGS = timedelta(hours=1)  # somebody has to change them first; nothing is given up
RECORD_AGAIN = (1, 5, 15, 60, 60)  # seconds between tries to write down how a delivery went

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a delivery went: the mail is sent, still waiting, or given up, and for what fault."""

    id: int
    kind: str
    status: MailStatus
    fault: DeliveryError | None


@dataclass(frozen=True)
class _Claim:
    """A mail that is this postman's to deliver, and the how many-th attempt that is."""

    id: int
    kind: str
    attempt: int


class MailWorker:
    """Delivers mails. As a thread: between `start` and `stop`."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        settings: Settings,
        letters: EmailComposer,
        transport: Transport,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        """As a thread it rests while `paused`."""
        self._sessions = sessions
        self._settings = settings
        self._letters = letters
        self._transport = transport
        self._paused = paused
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postman", daemon=True)
        event.listen(sessions, "after_transaction_end", self._wake_after)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End, once a delivery that is under way is done; one that takes its time is left."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(FAREWELL)

    def wake(self) -> None:
        """Look at the outbox now; the end of a transaction that wrote a mail does it, too."""
        self._woken.set()

    def deliver_due(self) -> list[Outcome]:
        """Deliver what is due, one by one, until nothing is, or the mail server is out of order.

        Raises SQLAlchemyError where the database does not answer.
        """
        outcomes = []
        while not self._stopped.is_set() and (claim := self._claim()) is not None:
            outcomes.append(self._record(claim, self._deliver(claim)))
            if isinstance(outcomes[-1].fault, OutageError):
                break
        return outcomes

    def _run(self) -> None:
        rest = 0
        while not self._stopped.is_set():
            # While the mail server is out of order nobody wakes the postman.
            (self._stopped if rest else self._woken).wait(rest or PAUSE)
            self._woken.clear()
            rest = self._round(rest)

    def _round(self, rest: int) -> int:
        """Deliver what is due; the seconds for which to let the mail server alone afterwards."""
        if self._paused():
            return 0
        try:
            outcomes = self.deliver_due()
        except SQLAlchemyError as err:
            LOG.warning("the outbox could not be read or written: %s", type(err).__name__)
            return 0
        if outcomes and isinstance(outcomes[-1].fault, OutageError):
            return min(rest * 2 or PAUSE, LONGEST_PAUSE)
        return 0

    def _wake_after(self, session: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None and session.info.pop(WRITTEN, False):
            self.wake()

    def _claim(self) -> _Claim | None:
        """Take the mail that is due longest, and commit that: while it is sent nothing is held."""
        now = clock.now()
        due = (
            (MailRecord.status == MailStatus.WAITING)
            & (MailRecord.due_at <= now)
            & (MailRecord.claimed_until.is_(None) | (MailRecord.claimed_until < now))
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
        with self._sessions.begin() as session:
            claimed = session.execute(
                update(MailRecord)
                .where(MailRecord.id == first, due)
                .values(claimed_until=now + LEASE, attempts=MailRecord.attempts + 1)
                .returning(MailRecord.id, MailRecord.kind, MailRecord.attempts)
                .execution_options(synchronize_session=False)
            ).one_or_none()
        return _Claim(*claimed) if claimed else None

    def _deliver(self, claim: _Claim) -> DeliveryError | None:
        """Write the letter and send it; what went wrong. Neither holds a transaction."""
        try:
            mail = self._load(claim)
            letter = self._letters.write(mail)
            self._transport.deliver(message(self._settings, mail, letter))
        except DeliveryError as err:
            return err
        except Exception as err:  # noqa: BLE001 - a broken row or template must not stop the others
            place = traceback.extract_tb(err.__traceback__)[-1]
            summary = f"letter: {type(err).__name__} in {place.filename}:{place.lineno}"
            return DeliveryError(summary, str(err))
        return None

    def _load(self, claim: _Claim) -> Mail:
        with self._sessions() as session:
            record = session.get_one(MailRecord, claim.id)
            return Mail(
                kind=MailKind(record.kind),
                recipient=record.recipient,
                message_id=record.message_id,
                written_at=record.written_at,
                detail=record.detail,
                order=snapshot(record.order),
            )

    def _record(self, claim: _Claim, fault: DeliveryError | None) -> Outcome:
        """Write down how a delivery went. Raises SQLAlchemyError, after many tries."""
        outcome = Outcome(claim.id, claim.kind, _status(claim, fault), fault)
        _tell(outcome)
        for pause in (*RECORD_AGAIN, None):
            try:
                self._write_down(claim, outcome)
                break
            except SQLAlchemyError as err:
                LOG.warning("mail %s could not be updated: %s", claim.id, type(err).__name__)
                if pause is None:
                    raise
                self._stopped.wait(pause)
        return outcome

    def _write_down(self, claim: _Claim, outcome: Outcome) -> None:
        now, fault = clock.now(), outcome.fault
        mine = MailRecord.id == claim.id
        values: dict[str, Any] = {"status": outcome.status.value, "claimed_until": None}
        if fault is None:
            values |= {"sent_at": now, "problem": None}
        else:
            # Where the claim has ended meanwhile, whoever has it now knows better.
            mine &= MailRecord.status == MailStatus.WAITING
            mine &= MailRecord.attempts == claim.attempt
            values["problem"] = f"{fault.summary} {fault.answer}".strip()
            if isinstance(fault, SettingsRefusedError):
                values |= {"due_at": now + AFTER_SETTINGS, "attempts": 0}
            elif outcome.status is MailStatus.WAITING:
                values["due_at"] = now + DELAYS[claim.attempt - 1]
        with self._sessions.begin() as session:
            session.execute(
                update(MailRecord)
                .where(mine)
                .values(values)
                .execution_options(synchronize_session=False)
            )


def make_mail_worker(registry: Registry) -> MailWorker:
    """The postman of a shop, as its settings have it."""
    settings: Settings = registry.bookshop
    folder = settings.mail.folder
    transport: Transport = (
        Smtp(settings.mail, domain(settings.shop)) if folder is None else Folder(folder)
    )
    return MailWorker(
        registry.sessions, settings, EmailComposer(registry), transport, registry.read_only.is_on
    )


def _status(claim: _Claim, fault: DeliveryError | None) -> MailStatus:
    if fault is None:
        return MailStatus.SENT
    if isinstance(fault, SettingsRefusedError):
        return MailStatus.WAITING
    if isinstance(fault, RefusedError) or claim.attempt > len(DELAYS):
        return MailStatus.GIVEN_UP
    return MailStatus.WAITING


def _tell(outcome: Outcome) -> None:
    """Put it into the log, which says nothing about customers."""
    mail = f"mail {outcome.id} ({outcome.kind})"
    fault = outcome.fault
    if fault is None:
        LOG.info("%s was sent", mail)
    elif isinstance(fault, SettingsRefusedError):
        LOG.error("%s waits until the mail.* settings are mended: %s", mail, fault.summary)
    elif outcome.status is MailStatus.GIVEN_UP:
        LOG.error("%s was given up: %s", mail, fault.summary)
    else:
        LOG.warning("%s is tried again later: %s", mail, fault.summary)
