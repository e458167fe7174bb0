"""One function moves an order: whatever it hears, in whatever order, however often."""

import dataclasses
import logging
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.inventory.reservations import RESERVATION_TIME, reserve
from bookshop.mail.models import MailRecord
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause
from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.payment.expiry import expire_lapsed
from bookshop.orders.payment.sync import STATUS_OF_INTENT, sync_payment
from bookshop.orders.states import CLOSED, TRANSITIONS, Actor, OrderStatus
from bookshop.payments.intents import IntentStatus
from tests.unit.makers import NOW, book, failure, intent_of, order

STOCK, PRICE = 5, 999
TOTAL = 2 * PRICE
SUCCEEDED, CANCELED = IntentStatus.SUCCEEDED, IntentStatus.CANCELED
UNPAID = [status for status in IntentStatus if status is not SUCCEEDED]
OPEN = [status for status in UNPAID if status in STATUS_OF_INTENT]
EVENT = Cause(Actor.STRIPE, "evt_1")
MANY_EXAMPLES = settings(max_examples=40)

statuses = st.sampled_from(IntentStatus)


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def settle(session, intent, now):
    return sync_payment(session, intent, EVENT, now)


def begin(session, **values):
    """An order of two copies that are held for it, and its book."""
    wanted = book(stock=STOCK)
    made = order(wanted, quantity=2, price=PRICE, **values)
    session.add_all([wanted, made])
    session.flush()
    reserve(session, made, NOW)
    session.flush()
    return made, wanted


def after(seconds):
    return NOW + timedelta(seconds=seconds)


# --- the rules, for every history


@MANY_EXAMPLES
@given(history=st.lists(statuses, max_size=9))
def test_every_history_obeys_the_rules(sessions, copies, history):
    with sessions() as session:
        made, wanted = begin(session)
        paid_at = None
        for second, status in enumerate(history):
            before = OrderStatus(made.status)
            moved = settle(
                session, intent_of(made, status, checked_at=after(second)), after(second)
            )
            session.flush()
            now = OrderStatus(made.status)
            assert moved is made

            # Paid, and when, is written once and stays.
            if status is SUCCEEDED and paid_at is None:
                paid_at = after(second)
            assert (now is OrderStatus.PAID) == (paid_at is not None)
            assert made.paid_at == paid_at
            # Nothing moves but along a known way, and what is not understood moves nothing.
            assert now is before or (before, now) in TRANSITIONS
            if status is IntentStatus.REQUIRES_CAPTURE:
                assert now is before
            # Until it is paid, the last word counts; only a closed order stays so for less
            # than a new payment.
            elif paid_at is None and before not in CLOSED:
                assert now is STATUS_OF_INTENT.get(status, OrderStatus.CANCELLED)

            # Goods follow: sold once, held until it is decided.
            here, held = copies(session, wanted.sku)
            assert here == STOCK - (2 if paid_at else 0)
            assert not made.out_of_stock
            assert held == (2 if made.stock_reserved else 0)
            if now in {OrderStatus.PAID, OrderStatus.CANCELLED}:
                assert not made.stock_reserved
            if made.stock_reserved:
                assert (made.reserved_until is None) == (now is OrderStatus.PROCESSING)
        session.rollback()


@MANY_EXAMPLES
@given(
    story=st.lists(st.sampled_from(UNPAID), max_size=6).flatmap(
        lambda heard: st.permutations([*heard, SUCCEEDED, SUCCEEDED])
    )
)
def test_a_payment_counts_wherever_it_stands_in_the_story(sessions, copies, story):
    with sessions() as session:
        made, wanted = begin(session)
        for second, status in enumerate(story):
            settle(session, intent_of(made, status, checked_at=after(second)), after(second))
        session.flush()
        assert made.status == OrderStatus.PAID
        assert made.paid_at == after(story.index(SUCCEEDED))
        assert copies(session, wanted.sku) == (STOCK - 2, 0)
        session.rollback()


