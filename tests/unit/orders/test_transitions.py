"""Every transition of the table has its effects, and no other transition is possible."""

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.inventory.reservations import RESERVATION_TIME, reserve
from bookshop.mail.models import MailRecord
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import AuditEntry, RefundRecord
from bookshop.orders.states import CLOSED, TRANSITIONS, Actor, Effect, OrderStatus
from bookshop.orders.transitions import (
    EFFECTS,
    ForbiddenTransitionError,
    is_allowed,
    release_dedup_key,
    transition,
)
from tests.unit.makers import NOW, book, order

STOCK = 5
EVERY = sorted(TRANSITIONS)
PAIRS = [pair for pair in product(OrderStatus, repeat=2) if pair not in TRANSITIONS]


@pytest.fixture
def session(sqlite_sessions):
    with sqlite_sessions() as session:
        yield session


def begin(session, status, *, reserved=True, stock=STOCK):
    item = book(stock=stock)
    made = order(item, status=status, email="reader@example.com", intent_status="canceled")
    session.add_all([item, made])
    session.flush()
    if reserved:
        reserve(session, made, NOW)
    session.flush()
    return made, item


def by(actor):
    return Cause(actor, f"by {actor.value}")


def move(session, made, target, cause):
    transition(TransitionContext(session, cause, NOW), made, target)
    session.flush()


def entries(session, made):
    query = select(AuditEntry).where(AuditEntry.order_id == made.id).order_by(AuditEntry.id)
    return session.scalars(query).all()


def mails(session, made):
    query = select(MailRecord.kind).where(MailRecord.order_id == made.id)
    return list(session.scalars(query))


@pytest.mark.parametrize(("source", "target"), EVERY)
def test_transition_is_allowed_for_its_actors_only(session, source, target):
    for actor in Actor:
        made, _ = begin(session, source)
        assert is_allowed(made, target, by(actor)) == (actor in TRANSITIONS[source, target].by)
        if actor in TRANSITIONS[source, target].by:
            move(session, made, target, by(actor))
            (entry,) = entries(session, made)
            assert (entry.from_status, entry.to_status, entry.event) == (
                source,
                target,
                "status_changed",
            )
            assert (entry.actor, entry.cause, entry.at) == (actor, f"by {actor.value}", NOW)
            assert made.status == target
        else:
            with pytest.raises(ForbiddenTransitionError, match=f"{source} -> {target} by {actor}"):
                move(session, made, target, by(actor))
            assert (made.status, entries(session, made)) == (source, [])


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_other_transitions_are_refused_for_all_actors(session, source, target):
    made, _ = begin(session, source)
    for actor in Actor:
        with pytest.raises(ForbiddenTransitionError):
            move(session, made, target, by(actor))
    assert (made.status, entries(session, made), mails(session, made)) == (source, [], [])


@pytest.mark.parametrize(("source", "target"), EVERY)
def test_transition_has_exactly_the_effects_of_the_table(session, copies, source, target):
    made, item = begin(session, source)
    rule = TRANSITIONS[source, target]
    move(session, made, target, by(min(rule.by)))
    stock, reserved = copies(session, item.sku)
    sold, released = Effect.SELL_STOCK in rule.effects, Effect.RELEASE_STOCK in rule.effects
    assert stock == (STOCK - 1 if sold else STOCK)
    assert reserved == (0 if sold or released else 1)
    assert made.stock_reserved == (not (sold or released))
    assert (made.paid_at == NOW) == sold
    until = {Effect.RESERVE_WITHOUT_EXPIRY: None, Effect.EXTEND_RESERVATION: NOW + RESERVATION_TIME}
    for effect, expected in until.items():
        if effect in rule.effects:
            assert made.reserved_until == expected
    assert (made.dedup_key is None) == (Effect.RELEASE_DEDUP_KEY in rule.effects)
    kinds = {
        Effect.EMAIL_PAID: "paid",
        Effect.EMAIL_PAYMENT_FAILED: "payment_failed",
        Effect.EMAIL_EXPIRED: "expired",
    }
    assert mails(session, made) == [kinds[each] for each in rule.effects if each in kinds]


def test_every_effect_is_implemented():
    assert set(EFFECTS) == set(Effect)


@pytest.mark.parametrize(
    "source",
    sorted(
        source
        for source, target in TRANSITIONS
        if Effect.SELL_STOCK in TRANSITIONS[source, target].effects
    ),
)
def test_out_of_stock_payment_requests_a_full_refund(session, copies, source):
    made, item = begin(session, source, reserved=False, stock=0)
    move(session, made, OrderStatus.PAID, by(Actor.STRIPE))
    (refund,) = session.scalars(select(RefundRecord))
    assert made.out_of_stock
    assert (refund.amount, refund.status) == (made.total, "requested")
    assert copies(session, item.sku) == (0, 0)
    assert mails(session, made) == ["sold_out"]
    assert [entry.event for entry in entries(session, made)] == [
        "status_changed",
        "out_of_stock",
        "refund_requested",
    ]


def test_no_expiry_email_after_a_payment_failure_email(session):
    made, _ = begin(session, OrderStatus.PROCESSING)
    move(session, made, OrderStatus.AWAITING_PAYMENT, by(Actor.STRIPE))
    move(session, made, OrderStatus.EXPIRED, by(Actor.CLOCK))
    assert mails(session, made) == ["payment_failed"]


@pytest.mark.parametrize("status", sorted(OrderStatus))
@pytest.mark.parametrize(
    ("intent_status", "can_be_paid"),
    [("requires_payment_method", True), ("requires_action", True), ("canceled", False)],
)
def test_dedup_key_is_released_once_the_closed_order_cannot_be_paid(
    status, intent_status, can_be_paid
):
    made = order(book(), status=status, intent_status=intent_status)
    release_dedup_key(made)
    assert (made.dedup_key is None) == (status in CLOSED and not can_be_paid)


@settings(max_examples=60)
@given(data=st.data())
def test_audit_trail_is_one_chain_of_statuses(sqlite_sessions, data):
    with sqlite_sessions() as session:
        made, _ = begin(session, OrderStatus.PLACED)
        for _ in range(data.draw(st.integers(0, 12))):
            target = data.draw(st.sampled_from(OrderStatus))
            cause = by(data.draw(st.sampled_from(Actor)))
            before = OrderStatus(made.status)
            if is_allowed(made, target, cause):
                move(session, made, target, cause)
            else:
                with pytest.raises(ForbiddenTransitionError):
                    move(session, made, target, cause)
                assert made.status == before
        changes = [entry for entry in entries(session, made) if entry.to_status]
        statuses = [OrderStatus.PLACED, *(entry.to_status for entry in changes)]
        assert [entry.from_status for entry in changes] == statuses[:-1]
        assert made.status == statuses[-1]
        assert all(
            (first.at, first.id) < (second.at, second.id) for first, second in pairwise(changes)
        )
        session.rollback()
