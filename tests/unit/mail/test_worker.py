"""Mail is delivered once: late, if it must be, by whoever is there, and never lost."""

import logging
import random
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

import bookshop
from bookshop.mail import smtp
from bookshop.mail import worker as module
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


class Pigeon:
    """A transport that remembers; `faults` are raised first, one for each delivery."""

    def __init__(self, *faults) -> None:
        self.faults = list(faults)
        self.carried = []
        self.arrived = threading.Semaphore(0)
        self.asked = lambda _message: None

    def deliver(self, message):
        self.asked(message)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        self.carried.append(message["Message-ID"])
        self.arrived.release()


@pytest.fixture
def pigeon():
    return Pigeon()


@pytest.fixture
def postman(make_mail_worker, pigeon):
    return make_mail_worker(pigeon)


def statuses(outcomes):
    return [outcome.status for outcome in outcomes]


def logged(caplog, event):
    """The fields `mail` and `error` of every log record of that event."""
    return [
        (record.mail, record.error) for record in caplog.records if record.getMessage() == event
    ]


# --- one mail


def test_what_is_due_is_delivered_once(postman, pigeon, post, mails, time):
    (mail_id,) = post()
    time.passes(seconds=1)
    assert statuses(postman.deliver_due()) == [MailStatus.SENT]
    assert postman.deliver_due() == []
    mail = mails()[mail_id]
    assert pigeon.carried == [f"<{mail.message_id}@localhost>"]
    assert (mail.status, mail.attempts, mail.sent_at) == (MailStatus.SENT, 1, time.now)
    assert (mail.claimed_until, mail.problem) == (None, None)


def test_nothing_is_held_while_the_mail_is_on_its_way(postman, pigeon, post, engine):
    post()
    held = []
    pigeon.asked = lambda _message: held.append(engine.pool.checkedout())
    postman.deliver_due()
    assert held == [0]


def test_the_mail_is_claimed_before_it_leaves(postman, make_mail_worker, pigeon, post, mails, time):
    (mail_id,) = post()
    seen, other = [], Pigeon()

    def look(message):
        seen.append((mails()[mail_id].claimed_until, make_mail_worker(other).deliver_due()))

    pigeon.asked = look
    postman.deliver_due()
    assert seen == [(NOW + CLAIM_TIME, [])]
    assert other.carried == []


def test_a_claim_lasts_longer_than_a_delivery_can():
    assert timedelta(seconds=smtp.MAX_DELIVERY_TIME) < CLAIM_TIME
    assert smtp.DATA_TIMEOUT < smtp.MAX_DELIVERY_TIME


def test_the_longest_due_goes_first(postman, pigeon, post, mails, time, sessions):
    first, second, third = post(3)
    with sessions.begin() as session:
        for mail_id, late in ((second, 3), (third, 2), (first, 1)):
            session.get(MailRecord, mail_id).due_at = NOW - timedelta(minutes=late)
    ids = {f"<{mail.message_id}@localhost>": mail.id for mail in mails().values()}
    postman.deliver_due()
    assert [ids[carried] for carried in pigeon.carried] == [second, third, first]


# --- failures


def test_it_is_tried_for_about_three_days_and_then_given_up(
    postman, pigeon, post, mails, time, caplog
):
    (mail_id,) = post()
    for delay in RETRY_DELAYS:
        pigeon.faults = [DeliveryError("RCPT TO: 450", "try later")]
        assert statuses(postman.deliver_due()) == [MailStatus.WAITING]
        assert mails()[mail_id].due_at == time.now + delay
        assert mails()[mail_id].problem == "RCPT TO: 450 try later"
        time.passes(seconds=delay.total_seconds() - 1)
        assert postman.deliver_due() == []
        time.passes(seconds=1)
    pigeon.faults = [DeliveryError("RCPT TO: 450", "try later")]
    assert statuses(postman.deliver_due()) == [MailStatus.GIVEN_UP]
    assert timedelta(days=3) < time.now - NOW < timedelta(days=3.5)
    assert logged(caplog, "mail_given_up") == [(mail_id, "RCPT TO: 450")]
    time.passes(days=30)
    assert postman.deliver_due() == []


def test_the_problem_is_forgotten_once_it_has_gone(postman, pigeon, post, mails, time):
    (mail_id,) = post()
    pigeon.faults = [DeliveryError("RCPT TO: 450")]
    postman.deliver_due()
    time.passes(minutes=1)
    postman.deliver_due()
    mail = mails()[mail_id]
    assert (mail.status, mail.attempts, mail.problem) == (MailStatus.SENT, 2, None)