@MANY_EXAMPLES
@given(story=st.lists(st.sampled_from(UNPAID), max_size=8))
def test_nothing_else_is_a_payment(sessions, copies, story):
    with sessions() as session:
        made, wanted = begin(session)
        for second, status in enumerate(story):
            settle(session, intent_of(made, status, checked_at=after(second)), after(second))
        session.flush()
        assert made.status != OrderStatus.PAID
        assert made.paid_at is None
        assert copies(session, wanted.sku)[0] == STOCK
        session.rollback()


@MANY_EXAMPLES
@given(status=statuses, before=st.lists(statuses, max_size=4))
def test_hearing_it_again_changes_nothing(sessions, copies, status, before):
    with sessions() as session:
        made, wanted = begin(session)
        for second, earlier in enumerate([*before, status]):
            settle(session, intent_of(made, earlier), after(second))
        session.flush()

        def state():
            return (
                made.status,
                made.paid_at,
                made.stock_reserved,
                made.reserved_until,
                made.dedup_key,
            ), copies(session, wanted.sku)

        first = state()
        for second in range(100, 103):
            settle(session, intent_of(made, status), after(second))
        session.flush()
        assert state() == first
        session.rollback()


# --- answers that arrive in another order than that in which they were asked for


@MANY_EXAMPLES
@given(data=st.data(), story=st.lists(st.sampled_from(OPEN), min_size=1, max_size=6))
def test_what_was_asked_last_counts_whenever_it_arrives(sessions, data, story):
    answers = list(enumerate(story))
    with sessions() as session:
        made, _ = begin(session)
        for second, status in data.draw(st.permutations(answers)):
            settle(session, intent_of(made, status, checked_at=after(second)), after(60))
            session.flush()
        assert made.status == STATUS_OF_INTENT[story[-1]]
        assert made.checked_at == after(len(story) - 1)
        session.rollback()


@MANY_EXAMPLES
@given(data=st.data(), story=st.lists(st.sampled_from(UNPAID), max_size=5))
def test_an_old_answer_that_it_is_paid_still_counts(sessions, copies, data, story):
    answers = list(enumerate([SUCCEEDED, *story]))
    with sessions() as session:
        made, wanted = begin(session)
        for second, status in data.draw(st.permutations(answers)):
            settle(session, intent_of(made, status, checked_at=after(second)), after(60))
        session.flush()
        assert made.status == OrderStatus.PAID
        assert copies(session, wanted.sku) == (STOCK - 2, 0)
        session.rollback()


# --- an order is paid by its own intent alone

WRONG = {
    "id": {"id": "pi_of_another"},
    "amount": {"amount": Money(TOTAL - 1, "GBP")},
    "a larger amount": {"amount": Money(TOTAL + 1, "GBP")},
    "currency": {"amount": Money(TOTAL, "EUR")},
    "received": {"amount_received": TOTAL - 1},
    "nothing received": {"amount_received": 0},
    "too much received": {"amount_received": TOTAL + 1},
    "reference": {"reference": "K7QM-2X9T-4BCD"},
    "no reference": {"reference": None},
}


@MANY_EXAMPLES
@given(
    wrong=st.lists(st.sampled_from(sorted(WRONG)), min_size=1, max_size=3),
    before=st.lists(st.sampled_from(UNPAID), max_size=3),
)
def test_what_contradicts_the_order_never_pays_it(sessions, copies, wrong, before):
    with sessions() as session:
        made, wanted = begin(session)
        for second, status in enumerate(before):
            settle(session, intent_of(made, status), after(second))
        session.flush()
        known, shelf = made.status, copies(session, wanted.sku)
        values = {}
        for name in wrong:
            values |= WRONG[name]
        assert settle(session, intent_of(made, SUCCEEDED, **values), after(60)) is None
        session.flush()
        assert (made.status, made.paid_at) == (known, None)
        assert copies(session, wanted.sku) == shelf
        session.rollback()


@pytest.mark.parametrize("name", ["id", "amount", "currency", "received"])
def test_a_contradiction_is_told_to_a_person(session, caplog, name):
    made, _ = begin(session)
    settle(session, intent_of(made, SUCCEEDED, **WRONG[name]), NOW)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    named = "amount" if name == "currency" else name
    assert (record.message, record.order) == ("payment_mismatch", made.number)
    assert record.fields == [named]


