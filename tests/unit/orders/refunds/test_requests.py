"""Money goes back as Stripe says: each refund is written once, and never more than was paid."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.inventory.reservations import reserve
from bookshop.mail.models import MailRecord
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import AuditEntry, Order, RefundRecord
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.refund_records import refundable_amount
from bookshop.orders.refunds.requests import CannotRefundError, request_refund
from bookshop.orders.states import PAID_FOR, Actor, OrderStatus
from bookshop.payments.charges import DisputeStatus, RefundStatus
from bookshop.payments.intents import IntentStatus
from tests.unit.makers import NOW, book, charge, dispute, intent_of, order, refund

EVENT = Cause(Actor.STRIPE, "evt_1")
STAFF = Cause(Actor.STAFF, "refund by ada")
PRICE, STOCK = 999, 5


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def paid(session, *kept, **values):
    """A paid order of one copy, with an address to mail to."""
    wanted = book("ONE", stock=STOCK)
    made = order(wanted, price=PRICE, email="reader@example.com", **values)
    session.add_all([wanted, made])
    session.flush()
    reserve(session, made, NOW)
    hear(session, made, *kept)
    return made


def hear(session, made, *said, at=0, disputes=(), **values):
    """Stripe's word that the order is paid, and on what became of its money since."""
    intent = intent_of(
        made,
        IntentStatus.SUCCEEDED,
        charge=charge(*said, disputes=disputes, **values),
        checked_at=NOW + timedelta(seconds=at),
    )
    found = sync_payment(session, intent, EVENT, NOW + timedelta(seconds=at))
    session.flush()
    return found


def ask(session, made, amount, *, restock=False):
    return request_refund(
        TransitionContext(session, STAFF, NOW), made, Money(amount, "GBP"), restock=restock
    )


def happened(session, made):
    wanted = select(AuditEntry.event).where(AuditEntry.order_id == made.id).order_by(AuditEntry.id)
    return list(session.scalars(wanted))


def mailed(session):
    return [mail.kind for mail in session.scalars(select(MailRecord).order_by(MailRecord.id))]


# --- what Stripe says


@pytest.mark.parametrize(
    ("amounts", "status"),
    [
        ([], OrderStatus.PAID),
        ([1], OrderStatus.PARTLY_REFUNDED),
        ([500, 498], OrderStatus.PARTLY_REFUNDED),
        ([500, 499], OrderStatus.REFUNDED),
        ([999], OrderStatus.REFUNDED),
    ],
)
def test_an_order_stands_where_its_refunds_put_it(session, amounts, status):
    made = paid(session, *(refund(amount) for amount in amounts))
    assert (made.status, made.refunded) == (status, sum(amounts))


@pytest.mark.parametrize("status", [RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION])
def test_what_is_on_its_way_counts_as_gone(session, status):
    assert paid(session, refund(999, status)).status == OrderStatus.REFUNDED


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.CANCELLED])
def test_what_came_back_is_there_again(session, status, caplog):
    gone = refund(999, RefundStatus.PENDING)
    made = paid(session, gone)
    hear(session, made, refund(999, status, id=gone.id, failure_reason="lost card"), at=1)
    assert (made.status, made.refunded) == (OrderStatus.PAID, 0)
    [written] = session.scalars(select(RefundRecord))
    assert (written.status, written.problem) == (status, "lost card")
    (record,) = caplog.records
    assert (record.message, record.refund) == ("refund_failed", gone.id)


def test_a_refund_is_written_and_mailed_once_however_often_it_is_heard_of(session):
    back = refund(500)
    made = paid(session, back)
    for second in range(1, 4):
        hear(session, made, back, at=second)
    assert len(session.scalars(select(RefundRecord)).all()) == 1
    assert mailed(session) == ["paid", "refunded"]
    assert happened(session, made).count("refund_updated") == 1


def test_an_older_answer_takes_no_refund_back(session):
    made = paid(session)
    hear(session, made, refund(999), at=5)
    hear(session, made, at=1)
    assert (made.status, made.refunded) == (OrderStatus.REFUNDED, 999)


def test_the_database_itself_refuses_more_than_was_paid(session):
    made = paid(session)
    made.refunded = 1000
    with pytest.raises(Exception, match="refunded_within_total"):
        session.flush()


# --- asking for one


def test_a_refund_that_is_asked_for_is_the_one_that_stripe_makes(session):
    made = paid(session)
    asked = ask(session, made, 400)
    assert asked.status == "requested"
    hear(session, made, refund(400, reference=asked.key, id="re_ours"), at=1)
    [written] = session.scalars(select(RefundRecord))
    assert (written.stripe_id, written.status, written.key) == ("re_ours", "succeeded", asked.key)
    assert made.refunded == 400


def test_a_refund_of_the_dashboard_is_not_taken_for_ours(session):
    made = paid(session)
    asked = ask(session, made, 400)
    hear(session, made, refund(400), at=1)
    assert asked.status == "requested"
    assert refundable_amount(session, made) == Money(199, "GBP")


