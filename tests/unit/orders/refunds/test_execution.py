"""A refund that was asked for is made once, whatever is lost on the way to Stripe and back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause, TransitionContext
from bookshop.orders.jobs import run_order_jobs
from bookshop.orders.models import AuditEntry, Order, RefundRecord
from bookshop.orders.payment.intents import KEY_LIFE
from bookshop.orders.refund_records import refundable_amount
from bookshop.orders.refunds.execution import execute_refund, requested_keys
from bookshop.orders.refunds.requests import request_refund
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.errors import StoredFailureError, StripeUnavailableError
from tests.unit.makers import NOW, book, order
from tests.unit.payments.counterpart import answer, drop, refuse
from tests.unit.payments.objects import REFUND, charge, paid

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
    wanted = book("ONE")
    made = order(wanted, price=1299, payment_intent="pi_1", status=OrderStatus.PAID)
    with sessions.begin() as session:
        session.add_all([wanted, made])
        return made.number


@pytest.fixture
def key(sessions, number):
    """What 5.00 GBP were asked back under."""
    with sessions.begin() as session:
        made = session.scalars(select(Order).where(Order.number == number)).one()
        context = TransitionContext(session, STAFF, NOW)
        return request_refund(context, made, Money(500, "GBP"), restock=False).key


def intent(number, *made):
    return answer(paid(charge(*made), metadata={"order": number}))


def ours(key, **values):
    return {**REFUND, "metadata": {"refund": key}, **values}


def asked_for(counterpart):
    """The idempotency keys of the refunds that Stripe was asked for."""
    return [
        asked.headers["idempotency-key"] for asked in counterpart.asked if asked.method == "POST"
    ]


def record(sessions):
    with sessions() as session:
        [found] = session.scalars(select(RefundRecord))
        return found.status, found.stripe_id, found.problem


def test_it_is_made_and_written_down(sessions, gateway, counterpart, number, key):
    counterpart.will(answer(ours(key)), intent(number, ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert record(sessions) == ("succeeded", "re_1", None)
    with sessions() as session:
        made = session.scalars(select(Order)).one()
        assert (made.status, made.refunded) == (OrderStatus.PARTLY_REFUNDED, 500)
        assert requested_keys(session) == []
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert len(asked_for(counterpart)) == 1


@pytest.mark.parametrize("lost", ["the answer", "what came after"])
def test_a_lost_answer_is_asked_for_under_the_same_key(
    sessions, gateway, counterpart, number, key, lost
):
    counterpart.will(*([drop] if lost == "the answer" else [answer(ours(key)), drop]))
    with pytest.raises(StripeUnavailableError):
        execute_refund(sessions, gateway, key, JOB_WORKER)
    assert record(sessions)[0] == "requested"
    counterpart.will(answer(ours(key)), intent(number, ours(key)))
    assert run_order_jobs(sessions, gateway, JOB_WORKER).refunded == 1
    assert len(set(asked_for(counterpart))) == 1
    assert record(sessions)[0] == "succeeded"


def test_an_old_request_is_looked_for_before_it_is_made(
    sessions, gateway, counterpart, number, key, monkeypatch
):
    monkeypatch.setattr(clock, "now", lambda: NOW + KEY_LIFE + timedelta(seconds=1))
    counterpart.will(intent(number, ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert asked_for(counterpart) == []
    assert record(sessions)[0] == "succeeded"


def test_an_old_request_that_stripe_never_heard_of_is_made(
    sessions, gateway, counterpart, number, key, monkeypatch
):
    monkeypatch.setattr(clock, "now", lambda: NOW + KEY_LIFE + timedelta(seconds=1))
    counterpart.will(intent(number), answer(ours(key)), intent(number, ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert len(asked_for(counterpart)) == 1
    assert record(sessions)[0] == "succeeded"


def test_a_failure_that_stripe_keeps_is_not_asked_for_again(
    sessions, gateway, counterpart, number, key
):
    counterpart.will(refuse(500, "api_error", Idempotent_Replayed="true"))
    with pytest.raises(StoredFailureError):
        execute_refund(sessions, gateway, key, JOB_WORKER)
    counterpart.will(intent(number), answer(ours(key)), intent(number, ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    first, second = asked_for(counterpart)
    assert first != second
    assert record(sessions)[0] == "succeeded"


def test_after_a_kept_failure_the_refund_may_be_there_all_the_same(
    sessions, gateway, counterpart, number, key
):
    counterpart.will(refuse(500, "api_error", Idempotent_Replayed="true"))
    with pytest.raises(StoredFailureError):
        execute_refund(sessions, gateway, key, JOB_WORKER)
    counterpart.will(intent(number, ours(key)))
    execute_refund(sessions, gateway, key, JOB_WORKER)
    assert len(asked_for(counterpart)) == 1
    assert record(sessions)[0] == "succeeded"


@pytest.mark.parametrize(
    ("refusal", "problem"),
    [
        (refuse(400, "invalid_request_error", "charge_already_refunded"), "refunded"),
        (refuse(404, "invalid_request_error", "resource_missing"), "has no such payment"),
    ],
)
def test_what_stripe_refuses_is_written_down_and_not_asked_for_again(
    sessions, gateway, counterpart, number, key, refusal, problem, caplog
):
    counterpart.will(refusal)
    execute_refund(sessions, gateway, key, JOB_WORKER)
    status, _, why = record(sessions)
    assert status == "refused"
    assert problem in why
    (record_of_refusal,) = [each for each in caplog.records if each.message == "refund_refused"]
    assert (record_of_refusal.order, record_of_refusal.refund) == (number, key)
    with sessions() as session:
        assert requested_keys(session) == []
        [entry] = session.scalars(select(AuditEntry).where(AuditEntry.event == "refund_refused"))
        assert entry.detail["key"] == key
        made = session.scalars(select(Order)).one()
        assert refundable_amount(session, made) == Money(1299, "GBP")


def test_two_at_once_make_one(sessions, gateway, counterpart, number, key, together):
    def stripe(handler, counterpart):
        reply = answer(ours(key)) if handler.command == "POST" else intent(number, ours(key))
        reply(handler, counterpart)

    counterpart.will(*[stripe] * 4)
    together(lambda _: execute_refund(sessions, gateway, key, JOB_WORKER), range(2))
    assert len(set(asked_for(counterpart))) == 1
    with sessions() as session:
        assert session.scalars(select(Order)).one().refunded == 500
