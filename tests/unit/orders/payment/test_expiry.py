"""Expiry of unpaid orders, and cancellation of their intents at Stripe."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bookshop import clock
from bookshop.inventory.reservations import RESERVATION_TIME, reserve
from bookshop.mail.models import MailRecord
from bookshop.orders.audit import JOB_WORKER
from bookshop.orders.jobs import run_order_jobs
from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.payment.expiry import (
    ABANDONED_AFTER,
    cancel_order_intent,
    expire_abandoned,
    expire_lapsed,
    open_intents,
)
from bookshop.orders.states import CLOSED, UNPAID, OrderStatus
from bookshop.payments.errors import StripeUnavailableError
from tests.unit.makers import NOW, book, order
from tests.unit.payments.fake_stripe import INTENT, answer, drop, refuse

LATER = NOW + RESERVATION_TIME + timedelta(seconds=1)
NEXT_DAY = NOW + ABANDONED_AFTER + timedelta(seconds=1)


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(max_network_retries=0)


@pytest.fixture
def number(sessions):
    """The number of an order with a reservation of the last copy of ONE."""
    item = book("ONE", stock=1)
    made = order(item, payment_intent="pi_1", email="reader@example.com")
    with sessions.begin() as session:
        session.add_all([item, made])
        session.flush()
        reserve(session, made, NOW)
        return made.number


@pytest.fixture(autouse=True)
def later(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: LATER)


def find(session, number):
    return session.scalars(select(Order).where(Order.number == number)).one()


def intent_response(number, status, **values):
    """Return a response with the order's intent."""
    received = INTENT["amount"] if status == "succeeded" else 0
    return answer(
        {
            **INTENT,
            "amount": 999,
            "amount_received": received and 999,
            "metadata": {"order": number},
            "status": status,
            **values,
        }
    )


CANNOT_CANCEL = refuse(400, "invalid_request_error", "payment_intent_unexpected_state")


def test_lapsed_order_expires_and_is_emailed(session, number):
    assert expire_lapsed(session, JOB_WORKER, LATER) == 1
    made = find(session, number)
    assert made.status == OrderStatus.EXPIRED
    assert not made.stock_reserved
    [mail] = session.scalars(select(MailRecord))
    assert (mail.kind, mail.recipient) == ("expired", "reader@example.com")
    [entry] = session.scalars(select(AuditEntry))
    assert (entry.from_status, entry.to_status) == ("awaiting_payment", "expired")
    assert (entry.actor, entry.cause, entry.at) == ("clock", "job_worker", LATER)


def test_reservation_made_while_the_clock_was_ahead_ends(session, number):
    find(session, number).reserved_until = NOW + timedelta(days=2)
    session.flush()
    assert expire_lapsed(session, JOB_WORKER, NOW) == 1


def test_reservation_outlasts_a_clock_that_is_set_back(session, number):
    assert expire_lapsed(session, JOB_WORKER, NOW - RESERVATION_TIME) == 0


def test_expiry_cancels_the_intent_once(sessions, gateway, fake_stripe, number):
    fake_stripe.reply_with(intent_response(number, "canceled", cancellation_reason="abandoned"))
    done = run_order_jobs(sessions, gateway, JOB_WORKER)
    assert (done.expired, done.closed, done.failed) == (1, 1, 0)
    [request] = fake_stripe.requests
    assert request.path == "/v1/payment_intents/pi_1/cancel"
    assert request.form == {"cancellation_reason": "abandoned"}
    with sessions() as session:
        made = find(session, number)
        assert (made.status, made.intent_status) == (OrderStatus.EXPIRED, "canceled")
        assert open_intents(session, 10) == []
    run_order_jobs(sessions, gateway, JOB_WORKER)
    assert len(fake_stripe.requests) == 1


def test_payment_before_cancellation_counts(sessions, gateway, fake_stripe, number, copies):
    fake_stripe.reply_with(CANNOT_CANCEL, intent_response(number, "succeeded"))
    run_order_jobs(sessions, gateway, JOB_WORKER)
    with sessions() as session:
        made = find(session, number)
        assert (made.status, made.out_of_stock) == (OrderStatus.PAID, False)
        assert copies(session, "ONE") == (0, 0)