def test_every_attempt_has_the_same_message_id(postman, pigeon, post, time):
    post()
    seen = []
    pigeon.asked = lambda message: seen.append(message["Message-ID"])
    pigeon.faults = [DeliveryError("DATA: SMTPServerDisconnected")] * 3
    for _ in range(4):
        postman.deliver_due()
        time.passes(hours=1)
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_what_is_refused_for_good_is_given_up_at_once(postman, pigeon, post, mails, time):
    refused, other = post(2)
    pigeon.faults = [RefusedError("RCPT TO: 550", "no such user")]
    assert statuses(postman.deliver_due()) == [MailStatus.GIVEN_UP, MailStatus.SENT]
    assert mails()[refused].problem == "RCPT TO: 550 no such user"
    assert mails()[other].status == MailStatus.SENT


def test_settings_that_are_refused_are_waited_for(postman, pigeon, post, mails, time, caplog):
    (mail_id,) = post()
    for _ in range(3 * len(RETRY_DELAYS)):
        pigeon.faults = [SettingsRefusedError("AUTH: 535", "wrong password")]
        assert statuses(postman.deliver_due()) == [MailStatus.WAITING]
        assert mails()[mail_id].due_at == time.now + WRONG_SETTINGS_DELAY
        time.passes(hours=1)
    assert (mail_id, "AUTH: 535") in logged(caplog, "mail_settings_refused")
    # With corrected settings all attempts are available again.
    pigeon.faults = [DeliveryError("RCPT TO: 450")]
    assert statuses(postman.deliver_due()) == [MailStatus.WAITING]
    time.passes(hours=1)
    assert statuses(postman.deliver_due()) == [MailStatus.SENT]


@pytest.mark.parametrize("fault", [OutageError, SettingsRefusedError])
def test_a_server_that_is_out_of_order_is_not_asked_for_each_mail(
    postman, pigeon, post, time, fault
):
    post(3)
    pigeon.faults = [fault("connect: ConnectionRefusedError")]
    assert len(postman.deliver_due()) == 1
    time.passes(hours=1)
    assert statuses(postman.deliver_due()) == [MailStatus.SENT] * 3


def test_a_server_that_is_out_of_order_is_asked_less_and_less(postman, pigeon, post, time):
    post(10)
    pigeon.faults = [OutageError("connect: TimeoutError")] * 9
    rests, rest = [], 0
    for _ in range(9):
        rest = postman._run_once(rest)
        rests.append(rest)
    assert rests == [POLL_INTERVAL, 40, 80, 160, 320, 600, 600, 600, 600]
    assert postman._run_once(rest) == 0


def test_a_letter_that_cannot_be_written_stops_no_other(postman, pigeon, post, mails, time, caplog):
    broken, strange, fine = post(3)
    (unshippable,) = post(kind=MailKind.SHIPPED)
    values = {
        broken: {"recipient": "not an address"},
        strange: {"kind": "carrier_pigeon"},
    }
    for mail_id, changes in values.items():
        with postman._sessions.begin() as session:
            session.execute(update(MailRecord).where(MailRecord.id == mail_id).values(changes))
    outcomes = {outcome.id: outcome for outcome in postman.deliver_due()}
    for mail_id in (broken, strange, unshippable):
        assert outcomes[mail_id].status is MailStatus.WAITING
        assert outcomes[mail_id].error.summary.startswith("compose: ")
        assert mails()[mail_id].due_at == time.now + RETRY_DELAYS[0]
    assert outcomes[fine].status is MailStatus.SENT
    assert "emails.py:" in outcomes[unshippable].error.summary
    assert "not an address" not in caplog.text


def test_no_log_line_says_who_was_mailed_about_what(postman, pigeon, post, caplog, time):
    caplog.set_level(logging.DEBUG, "bookshop")
    post(5, email="ada@mail.example")
    answer = "<ada@mail.example> Moss"
    pigeon.faults = [
        DeliveryError("RCPT TO: 450", answer),
        RefusedError("RCPT TO: 550", answer),
        ValueError(answer),
        None,
        SettingsRefusedError("MAIL FROM: 550", answer),
    ]
    assert len(postman.deliver_due()) == 5
    assert len(caplog.records) == 5
    for personal in ("ada", "mail.example", "Moss"):
        assert personal not in caplog.text


# --- accidents


