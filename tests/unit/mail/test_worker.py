"""The mail worker delivers each e-mail once, retries failures, and gives up after a limit."""

import logging
import random
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

import bookshop
from bookshop.mail import smtp
from bookshop.mail import worker as worker_module
from bookshop.mail.folder import Folder
from bookshop.mail.models import MailRecord, MailStatus
from bookshop.mail.outbox import requeue
from bookshop.mail.queue import CLAIM_TIME, RETRY_DELAYS, WRONG_SETTINGS_DELAY, claim_next
from bookshop.mail.smtp import Smtp
from bookshop.mail.transport import (
    DeliveryError,
    OutageError,
    RefusedError,
    SettingsRefusedError,
)
from bookshop.mail.worker import POLL_INTERVAL, make_mail_worker
from bookshop.orders.emails import EmailComposer
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from tests.plugins.mail_server import DROP
from tests.shops import ini
from tests.unit.makers import NOW, book, order


class FakeTransport:
    """A transport that records deliveries and raises `faults` first, one for each delivery."""

    def __init__(self, *faults) -> None:
        self.faults = list(faults)
        self.delivered = []
        self.arrived = threading.Semaphore(0)
        self.on_deliver = lambda _message: None

    def deliver(self, message):
        self.on_deliver(message)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        self.delivered.append(message["Message-ID"])
        self.arrived.release()


@pytest.fixture
def transport():
    return FakeTransport()


@pytest.fixture
def worker(make_mail_worker, transport):
    return make_mail_worker(transport)


def statuses(outcomes):
    return [outcome.status for outcome in outcomes]


def logged(caplog, event):
    """The fields `mail` and `error` of every log record of that event."""
    return [
        (record.mail, record.error) for record in caplog.records if record.getMessage() == event
    ]


# --- delivery


def test_due_mail_is_delivered_once(worker, transport, enqueue_mails, mails, time):
    (mail_id,) = enqueue_mails()
    time.passes(seconds=1)
    assert statuses(worker.deliver_due()) == [MailStatus.SENT]
    assert worker.deliver_due() == []
    mail = mails()[mail_id]
    assert transport.delivered == [f"<{mail.message_id}@localhost>"]
    assert (mail.status, mail.attempts, mail.sent_at) == (MailStatus.SENT, 1, time.now)
    assert (mail.claimed_until, mail.problem) == (None, None)


def test_no_connection_is_held_during_delivery(worker, transport, enqueue_mails, engine):
    enqueue_mails()
    held = []
    transport.on_deliver = lambda _message: held.append(engine.pool.checkedout())
    worker.deliver_due()
    assert held == [0]


def test_mail_is_claimed_before_delivery(
    worker, make_mail_worker, transport, enqueue_mails, mails, time
):
    (mail_id,) = enqueue_mails()
    seen, other = [], FakeTransport()

    def inspect_claim(message):
        seen.append((mails()[mail_id].claimed_until, make_mail_worker(other).deliver_due()))

    transport.on_deliver = inspect_claim
    worker.deliver_due()
    assert seen == [(NOW + CLAIM_TIME, [])]
    assert other.delivered == []


def test_claim_outlasts_a_delivery():
    assert timedelta(seconds=smtp.MAX_DELIVERY_TIME) < CLAIM_TIME
    assert smtp.DATA_TIMEOUT < smtp.MAX_DELIVERY_TIME


def test_mail_due_longest_is_first(worker, transport, enqueue_mails, mails, time, sessions):
    first, second, third = enqueue_mails(3)
    with sessions.begin() as session:
        for mail_id, late in ((second, 3), (third, 2), (first, 1)):
            session.get(MailRecord, mail_id).due_at = NOW - timedelta(minutes=late)
    ids = {f"<{mail.message_id}@localhost>": mail.id for mail in mails().values()}
    worker.deliver_due()
    assert [ids[delivered] for delivered in transport.delivered] == [second, third, first]


# --- failures


