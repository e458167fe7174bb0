"""What is not paid in time expires here at once, and at Stripe as soon as that answers."""

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
from tests.unit.payments.counterpart import INTENT, answer, drop, refuse

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
    """The number of an order for the last copy of ONE, that was left after Pay was pressed."""
    wanted = book("ONE", stock=1)
    made = order(wanted, payment_intent="pi_1", email="reader@example.com")
    with sessions.begin() as session:
        session.add_all([wanted, made])
        session.flush()
        reserve(session, made, NOW)
        return made.number


@pytest.fixture(autouse=True)
def later(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: LATER)


def find(session, number):
    return session.scalars(select(Order).where(Order.number == number)).one()


def said(number, status, **values):
    """Stripe's word on the order's intent."""
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


NOT_NOW = refuse(400, "invalid_request_error", "payment_intent_unexpected_state")


def test_a_lapsed_order_is_expired_mailed_and_its_customer_waits_for_the_old_intent(
    session, number
):
    assert expire_lapsed(session, JOB_WORKER, LATER) == 1
    made = find(session, number)
    assert made.status == OrderStatus.EXPIRED
    assert not made.stock_reserved
    [mail] = session.scalars(select(MailRecord))
    assert (mail.kind, mail.recipient) == ("expired", "reader@example.com")
    [entry] = session.scalars(select(AuditEntry))
    assert (entry.from_status, entry.to_status) == ("awaiting_payment", "expired")
    assert (entry.actor, entry.cause, entry.at) == ("clock", "job_worker", LATER)


def test_expiry_cancels_the_intent_and_lets_the_customer_begin_anew(
    sessions, gateway, counterpart, number
):
    counterpart.will(said(number, "canceled", cancellation_reason="abandoned"))
    done = run_order_jobs(sessions, gateway, JOB_WORKER)
    assert (done.expired, done.closed, done.failed) == (1, 1, 0)
    [asked] = counterpart.asked
    assert asked.path == "/v1/payment_intents/pi_1/cancel"
    assert asked.form == {"cancellation_reason": "abandoned"}
    with sessions() as session:
        made = find(session, number)
        assert (made.status, made.intent_status) == (OrderStatus.EXPIRED, "canceled")
        assert open_intents(session, 10) == []
    run_order_jobs(sessions, gateway, JOB_WORKER)
    assert len(counterpart.asked) == 1


def test_whoever_paid_at_the_last_moment_has_paid(sessions, gateway, counterpart, number, copies):
    counterpart.will(NOT_NOW, said(number, "succeeded"))
    run_order_jobs(sessions, gateway, JOB_WORKER)
    with sessions() as session:
        made = find(session, number)
        assert (made.status, made.out_of_stock) == (OrderStatus.PAID, False)
        assert copies(session, "ONE") == (0, 0)


def test_what_stripe_does_not_answer_is_asked_again(sessions, gateway, counterpart, number):
    counterpart.will(drop)
    assert run_order_jobs(sessions, gateway, JOB_WORKER).failed == 1
    counterpart.will(said(number, "canceled", cancellation_reason="abandoned"))
    assert run_order_jobs(sessions, gateway, JOB_WORKER).closed == 1


def test_one_that_fails_does_not_keep_the_others_waiting(sessions, gateway, counterpart, number):
    with sessions.begin() as session:
        wanted = book("TWO")
        session.add_all([wanted, order(wanted, status=OrderStatus.EXPIRED, payment_intent="pi_0")])
    counterpart.will(drop, drop)
    assert run_order_jobs(sessions, gateway, JOB_WORKER).failed == 2
    assert len(counterpart.asked) == 2


def test_an_intent_that_stripe_does_not_know_is_nothing_to_wait_for(
    sessions, gateway, counterpart, number
):
    counterpart.will(refuse(404, "invalid_request_error", "resource_missing"))
    run_order_jobs(sessions, gateway, JOB_WORKER)
    with sessions() as session:
        made = find(session, number)
        assert (made.status, made.intent_status) == (OrderStatus.EXPIRED, "missing")
        assert made.dedup_key is None
        assert open_intents(session, 10) == []


def test_an_intent_that_contradicts_its_order_is_asked_about_once(
    sessions, gateway, counterpart, number
):
    counterpart.will(said("K7QM-2X9T-4BCD", "canceled"))
    for _ in range(2):
        run_order_jobs(sessions, gateway, JOB_WORKER)
    assert len(counterpart.asked) == 1
    with sessions() as session:
        assert find(session, number).payment_mismatch


def test_closing_raises_what_stripe_does(sessions, gateway, counterpart, number):
    counterpart.will(drop)
    with pytest.raises(StripeUnavailableError):
        cancel_order_intent(sessions, gateway, "pi_1", JOB_WORKER)


@pytest.mark.parametrize("status", sorted(UNPAID))
def test_what_nobody_pays_is_abandoned_after_a_day(session, status):
    wanted = book()
    made = order(wanted, status=status, payment_intent=None)
    session.add_all([wanted, made])
    session.flush()
    assert expire_abandoned(session, JOB_WORKER, NOW + ABANDONED_AFTER, 10) == 0
    assert expire_abandoned(session, JOB_WORKER, NEXT_DAY, 10) == 1
    assert (made.status, made.dedup_key) == (OrderStatus.EXPIRED, None)
    assert session.scalars(select(MailRecord)).all() == []


def test_a_held_order_lapses_and_is_not_abandoned(session, number):
    find(session, number).reserved_until = NEXT_DAY + RESERVATION_TIME
    session.flush()
    assert expire_abandoned(session, JOB_WORKER, NEXT_DAY, 10) == 0


def test_no_more_are_abandoned_at_once_than_was_said(session):
    wanted = book()
    session.add_all([wanted, *(order(wanted) for _ in range(5))])
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
def test_the_intents_that_could_still_be_paid_are_found(session, status, intent_status, is_open):
    wanted = book()
    made = order(wanted, status=status, intent_status=intent_status)
    session.add_all([wanted, made])
    session.flush()
    assert open_intents(session, 10) == ([made.payment_intent] if is_open else [])
