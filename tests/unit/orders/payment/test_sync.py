"""`sync_payment` moves an order: with states in any order, repeated, and concurrent."""

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
from tests.unit.makers import NOW, book, charge, failure, intent_of, order

STOCK, PRICE = 5, 999
TOTAL = 2 * PRICE
SUCCEEDED, CANCELED = IntentStatus.SUCCEEDED, IntentStatus.CANCELED
UNPAID = [status for status in IntentStatus if status is not SUCCEEDED]
MAPPED_UNPAID = [status for status in UNPAID if status in STATUS_OF_INTENT]
EVENT = Cause(Actor.STRIPE, "evt_1")
MANY_EXAMPLES = settings(max_examples=40)

statuses = st.sampled_from(IntentStatus)


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def sync(session, intent, now):
    return sync_payment(session, intent, EVENT, now)


def begin(session, **values):
    """Return an order of two reserved copies, and its book."""
    item = book(stock=STOCK)
    made = order(item, quantity=2, price=PRICE, **values)
    session.add_all([item, made])
    session.flush()
    reserve(session, made, NOW)
    session.flush()
    return made, item


def after(seconds):
    return NOW + timedelta(seconds=seconds)


# --- invariants of any sequence


@MANY_EXAMPLES
@given(history=st.lists(statuses, max_size=9))
def test_any_sequence_of_intent_statuses_keeps_the_invariants(sessions, copies, history):
    with sessions() as session:
        made, item = begin(session)
        paid_at = None
        for second, status in enumerate(history):
            before = OrderStatus(made.status)
            moved = sync(session, intent_of(made, status, checked_at=after(second)), after(second))
            session.flush()
            now = OrderStatus(made.status)
            assert moved is made

            # The time of payment is recorded once.
            if status is SUCCEEDED and paid_at is None:
                paid_at = after(second)
            assert (now is OrderStatus.PAID) == (paid_at is not None)
            assert made.paid_at == paid_at
            # Only transitions of the table occur; an unexpected status changes nothing.
            assert now is before or (before, now) in TRANSITIONS
            if status is IntentStatus.REQUIRES_CAPTURE:
                assert now is before
            # Before the payment the last status counts, except that a closed order stays
            # closed until a new payment begins.
            elif paid_at is None and before not in CLOSED:
                assert now is STATUS_OF_INTENT.get(status, OrderStatus.CANCELLED)

            # Stock is sold once, and reserved until the payment is decided.
            stock, reserved = copies(session, item.sku)
            assert stock == STOCK - (2 if paid_at else 0)
            assert not made.out_of_stock
            assert reserved == (2 if made.stock_reserved else 0)
            if now in {OrderStatus.PAID, OrderStatus.CANCELLED}:
                assert not made.stock_reserved
            if made.stock_reserved:
                assert (made.reserved_until is None) == (now is OrderStatus.PROCESSING)
        session.rollback()


@MANY_EXAMPLES
@given(
    sequence=st.lists(st.sampled_from(UNPAID), max_size=6).flatmap(
        lambda statuses: st.permutations([*statuses, SUCCEEDED, SUCCEEDED])
    )
)
def test_succeeded_counts_at_any_position(sessions, copies, sequence):
    with sessions() as session:
        made, item = begin(session)
        for second, status in enumerate(sequence):
            sync(session, intent_of(made, status, checked_at=after(second)), after(second))
        session.flush()
        assert made.status == OrderStatus.PAID
        assert made.paid_at == after(sequence.index(SUCCEEDED))
        assert copies(session, item.sku) == (STOCK - 2, 0)
        session.rollback()


@MANY_EXAMPLES
@given(sequence=st.lists(st.sampled_from(UNPAID), max_size=8))
def test_only_succeeded_is_a_payment(sessions, copies, sequence):
    with sessions() as session:
        made, item = begin(session)
        for second, status in enumerate(sequence):
            sync(session, intent_of(made, status, checked_at=after(second)), after(second))
        session.flush()
        assert made.status != OrderStatus.PAID
        assert made.paid_at is None
        assert copies(session, item.sku)[0] == STOCK
        session.rollback()