@pytest.mark.parametrize("status", UNPAID)
def test_another_intent_of_the_same_order_does_not_move_it(session, status):
    made, _ = begin(session)
    assert settle(session, intent_of(made, status, id="pi_of_another"), NOW) is None
    assert made.status == OrderStatus.AWAITING_PAYMENT
    assert made.payment_intent != "pi_of_another"


def test_the_intent_of_one_order_does_not_pay_another(session, copies):
    (mine, wanted), (other, _) = begin(session), begin(session)
    paid = intent_of(mine, SUCCEEDED)
    assert settle(session, dataclasses.replace(paid, reference=other.number), NOW) is None
    assert other.status == OrderStatus.AWAITING_PAYMENT
    assert settle(session, paid, NOW) is mine
    assert settle(session, dataclasses.replace(paid, reference=other.number), NOW) is None
    assert copies(session, wanted.sku) == (STOCK - 2, 0)


def test_an_intent_of_somebody_else_is_none_of_ours(session):
    made, _ = begin(session)
    assert settle(session, intent_of(made, SUCCEEDED, reference="unknown"), NOW) is None
    assert settle(session, intent_of(made, SUCCEEDED, reference=None), NOW) is None


def test_an_open_intent_may_still_have_an_older_amount(session):
    made, _ = begin(session)
    older = intent_of(made, amount=Money(made.total - 100, made.currency))
    assert settle(session, older, NOW) is made


def test_the_first_word_of_an_intent_is_remembered(session):
    made, _ = begin(session, payment_intent=None)
    settle(session, intent_of(made, id="pi_first"), NOW)
    assert made.payment_intent == "pi_first"
    assert settle(session, intent_of(made, SUCCEEDED, id="pi_second"), NOW) is None


def test_a_number_that_was_changed_at_stripe_is_noticed(session):
    made, _ = begin(session)
    for reference in ("K7QM-2X9T-4BCD", None):
        assert settle(session, intent_of(made, SUCCEEDED, reference=reference), NOW) is None
        assert (made.status, made.payment_mismatch) == (OrderStatus.AWAITING_PAYMENT, True)
    session.flush()
    noted = session.scalars(select(AuditEntry)).all()
    assert [(entry.event, entry.detail["wrong"]) for entry in noted] == [
        ("payment_mismatch", ["number"])
    ]


def test_an_intent_of_one_order_that_names_another_touches_neither(session):
    mine, _ = begin(session, payment_intent="pi_mine")
    other, _ = begin(session, payment_intent=None, status=OrderStatus.PLACED)
    said = intent_of(other, SUCCEEDED, id="pi_mine")
    assert settle(session, said, NOW) is None
    session.flush()
    assert (mine.status, other.status) == (OrderStatus.AWAITING_PAYMENT, OrderStatus.PLACED)
    assert other.payment_mismatch


# --- goods


def test_copies_wait_for_a_payment_on_its_way_however_long_it_takes(session, copies):
    made, wanted = begin(session)
    settle(session, intent_of(made, IntentStatus.PROCESSING), NOW)
    session.flush()
    expire_lapsed(session, JOB_WORKER, NOW + timedelta(days=14))
    assert copies(session, wanted.sku) == (STOCK, 2)
    settle(session, intent_of(made, SUCCEEDED), NOW + timedelta(days=14))
    session.flush()
    assert copies(session, wanted.sku) == (STOCK - 2, 0)


def test_a_payment_that_failed_on_its_way_begins_the_time_anew(session):
    made, _ = begin(session)
    settle(session, intent_of(made, IntentStatus.PROCESSING), NOW)
    later = NOW + timedelta(days=3)
    settle(session, intent_of(made), later)
    assert made.reserved_until == later + RESERVATION_TIME


def test_a_payment_that_failed_on_its_way_is_mailed_and_its_expiry_is_not(session):
    made, _ = begin(session, email="reader@example.com")
    settle(session, intent_of(made, IntentStatus.PROCESSING), NOW)
    for second in range(2):
        settle(session, intent_of(made), after(second))
    session.flush()
    expire_lapsed(session, JOB_WORKER, after(2) + RESERVATION_TIME)
    assert made.status == OrderStatus.EXPIRED
    assert [mail.kind for mail in session.scalars(select(MailRecord))] == ["payment_failed"]


