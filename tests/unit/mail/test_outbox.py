"""A mail is written with what causes it, once."""

import pytest

from bookshop.mail.models import MailStatus
from bookshop.mail.outbox import requeue
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from tests.unit.makers import NOW, book, order


@pytest.fixture
def placed(sessions):
    """Somebody's order; its id."""
    with sessions.begin() as session:
        session.add(wanted := order(book(), email="ada@mail.example"))
        session.flush()
        return wanted.id


def test_a_mail_waits_from_the_moment_that_it_is_written(sessions, placed, mails):
    with sessions.begin() as session:
        enqueue_order_email(
            session, session.get(Order, placed), MailKind.REFUNDED, "re_1", NOW, amount=5
        )
    (mail,) = mails().values()
    with sessions() as session:
        number = session.get(Order, placed).number
    assert mail.key == f"refunded/{number}/re_1"
    assert (mail.kind, mail.order_id, mail.recipient) == ("refunded", placed, "ada@mail.example")
    assert (mail.status, mail.attempts, mail.due_at) == (MailStatus.WAITING, 0, NOW)
    assert mail.detail == {"amount": 5}
    assert mail.written_at == NOW


def test_the_same_is_written_once_however_often(sessions, placed, mails):
    for _ in range(2):
        with sessions.begin() as session:
            for _ in range(2):
                enqueue_order_email(session, session.get(Order, placed), MailKind.PAID, "", NOW)
    assert len(mails()) == 1


def test_the_same_is_written_once_by_many_at_once(sessions, placed, mails, together):
    def write_it(_):
        with sessions.begin() as session:
            enqueue_order_email(session, session.get(Order, placed), MailKind.PAID, "", NOW)

    assert together(write_it, range(8)) == [None] * 8
    assert len(mails()) == 1


def test_different_things_are_different_mails(sessions, placed, mails):
    with sessions.begin() as session:
        session.add(other := order(book(), email="bea@mail.example"))
        session.flush()
        found = session.get(Order, placed)
        enqueue_order_email(session, found, MailKind.PAID, "", NOW)
        enqueue_order_email(session, found, MailKind.REFUNDED, "re_1", NOW, amount=1)
        enqueue_order_email(session, found, MailKind.REFUNDED, "re_2", NOW, amount=1)
        enqueue_order_email(session, other, MailKind.PAID, "", NOW)
    assert len({mail.message_id for mail in mails().values()}) == 4


def test_what_is_rolled_back_is_not_mailed(sessions, placed, mails):
    with sessions() as session:
        enqueue_order_email(session, session.get(Order, placed), MailKind.PAID, "", NOW)
        session.rollback()
    assert mails() == {}


def test_nobody_is_mailed_where_no_address_is_known(sessions, mails):
    with sessions.begin() as session:
        session.add(wanted := order(book(), email=None))
        session.flush()
        enqueue_order_email(session, wanted, MailKind.PAID, "", NOW)
    assert mails() == {}


def test_a_status_that_there_is_not():
    from bookshop.mail.models import MailRecord

    with pytest.raises(ValueError, match="lost"):
        MailRecord(status="lost")


def test_a_mail_that_is_claimed_is_not_sent_again_meanwhile(sessions, post, mails):
    (mail_id,) = post()
    with sessions.begin() as session:
        mail = session.get(type(mails()[mail_id]), mail_id)
        mail.claimed_until = NOW
        assert not requeue(session, mail_id, NOW)
        assert not requeue(session, mail_id + 1, NOW)