def test_what_a_killed_postman_had_claimed_is_taken_up(postman, pigeon, post, mails, time):
    (mail_id,) = post()
    assert claim_next(postman._sessions).id == mail_id  # and there it ended
    time.passes(seconds=CLAIM_TIME.total_seconds())
    assert postman.deliver_due() == []
    time.passes(seconds=1)
    assert statuses(postman.deliver_due()) == [MailStatus.SENT]
    assert mails()[mail_id].attempts == 2
    assert len(pigeon.carried) == 1


def test_who_comes_too_late_does_not_spoil_it(make_mail_worker, post, mails, time):
    (mail_id,) = post()
    slow, quick = Pigeon(DeliveryError("DATA: TimeoutError")), Pigeon()

    def sleep(message):
        time.passes(seconds=CLAIM_TIME.total_seconds() + 1)
        make_mail_worker(quick).deliver_due()

    slow.asked = sleep
    make_mail_worker(slow).deliver_due()
    assert len(quick.carried) == 1
    mail = mails()[mail_id]
    assert (mail.status, mail.problem) == (MailStatus.SENT, None)


def test_a_mail_that_has_gone_is_written_down_as_soon_as_that_can_be(
    postman, pigeon, post, mails, time, monkeypatch, caplog
):
    (mail_id,) = post()
    really, locked = module.record_outcome, [True, True]

    def write_down(*arguments):
        if locked:
            locked.pop()
            raise OperationalError("UPDATE", {}, Exception("database is locked"))
        really(*arguments)

    monkeypatch.setattr(module, "record_outcome", write_down)
    monkeypatch.setattr(module, "RECORD_RETRY_PAUSES", (0, 0))
    assert statuses(postman.deliver_due()) == [MailStatus.SENT]
    assert mails()[mail_id].status == MailStatus.SENT
    assert len(pigeon.carried) == 1
    assert logged(caplog, "mail_outcome_not_recorded") == [(mail_id, "OperationalError")] * 2


def test_a_database_that_does_not_answer_is_asked_again(postman, post, monkeypatch, caplog):
    def locked(*arguments):
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr(module, "RECORD_RETRY_PAUSES", (0,))
    monkeypatch.setattr(module, "record_outcome", locked)
    post()
    assert postman._run_once(0) == 0
    (record,) = [each for each in caplog.records if each.getMessage() == "outbox_unavailable"]
    assert record.error == "OperationalError"


# --- again


@pytest.mark.parametrize("status", [MailStatus.SENT, MailStatus.GIVEN_UP])
def test_a_mail_can_be_sent_again(postman, pigeon, post, mails, time, sessions, status):
    (mail_id,) = post()
    pigeon.faults = [RefusedError("RCPT TO: 550")] if status is MailStatus.GIVEN_UP else []
    postman.deliver_due()
    before = mails()[mail_id]
    assert before.status == status
    time.passes(days=1)
    with sessions.begin() as session:
        assert requeue(session, mail_id, time.now)
    assert (mails()[mail_id].attempts, mails()[mail_id].problem) == (0, None)
    assert statuses(postman.deliver_due()) == [MailStatus.SENT]
    # One that has arrived already would be taken for a copy of itself.
    same = mails()[mail_id].message_id == before.message_id
    assert same == (status is MailStatus.GIVEN_UP)


def test_a_mail_that_waits_need_not_wait(postman, pigeon, post, time, sessions):
    (mail_id,) = post()
    pigeon.faults = [DeliveryError("RCPT TO: 450")]
    postman.deliver_due()
    with sessions.begin() as session:
        assert requeue(session, mail_id, time.now)
    assert statuses(postman.deliver_due()) == [MailStatus.SENT]


# --- the thread


@pytest.fixture
def order_of(sessions, post):
    """An order, whose first mail has been written: the id of the order."""

    def read():
        with sessions() as session:
            return session.query(MailRecord.order_id).scalar()

    post()
    return read()


def test_a_mail_leaves_as_soon_as_it_is_committed(
    postman, pigeon, order_of, sessions, engine, monkeypatch
):
    monkeypatch.setattr(module, "POLL_INTERVAL", 60)
    postman.deliver_due()
    assert pigeon.arrived.acquire(timeout=10)
    postman.start()
    with sessions() as session:
        enqueue_order_email(session, session.get(Order, order_of), MailKind.LINK, "1", NOW)
        with session.begin_nested():
            session.flush()
        assert not postman._woken.is_set()
        session.commit()
    assert pigeon.arrived.acquire(timeout=20)