def test_mail_is_given_up_after_about_three_days(
    worker, transport, enqueue_mails, mails, time, caplog
):
    (mail_id,) = enqueue_mails()
    for delay in RETRY_DELAYS:
        transport.faults = [DeliveryError("RCPT TO: 450", "try later")]
        assert statuses(worker.deliver_due()) == [MailStatus.WAITING]
        assert mails()[mail_id].due_at == time.now + delay
        assert mails()[mail_id].problem == "RCPT TO: 450 try later"
        time.passes(seconds=delay.total_seconds() - 1)
        assert worker.deliver_due() == []
        time.passes(seconds=1)
    transport.faults = [DeliveryError("RCPT TO: 450", "try later")]
    assert statuses(worker.deliver_due()) == [MailStatus.GIVEN_UP]
    assert timedelta(days=3) < time.now - NOW < timedelta(days=3.5)
    assert logged(caplog, "mail_given_up") == [(mail_id, "RCPT TO: 450")]
    time.passes(days=30)
    assert worker.deliver_due() == []


def test_problem_is_cleared_by_success(worker, transport, enqueue_mails, mails, time):
    (mail_id,) = enqueue_mails()
    transport.faults = [DeliveryError("RCPT TO: 450")]
    worker.deliver_due()
    time.passes(minutes=1)
    worker.deliver_due()
    mail = mails()[mail_id]
    assert (mail.status, mail.attempts, mail.problem) == (MailStatus.SENT, 2, None)


def test_attempts_share_the_message_id(worker, transport, enqueue_mails, time):
    enqueue_mails()
    seen = []
    transport.on_deliver = lambda message: seen.append(message["Message-ID"])
    transport.faults = [DeliveryError("DATA: SMTPServerDisconnected")] * 3
    for _ in range(4):
        worker.deliver_due()
        time.passes(hours=1)
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_permanent_refusal_gives_up_at_once(worker, transport, enqueue_mails, mails, time):
    refused, other = enqueue_mails(2)
    transport.faults = [RefusedError("RCPT TO: 550", "no such user")]
    assert statuses(worker.deliver_due()) == [MailStatus.GIVEN_UP, MailStatus.SENT]
    assert mails()[refused].problem == "RCPT TO: 550 no such user"
    assert mails()[other].status == MailStatus.SENT


def test_refused_settings_delay_without_giving_up(
    worker, transport, enqueue_mails, mails, time, caplog
):
    (mail_id,) = enqueue_mails()
    for _ in range(3 * len(RETRY_DELAYS)):
        transport.faults = [SettingsRefusedError("AUTH: 535", "wrong password")]
        assert statuses(worker.deliver_due()) == [MailStatus.WAITING]
        assert mails()[mail_id].due_at == time.now + WRONG_SETTINGS_DELAY
        time.passes(hours=1)
    assert (mail_id, "AUTH: 535") in logged(caplog, "mail_settings_refused")
    # With corrected settings all attempts are available again.
    transport.faults = [DeliveryError("RCPT TO: 450")]
    assert statuses(worker.deliver_due()) == [MailStatus.WAITING]
    time.passes(hours=1)
    assert statuses(worker.deliver_due()) == [MailStatus.SENT]


@pytest.mark.parametrize("fault", [OutageError, SettingsRefusedError])
def test_outage_stops_the_run(worker, transport, enqueue_mails, time, fault):
    enqueue_mails(3)
    transport.faults = [fault("connect: ConnectionRefusedError")]
    assert len(worker.deliver_due()) == 1
    time.passes(hours=1)
    assert statuses(worker.deliver_due()) == [MailStatus.SENT] * 3


def test_outage_pauses_grow(worker, transport, enqueue_mails, time):
    enqueue_mails(10)
    transport.faults = [OutageError("connect: TimeoutError")] * 9
    pauses, pause = [], 0
    for _ in range(9):
        pause = worker._run_once(pause)
        pauses.append(pause)
    assert pauses == [POLL_INTERVAL, 40, 80, 160, 320, 600, 600, 600, 600]
    assert worker._run_once(pause) == 0