@MANY_EXAMPLES
@given(status=statuses, before=st.lists(statuses, max_size=4))
def test_sync_is_idempotent(sessions, copies, status, before):
    with sessions() as session:
        made, item = begin(session)
        for second, earlier in enumerate([*before, status]):
            sync(session, intent_of(made, earlier), after(second))
        session.flush()

        def state():
            return (
                made.status,
                made.paid_at,
                made.stock_reserved,
                made.reserved_until,
                made.dedup_key,
            ), copies(session, item.sku)

        first = state()
        for second in range(100, 103):
            sync(session, intent_of(made, status), after(second))
        session.flush()
        assert state() == first
        session.rollback()


# --- responses that arrive out of order


@MANY_EXAMPLES
@given(data=st.data(), sequence=st.lists(st.sampled_from(MAPPED_UNPAID), min_size=1, max_size=6))
def test_newest_state_wins_in_any_order_of_arrival(sessions, data, sequence):
    responses = list(enumerate(sequence))
    with sessions() as session:
        made, _ = begin(session)
        for second, status in data.draw(st.permutations(responses)):
            sync(session, intent_of(made, status, checked_at=after(second)), after(60))
            session.flush()
        assert made.status == STATUS_OF_INTENT[sequence[-1]]
        assert made.checked_at == after(len(sequence) - 1)
        session.rollback()


@MANY_EXAMPLES
@given(data=st.data(), sequence=st.lists(st.sampled_from(UNPAID), max_size=5))
def test_outdated_succeeded_still_counts(sessions, copies, data, sequence):
    responses = list(enumerate([SUCCEEDED, *sequence]))
    with sessions() as session:
        made, item = begin(session)
        for second, status in data.draw(st.permutations(responses)):
            sync(session, intent_of(made, status, checked_at=after(second)), after(60))
        session.flush()
        assert made.status == OrderStatus.PAID
        assert copies(session, item.sku) == (STOCK - 2, 0)
        session.rollback()


def test_state_after_the_clock_was_ahead_is_applied(session):
    made, _ = begin(session)
    ahead = NOW + timedelta(days=2)
    sync(session, intent_of(made, IntentStatus.PROCESSING, checked_at=ahead), ahead)
    assert made.status == OrderStatus.PROCESSING
    sync(session, intent_of(made, checked_at=after(1)), after(2))
    assert (made.status, made.checked_at) == (OrderStatus.AWAITING_PAYMENT, after(1))


@pytest.mark.parametrize("final", [SUCCEEDED, CANCELED])
def test_final_status_is_kept_whatever_the_clock_says(session, final):
    made, _ = begin(session)
    sync(session, intent_of(made, final, checked_at=after(1)), after(1))
    status = made.status
    for second, late in enumerate(set(UNPAID) - {CANCELED}):
        ahead = after(60 + second)
        sync(session, intent_of(made, late, checked_at=ahead), ahead)
        assert (made.status, made.intent_status) == (status, final)


# --- only an order's own intent pays it

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
def test_mismatching_intent_never_pays_the_order(sessions, copies, wrong, before):
    with sessions() as session:
        made, item = begin(session)
        for second, status in enumerate(before):
            sync(session, intent_of(made, status), after(second))
        session.flush()
        status, stock = made.status, copies(session, item.sku)
        values = {}
        for name in wrong:
            values |= WRONG[name]
        assert sync(session, intent_of(made, SUCCEEDED, **values), after(60)) is None
        session.flush()
        assert (made.status, made.paid_at) == (status, None)
        assert copies(session, item.sku) == stock
        session.rollback()


@pytest.mark.parametrize("name", ["id", "amount", "currency", "received"])
def test_payment_mismatch_is_logged(session, caplog, name):
    made, _ = begin(session)
    sync(session, intent_of(made, SUCCEEDED, **WRONG[name]), NOW)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    named = "amount" if name == "currency" else name
    assert (record.message, record.order) == ("payment_mismatch", made.number)
    assert record.fields == [named]


@pytest.mark.parametrize("status", UNPAID)
def test_second_intent_does_not_change_the_order(session, status):
    made, _ = begin(session)
    assert sync(session, intent_of(made, status, id="pi_of_another"), NOW) is None
    assert made.status == OrderStatus.AWAITING_PAYMENT
    assert made.payment_intent != "pi_of_another"