def test_a_mail_that_nobody_announced_is_found(postman, pigeon, post, monkeypatch):
    monkeypatch.setattr(module, "POLL_INTERVAL", 0.05)
    post()
    postman._woken.clear()
    postman.start()
    assert pigeon.arrived.acquire(timeout=20)


def test_what_has_nothing_to_do_with_mail_wakes_nobody(postman, order_of, sessions):
    postman._woken.clear()
    with sessions.begin() as session:
        session.get(Order, order_of).visitor = "somebody else"
    assert not postman._woken.is_set()


def test_while_the_server_is_out_of_order_nobody_wakes_the_postman(
    postman, pigeon, post, monkeypatch
):
    monkeypatch.setattr(module, "POLL_INTERVAL", 60)
    rounds, really = threading.Semaphore(0), postman._run_once

    def count(rest):
        found = really(rest)
        rounds.release()
        return found

    monkeypatch.setattr(postman, "_run_once", count)
    pigeon.faults = [OutageError("connect: TimeoutError")] * 2
    post()
    postman.start()
    assert rounds.acquire(timeout=20)
    post()
    assert not rounds.acquire(timeout=0.3)


def test_it_ends_between_two_mails(postman, pigeon, post):
    post(3)
    pigeon.asked = lambda _message: postman._stopped.set()
    assert len(postman.deliver_due()) == 1
    assert len(pigeon.carried) == 1


def test_a_delivery_that_takes_its_time_does_not_keep_the_server(
    postman, pigeon, post, monkeypatch
):
    monkeypatch.setattr(module, "STOP_TIMEOUT", 0.05)
    busy, go_on = threading.Event(), threading.Event()

    def take_time(message):
        busy.set()
        go_on.wait(20)

    pigeon.asked = take_time
    post()
    postman.start()
    postman.wake()
    assert busy.wait(20)
    postman.stop()
    assert postman._thread.is_alive()
    go_on.set()
    postman._thread.join(20)
    assert not postman._thread.is_alive()


def test_stopping_what_was_never_started(postman):
    postman.stop()


def test_the_settings_say_how_mail_travels(make_registry, tmp_path):
    registry = make_registry()
    assert isinstance(make_mail_worker(registry, EmailComposer(registry))._transport, Folder)
    registry = make_registry(mail__host="smtp.example")
    assert isinstance(make_mail_worker(registry, EmailComposer(registry))._transport, Smtp)


# --- many at once, to a server that is not always in the mood


ILL_HUMOUR = {
    "connect": ["421 closed", DROP],
    "MAIL": ["451 later", DROP],
    "RCPT": ["450 greylisted", DROP, "421 closed"],
    "DATA": ["451 later", DROP],
}


def run_until_all_are_sent(postmen, mails, time, together):
    for _ in range(400):
        together(lambda postman: postman.deliver_due(), postmen)
        if all(mail.status != MailStatus.WAITING for mail in mails().values()):
            return
        time.passes(hours=12)
    pytest.fail("some mail still waits")


def test_every_mail_arrives_once_however_many_deliver(
    make_mail_worker, make_smtp, server, post, mails, together
):
    post(200)
    postmen = [make_mail_worker(make_smtp(server)) for _ in range(5)]
    together(lambda postman: postman.deliver_due(), postmen)
    found = mails().values()
    assert {mail.status for mail in found} == {MailStatus.SENT}
    assert server.box.ids() == sorted(f"<{mail.message_id}@localhost>" for mail in found)
    recipients = sorted(envelope.rcpt_tos[0] for envelope in server.box.mails)
    assert recipients == sorted(mail.recipient for mail in found)


def test_every_mail_arrives_once_at_a_server_that_refuses_drops_and_delays(
    make_mail_worker, make_smtp, server, post, mails, together, time
):
    chance = random.Random(25)  # noqa: S311
    post(100)
    for stage, answers in ILL_HUMOUR.items():
        server.box.plan[stage] = [
            chance.choice(answers) if chance.random() < 0.2 else None for _ in range(150)
        ]
    postmen = [make_mail_worker(make_smtp(server)) for _ in range(4)]
    run_until_all_are_sent(postmen, mails, time, together)
    found = mails().values()
    assert {mail.status for mail in found} == {MailStatus.SENT}
    assert max(mail.attempts for mail in found) > 1
    assert server.box.ids() == sorted(f"<{mail.message_id}@localhost>" for mail in found)


# --- in the application


def test_an_application_delivers_for_as_long_as_it_lives(tmp_path, sqlite_url):
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