def test_mail_that_cannot_be_composed_does_not_stop_others(
    worker, transport, enqueue_mails, mails, time, caplog
):
    invalid, unknown, fine = enqueue_mails(3)
    (incomplete,) = enqueue_mails(kind=MailKind.SHIPPED)
    values = {
        invalid: {"recipient": "not an address"},
        unknown: {"kind": "unknown_kind"},
    }
    for mail_id, changes in values.items():
        with worker._sessions.begin() as session:
            session.execute(update(MailRecord).where(MailRecord.id == mail_id).values(changes))
    outcomes = {outcome.id: outcome for outcome in worker.deliver_due()}
    for mail_id in (invalid, unknown, incomplete):
        assert outcomes[mail_id].status is MailStatus.WAITING
        assert outcomes[mail_id].error.summary.startswith("compose: ")
        assert mails()[mail_id].due_at == time.now + RETRY_DELAYS[0]
    assert outcomes[fine].status is MailStatus.SENT
    assert "emails.py:" in outcomes[incomplete].error.summary
    assert "not an address" not in caplog.text


def test_logs_contain_no_personal_data(worker, transport, enqueue_mails, caplog, time):
    caplog.set_level(logging.DEBUG, "bookshop")
    enqueue_mails(5, email="ada@mail.example")
    answer = "<ada@mail.example> Moss"
    transport.faults = [
        DeliveryError("RCPT TO: 450", answer),
        RefusedError("RCPT TO: 550", answer),
        ValueError(answer),
        None,
        SettingsRefusedError("MAIL FROM: 550", answer),
    ]
    assert len(worker.deliver_due()) == 5
    assert len(caplog.records) == 5
    for personal in ("ada", "mail.example", "Moss"):
        assert personal not in caplog.text


# --- crashes


def test_expired_claim_is_taken_over(worker, transport, enqueue_mails, mails, time):
    (mail_id,) = enqueue_mails()
    assert claim_next(worker._sessions).id == mail_id  # by a worker that crashes
    time.passes(seconds=CLAIM_TIME.total_seconds() - 1)
    assert worker.deliver_due() == []
    time.passes(seconds=1)
    assert statuses(worker.deliver_due()) == [MailStatus.SENT]
    assert mails()[mail_id].attempts == 2
    assert len(transport.delivered) == 1


def test_mail_written_while_the_clock_was_ahead_is_delivered(
    worker, transport, enqueue_mails, mails, time
):
    time.passes(days=2)
    enqueue_mails(2)
    assert claim_next(worker._sessions)  # by a worker that crashes
    transport.faults = [DeliveryError("RCPT TO: 450")]
    assert len(worker.deliver_due()) == 1
    enqueue_mails()
    time.passes(days=-2)
    assert len(worker.deliver_due()) == 3
    assert {mail.status for mail in mails().values()} == {MailStatus.SENT}
    assert len(set(transport.delivered)) == 3


def test_claim_outlasts_a_clock_that_is_set_back(worker, enqueue_mails, time):
    enqueue_mails()
    assert claim_next(worker._sessions)
    time.passes(seconds=-CLAIM_TIME.total_seconds())
    assert claim_next(worker._sessions) is None


def test_late_failure_does_not_overwrite_success(make_mail_worker, enqueue_mails, mails, time):
    (mail_id,) = enqueue_mails()
    slow, quick = FakeTransport(DeliveryError("DATA: TimeoutError")), FakeTransport()

    def exceed_claim(message):
        time.passes(seconds=CLAIM_TIME.total_seconds() + 1)
        make_mail_worker(quick).deliver_due()

    slow.on_deliver = exceed_claim
    make_mail_worker(slow).deliver_due()
    assert len(quick.delivered) == 1
    mail = mails()[mail_id]
    assert (mail.status, mail.problem) == (MailStatus.SENT, None)


def test_outcome_is_recorded_after_database_errors(
    worker, transport, enqueue_mails, mails, time, monkeypatch, caplog
):
    (mail_id,) = enqueue_mails()
    record_outcome, locked = worker_module.record_outcome, [True, True]

    def fail_twice(*arguments):
        if locked:
            locked.pop()
            raise OperationalError("UPDATE", {}, Exception("database is locked"))
        record_outcome(*arguments)

    monkeypatch.setattr(worker_module, "record_outcome", fail_twice)
    monkeypatch.setattr(worker_module, "RECORD_RETRY_PAUSES", (0, 0))
    assert statuses(worker.deliver_due()) == [MailStatus.SENT]
    assert mails()[mail_id].status == MailStatus.SENT
    assert len(transport.delivered) == 1
    assert logged(caplog, "mail_outcome_not_recorded") == [(mail_id, "OperationalError")] * 2


