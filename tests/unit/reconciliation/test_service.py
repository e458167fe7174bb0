"""What reconciling compares, and what it asks Stripe for; the rest is tested with the sandbox."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from bookshop import clock
from bookshop.inventory.reservations import RESERVATION_TIME, reserve
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause
from bookshop.orders.models import AuditEntry, Order, RefundRecord
from bookshop.orders.payment.expiry import expire_lapsed
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.charges import Address, DisputeStatus, FraudWarning, RefundStatus
from bookshop.payments.errors import IntentMissingError, StripeRefusedError
from bookshop.payments.intents import IntentStatus
from bookshop.reconciliation.differences import Facts, Kind, agree, facts_of, in_words, kept
from bookshop.reconciliation.service import Databases, reconcile
from tests.unit.makers import NOW, book, charge, dispute, intent_of, order, refund

EVENT = Cause(Actor.STRIPE, "evt_1")
SINCE = NOW - timedelta(days=30)
SUCCEEDED = IntentStatus.SUCCEEDED


class Stripe:
    """A gateway's methods, to a Stripe that has what a test puts there."""

    def __init__(self):
        self.has = {}
        self.listed = {"intents": [], "refunds": [], "disputes": [], "warnings": []}
        self.asked = []
        self.refusal = None

    def put(self, intent, *, listed=True):
        self.has[intent.id] = intent
        if listed:
            self.listed["intents"].append(intent)

    def intents(self, since):
        return iter(self.listed["intents"])

    def refunds(self, since):
        return iter(self.listed["refunds"])

    def disputes(self, since):
        return iter(self.listed["disputes"])

    def all_fraud_warnings(self, since):
        return iter(self.listed["warnings"])

    def retrieve_intent(self, intent_id):
        self.asked.append(intent_id)
        if intent_id not in self.has:
            raise IntentMissingError(intent_id)
        return self.has[intent_id]

    def cancel_intent(self, intent_id, reason):
        raise self.refusal


@pytest.fixture
def stripe():
    return Stripe()


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def run(engine, sessions, stripe):
    """Reconciles; the differences as kind, order and whether a person is to look."""

    def run(*, dry_run=False):
        databases = Databases(sessionmaker(engine), sessions)
        report = reconcile(databases, stripe, SINCE, lambda _what: None, dry_run=dry_run)
        assert report.unfinished is None
        return [(each.kind, each.order, each.end.name) for each in report.differences]

    return run


@pytest.fixture
def place(sessions):
    """Writes an order down; it, outside its session."""

    def place(**values):
        with sessions.begin() as session:
            wanted = book(stock=5)
            made = order(wanted, **{"placed_at": NOW - timedelta(minutes=1), **values})
            session.add_all([wanted, made])
            session.flush()
            session.refresh(made)
            session.expunge(made)
            return made

    return place


def paid_order(place, sessions, *refunds, **values):
    """An order that is paid here as at Stripe."""
    made = place(**values)
    with sessions.begin() as session:
        sync_payment(session, intent_of(made, SUCCEEDED, charge=charge(*refunds)), EVENT, NOW)
    return made


def now_paid(made, *refunds, **values):
    asked_at = NOW + timedelta(seconds=1)
    return intent_of(made, SUCCEEDED, charge=charge(*refunds, **values), asked_at=asked_at)


# --- agreeing


def everything(data, made):
    """Stripe's word on an order, of any kind."""
    status = data.draw(st.sampled_from(IntentStatus))
    told = None
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
        told = charge(
            *refunds,
            disputes=disputes,
            under_review=data.draw(st.booleans()),
            address=Address(city=city) if city else None,
        )
    return intent_of(made, status, charge=told)


def row(session, made):
    """All that is known of an order, but for when Stripe was asked."""
    session.flush()
    session.refresh(made)
    columns = [column.name for column in Order.__table__.columns if column.name != "asked_at"]
    entries = session.scalars(select(AuditEntry.id).where(AuditEntry.order_id == made.id)).all()
    return {name: getattr(made, name) for name in columns}, entries, facts_of(session, made)


