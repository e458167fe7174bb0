"""Refunds: recorded once, as Stripe reports them, and never more than was paid."""

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


def paid(session, *refunds, **values):
    """Return a paid order of one copy with an e-mail address."""
    item = book("ONE", stock=STOCK)
    made = order(item, price=PRICE, email="reader@example.com", **values)
    session.add_all([item, made])
    session.flush()
    reserve(session, made, NOW)
    sync(session, made, *refunds)
    return made


def sync(session, made, *refunds, at=0, disputes=(), **values):
    """Sync the order with a succeeded intent and its refunds and disputes."""
    intent = intent_of(
        made,
        IntentStatus.SUCCEEDED,
        charge=charge(*refunds, disputes=disputes, **values),
        checked_at=NOW + timedelta(seconds=at),
    )
    synced = sync_payment(session, intent, EVENT, NOW + timedelta(seconds=at))
    session.flush()
    return synced


def request(session, made, amount, *, currency="GBP", restock=False):
    return request_refund(
        TransitionContext(session, STAFF, NOW), made, Money(amount, currency), restock=restock
    )


def events(session, made):
    query = select(AuditEntry.event).where(AuditEntry.order_id == made.id).order_by(AuditEntry.id)
    return list(session.scalars(query))


def mailed(session):
    return [mail.kind for mail in session.scalars(select(MailRecord).order_by(MailRecord.id))]


# --- refunds at Stripe


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
def test_refunds_determine_the_order_status(session, amounts, status):
    made = paid(session, *(refund(amount) for amount in amounts))
    assert (made.status, made.refunded) == (status, sum(amounts))


@pytest.mark.parametrize("status", [RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION])
def test_pending_refunds_count(session, status):
    assert paid(session, refund(999, status)).status == OrderStatus.REFUNDED


@pytest.mark.parametrize("status", [RefundStatus.FAILED, RefundStatus.CANCELLED])
def test_failed_refund_is_recorded_and_does_not_count(session, status, caplog):
    pending = refund(999, RefundStatus.PENDING)
    made = paid(session, pending)
    sync(session, made, refund(999, status, id=pending.id, failure_reason="lost card"), at=1)
    assert (made.status, made.refunded) == (OrderStatus.PAID, 0)
    [record] = session.scalars(select(RefundRecord))
    assert (record.status, record.problem) == (status, "lost card")
    (logged,) = caplog.records
    assert (logged.message, logged.refund) == ("refund_failed", pending.id)


def test_repeated_refund_is_recorded_and_emailed_once(session):
    back = refund(500)
    made = paid(session, back)
    for second in range(1, 4):
        sync(session, made, back, at=second)
    assert len(session.scalars(select(RefundRecord)).all()) == 1
    assert mailed(session) == ["paid", "refunded"]
    assert events(session, made).count("refund_updated") == 1


def test_outdated_response_removes_no_refund(session):
    made = paid(session)
    sync(session, made, refund(999), at=5)
    sync(session, made, at=1)
    assert (made.status, made.refunded) == (OrderStatus.REFUNDED, 999)


def test_database_refuses_refunds_above_the_total(session):
    made = paid(session)
    made.refunded = 1000
    with pytest.raises(Exception, match="refunded_within_total"):
        session.flush()


# --- requests


def test_requested_refund_is_matched_by_its_reference(session):
    made = paid(session)
    requested = request(session, made, 400)
    assert requested.status == "requested"
    sync(session, made, refund(400, reference=requested.key, id="re_ours"), at=1)
    [record] = session.scalars(select(RefundRecord))
    assert (record.stripe_id, record.status, record.key) == ("re_ours", "succeeded", requested.key)
    assert made.refunded == 400


def test_dashboard_refund_is_recorded_separately(session):
    made = paid(session)
    requested = request(session, made, 400)
    sync(session, made, refund(400), at=1)
    assert requested.status == "requested"
    assert refundable_amount(session, made) == Money(199, "GBP")


def test_reference_of_another_order_is_not_matched(session):
    made = paid(session)
    other = order(book("TWO"), status=OrderStatus.PAID)
    session.add(other)
    session.flush()
    requested = request(session, made, 400)
    sync(session, other, refund(400, reference=requested.key), at=1)
    assert (requested.status, requested.stripe_id) == ("requested", None)


@pytest.mark.parametrize("amount", [0, -1, 1000])
def test_amount_must_be_refundable(session, amount):
    with pytest.raises(CannotRefundError, match=r"0\.01 .* 9\.99 GBP") as refused:
        request(session, paid(session), amount)
    assert refused.value.code == "amount"