def test_intent_of_another_order_pays_nothing(session, copies):
    (mine, item), (other, _) = begin(session), begin(session)
    paid = intent_of(mine, SUCCEEDED)
    assert sync(session, dataclasses.replace(paid, reference=other.number), NOW) is None
    assert other.status == OrderStatus.AWAITING_PAYMENT
    assert sync(session, paid, NOW) is mine
    assert sync(session, dataclasses.replace(paid, reference=other.number), NOW) is None
    assert copies(session, item.sku) == (STOCK - 2, 0)


def test_unknown_reference_is_ignored(session):
    made, _ = begin(session)
    assert sync(session, intent_of(made, SUCCEEDED, reference="unknown"), NOW) is None
    assert sync(session, intent_of(made, SUCCEEDED, reference=None), NOW) is None


def test_open_intent_may_have_an_outdated_amount(session):
    made, _ = begin(session)
    older = intent_of(made, amount=Money(made.total - 100, made.currency))
    assert sync(session, older, NOW) is made


def test_first_intent_is_recorded_with_the_order(session):
    made, _ = begin(session, payment_intent=None)
    sync(session, intent_of(made, id="pi_first"), NOW)
    assert made.payment_intent == "pi_first"
    assert sync(session, intent_of(made, SUCCEEDED, id="pi_second"), NOW) is None


def test_changed_reference_is_flagged_as_mismatch(session):
    made, _ = begin(session)
    for reference in ("K7QM-2X9T-4BCD", None):
        assert sync(session, intent_of(made, SUCCEEDED, reference=reference), NOW) is None
        assert (made.status, made.payment_mismatch) == (OrderStatus.AWAITING_PAYMENT, True)
    session.flush()
    entries = session.scalars(select(AuditEntry)).all()
    assert [(entry.event, entry.detail["wrong"]) for entry in entries] == [
        ("payment_mismatch", ["number"])
    ]


def test_intent_that_names_another_order_changes_neither(session):
    mine, _ = begin(session, payment_intent="pi_mine")
    other, _ = begin(session, payment_intent=None, status=OrderStatus.PLACED)
    intent = intent_of(other, SUCCEEDED, id="pi_mine")
    assert sync(session, intent, NOW) is None
    session.flush()
    assert (mine.status, other.status) == (OrderStatus.AWAITING_PAYMENT, OrderStatus.PLACED)
    assert other.payment_mismatch


# --- stock and e-mails


def test_reservation_of_a_processing_payment_does_not_expire(session, copies):
    made, item = begin(session)
    sync(session, intent_of(made, IntentStatus.PROCESSING), NOW)
    session.flush()
    expire_lapsed(session, JOB_WORKER, NOW + timedelta(days=14))
    assert copies(session, item.sku) == (STOCK, 2)
    sync(session, intent_of(made, SUCCEEDED), NOW + timedelta(days=14))
    session.flush()
    assert copies(session, item.sku) == (STOCK - 2, 0)


def test_failed_processing_extends_the_reservation(session):
    made, _ = begin(session)
    sync(session, intent_of(made, IntentStatus.PROCESSING), NOW)
    later = NOW + timedelta(days=3)
    sync(session, intent_of(made), later)
    assert made.reserved_until == later + RESERVATION_TIME


@pytest.mark.parametrize(
    ("receipt_email", "known"),
    [("Ada@Reader.example", True), ("eve@reader.example", False), (None, False)],
)
def test_an_attempt_with_the_address_of_the_order_is_recorded(session, receipt_email, known):
    made, _ = begin(session, email="ada@reader.example", email_attempted=False)
    sync(session, intent_of(made, failure=failure()), NOW)
    assert not made.email_attempted
    sync(session, intent_of(made, charge=charge(receipt_email=receipt_email)), NOW)
    assert made.email_attempted is known


def test_another_address_is_not_the_one_that_was_tried():
    made = order(book(), email="ada@reader.example", email_attempted=True)
    made.set_email("ada@reader.example")
    assert made.email_attempted
    made.set_email("eve@reader.example")
    assert not made.email_attempted


