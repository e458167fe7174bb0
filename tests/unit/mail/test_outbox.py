"""E-mails are enqueued once, in the transaction that causes them."""

from datetime import timedelta

import pytest

from bookshop.mail.models import MailStatus
from bookshop.mail.outbox import requeue
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from tests.unit.makers import NOW, book, order


@pytest.fixture
def order_id(sessions):
    """The id of an order."""
    with sessions.begin() as session:
        session.add(made := order(book(), email="ada@mail.example"))
        session.flush()
        return made.id


def test_enqueued_mail_waits_and_is_due(sessions, order_id, mails):
    with sessions.begin() as session:
        enqueue_order_email(
            session, session.get(Order, order_id), MailKind.REFUNDED, "re_1", NOW, amount=5
        )
    (mail,) = mails().values()
    with sessions() as session:
        number = session.get(Order, order_id).number
    assert mail.key == f"refunded/{number}/re_1"
    assert (mail.kind, mail.order_id, mail.recipient) == ("refunded", order_id, "ada@mail.example")
    assert (mail.status, mail.attempts, mail.due_at) == (MailStatus.WAITING, 0, NOW)
    assert mail.detail == {"amount": 5}
    assert mail.written_at == NOW


def test_same_key_is_enqueued_once(sessions, order_id, mails):
    for _ in range(2):
        with sessions.begin() as session:
            for _ in range(2):
                enqueue_order_email(session, session.get(Order, order_id), MailKind.PAID, "", NOW)
    assert len(mails()) == 1


def test_same_key_is_enqueued_once_concurrently(sessions, order_id, mails, together):
    def enqueue(_):
        with sessions.begin() as session:
            enqueue_order_email(session, session.get(Order, order_id), MailKind.PAID, "", NOW)

    assert together(enqueue, range(8)) == [None] * 8
    assert len(mails()) == 1


def test_different_keys_are_different_mails(sessions, order_id, mails):
    with sessions.begin() as session:
        session.add(other := order(book(), email="bea@mail.example"))
        session.flush()
        found = session.get(Order, order_id)
        enqueue_order_email(session, found, MailKind.PAID, "", NOW)
        enqueue_order_email(session, found, MailKind.REFUNDED, "re_1", NOW, amount=1)
        enqueue_order_email(session, found, MailKind.REFUNDED, "re_2", NOW, amount=1)
        enqueue_order_email(session, other, MailKind.PAID, "", NOW)
    assert len({mail.message_id for mail in mails().values()}) == 4


def test_rolled_back_mail_is_not_enqueued(sessions, order_id, mails):
    with sessions() as session:
        enqueue_order_email(session, session.get(Order, order_id), MailKind.PAID, "", NOW)
        session.rollback()
    assert mails() == {}


def test_order_without_address_enqueues_nothing(sessions, mails):
    with sessions.begin() as session:
        session.add(made := order(book(), email=None))
        session.flush()
        enqueue_order_email(session, made, MailKind.PAID, "", NOW)
    assert mails() == {}


def test_unknown_mail_status_is_refused():
    from bookshop.mail.models import MailRecord

    with pytest.raises(ValueError, match="lost"):
        MailRecord(status="lost")


def test_claimed_mail_cannot_be_requeued(sessions, enqueue_mails, mails):
    (mail_id,) = enqueue_mails()
    with sessions.begin() as session:
        mail = session.get(type(mails()[mail_id]), mail_id)
        mail.claimed_until = NOW + timedelta(seconds=1)
        assert not requeue(session, mail_id, NOW)
        assert not requeue(session, mail_id + 1, NOW)