@settings(max_examples=150)
@given(data=st.data())
def test_what_agrees_is_not_changed_by_settling(sqlite_sessions, data):
    with sqlite_sessions() as session:
        wanted = book(stock=5)
        made = order(wanted, price=999)
        session.add_all([wanted, made])
        session.flush()
        reserve(session, made, NOW)
        for second in range(data.draw(st.integers(0, 3))):
            sync_payment(session, everything(data, made), EVENT, NOW + timedelta(seconds=second))
            if data.draw(st.booleans()):
                expire_lapsed(session, JOB_WORKER, NOW + 2 * RESERVATION_TIME)
        heard = everything(data, made)
        before = row(session, made)
        agrees = agree(made, facts_of(session, made), heard)
        for _ in range(2):
            sync_payment(session, heard, EVENT, NOW + timedelta(days=1))
            if agrees:
                assert row(session, made) == before
            # What has just been settled agrees, unless it cannot: then it is looked at again.
            agrees = agree(made, facts_of(session, made), heard)
            before = row(session, made)
        session.rollback()


@pytest.mark.parametrize("status", [SUCCEEDED, IntentStatus.CANCELED, IntentStatus.PROCESSING])
def test_what_has_been_settled_agrees(sqlite_sessions, status):
    with sqlite_sessions() as session:
        wanted = book(stock=5)
        made = order(wanted)
        session.add_all([wanted, made])
        session.flush()
        address = Address(name="Ada", city="London")
        told = charge(refund(100), disputes=(dispute(DisputeStatus.WON),), address=address)
        heard = intent_of(made, status, charge=told if status is SUCCEEDED else None)
        assert not agree(made, facts_of(session, made), heard)
        sync_payment(session, heard, EVENT, NOW)
        assert agree(made, facts_of(session, made), heard)


@pytest.fixture
def settled(sqlite_sessions):
    """A session, an order that was paid and partly refunded, and what Stripe said of it."""
    with sqlite_sessions() as session:
        wanted = book(stock=5)
        made = order(wanted)
        session.add_all([wanted, made])
        session.flush()
        told = charge(
            refund(100, RefundStatus.PENDING, id="re_1"),
            disputes=(dispute(DisputeStatus.WON, id="du_1"),),
            address=Address(city="London"),
        )
        heard = intent_of(made, SUCCEEDED, charge=told)
        sync_payment(session, heard, EVENT, NOW)
        assert agree(made, facts_of(session, made), heard)
        yield session, made, heard


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
def test_whatever_stripe_says_besides_is_a_difference(settled, values):
    session, made, heard = settled
    news = replace(heard, charge=replace(heard.charge, **values))
    assert not agree(made, facts_of(session, made), news)


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
def test_another_payment_is_a_difference(settled, values):
    session, made, heard = settled
    assert not agree(made, facts_of(session, made), replace(heard, **values))


@pytest.mark.parametrize(
    "values",
    [
        {"status": OrderStatus.PAID},
        {"status": OrderStatus.AWAITING_PAYMENT},
        {"refunded": 99},
        {"intent_status": None},
    ],
)
def test_an_order_that_does_not_stand_where_it_should_is_a_difference(settled, values):
    session, made, heard = settled
    for name, value in values.items():
        setattr(made, name, value)
    assert not agree(made, facts_of(session, made), heard)


@pytest.mark.parametrize(
    ("status", "values"),
    [
        (IntentStatus.CANCELED, {"status": OrderStatus.EXPIRED}),  # nobody was let begin anew
        (IntentStatus.CANCELED, {"status": OrderStatus.AWAITING_PAYMENT, "basis": None}),
        (IntentStatus.REQUIRES_ACTION, {"status": OrderStatus.PLACED}),
        (IntentStatus.PROCESSING, {"status": OrderStatus.AWAITING_PAYMENT}),
        (IntentStatus.REQUIRES_CAPTURE, {"status": OrderStatus.PROCESSING}),
    ],
)
def test_an_unpaid_order_that_does_not_stand_where_it_should_is_a_difference(
    sqlite_sessions, status, values
):
    with sqlite_sessions() as session:
        made = order(book(), intent_status=status.value, **values)
        session.add(made)
        assert not agree(made, facts_of(session, made), intent_of(made, status))


# --- the walk


def test_a_refund_of_an_older_payment_is_followed_to_it(run, place, sessions, stripe):
    old = paid_order(place, sessions, placed_at=SINCE - timedelta(days=1))
    back = refund(500, intent_id=old.payment_intent)
    stripe.put(now_paid(old, back), listed=False)
    stripe.listed["refunds"] = [
        back,
        refund(1, intent_id="pi_of_others"),
        refund(1, intent_id=None),
    ]
    assert run() == [(Kind.REFUND, old.number, "REPAIRED")]
    assert stripe.asked == [old.payment_intent]
    stripe.asked.clear()
    assert run() == []
    assert stripe.asked == []  # it is known by now


