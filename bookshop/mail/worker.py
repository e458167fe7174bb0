"""Delivers the e-mails of the outbox: as a thread of the server, or within a command."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable

from pyramid.registry import Registry
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker

from bookshop.mail.folder import Folder
from bookshop.mail.message import Composer, build_message, domain
from bookshop.mail.models import MailStatus
from bookshop.mail.outbox import ENQUEUED
from bookshop.mail.queue import (
    Claim,
    Outcome,
    claim_next,
    load_mail,
    outcome_of,
    record_outcome,
)
from bookshop.mail.smtp import Smtp
from bookshop.mail.transport import (
    DeliveryError,
    OutageError,
    SettingsRefusedError,
    Transport,
)
from bookshop.services import services
from bookshop.settings import Settings

POLL_INTERVAL = 20  # seconds between two checks of the outbox, unless a commit wakes the worker
MAX_OUTAGE_PAUSE = 600  # seconds between two attempts while the mail server is unavailable
STOP_TIMEOUT = 10  # seconds that `stop` waits for a delivery in progress
RECORD_RETRY_PAUSES = (1, 5, 15, 60, 60)  # seconds between attempts to record an outcome

log = logging.getLogger(__name__)


class MailWorker:
    """Delivers e-mails: between `start` and `stop` in a thread, or by `deliver_due`."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        settings: Settings,
        composer: Composer,
        transport: Transport,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        """Deliver nothing in the thread while `paused` returns True."""
        self._sessions = sessions
        self._settings = settings
        self._composer = composer
        self._transport = transport
        self._paused = paused
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail-worker", daemon=True)
        event.listen(sessions, "after_transaction_end", self._wake_after)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, waiting up to STOP_TIMEOUT seconds for a delivery in progress."""
        self._stopped.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT)

    def wake(self) -> None:
        """Check the outbox now. The commit of a new e-mail does the same."""
        self._woken.set()

    def deliver_due(self) -> list[Outcome]:
        """Deliver all due e-mails one by one; stop early if the mail server is unavailable.

        Raises SQLAlchemyError if the database does not respond.
        """
        outcomes = []
        while not self._stopped.is_set() and (claim := claim_next(self._sessions)) is not None:
            outcomes.append(self._record(claim, self._deliver(claim)))
            if isinstance(outcomes[-1].error, OutageError):
                break
        return outcomes

    def _run(self) -> None:
        pause = 0
        while not self._stopped.is_set():
            # During an outage new e-mails do not wake the worker.
            (self._stopped if pause else self._woken).wait(pause or POLL_INTERVAL)
            self._woken.clear()
            pause = self._run_once(pause)

    def _run_once(self, pause: int) -> int:
        """Deliver what is due. Return the seconds to pause, 0 if the mail server is available."""
        if self._paused():
            return 0
        try:
            outcomes = self.deliver_due()
        except SQLAlchemyError as err:
            log.warning("outbox_unavailable", extra={"error": type(err).__name__})
            return 0
        if outcomes and isinstance(outcomes[-1].error, OutageError):
            return min(pause * 2 or POLL_INTERVAL, MAX_OUTAGE_PAUSE)
        return 0

    def _wake_after(self, session: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None and session.info.pop(ENQUEUED, False):
            self.wake()

    def _deliver(self, claim: Claim) -> DeliveryError | None:
        """Compose and send the e-mail without an open transaction. Return the error, if any."""
        try:
            mail = load_mail(self._sessions, claim)
            content = self._composer.compose(mail)
            self._transport.deliver(build_message(self._settings, mail, content))
        except DeliveryError as err:
            return err
        except Exception as err:  # noqa: BLE001 - a broken row or template must not stop the others
            place = traceback.extract_tb(err.__traceback__)[-1]
            summary = f"compose: {type(err).__name__} in {place.filename}:{place.lineno}"
            return DeliveryError(summary, str(err))
        return None

    def _record(self, claim: Claim, error: DeliveryError | None) -> Outcome:
        """Record the outcome. Raises SQLAlchemyError if no attempt to write it succeeds."""
        outcome = outcome_of(claim, error)
        _log_outcome(outcome)
        for pause in (*RECORD_RETRY_PAUSES, None):
            try:
                record_outcome(self._sessions, claim, outcome)
                break
            except SQLAlchemyError as err:
                log.warning(
                    "mail_outcome_not_recorded",
                    extra={"mail": claim.id, "error": type(err).__name__},
                )
                if pause is None:
                    raise
                self._stopped.wait(pause)
        return outcome


def make_mail_worker(registry: Registry, composer: Composer) -> MailWorker:
    """Return the worker with the transport that the settings name."""
    shop = services(registry)
    settings = shop.settings
    folder = settings.mail.folder
    transport: Transport = (
        Smtp(settings.mail, domain(settings.shop)) if folder is None else Folder(folder)
    )
    return MailWorker(shop.sessions, settings, composer, transport, shop.read_only.is_on)


def _log_outcome(outcome: Outcome) -> None:
    """Log the outcome without personal data."""
    fields = {"mail": outcome.id, "kind": outcome.kind}
    error = outcome.error
    if error is None:
        log.info("mail_sent", extra=fields)
        return
    fields["error"] = error.summary
    if isinstance(error, SettingsRefusedError):
        log.error("mail_settings_refused", extra=fields)
    elif outcome.status is MailStatus.GIVEN_UP:
        log.error("mail_given_up", extra=fields)
    else:
        log.warning("mail_deferred", extra=fields)