def test_a_reference_of_another_order_claims_nothing(session):
    made = paid(session)
    other = order(book("TWO"), status=OrderStatus.PAID)
    session.add(other)
    session.flush()
    asked = ask(session, made, 400)
    hear(session, other, refund(400, reference=asked.key), at=1)
    assert (asked.status, asked.stripe_id) == ("requested", None)


@pytest.mark.parametrize("amount", [0, -1, 1000])
def test_no_amount_but_one_that_is_there_can_be_asked_for(session, amount):
    with pytest.raises(CannotRefundError, match=r"between 0.01 and 9.99 GBP"):
        ask(session, paid(session), amount)


def test_what_is_asked_for_is_not_asked_for_again(session):
    made = paid(session)
    ask(session, made, 600)
    with pytest.raises(CannotRefundError, match=r"between 0.01 and 3.99 GBP"):
        ask(session, made, 400)
    ask(session, made, 399)
    with pytest.raises(CannotRefundError, match="whole payment was refunded"):
        ask(session, made, 1)


def test_another_currency_is_refused(session):
    made = paid(session)
    with pytest.raises(CannotRefundError, match="paid in GBP"):
        request_refund(TransitionContext(session, STAFF, NOW), made, Money(1, "EUR"), restock=False)


@pytest.mark.parametrize("status", [status for status in OrderStatus if status not in PAID_FOR])
def test_where_there_is_no_money_none_goes_back(session, status):
    made = order(book(), status=status)
    session.add(made)
    session.flush()
    with pytest.raises(CannotRefundError, match="no payment to refund"):
        ask(session, made, 1)


@pytest.mark.parametrize("status", [DisputeStatus.NEEDS_RESPONSE, DisputeStatus.LOST])
def test_what_the_bank_decides_is_not_refunded_beside_it(session, status):
    made = paid(session)
    hear(session, made, disputes=(dispute(status),), at=1)
    with pytest.raises(CannotRefundError, match="respond to the dispute"):
        ask(session, made, 1)


@settings(max_examples=40)
@given(wanted=st.lists(st.integers(1, 600), max_size=8))
def test_whatever_is_asked_for_it_is_never_more_than_was_paid(sessions, wanted):
    with sessions() as session:
        made = order(book(), price=PRICE, status=OrderStatus.PAID)
        session.add(made)
        session.flush()
        for amount in wanted:
            left = refundable_amount(session, made).amount
            try:
                ask(session, made, amount)
            except CannotRefundError:
                assert amount > left
            else:
                assert amount <= left
            session.flush()
        asked = sum(session.scalars(select(RefundRecord.amount).filter_by(order_id=made.id)))
        assert asked <= PRICE
        session.rollback()


def test_two_who_ask_at_once_ask_for_what_is_there(sessions, together):
    with sessions.begin() as session:
        number = paid(session).number

    def ask_for_most(_):
        with sessions.begin() as session:
            mine = session.scalars(
                select(Order).where(Order.number == number).with_for_update()
            ).one()
            ask(session, mine, 600)

    results = together(ask_for_most, range(4))
    assert results.count(None) == 1
    assert [type(result) for result in results if result] == [CannotRefundError] * 3


# --- copies


def test_restocked_copies_are_back_once_stripe_has_taken_the_refund_on(session, copies):
    made = paid(session)
    asked = ask(session, made, PRICE, restock=True)
    assert copies(session, "ONE") == (STOCK - 1, 0)
    back = refund(PRICE, RefundStatus.PENDING, reference=asked.key)
    hear(session, made, back, at=1)
    hear(session, made, refund(PRICE, id=back.id, reference=asked.key), at=2)
    assert copies(session, "ONE") == (STOCK, 0)
    assert happened(session, made).count("restocked") == 1


def test_copies_are_put_back_once_by_however_many_refunds(session, copies):
    made = paid(session)
    keys = [ask(session, made, amount, restock=True).key for amount in (1, 2)]
    hear(session, made, *(refund(1, reference=key) for key in keys), at=1)
    assert copies(session, "ONE") == (STOCK, 0)


def test_without_restock_the_copies_stay_sold(session, copies):
    made = paid(session)
    hear(session, made, refund(PRICE), at=1)
    assert copies(session, "ONE") == (STOCK - 1, 0)


# --- paid, and the copies gone


def test_an_order_without_copies_asks_for_all_of_its_money_back_once(session, copies):
    wanted = book("ONE", stock=0)
    made = order(wanted, price=PRICE, email="reader@example.com")
    session.add_all([wanted, made])
    session.flush()
    for second in range(3):
        hear(session, made, at=second)
    [asked] = session.scalars(select(RefundRecord))
    assert (asked.amount, asked.status, asked.restock) == (PRICE, "requested", False)
    assert made.out_of_stock
    assert mailed(session) == ["sold_out"]
    hear(session, made, refund(PRICE, reference=asked.key), at=9)
    assert made.status == OrderStatus.REFUNDED
    assert mailed(session) == ["sold_out", "refunded"]
    assert copies(session, "ONE") == (0, 0)
