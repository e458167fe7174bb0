"""Comparing an order with its PaymentIntent: `differences` predicts what `sync_payment` changes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.inventory.reservations import RESERVATION_TIME, reserve
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause
from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.payment.expiry import expire_lapsed
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.charges import Address, DisputeStatus, RefundStatus
from bookshop.payments.intents import IntentStatus
from bookshop.reconciliation.comparison import differences, unrefunded_amount
from bookshop.reconciliation.facts import read_facts
from tests.unit.makers import NOW, book, charge, dispute, intent_of, order, refund

EVENT = Cause(Actor.STRIPE, "evt_1")
SUCCEEDED = IntentStatus.SUCCEEDED


def drawn_intent(data, made):
    """An order's intent in any state, drawn by Hypothesis."""
    status = data.draw(st.sampled_from(IntentStatus))
    paid_by = None
    if status is SUCCEEDED and data.draw(st.booleans()):
        refunds = [
            refund(100, data.draw(st.sampled_from(RefundStatus)), id=f"re_{number}_{made.number}")
            for number in range(data.draw(st.integers(0, 2)))
        ]
        disputes = tuple(
            dispute(data.draw(st.sampled_from(DisputeStatus)), id=f"du_{number}_{made.number}")
            for number in range(data.draw(st.integers(0, 1)))
        )
        city = data.draw(st.sampled_from([None, "London", "Leeds"]))
        paid_by = charge(
            *refunds,
            disputes=disputes,
            under_review=data.draw(st.booleans()),
            address=Address(city=city) if city else None,
        )
    return intent_of(made, status, charge=paid_by)


def everything_stored(session, made):
    """All that is stored of an order, except the time of the last synchronisation."""
    session.flush()
    session.refresh(made)
    columns = [column.name for column in Order.__table__.columns if column.name != "checked_at"]
    entries = session.scalars(select(AuditEntry.id).where(AuditEntry.order_id == made.id)).all()
    return {name: getattr(made, name) for name in columns}, entries, read_facts(session, made)


@settings(max_examples=150)
@given(data=st.data())
def test_an_order_in_sync_is_not_changed_by_synchronising(sqlite_sessions, data):
    with sqlite_sessions() as session:
        item = book(stock=5)
        made = order(item, price=999)
        session.add_all([item, made])
        session.flush()
        reserve(session, made, NOW)
        for second in range(data.draw(st.integers(0, 3))):
            sync_payment(session, drawn_intent(data, made), EVENT, NOW + timedelta(seconds=second))
            if data.draw(st.booleans()):
                expire_lapsed(session, JOB_WORKER, NOW + 2 * RESERVATION_TIME)
        intent = drawn_intent(data, made)
        before = everything_stored(session, made)
        in_sync = not differences(made, read_facts(session, made), intent)
        for _ in range(2):
            sync_payment(session, intent, EVENT, NOW + timedelta(days=1))
            if in_sync:
                assert everything_stored(session, made) == before
            in_sync = not differences(made, read_facts(session, made), intent)
            before = everything_stored(session, made)
        session.rollback()


@pytest.mark.parametrize("status", [SUCCEEDED, IntentStatus.CANCELED, IntentStatus.PROCESSING])
def test_a_synchronised_order_is_in_sync(sqlite_sessions, status):
    with sqlite_sessions() as session:
        item = book(stock=5)
        made = order(item)
        session.add_all([item, made])
        session.flush()
        address = Address(name="Ada", city="London")
        paid_by = charge(refund(100), disputes=(dispute(DisputeStatus.WON),), address=address)
        intent = intent_of(made, status, charge=paid_by if status is SUCCEEDED else None)
        assert differences(made, read_facts(session, made), intent)
        sync_payment(session, intent, EVENT, NOW)
        assert not differences(made, read_facts(session, made), intent)


@pytest.fixture
def synchronised(sqlite_sessions):
    """A session, an order that was paid and partly refunded, and its intent."""
    with sqlite_sessions() as session:
        item = book(stock=5)
        made = order(item)
        session.add_all([item, made])
        session.flush()
        paid_by = charge(
            refund(100, RefundStatus.PENDING, id="re_1"),
            disputes=(dispute(DisputeStatus.WON, id="du_1"),),
            address=Address(city="London"),
        )
        intent = intent_of(made, SUCCEEDED, charge=paid_by)
        sync_payment(session, intent, EVENT, NOW)
        assert not differences(made, read_facts(session, made), intent)
        yield session, made, intent


@pytest.mark.parametrize(
    "values",
    [
        {"under_review": True},
        {"address": Address(city="Leeds")},
        {"refunds": ()},
        {"refunds": (refund(100, id="re_1"),)},
        {"refunds": (refund(100, RefundStatus.PENDING, id="re_1"), refund(1, id="re_2"))},
        {"disputes": ()},
        {"disputes": (dispute(DisputeStatus.LOST, id="du_1"),)},
    ],
)
def test_a_change_of_the_charge_is_a_difference(synchronised, values):
    session, made, intent = synchronised
    changed = replace(intent, charge=replace(intent.charge, **values))
    assert differences(made, read_facts(session, made), changed)


@pytest.mark.parametrize(
    "values",
    [
        {"id": "pi_other"},
        {"status": IntentStatus.PROCESSING},
        {"amount": Money(998, "GBP")},
        {"amount": Money(999, "EUR")},
        {"amount_received": 998},
    ],
)
def test_a_change_of_the_intent_is_a_difference(synchronised, values):
    session, made, intent = synchronised
    assert differences(made, read_facts(session, made), replace(intent, **values))


@pytest.mark.parametrize(
    "values",
    [
        {"status": OrderStatus.PAID},
        {"status": OrderStatus.AWAITING_PAYMENT},
        {"refunded": 99},
        {"intent_status": None},
    ],
)
def test_a_paid_order_with_outdated_records_is_a_difference(synchronised, values):
    session, made, intent = synchronised
    for name, value in values.items():
        setattr(made, name, value)
    assert differences(made, read_facts(session, made), intent)


@pytest.mark.parametrize(
    ("status", "values"),
    [
        (IntentStatus.CANCELED, {"status": OrderStatus.EXPIRED}),  # its dedup key is not released
        (IntentStatus.CANCELED, {"status": OrderStatus.AWAITING_PAYMENT, "dedup_key": None}),
        (IntentStatus.REQUIRES_ACTION, {"status": OrderStatus.PLACED}),
        (IntentStatus.PROCESSING, {"status": OrderStatus.AWAITING_PAYMENT}),
        (IntentStatus.REQUIRES_CAPTURE, {"status": OrderStatus.PROCESSING}),
    ],
)
def test_an_unpaid_order_with_another_status_is_a_difference(sqlite_sessions, status, values):
    with sqlite_sessions() as session:
        made = order(book(), intent_status=status.value, **values)
        session.add(made)
        assert differences(made, read_facts(session, made), intent_of(made, status))


def test_the_amount_of_a_payment_that_is_not_refunded():
    made = order(book())
    assert unrefunded_amount(intent_of(made)) is None
    assert unrefunded_amount(intent_of(made, SUCCEEDED)).amount == 999
    assert unrefunded_amount(intent_of(made, SUCCEEDED, charge=charge(refund(900)))).amount == 99
    assert unrefunded_amount(intent_of(made, SUCCEEDED, charge=charge(refund(999)))) is None