def test_a_dispute_of_an_older_payment_is_followed_to_it(run, place, sessions, stripe):
    old = paid_order(place, sessions, placed_at=SINCE - timedelta(days=1))
    opened = dispute(DisputeStatus.NEEDS_RESPONSE, intent_id=old.payment_intent)
    stripe.put(now_paid(old, disputes=(opened,)), listed=False)
    stripe.listed["disputes"] = [opened, opened]
    assert run() == [(Kind.DISPUTE, old.number, "REPAIRED")]
    assert stripe.asked == [old.payment_intent]


def test_a_refund_of_a_payment_that_was_walked_past_is_not_asked_about_again(
    run, place, sessions, stripe
):
    made = paid_order(place, sessions)
    back = refund(500, intent_id=made.payment_intent)
    stripe.put(now_paid(made, back))
    stripe.listed["refunds"] = [back]
    assert run(dry_run=True) == [(Kind.REFUND, made.number, "REPAIRABLE")]
    assert run() == [(Kind.REFUND, made.number, "REPAIRED")]
    assert stripe.asked == []


def test_an_order_that_stripe_did_not_show_is_asked_about(run, place, stripe):
    made = place()
    stripe.put(now_paid(made), listed=False)
    assert run() == [(Kind.PAYMENT, made.number, "REPAIRED")]
    assert stripe.asked == [made.payment_intent]


@pytest.mark.parametrize(
    "values",
    [
        {"payment_intent": None, "status": OrderStatus.PLACED},
        {"intent_status": "missing", "status": OrderStatus.CANCELLED},
        {"placed_at": SINCE - timedelta(seconds=1), "status": OrderStatus.PAID},
        {"placed_at": NOW + timedelta(seconds=1)},
    ],
)
def test_orders_about_which_there_is_nothing_to_ask(run, place, stripe, values):
    place(**values)
    assert run() == []
    assert stripe.asked == []


def test_a_missing_intent_is_left_to_a_person(run, place):
    made = place()
    assert run() == [(Kind.MISSING_INTENT, made.number, "LEFT")] == run()


def test_intents_of_other_software_are_nobodys_business(run, place, stripe):
    made = place(payment_intent=None, status=OrderStatus.PLACED)
    for reference in (None, "", "4711", made.number.replace("-", ""), "K7QM-2X9T-4BCD"):
        stripe.put(intent_of(made, SUCCEEDED, reference=reference))
    assert run() == []


def test_an_intent_that_names_another_order_pays_neither(run, place, sessions, stripe):
    mine, other = place(), place(payment_intent=None, status=OrderStatus.PLACED)
    stripe.put(intent_of(mine, SUCCEEDED, reference=other.number))
    assert run() == [(Kind.CONTRADICTION, mine.number, "LEFT")] == run()
    with sessions() as session:
        found = {made.number: made for made in session.scalars(select(Order))}
    assert found[mine.number].paid_at is None
    assert found[other.number].payment_intent is None


def test_a_payment_that_is_over_and_given_back_is_left_to_nobody(run, place, stripe):
    made = place()
    everything_back = refund(made.total)
    stripe.put(intent_of(made, SUCCEEDED, id="pi_second", charge=charge(everything_back)))
    stripe.put(intent_of(made))
    assert run() == []


def test_an_old_page_does_not_undo_what_was_heard_since(run, place, sessions, stripe):
    made = paid_order(place, sessions)
    stale = intent_of(made, IntentStatus.PROCESSING, asked_at=NOW - timedelta(seconds=1))
    stripe.put(stale)
    assert run() == []
    with sessions() as session:
        assert session.scalars(select(Order)).one().status == OrderStatus.PAID


def test_a_warning_of_somebody_elses_payment_is_nobodys_business(run, place, sessions, stripe):
    made = paid_order(place, sessions)
    stripe.put(now_paid(made))
    stripe.listed["warnings"] = [
        FraudWarning("issfr_1", None, "misc", NOW),
        FraudWarning("issfr_2", "pi_of_others", "misc", NOW),
    ]
    assert run() == []


def test_what_stripe_refuses_to_cancel_is_left_to_a_person(run, place, stripe):
    made = place(status=OrderStatus.EXPIRED, intent_status="requires_action", basis=None)
    stripe.put(intent_of(made, IntentStatus.REQUIRES_ACTION))
    stripe.refusal = StripeRefusedError("not this key")
    assert run() == [(Kind.OPEN_INTENT, made.number, "LEFT")]
    assert run(dry_run=True) == [(Kind.OPEN_INTENT, made.number, "REPAIRABLE")]


