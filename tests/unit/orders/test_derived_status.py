"""The status of a paid order is derived from facts, in whatever order they arrive."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.orders.audit import Cause
from bookshop.orders.models import AuditEntry, DisputeRecord, OrderLine
from bookshop.orders.payment.sync import record_fraud_warnings, sync_payment
from bookshop.orders.states import Actor, OrderStatus
from bookshop.orders.transitions import derive_status, fulfilment_status
from bookshop.payments.charges import Address, DisputeStatus, FraudWarning, RefundStatus
from bookshop.payments.intents import IntentStatus
from tests.unit.makers import NOW, book, charge, dispute, intent_of, order, refund

EVENT = Cause(Actor.STRIPE, "evt_1")
PRICE = 999
OPEN = [DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW]
INQUIRY = [DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.WARNING_UNDER_REVIEW]


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def begin(session):
    item = book(stock=5)
    made = order(item, price=PRICE)
    session.add_all([item, made])
    session.flush()
    return made


def sync(session, made, charged, second, now=100):
    intent = intent_of(
        made,
        IntentStatus.SUCCEEDED,
        charge=charged,
        checked_at=NOW + timedelta(seconds=second),
    )
    sync_payment(session, intent, EVENT, NOW + timedelta(seconds=now))
    session.flush()


@pytest.mark.parametrize(
    ("statuses", "refunded", "expected"),
    [
        ([], 0, OrderStatus.PAID),
        ([DisputeStatus.WON], 0, OrderStatus.DISPUTE_WON),
        ([DisputeStatus.LOST], 0, OrderStatus.DISPUTE_LOST),
        ([DisputeStatus.WON, DisputeStatus.LOST], 0, OrderStatus.DISPUTE_LOST),
        ([DisputeStatus.WARNING_CLOSED], 0, OrderStatus.PAID),
        ([DisputeStatus.PREVENTED], 0, OrderStatus.PAID),
        ([DisputeStatus.WON], 1, OrderStatus.PARTLY_REFUNDED),
        ([DisputeStatus.WON], PRICE, OrderStatus.REFUNDED),
        ([DisputeStatus.LOST], 1, OrderStatus.DISPUTE_LOST),
        *(([status], PRICE, OrderStatus.DISPUTED) for status in [*OPEN, *INQUIRY]),
        *(([DisputeStatus.LOST, status], 0, OrderStatus.DISPUTED) for status in OPEN),
    ],
)
def test_derived_status_follows_the_precedence(statuses, refunded, expected):
    made = order(book(), price=PRICE, refunded=refunded)
    for line in made.lines:
        line.shipped = 0
    assert derive_status(made, {status.value for status in statuses}) == expected


def line(quantity, shipped, *, digital=False):
    return OrderLine(quantity=quantity, shipped=shipped, digital=digital)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line(2, 0)], OrderStatus.PAID),
        ([line(2, 1)], OrderStatus.PARTLY_SHIPPED),
        ([line(1, 1), line(1, 0)], OrderStatus.PARTLY_SHIPPED),
        ([line(1, 1), line(2, 2)], OrderStatus.SHIPPED),
        ([line(1, 1, digital=True), line(1, 1)], OrderStatus.SHIPPED),
        ([line(1, 1, digital=True), line(1, 0)], OrderStatus.PARTLY_SHIPPED),
        ([line(1, 1, digital=True)], OrderStatus.DELIVERED),
    ],
)
def test_fulfilment_status_follows_the_shipped_quantities(lines, expected):
    assert fulfilment_status(lines) == expected


# --- responses in any order

SEQUENCES = {
    "a refund that fails": [
        charge(),
        charge(refund(500, RefundStatus.PENDING, id="re_1")),
        charge(refund(500, RefundStatus.FAILED, id="re_1")),
    ],
    "two refunds": [
        charge(),
        charge(refund(500, id="re_1")),
        charge(refund(500, id="re_1"), refund(499, id="re_2")),
    ],
    "a dispute that is lost": [
        charge(),
        charge(disputes=(dispute(DisputeStatus.NEEDS_RESPONSE, id="du_1"),)),
        charge(disputes=(dispute(DisputeStatus.UNDER_REVIEW, id="du_1"),)),
        charge(disputes=(dispute(DisputeStatus.LOST, id="du_1"),)),
    ],
    "a dispute that is won after a partial refund": [
        charge(refund(100, id="re_1")),
        charge(
            refund(100, id="re_1"),
            disputes=(dispute(DisputeStatus.NEEDS_RESPONSE, id="du_1"),),
        ),
        charge(refund(100, id="re_1"), disputes=(dispute(DisputeStatus.WON, id="du_1"),)),
    ],
    "a review": [charge(under_review=True), charge()],
}
ENDS = {
    "a refund that fails": OrderStatus.PAID,
    "two refunds": OrderStatus.REFUNDED,
    "a dispute that is lost": OrderStatus.DISPUTE_LOST,
    "a dispute that is won after a partial refund": OrderStatus.PARTLY_REFUNDED,
    "a review": OrderStatus.PAID,
}


@settings(max_examples=40)
@given(data=st.data(), name=st.sampled_from(sorted(SEQUENCES)))
def test_bug_3_any_order_of_responses_ends_in_the_same_status(sessions, data, name):
    charges = list(enumerate(SEQUENCES[name]))
    repeated = data.draw(st.lists(st.sampled_from(charges), max_size=4))
    responses = data.draw(st.permutations([*charges, *repeated]))
    with sessions() as session:
        made = begin(session)
        for second, charged in responses:
            sync(session, made, charged, second)
        assert made.status == ENDS[name]
        assert not made.under_review
        entries = session.scalars(select(AuditEntry).where(AuditEntry.order_id == made.id)).all()
        moves = [(entry.from_status, entry.to_status) for entry in entries if entry.to_status]
        assert all(first[1] == then[0] for first, then in pairwise(moves))
        assert moves[-1][1] == made.status
        session.rollback()


@settings(max_examples=40)
@given(data=st.data(), name=st.sampled_from(sorted({*SEQUENCES} - {"a review"})))
def test_refunds_and_disputes_end_in_the_same_status_whatever_the_clock_says(sessions, data, name):
    charges = SEQUENCES[name]
    clocks = st.integers(-2 * 24 * 3600, 2 * 24 * 3600)
    repeated = data.draw(st.lists(st.sampled_from(charges), max_size=4))
    with sessions() as session:
        made = begin(session)
        for charged in data.draw(st.permutations([*charges, *repeated])):
            second = data.draw(clocks)
            sync(session, made, charged, second, now=second)
        assert made.status == ENDS[name]
        session.rollback()


def test_state_after_the_clock_was_ahead_is_believed(session):
    two_days = 2 * 24 * 3600
    made = begin(session)
    sync(session, made, charge(under_review=True), two_days, now=two_days)
    assert made.under_review
    lost = dispute(DisputeStatus.LOST, id="du_1")
    sync(session, made, charge(disputes=(lost,)), 60, now=60)
    assert (made.under_review, made.status) == (False, OrderStatus.DISPUTE_LOST)
    sync(session, made, charge(disputes=(replace(lost, status=DisputeStatus.WON),)), 59, now=61)
    assert made.status == OrderStatus.DISPUTE_LOST
    sync(session, made, charge(disputes=(replace(lost, status=DisputeStatus.WON),)), 62, now=62)
    assert made.status == OrderStatus.DISPUTE_WON


def test_dispute_is_recorded_once_and_updated(session):
    made = begin(session)
    for second, status in enumerate((DisputeStatus.NEEDS_RESPONSE, DisputeStatus.WON)):
        updated = dispute(status, id="du_1", amount=refund(500).amount)
        for _ in range(2):
            sync(session, made, charge(disputes=(updated,)), second)
    [record] = session.scalars(select(DisputeRecord))
    assert (record.status, record.amount, record.reason) == ("won", 500, "fraudulent")


def test_escalated_inquiry_takes_the_reduced_amount(session):
    made = begin(session)
    inquiry = dispute(DisputeStatus.WARNING_NEEDS_RESPONSE, id="du_1", amount=refund(PRICE).amount)
    escalated = dispute(DisputeStatus.NEEDS_RESPONSE, id="du_1", amount=refund(PRICE - 700).amount)
    refunded = refund(700, id="re_1")

    sync(session, made, charge(disputes=(inquiry,)), 1)
    sync(session, made, charge(refunded, disputes=(escalated,)), 2)

    (record,) = session.scalars(select(DisputeRecord))
    assert (record.status, record.amount) == (DisputeStatus.NEEDS_RESPONSE, PRICE - 700)


def test_review_is_audited_when_opened_and_closed(session):
    made = begin(session)
    for second, under_review in enumerate((True, True, False, False)):
        sync(session, made, charge(under_review=under_review), second)
        assert made.under_review is under_review
    events = [
        entry.event for entry in session.scalars(select(AuditEntry)) if "review" in entry.event
    ]
    assert events == ["review_opened", "review_closed"]


def test_address_is_recorded_and_kept(session):
    made = begin(session)
    sync(session, made, charge(address=Address(name="Ada", city="London")), 0)
    assert made.address == {"name": "Ada", "city": "London"}
    sync(session, made, charge(), 1)
    assert made.address == {"name": "Ada", "city": "London"}


def test_fraud_warning_is_recorded_once(session):
    made = begin(session)
    warnings = [
        FraudWarning("issfr_2", made.payment_intent, "misc", NOW + timedelta(hours=1)),
        FraudWarning("issfr_1", made.payment_intent, "made_with_lost_card", NOW),
    ]
    for _ in range(2):
        record_fraud_warnings(session, made.payment_intent, warnings, EVENT, NOW)
    session.flush()
    assert made.fraud_warned_at == NOW
    [entry] = session.scalars(select(AuditEntry))
    assert (entry.event, entry.detail["id"]) == ("fraud_warning", "issfr_1")


def test_fraud_warning_for_an_unknown_payment_is_ignored(session):
    record_fraud_warnings(
        session, "pi_other", [FraudWarning("issfr_1", "pi_other", "misc", NOW)], EVENT, NOW
    )
    assert session.scalars(select(AuditEntry)).all() == []
