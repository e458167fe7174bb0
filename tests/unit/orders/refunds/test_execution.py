"""A requested refund is created once at Stripe, whatever requests or responses are lost."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause, TransitionContext
from bookshop.orders.jobs import run_order_jobs
from bookshop.orders.models import AuditEntry, Order, RefundRecord
from bookshop.orders.refund_records import refundable_amount
from bookshop.orders.refunds.execution import NO_SUCH_PAYMENT, execute_refund, requested_keys
from bookshop.orders.refunds.requests import request_refund
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.errors import StoredFailureError, StripeUnavailableError
from tests.unit.makers import NOW, book, order
from tests.unit.payments.fake_stripe import answer, drop, refuse
from tests.unit.payments.objects import REFUND, listed

STAFF = Cause(Actor.STAFF, "refund by ada")


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(max_network_retries=0)


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def number(sessions):
    """The number of a paid order of 12.99 GBP."""
    item = book("ONE")
    made = order(item, price=1299, payment_intent="pi_1", status=OrderStatus.PAID)
    with sessions.begin() as session:
        session.add_all([item, made])
        return made.number


@pytest.fixture
def key(sessions, number):
    """The key of a requested refund of 5.00 GBP."""
    with sessions.begin() as session:
        made = session.scalars(select(Order).where(Order.number == number)).one()
        context = TransitionContext(session, STAFF, NOW)
        return request_refund(context, made, Money(500, "GBP"), restock=False).key


def refunds(*made):
    """Stripe's list of the payment's refunds."""
    return answer(listed(*made))


def ours(key, **values):
    return {**REFUND, "metadata": {"refund": key}, **values}


def idempotency_keys(fake_stripe):
    """Return the idempotency keys of the requests that create refunds."""
    return [
        request.headers["idempotency-key"]
        for request in fake_stripe.requests
        if request.method == "POST"
    ]


def record(sessions):
    with sessions() as session:
        [refund] = session.scalars(select(RefundRecord))
        return refund.status, refund.stripe_id, refund.problem


def test_refund_is_created_and_recorded(sessions, gateway, fake_stripe, number, key):
    fake_stripe.reply_with(refunds(), answer(ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert record(sessions) == ("succeeded", "re_1", None)
    with sessions() as session:
        made = session.scalars(select(Order)).one()
        assert (made.status, made.refunded) == (OrderStatus.PARTLY_REFUNDED, 500)
        assert requested_keys(session) == []
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert len(idempotency_keys(fake_stripe)) == 1


def test_lost_response_is_retried_under_the_same_key(sessions, gateway, fake_stripe, number, key):
    fake_stripe.reply_with(refunds(), drop)
    with pytest.raises(StripeUnavailableError):
        execute_refund(sessions, gateway, key, JOB_WORKER)
    assert record(sessions)[0] == "requested"
    fake_stripe.reply_with(refunds(), answer(ours(key)))
    assert run_order_jobs(sessions, gateway, JOB_WORKER).refunded == 1
    first, second = idempotency_keys(fake_stripe)
    assert first == second
    assert record(sessions)[0] == "succeeded"


@pytest.mark.parametrize(
    "clock_error", [timedelta(0), timedelta(days=2), timedelta(days=-2), timedelta(minutes=1)]
)
def test_refund_whose_response_was_lost_is_searched_before_it_is_repeated(
    sessions, gateway, fake_stripe, number, key, clock_error
):
    with sessions.begin() as session:
        session.execute(update(RefundRecord).values(requested_at=NOW + clock_error))
    fake_stripe.reply_with(refunds(ours("of another refund", id="re_2"), ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert idempotency_keys(fake_stripe) == []
    assert record(sessions) == ("succeeded", "re_1", None)


def test_refund_that_failed_meanwhile_is_not_repeated(sessions, gateway, fake_stripe, number, key):
    fake_stripe.reply_with(refunds(ours(key, status="failed", failure_reason="lost_card")))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert idempotency_keys(fake_stripe) == []
    assert record(sessions) == ("failed", "re_1", "lost_card")


def test_refund_is_recorded_whatever_became_of_its_payment(
    sessions, gateway, fake_stripe, number, key
):
    fake_stripe.reply_with(refunds(), answer(ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    # The PaymentIntent, whose metadata may name another order by now, is not needed.
    assert {request.path for request in fake_stripe.requests} == {"/v1/refunds"}
    assert record(sessions)[0] == "succeeded"


def test_stored_failure_uses_another_key(sessions, gateway, fake_stripe, number, key):
    stored = refuse(500, "api_error", Idempotent_Replayed="true")
    fake_stripe.reply_with(refunds(), stored)
    with pytest.raises(StoredFailureError):
        execute_refund(sessions, gateway, key, JOB_WORKER)
    fake_stripe.reply_with(refunds(), answer(ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    first, second = idempotency_keys(fake_stripe)
    assert first != second
    assert record(sessions)[0] == "succeeded"


def test_refund_found_after_a_stored_failure_is_recorded(
    sessions, gateway, fake_stripe, number, key
):
    fake_stripe.reply_with(refunds(), refuse(500, "api_error", Idempotent_Replayed="true"))
    with pytest.raises(StoredFailureError):
        execute_refund(sessions, gateway, key, JOB_WORKER)
    fake_stripe.reply_with(refunds(ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert len(idempotency_keys(fake_stripe)) == 1
    assert record(sessions)[0] == "succeeded"


@pytest.mark.parametrize(
    ("refusal", "problem"),
    [
        (refuse(400, "invalid_request_error", "charge_already_refunded"), "refunded"),
        (refuse(404, "invalid_request_error", "resource_missing"), NO_SUCH_PAYMENT),
    ],
)
def test_refusal_is_recorded_and_not_retried(
    sessions, gateway, fake_stripe, number, key, refusal, problem, caplog
):
    fake_stripe.reply_with(refunds(), refusal)
    execute_refund(sessions, gateway, key, JOB_WORKER)
    status, _, recorded = record(sessions)
    assert status == "refused"
    assert problem in recorded
    (refusal_log,) = [each for each in caplog.records if each.message == "refund_refused"]
    assert (refusal_log.order, refusal_log.refund) == (number, key)
    with sessions() as session:
        assert requested_keys(session) == []
        [entry] = session.scalars(select(AuditEntry).where(AuditEntry.event == "refund_refused"))
        assert entry.detail["key"] == key
        made = session.scalars(select(Order)).one()
        assert refundable_amount(session, made) == Money(1299, "GBP")


def test_concurrent_executions_create_one_refund(
    sessions, gateway, fake_stripe, number, key, together
):
    def stripe(handler, fake_stripe):
        reply = answer(ours(key)) if handler.command == "POST" else refunds()
        reply(handler, fake_stripe)

    fake_stripe.reply_with(*[stripe] * 4)
    together(lambda _: execute_refund(sessions, gateway, key, JOB_WORKER), range(2))
    assert len(set(idempotency_keys(fake_stripe))) == 1
    with sessions() as session:
        assert session.scalars(select(Order)).one().refunded == 500