# --- debts


@pytest.mark.parametrize(
    ("status", "values", "owed"),
    [
        ("refused", {}, True),
        ("failed", {}, True),
        ("canceled", {}, True),
        ("pending", {}, False),
        ("requires_action", {}, False),
        ("succeeded", {}, False),
        ("failed", {"refunded": 999, "status": OrderStatus.REFUNDED}, False),
        ("failed", {"status": OrderStatus.DISPUTED}, False),
        ("failed", {"status": OrderStatus.DISPUTE_LOST}, False),
        ("failed", {"status": OrderStatus.DISPUTE_WON}, True),
    ],
)
@pytest.mark.parametrize("tried_again", [False, True])
def test_a_refund_that_came_to_nothing_is_owed(
    run, place, sessions, stripe, status, values, owed, tried_again
):
    made = place(placed_at=SINCE - timedelta(days=5), **{"status": OrderStatus.PAID, **values})
    tries = [status, "succeeded"] if tried_again else [status]
    with sessions.begin() as session:
        for each in tries:
            session.add(RefundRecord(order_id=made.id, amount=999, status=each, requested_at=NOW))
            session.flush()
    expected = [(Kind.MONEY_OWED, made.number, "LEFT")] if owed and not tried_again else []
    assert run() == expected


def test_what_is_owed_for_longer_than_is_asked_about_is_not_told(run, place, sessions):
    made = place(placed_at=SINCE - timedelta(days=5), status=OrderStatus.PAID)
    long_ago = SINCE - timedelta(seconds=1)
    with sessions.begin() as session:
        session.add(
            RefundRecord(order_id=made.id, amount=999, status="failed", requested_at=long_ago)
        )
    assert run() == []


# --- words


def facts(**values):
    filled = {
        "status": OrderStatus.PAID,
        "intent_id": "pi_1",
        "refunded": refund(0).amount,
        "refunds": {},
        "disputes": {},
        "under_review": False,
        "address": {"city": "London"},
    }
    return Facts(**{**filled, **values})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {}, []),
        (
            {"refunds": {"re_1": "pending"}},
            {"refunds": {"re_1": "requires_action"}},
            ["refund re_1 is requires action at Stripe, pending here"],
        ),
        (
            {},
            {"refunds": {"re_1": "failed"}},
            ["refund re_1 is failed at Stripe, unknown here"],
        ),
        (
            {"disputes": {"du_1": "warning_needs_response"}},
            {"disputes": {"du_1": "warning_closed"}},
            ["a dispute is a closed inquiry at Stripe, and is an open inquiry here"],
        ),
        ({}, {"address": {"city": "Leeds"}}, ["Stripe has another address than is known here"]),
        ({"address": None}, {}, []),
        (
            {"status": OrderStatus.DISPUTED},
            {},
            ["paid by what Stripe says, disputed here"],
        ),
        (
            {"status": OrderStatus.AWAITING_PAYMENT},
            {"status": OrderStatus.CANCELLED},
            ["cancelled at Stripe, awaiting payment here"],
        ),
        (
            {"status": OrderStatus.EXPIRED},
            {"status": OrderStatus.REFUNDED, "refunded": refund(999).amount},
            ["paid at Stripe, expired here", "9.99 GBP went back at Stripe, 0.00 here"],
        ),
        ({"status": OrderStatus.PLACED}, {"status": OrderStatus.AWAITING_PAYMENT}, []),
    ],
)
def test_differences_in_words(before, after, told):
    assert [text for _, text in in_words(facts(**before), facts(**after))] == told


@pytest.mark.parametrize("status", list(DisputeStatus))
def test_every_dispute_has_words(status):
    ((kind, text),) = in_words(facts(), facts(disputes={"du_1": status.value}))
    assert kind is Kind.DISPUTE
    assert "_" not in text


def test_what_a_payment_has_brought_in():
    made = order(book())
    assert kept(intent_of(made)) is None
    assert kept(intent_of(made, SUCCEEDED)).amount == 999
    assert kept(intent_of(made, SUCCEEDED, charge=charge(refund(900)))).amount == 99
    assert kept(intent_of(made, SUCCEEDED, charge=charge(refund(999)))) is None