def test_failed_processing_is_emailed_and_its_expiry_is_not(session):
    made, _ = begin(session, email="reader@example.com")
    sync(session, intent_of(made, IntentStatus.PROCESSING), NOW)
    for second in range(2):
        sync(session, intent_of(made), after(second))
    session.flush()
    expire_lapsed(session, JOB_WORKER, after(2) + RESERVATION_TIME)
    assert made.status == OrderStatus.EXPIRED
    assert [mail.kind for mail in session.scalars(select(MailRecord))] == ["payment_failed"]


def test_declined_card_sends_no_email(session):
    made, _ = begin(session, email="reader@example.com")
    for second in range(2):
        sync(session, intent_of(made, failure=failure()), after(second))
    session.flush()
    assert session.scalars(select(MailRecord)).all() == []


def test_cancelled_order_releases_stock_and_dedup_key(session, copies):
    made, item = begin(session)
    sync(session, intent_of(made, CANCELED), NOW)
    session.flush()
    assert made.dedup_key is None
    assert copies(session, item.sku) == (STOCK, 0)


def test_out_of_stock_payment_counts_and_is_logged(session, caplog, copies):
    made, item = begin(session)
    item.stock, item.reserved, made.stock_reserved = 1, 0, False
    session.flush()
    sync(session, intent_of(made, SUCCEEDED), NOW)
    session.flush()
    assert (made.status, made.out_of_stock) == (OrderStatus.PAID, True)
    assert copies(session, item.sku) == (1, 0)
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert (record.message, record.order) == ("order_out_of_stock_refunded", made.number)


def test_requires_capture_is_logged_as_unexpected(session, caplog):
    made, _ = begin(session)
    assert sync(session, intent_of(made, IntentStatus.REQUIRES_CAPTURE), NOW) is made
    assert made.status == OrderStatus.AWAITING_PAYMENT
    (record,) = caplog.records
    assert (record.message, record.status) == ("unexpected_intent_status", "requires_capture")


def test_logs_contain_no_personal_data_or_secrets(session, caplog):
    caplog.set_level(logging.DEBUG)
    made, _ = begin(session, email="reader@private.example")
    for status in IntentStatus:
        sync(session, intent_of(made, status), NOW)
    logged = "".join(str(record.__dict__) for record in caplog.records)
    assert made.number in logged
    assert "private.example" not in logged
    assert "pi_secret" not in logged


# --- concurrency


def test_concurrent_syncs_of_one_payment_sell_once(sessions, together, copies):
    with sessions.begin() as session:
        made, item = begin(session)
        paid, sku = intent_of(made, SUCCEEDED), item.sku

    def sync_at(second):
        with sessions.begin() as session:
            found = sync(session, paid, after(second))
            return found.paid_at

    paid_at = set(together(sync_at, range(8)))
    assert len(paid_at) == 1, paid_at
    with sessions() as session:
        assert copies(session, sku) == (STOCK - 2, 0)


def test_concurrent_statuses_with_succeeded_end_paid(sessions, together, copies):
    with sessions.begin() as session:
        made, item = begin(session)
        intents = [intent_of(made, status) for status in IntentStatus]
        number, sku = made.number, item.sku

    def sync_intent(intent):
        with sessions.begin() as session:
            sync(session, intent, NOW)

    assert together(sync_intent, intents) == [None] * len(intents)
    with sessions() as session:
        found = session.scalars(select(Order).where(Order.number == number)).one()
        assert found.status == OrderStatus.PAID
        assert copies(session, sku) == (STOCK - 2, 0)


def test_order_is_reread_after_locking(postgres_sessions):
    with postgres_sessions.begin() as session:
        made, _ = begin(session)
        number, cancelled = made.number, intent_of(made, CANCELED)
        paid = intent_of(made, SUCCEEDED)
    with postgres_sessions.begin() as stale:
        early = stale.scalars(select(Order).where(Order.number == number)).one()
        assert early.status == OrderStatus.AWAITING_PAYMENT
        with postgres_sessions.begin() as quick:
            sync(quick, paid, NOW)
        sync(stale, cancelled, NOW)
    with postgres_sessions() as session:
        found = session.scalars(select(Order).where(Order.number == number)).one()
        assert found.status == OrderStatus.PAID