def test_database_failure_is_logged_and_survived(worker, enqueue_mails, monkeypatch, caplog):
    def locked(*arguments):
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr(worker_module, "RECORD_RETRY_PAUSES", (0,))
    monkeypatch.setattr(worker_module, "record_outcome", locked)
    enqueue_mails()
    assert worker._run_once(0) == 0
    (record,) = [each for each in caplog.records if each.getMessage() == "outbox_unavailable"]
    assert record.error == "OperationalError"


# --- requeue


@pytest.mark.parametrize("status", [MailStatus.SENT, MailStatus.GIVEN_UP])
def test_mail_can_be_requeued(worker, transport, enqueue_mails, mails, time, sessions, status):
    (mail_id,) = enqueue_mails()
    transport.faults = [RefusedError("RCPT TO: 550")] if status is MailStatus.GIVEN_UP else []
    worker.deliver_due()
    before = mails()[mail_id]
    assert before.status == status
    time.passes(days=1)
    with sessions.begin() as session:
        assert requeue(session, mail_id, time.now)
    assert (mails()[mail_id].attempts, mails()[mail_id].problem) == (0, None)
    assert statuses(worker.deliver_due()) == [MailStatus.SENT]
    # Mail systems drop a second message with the same Message-ID.
    same = mails()[mail_id].message_id == before.message_id
    assert same == (status is MailStatus.GIVEN_UP)


def test_waiting_mail_can_be_requeued(worker, transport, enqueue_mails, time, sessions):
    (mail_id,) = enqueue_mails()
    transport.faults = [DeliveryError("RCPT TO: 450")]
    worker.deliver_due()
    with sessions.begin() as session:
        assert requeue(session, mail_id, time.now)
    assert statuses(worker.deliver_due()) == [MailStatus.SENT]


# --- the thread


@pytest.fixture
def order_id(sessions, enqueue_mails):
    """The id of an order with one e-mail."""

    def read():
        with sessions() as session:
            return session.query(MailRecord.order_id).scalar()

    enqueue_mails()
    return read()


def test_commit_wakes_the_worker(worker, transport, order_id, sessions, engine, monkeypatch):
    monkeypatch.setattr(worker_module, "POLL_INTERVAL", 60)
    worker.deliver_due()
    assert transport.arrived.acquire(timeout=60)
    worker.start()
    with sessions() as session:
        enqueue_order_email(session, session.get(Order, order_id), MailKind.LINK, "1", NOW)
        with session.begin_nested():
            session.flush()
        assert not worker._woken.is_set()
        session.commit()
    assert transport.arrived.acquire(timeout=60)


def test_worker_polls_the_outbox(worker, transport, enqueue_mails, monkeypatch):
    monkeypatch.setattr(worker_module, "POLL_INTERVAL", 0.05)
    enqueue_mails()
    worker._woken.clear()
    worker.start()
    assert transport.arrived.acquire(timeout=60)


def test_other_commits_do_not_wake_the_worker(worker, order_id, sessions):
    worker._woken.clear()
    with sessions.begin() as session:
        session.get(Order, order_id).visitor = "another session"
    assert not worker._woken.is_set()


def test_commit_does_not_wake_the_worker_during_an_outage(
    worker, transport, enqueue_mails, monkeypatch
):
    monkeypatch.setattr(worker_module, "POLL_INTERVAL", 60)
    runs, run_once = threading.Semaphore(0), worker._run_once

    def count(pause):
        result = run_once(pause)
        runs.release()
        return result

    monkeypatch.setattr(worker, "_run_once", count)
    transport.faults = [OutageError("connect: TimeoutError")] * 2
    enqueue_mails()
    worker.start()
    assert runs.acquire(timeout=60)
    enqueue_mails()
    assert not runs.acquire(timeout=0.3)


