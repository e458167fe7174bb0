"""Every move of the table is made with all that it does, and no other is made at all."""

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.inventory.reservations import RESERVATION_TIME, reserve
from bookshop.mail.models import MailRecord
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.effects import EFFECTS, release_dedup_key
from bookshop.orders.models import AuditEntry, RefundRecord
from bookshop.orders.states import CLOSED, TRANSITIONS, Actor, Effect, OrderStatus
from bookshop.orders.transitions import ForbiddenTransitionError, is_allowed, transition
from tests.unit.makers import NOW, book, order

STOCK = 5
EVERY = sorted(TRANSITIONS)
PAIRS = [pair for pair in product(OrderStatus, repeat=2) if pair not in TRANSITIONS]


@pytest.fixture
def session(sqlite_sessions):
    with sqlite_sessions() as session:
        yield session


def begin(session, status, *, held=True, stock=STOCK):
    wanted = book(stock=stock)
    made = order(wanted, status=status, email="reader@example.com", intent_status="canceled")
    session.add_all([wanted, made])
    session.flush()
    if held:
        reserve(session, made, NOW)
    session.flush()
    return made, wanted


def by(actor):
    return Cause(actor, f"by {actor.value}")


def go(session, made, target, cause):
    transition(TransitionContext(session, cause, NOW), made, target)
    session.flush()


def entries(session, made):
    wanted = select(AuditEntry).where(AuditEntry.order_id == made.id).order_by(AuditEntry.id)
    return session.scalars(wanted).all()


def mails(session, made):
    wanted = select(MailRecord.kind).where(MailRecord.order_id == made.id)
    return list(session.scalars(wanted))


@pytest.mark.parametrize(("source", "target"), EVERY)
def test_every_move_is_made_by_each_who_may_and_by_nobody_else(session, source, target):
    for actor in Actor:
        made, _ = begin(session, source)
        assert is_allowed(made, target, by(actor)) == (actor in TRANSITIONS[source, target].by)
        if actor in TRANSITIONS[source, target].by:
            go(session, made, target, by(actor))
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
                go(session, made, target, by(actor))
            assert (made.status, entries(session, made)) == (source, [])


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_other_pair_is_refused_to_everybody(session, source, target):
    made, _ = begin(session, source)
    for actor in Actor:
        with pytest.raises(ForbiddenTransitionError):
            go(session, made, target, by(actor))
    assert (made.status, entries(session, made), mails(session, made)) == (source, [], [])


@pytest.mark.parametrize(("source", "target"), EVERY)
def test_a_move_does_what_the_table_says_and_nothing_else(session, copies, source, target):
    made, wanted = begin(session, source)
    rule = TRANSITIONS[source, target]
    go(session, made, target, by(min(rule.by)))
    here, held = copies(session, wanted.sku)
    sold, released = Effect.SELL_STOCK in rule.effects, Effect.RELEASE_STOCK in rule.effects
    assert here == (STOCK - 1 if sold else STOCK)
    assert held == (0 if sold or released else 1)
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


def test_every_effect_can_be_done():
    assert set(EFFECTS) == set(Effect)


@pytest.mark.parametrize(
    "source",
    sorted(
        source
        for source, target in TRANSITIONS
        if Effect.SELL_STOCK in TRANSITIONS[source, target].effects
    ),
)
def test_paid_without_copies_asks_for_all_of_the_money_back(session, copies, source):
    made, wanted = begin(session, source, held=False, stock=0)
    go(session, made, OrderStatus.PAID, by(Actor.STRIPE))
    (refund,) = session.scalars(select(RefundRecord))
    assert made.out_of_stock
    assert (refund.amount, refund.status) == (made.total, "requested")
    assert copies(session, wanted.sku) == (0, 0)
    assert mails(session, made) == ["sold_out"]
    assert [entry.event for entry in entries(session, made)] == [
        "status_changed",
        "out_of_stock",
        "refund_requested",
    ]


def test_who_was_told_that_it_failed_is_not_told_that_it_expired(session):
    made, _ = begin(session, OrderStatus.PROCESSING)
    go(session, made, OrderStatus.AWAITING_PAYMENT, by(Actor.STRIPE))
    go(session, made, OrderStatus.EXPIRED, by(Actor.CLOCK))
    assert mails(session, made) == ["payment_failed"]


@pytest.mark.parametrize("status", sorted(OrderStatus))
@pytest.mark.parametrize(
    ("intent_status", "can_be_paid"),
    [("requires_payment_method", True), ("requires_action", True), ("canceled", False)],
)
def test_the_customer_begins_anew_once_nobody_can_pay(status, intent_status, can_be_paid):
    made = order(book(), status=status, intent_status=intent_status)
    release_dedup_key(made)
    assert (made.dedup_key is None) == (status in CLOSED and not can_be_paid)


@settings(max_examples=60)
@given(data=st.data())
def test_whatever_moves_are_made_the_history_is_one_chain(sqlite_sessions, data):
    with sqlite_sessions() as session:
        made, _ = begin(session, OrderStatus.PLACED)
        for _ in range(data.draw(st.integers(0, 12))):
            target = data.draw(st.sampled_from(OrderStatus))
            cause = by(data.draw(st.sampled_from(Actor)))
            before = OrderStatus(made.status)
            if is_allowed(made, target, cause):
                go(session, made, target, cause)
            else:
                with pytest.raises(ForbiddenTransitionError):
                    go(session, made, target, cause)
                assert made.status == before
        moves = [entry for entry in entries(session, made) if entry.to_status]
        ends = [OrderStatus.PLACED, *(entry.to_status for entry in moves)]
        assert [entry.from_status for entry in moves] == ends[:-1]
        assert made.status == ends[-1]
        assert all((first.at, first.id) < (then.at, then.id) for first, then in pairwise(moves))
        session.rollback()