def test_refund_of_an_amount_that_stripe_cannot_charge_is_refused(session):
    dinars = paid(session, currency="KWD")
    with pytest.raises(CannotRefundError, match=r"0\.010 KWD") as refused:
        request(session, dinars, 125, currency="KWD")
    assert refused.value.code == "amount_too_precise"


def test_requested_refunds_reduce_the_refundable_amount(session):
    made = paid(session)
    request(session, made, 600)
    with pytest.raises(CannotRefundError, match=r"0\.01 .* 3\.99 GBP"):
        request(session, made, 400)
    request(session, made, 399)
    with pytest.raises(CannotRefundError) as refused:
        request(session, made, 1)
    assert refused.value.code == "refunded"


def test_another_currency_is_refused(session):
    made = paid(session)
    with pytest.raises(CannotRefundError, match="GBP") as refused:
        request_refund(TransitionContext(session, STAFF, NOW), made, Money(1, "EUR"), restock=False)
    assert refused.value.code == "currency"


@pytest.mark.parametrize("status", [status for status in OrderStatus if status not in PAID_FOR])
def test_unpaid_order_cannot_be_refunded(session, status):
    made = order(book(), status=status)
    session.add(made)
    session.flush()
    with pytest.raises(CannotRefundError) as refused:
        request(session, made, 1)
    assert refused.value.code == "unpaid"


@pytest.mark.parametrize("status", [DisputeStatus.NEEDS_RESPONSE, DisputeStatus.LOST])
def test_disputed_order_cannot_be_refunded(session, status):
    made = paid(session)
    sync(session, made, disputes=(dispute(status),), at=1)
    with pytest.raises(CannotRefundError) as refused:
        request(session, made, 1)
    assert refused.value.code == "disputed"


@settings(max_examples=40)
@given(amounts=st.lists(st.integers(1, 600), max_size=8))
def test_requests_never_exceed_the_total(sessions, amounts):
    with sessions() as session:
        made = order(book(), price=PRICE, status=OrderStatus.PAID)
        session.add(made)
        session.flush()
        for amount in amounts:
            left = refundable_amount(session, made).amount
            try:
                request(session, made, amount)
            except CannotRefundError:
                assert amount > left
            else:
                assert amount <= left
            session.flush()
        requested = sum(session.scalars(select(RefundRecord.amount).filter_by(order_id=made.id)))
        assert requested <= PRICE
        session.rollback()


def test_concurrent_requests_never_exceed_the_total(sessions, together):
    with sessions.begin() as session:
        number = paid(session).number

    def request_most(_):
        with sessions.begin() as session:
            mine = session.scalars(
                select(Order).where(Order.number == number).with_for_update()
            ).one()
            request(session, mine, 600)

    results = together(request_most, range(4))
    assert results.count(None) == 1
    assert [type(result) for result in results if result] == [CannotRefundError] * 3


# --- stock


def test_copies_are_restocked_once_stripe_accepts_the_refund(session, copies):
    made = paid(session)
    requested = request(session, made, PRICE, restock=True)
    assert copies(session, "ONE") == (STOCK - 1, 0)
    back = refund(PRICE, RefundStatus.PENDING, reference=requested.key)
    sync(session, made, back, at=1)
    sync(session, made, refund(PRICE, id=back.id, reference=requested.key), at=2)
    assert copies(session, "ONE") == (STOCK, 0)
    assert events(session, made).count("restocked") == 1


def test_several_refunds_restock_once(session, copies):
    made = paid(session)
    keys = [request(session, made, amount, restock=True).key for amount in (1, 2)]
    sync(session, made, *(refund(1, reference=key) for key in keys), at=1)
    assert copies(session, "ONE") == (STOCK, 0)


def test_copies_stay_sold_without_restock(session, copies):
    made = paid(session)
    sync(session, made, refund(PRICE), at=1)
    assert copies(session, "ONE") == (STOCK - 1, 0)


# --- out of stock


def test_out_of_stock_order_requests_one_full_refund(session, copies):
    item = book("ONE", stock=0)
    made = order(item, price=PRICE, email="reader@example.com")
    session.add_all([item, made])
    session.flush()
    for second in range(3):
        sync(session, made, at=second)
    [requested] = session.scalars(select(RefundRecord))
    assert (requested.amount, requested.status, requested.restock) == (PRICE, "requested", False)
    assert made.out_of_stock
    assert mailed(session) == ["sold_out"]
    sync(session, made, refund(PRICE, reference=requested.key), at=9)
    assert made.status == OrderStatus.REFUNDED
    assert mailed(session) == ["sold_out", "refunded"]
    assert copies(session, "ONE") == (0, 0)