def test_worker_stops_between_two_mails(worker, transport, enqueue_mails):
    enqueue_mails(3)
    transport.on_deliver = lambda _message: worker._stopped.set()
    assert len(worker.deliver_due()) == 1
    assert len(transport.delivered) == 1


def test_stop_does_not_wait_for_a_slow_delivery(worker, transport, enqueue_mails, monkeypatch):
    monkeypatch.setattr(worker_module, "STOP_TIMEOUT", 0.05)
    busy, finish = threading.Event(), threading.Event()

    def block(message):
        busy.set()
        finish.wait(60)

    transport.on_deliver = block
    enqueue_mails()
    worker.start()
    worker.wake()
    assert busy.wait(60)
    worker.stop()
    assert worker._thread.is_alive()
    finish.set()
    worker._thread.join(60)
    assert not worker._thread.is_alive()


def test_stop_without_start(worker):
    worker.stop()


def test_settings_select_the_transport(make_registry, tmp_path):
    registry = make_registry()
    assert isinstance(make_mail_worker(registry, EmailComposer(registry))._transport, Folder)
    registry = make_registry(mail__host="smtp.example")
    assert isinstance(make_mail_worker(registry, EmailComposer(registry))._transport, Smtp)


# --- concurrency, with an unreliable server


FAULTS = {
    "connect": ["421 closed", DROP],
    "MAIL": ["451 later", DROP],
    "RCPT": ["450 greylisted", DROP, "421 closed"],
    "DATA": ["451 later", DROP],
}


def run_until_all_are_sent(workers, mails, time, together):
    for _ in range(400):
        together(lambda worker: worker.deliver_due(), workers)
        if all(mail.status != MailStatus.WAITING for mail in mails().values()):
            return
        time.passes(hours=12)
    pytest.fail("an e-mail is still waiting")


@pytest.mark.detail
def test_concurrent_workers_deliver_each_mail_once(
    make_mail_worker, make_smtp, server, enqueue_mails, mails, together
):
    enqueue_mails(200)
    workers = [make_mail_worker(make_smtp(server)) for _ in range(5)]
    together(lambda worker: worker.deliver_due(), workers)
    found = mails().values()
    assert {mail.status for mail in found} == {MailStatus.SENT}
    assert server.box.ids() == sorted(f"<{mail.message_id}@localhost>" for mail in found)
    recipients = sorted(envelope.rcpt_tos[0] for envelope in server.box.mails)
    assert recipients == sorted(mail.recipient for mail in found)


def test_unreliable_server_receives_each_mail_once(
    make_mail_worker, make_smtp, server, enqueue_mails, mails, together, time
):
    chance = random.Random(25)  # noqa: S311
    enqueue_mails(100)
    for stage, answers in FAULTS.items():
        server.box.plan[stage] = [
            chance.choice(answers) if chance.random() < 0.2 else None for _ in range(150)
        ]
    workers = [make_mail_worker(make_smtp(server)) for _ in range(4)]
    run_until_all_are_sent(workers, mails, time, together)
    found = mails().values()
    assert {mail.status for mail in found} == {MailStatus.SENT}
    assert max(mail.attempts for mail in found) > 1
    assert server.box.ids() == sorted(f"<{mail.message_id}@localhost>" for mail in found)


# --- in the application


def test_application_runs_the_worker(tmp_path, sqlite_url):
    section = ini(tmp_path / "var", "http://localhost:1", sqlalchemy__url=str(sqlite_url))
    config = bookshop.configure(section)
    registry = config.make_wsgi_app().registry
    with registry.services.sessions.begin() as session:
        session.add(wanted := order(book(title="Moss"), email="ada@mail.example"))
        session.flush()
        enqueue_order_email(session, wanted, MailKind.PAID, "", NOW)
    folder, pause, tries = tmp_path / "var" / "mail", threading.Event(), 400
    while not list(folder.glob("*.eml")) and (tries := tries - 1):
        pause.wait(0.05)
    (mail,) = folder.glob("*.eml")
    assert "Moss" in mail.read_text(encoding="utf-8")
    registry.mail_worker.stop()
    assert not registry.mail_worker._thread.is_alive()
    registry.job_worker.stop()
    registry.services.payments.close()
    registry.services.engine.dispose()
