"""Failed attempts to pay are counted once each, and close the orders of who makes too many."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bookshop.inventory.reservations import reserve
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import RefundRecord
from bookshop.orders.payment.expiry import open_intents
from bookshop.orders.payment.failed_attempts import (
    MAX_ATTEMPTS,
    MAX_NETWORK_ATTEMPTS,
    PERIOD,
    attempt_ids,
    check_failed_attempts,
    closed_with,
    recent_attempts,
    record_failed_attempt,
)
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.intents import IntentStatus
from bookshop.rate_limits.limiter import RateLimitExceededError
from tests.unit.makers import NOW, book, failure, intent_of, order

EVENT = Cause(Actor.STRIPE, "evt_1")
NETWORK = "network-1"


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


@pytest.fixture
def item(session):
    item = book(stock=500)
    session.add(item)
    return item


def place(session, item, session_id="session-1", network=NETWORK, **values):
    made = order(item, session_id=session_id, network=network, **values)
    session.add(made)
    session.flush()
    return made


def fail(session, made, count, now=NOW, first=0):
    context = TransitionContext(session, EVENT, now)
    for number in range(first, first + count):
        record_failed_attempt(context, made, f"ch_{made.number}_{number}")
    session.flush()


def assert_closed(made):
    assert (made.status, made.rejection) == (OrderStatus.CANCELLED, "too_many_failures")


def test_each_failed_attempt_is_counted_once(session, item):
    made = place(session, item)

    for _delivery in range(3):
        fail(session, made, 2)
    declined = failure(charge_id=f"ch_{made.number}_1")
    sync_payment(session, intent_of(made, failure=declined), EVENT, NOW)
    sync_payment(session, intent_of(made, failure=failure(charge_id="ch_new")), EVENT, NOW)
    sync_payment(session, intent_of(made, failure=failure()), EVENT, NOW)  # without a charge

    expected = [f"ch_{made.number}_0", f"ch_{made.number}_1", "ch_new"]
    assert sorted(attempt_ids(session, made)) == sorted(expected)
    assert session.scalars(recent_attempts(NOW)).one() == 3
    assert made.status == OrderStatus.AWAITING_PAYMENT


def test_ten_failed_attempts_close_the_order(session, item, copies):
    made = place(session, item)
    reserve(session, made, NOW)
    fail(session, made, MAX_ATTEMPTS - 1)
    assert made.status == OrderStatus.AWAITING_PAYMENT

    fail(session, made, 1, first=MAX_ATTEMPTS)

    assert_closed(made)
    assert copies(session, item.sku) == (500, 0)
    assert open_intents(session) == [made.payment_intent]


def test_attempts_that_are_reported_after_the_order_was_closed_are_not_recorded(session, item):
    made = place(session, item)

    fail(session, made, 200)

    assert len(attempt_ids(session, made)) == MAX_ATTEMPTS
    assert_closed(made)


def test_ten_failed_attempts_of_a_session_close_all_its_orders(session, item):
    orders = [place(session, item, network=f"network-{number}") for number in range(3)]
    other = place(session, item, session_id="session-2")
    fail(session, orders[0], MAX_ATTEMPTS - 1)

    fail(session, orders[1], 1)

    for made in orders:
        assert_closed(made)
    assert other.status == OrderStatus.AWAITING_PAYMENT
    intents = {made.payment_intent for made in orders}
    assert set(open_intents(session, None, closed_with(orders[1]))) == intents


def test_many_failed_attempts_of_a_network_close_its_orders_without_a_reservation(session, item):
    for number in range(MAX_NETWORK_ATTEMPTS // MAX_ATTEMPTS):
        last = place(session, item, session_id=f"tester-{number}")
        fail(session, last, MAX_ATTEMPTS - 1)
    idle = place(session, item, session_id="session-3")
    paying = place(session, item, session_id="session-4")
    reserve(session, paying, NOW)
    elsewhere = place(session, item, session_id="session-5", network="network-2")

    for number in range(MAX_NETWORK_ATTEMPTS // MAX_ATTEMPTS):
        fail(session, place(session, item, session_id=f"another-{number}"), 1)

    assert_closed(idle)
    assert_closed(last)
    assert {paying.status, elsewhere.status} == {OrderStatus.AWAITING_PAYMENT}


def test_orders_whose_network_is_unknown_are_not_counted_together(session, item):
    for number in range(MAX_NETWORK_ATTEMPTS // MAX_ATTEMPTS + 1):
        made = place(session, item, session_id=f"session-{number}", network=None)
        fail(session, made, MAX_ATTEMPTS - 1)

    assert made.status == OrderStatus.AWAITING_PAYMENT


def test_a_session_with_ten_failed_attempts_places_no_order_for_an_hour(session, item):
    fail(session, place(session, item), MAX_ATTEMPTS)

    with pytest.raises(RateLimitExceededError) as refused:
        check_failed_attempts(session, "session-1", "network-2", NOW + timedelta(minutes=20))

    assert refused.value.seconds == 40 * 60 + 1
    check_failed_attempts(session, "session-2", "network-2", NOW)
    check_failed_attempts(session, "session-1", NETWORK, NOW + PERIOD + timedelta(seconds=1))


def test_attempts_that_failed_while_the_clock_was_ahead_are_not_counted(session, item):
    fail(session, place(session, item), MAX_ATTEMPTS, now=NOW + timedelta(days=2))
    check_failed_attempts(session, "session-1", NETWORK, NOW)


def test_a_network_with_many_failed_attempts_places_no_order_for_an_hour(session, item):
    for number in range(MAX_NETWORK_ATTEMPTS // MAX_ATTEMPTS):
        check_failed_attempts(session, "new", NETWORK, NOW)
        fail(session, place(session, item, session_id=f"session-{number}"), MAX_ATTEMPTS)

    with pytest.raises(RateLimitExceededError):
        check_failed_attempts(session, "new", NETWORK, NOW)
    check_failed_attempts(session, "new", "network-2", NOW)


def test_a_card_that_works_after_the_order_was_closed_is_refunded(session, item, copies):
    made = place(session, item)
    fail(session, made, MAX_ATTEMPTS)

    sync_payment(session, intent_of(made, IntentStatus.SUCCEEDED), EVENT, NOW)
    session.flush()

    assert (made.status, made.accepted) == (OrderStatus.PAID, False)
    key = session.scalars(select(RefundRecord.key)).one()
    assert key == f"{made.number}/too_many_failures"
    assert copies(session, item.sku) == (500, 0)


def test_failed_attempts_that_are_reported_after_the_payment_change_nothing(session, item):
    made = place(session, item)
    sync_payment(session, intent_of(made, IntentStatus.SUCCEEDED), EVENT, NOW)

    fail(session, made, MAX_ATTEMPTS)

    assert (made.status, made.accepted) == (OrderStatus.PAID, True)