def test_failed_cancellation_is_tried_again(sessions, gateway, fake_stripe, number):
    fake_stripe.reply_with(drop)
    assert run_order_jobs(sessions, gateway, JOB_WORKER).failed == 1
    fake_stripe.reply_with(intent_response(number, "canceled", cancellation_reason="abandoned"))
    assert run_order_jobs(sessions, gateway, JOB_WORKER).closed == 1


def test_failed_cancellation_does_not_stop_the_others(sessions, gateway, fake_stripe, number):
    with sessions.begin() as session:
        item = book("TWO")
        session.add_all([item, order(item, status=OrderStatus.EXPIRED, payment_intent="pi_0")])
    fake_stripe.reply_with(drop, drop)
    assert run_order_jobs(sessions, gateway, JOB_WORKER).failed == 2
    assert len(fake_stripe.requests) == 2


def test_missing_intent_releases_the_dedup_key(sessions, gateway, fake_stripe, number):
    fake_stripe.reply_with(refuse(404, "invalid_request_error", "resource_missing"))
    run_order_jobs(sessions, gateway, JOB_WORKER)
    with sessions() as session:
        made = find(session, number)
        assert (made.status, made.intent_status) == (OrderStatus.EXPIRED, "missing")
        assert made.dedup_key is None
        assert open_intents(session, 10) == []


def test_mismatching_intent_is_cancelled_once(sessions, gateway, fake_stripe, number):
    fake_stripe.reply_with(intent_response("K7QM-2X9T-4BCD", "canceled"))
    for _ in range(2):
        run_order_jobs(sessions, gateway, JOB_WORKER)
    assert len(fake_stripe.requests) == 1
    with sessions() as session:
        assert find(session, number).payment_mismatch


def test_cancellation_raises_the_gateways_errors(sessions, gateway, fake_stripe, number):
    fake_stripe.reply_with(drop)
    with pytest.raises(StripeUnavailableError):
        cancel_order_intent(sessions, gateway, "pi_1", JOB_WORKER)


@pytest.mark.parametrize("status", sorted(UNPAID))
def test_unpaid_order_is_abandoned_after_a_day(session, status):
    item = book()
    made = order(item, status=status, payment_intent=None)
    session.add_all([item, made])
    session.flush()
    assert expire_abandoned(session, JOB_WORKER, NOW + ABANDONED_AFTER, 10) == 0
    assert expire_abandoned(session, JOB_WORKER, NEXT_DAY, 10) == 1
    assert (made.status, made.dedup_key) == (OrderStatus.EXPIRED, None)
    assert session.scalars(select(MailRecord)).all() == []


def test_order_with_reservation_is_not_abandoned(session, number):
    find(session, number).reserved_until = NEXT_DAY + RESERVATION_TIME
    session.flush()
    assert expire_abandoned(session, JOB_WORKER, NEXT_DAY, 10) == 0


def test_abandoned_orders_expire_in_batches(session):
    item = book()
    session.add_all([item, *(order(item) for _ in range(5))])
    session.flush()
    assert expire_abandoned(session, JOB_WORKER, NEXT_DAY, 3) == 3
    assert expire_abandoned(session, JOB_WORKER, NEXT_DAY, 3) == 2


@pytest.mark.parametrize("status", sorted(CLOSED))
@pytest.mark.parametrize(
    ("intent_status", "is_open"),
    [
        (None, True),
        ("requires_payment_method", True),
        ("requires_action", True),
        ("canceled", False),
        ("succeeded", False),
        ("missing", False),
    ],
)
def test_open_intents_of_closed_orders_are_found(session, status, intent_status, is_open):
    item = book()
    made = order(item, status=status, intent_status=intent_status)
    session.add_all([item, made])
    session.flush()
    assert open_intents(session, 10) == ([made.payment_intent] if is_open else [])