def test_a_declined_card_is_told_on_the_page_and_not_by_mail(session):
    made, _ = begin(session, email="reader@example.com")
    for second in range(2):
        settle(session, intent_of(made, failure=failure()), after(second))
    session.flush()
    assert session.scalars(select(MailRecord)).all() == []


def test_a_cancelled_order_gives_back_its_copies_and_makes_room_for_another(session, copies):
    made, wanted = begin(session)
    settle(session, intent_of(made, CANCELED), NOW)
    session.flush()
    assert made.dedup_key is None
    assert copies(session, wanted.sku) == (STOCK, 0)


def test_a_payment_without_copies_is_a_payment_and_a_person_is_told(session, caplog, copies):
    made, wanted = begin(session)
    wanted.stock, wanted.reserved, made.stock_reserved = 1, 0, False
    session.flush()
    settle(session, intent_of(made, SUCCEEDED), NOW)
    session.flush()
    assert (made.status, made.out_of_stock) == (OrderStatus.PAID, True)
    assert copies(session, wanted.sku) == (1, 0)
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert (record.message, record.order) == ("order_out_of_stock_refunded", made.number)


def test_an_intent_that_waits_to_be_captured_is_nothing_that_the_shop_asked_for(session, caplog):
    made, _ = begin(session)
    assert settle(session, intent_of(made, IntentStatus.REQUIRES_CAPTURE), NOW) is made
    assert made.status == OrderStatus.AWAITING_PAYMENT
    (record,) = caplog.records
    assert (record.message, record.status) == ("unexpected_intent_status", "requires_capture")


def test_the_log_names_no_person_and_no_secret(session, caplog):
    caplog.set_level(logging.DEBUG)
    made, _ = begin(session, email="reader@private.example")
    for status in IntentStatus:
        settle(session, intent_of(made, status), NOW)
    logged = "".join(str(record.__dict__) for record in caplog.records)
    assert made.number in logged
    assert "private.example" not in logged
    assert "pi_secret" not in logged


# --- at once


def test_one_payment_heard_by_many_sells_once(sessions, together, copies):
    with sessions.begin() as session:
        made, wanted = begin(session)
        paid, sku = intent_of(made, SUCCEEDED), wanted.sku

    def hear(second):
        with sessions.begin() as session:
            found = settle(session, paid, after(second))
            return found.paid_at

    paid_at = set(together(hear, range(8)))
    assert len(paid_at) == 1, paid_at
    with sessions() as session:
        assert copies(session, sku) == (STOCK - 2, 0)


def test_success_and_everything_else_at_once_is_success(sessions, together, copies):
    with sessions.begin() as session:
        made, wanted = begin(session)
        heard = [intent_of(made, status) for status in IntentStatus]
        number, sku = made.number, wanted.sku

    def hear(intent):
        with sessions.begin() as session:
            settle(session, intent, NOW)

    assert together(hear, heard) == [None] * len(heard)
    with sessions() as session:
        found = session.scalars(select(Order).where(Order.number == number)).one()
        assert found.status == OrderStatus.PAID
        assert copies(session, sku) == (STOCK - 2, 0)


def test_what_was_read_before_the_lock_is_read_again(postgres_sessions):
    with postgres_sessions.begin() as session:
        made, _ = begin(session)
        number, heard = made.number, intent_of(made, CANCELED)
        paid = intent_of(made, SUCCEEDED)
    with postgres_sessions.begin() as stale:
        early = stale.scalars(select(Order).where(Order.number == number)).one()
        assert early.status == OrderStatus.AWAITING_PAYMENT
        with postgres_sessions.begin() as quick:
            settle(quick, paid, NOW)
        settle(stale, heard, NOW)
    with postgres_sessions() as session:
        found = session.scalars(select(Order).where(Order.number == number)).one()
        assert found.status == OrderStatus.PAID
