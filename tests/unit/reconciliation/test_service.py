"""What reconciling finds, and what it requests from Stripe; the rest is tested with the sandbox."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from bookshop import clock
from bookshop.orders.audit import Cause
from bookshop.orders.models import ERASED, Order, RefundRecord
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.charges import Address, DisputeStatus, FraudWarning, RefundStatus
from bookshop.payments.errors import IntentMissingError, StripeRefusedError
from bookshop.payments.intents import IntentStatus
from bookshop.reconciliation.findings import FindingCode
from bookshop.reconciliation.run import Databases
from bookshop.reconciliation.service import reconcile
from tests.unit.makers import NOW, book, charge, dispute, intent_of, order, refund

EVENT = Cause(Actor.STRIPE, "evt_1")
SINCE = NOW - timedelta(days=30)
SUCCEEDED = IntentStatus.SUCCEEDED


class FakeGateway:
    """A gateway to a Stripe that has what a test puts there."""

    def __init__(self):
        self.existing = {}
        self.listed = {"intents": [], "refunds": [], "disputes": [], "warnings": []}
        self.retrieved = []
        self.refusal = None

    def put(self, intent, *, listed=True):
        self.existing[intent.id] = intent
        if listed:
            self.listed["intents"].append(intent)

    def list_intents(self, since):
        return iter(self.listed["intents"])

    def list_refunds(self, since):
        return iter(self.listed["refunds"])

    def list_disputes(self, since):
        return iter(self.listed["disputes"])

    def list_fraud_warnings(self, since):
        return iter(self.listed["warnings"])

    def retrieve_intent(self, intent_id):
        self.retrieved.append(intent_id)
        if intent_id not in self.existing:
            raise IntentMissingError(intent_id)
        return self.existing[intent_id]

    def cancel_intent(self, intent_id, reason):
        raise self.refusal


@pytest.fixture
def stripe():
    return FakeGateway()


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def run(engine, sessions, stripe):
    """Reconciles; returns the findings as code, order and resolution."""

    def run(*, dry_run=False):
        databases = Databases(sessionmaker(engine), sessions)
        report = reconcile(databases, stripe, SINCE, lambda _kind: None, dry_run=dry_run)
        assert report.unfinished is None
        return [(each.code, each.order, each.resolution.name) for each in report.findings]

    return run


@pytest.fixture
def place(sessions):
    """Stores an order and returns it, detached from its session."""

    def place(**values):
        with sessions.begin() as session:
            item = book(stock=5)
            made = order(item, **{"placed_at": NOW - timedelta(minutes=1), **values})
            session.add_all([item, made])
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
    checked_at = NOW + timedelta(seconds=1)
    return intent_of(made, SUCCEEDED, charge=charge(*refunds, **values), checked_at=checked_at)


# --- differences at Stripe


def test_a_refund_of_an_older_payment_updates_its_order(run, place, sessions, stripe):
    old = paid_order(place, sessions, placed_at=SINCE - timedelta(days=1))
    back = refund(500, intent_id=old.payment_intent)
    stripe.put(now_paid(old, back), listed=False)
    stripe.listed["refunds"] = [
        back,
        refund(1, intent_id="pi_of_others"),
        refund(1, intent_id=None),
    ]
    assert run() == [(FindingCode.REFUNDED_AMOUNT, old.number, "REPAIRED")]
    assert stripe.retrieved == [old.payment_intent]
    stripe.retrieved.clear()
    assert run() == []
    assert stripe.retrieved == []  # it is recorded by now


def test_a_dispute_of_an_older_payment_updates_its_order(run, place, sessions, stripe):
    old = paid_order(place, sessions, placed_at=SINCE - timedelta(days=1))
    opened = dispute(DisputeStatus.NEEDS_RESPONSE, intent_id=old.payment_intent)
    stripe.put(now_paid(old, disputes=(opened,)), listed=False)
    stripe.listed["disputes"] = [opened, opened]
    assert run() == [(FindingCode.DISPUTE_STATUS, old.number, "REPAIRED")]
    assert stripe.retrieved == [old.payment_intent]


def test_a_refund_of_a_compared_payment_is_not_retrieved_again(run, place, sessions, stripe):
    made = paid_order(place, sessions)
    back = refund(500, intent_id=made.payment_intent)
    stripe.put(now_paid(made, back))
    stripe.listed["refunds"] = [back]
    assert run(dry_run=True) == [(FindingCode.REFUNDED_AMOUNT, made.number, "REPAIRABLE")]
    assert run() == [(FindingCode.REFUNDED_AMOUNT, made.number, "REPAIRED")]
    assert stripe.retrieved == []


def test_an_order_whose_intent_is_not_listed_has_it_retrieved(run, place, stripe):
    made = place()
    stripe.put(now_paid(made), listed=False)
    assert run() == [(FindingCode.PAYMENT_SUCCEEDED, made.number, "REPAIRED")]
    assert stripe.retrieved == [made.payment_intent]


@pytest.mark.parametrize(
    "values",
    [
        {"payment_intent": None, "status": OrderStatus.PLACED},
        {"intent_status": "missing", "status": OrderStatus.CANCELLED},
        {"placed_at": SINCE - timedelta(seconds=1), "status": OrderStatus.PAID},
        {"placed_at": NOW + timedelta(seconds=1)},
    ],
)
def test_orders_without_an_intent_or_outside_the_period_are_not_retrieved(
    run, place, stripe, values
):
    place(**values)
    assert run() == []
    assert stripe.retrieved == []


def test_a_missing_intent_is_unresolved(run, place):
    made = place()
    assert run() == [(FindingCode.MISSING_INTENT, made.number, "UNRESOLVED")] == run()


def test_intents_of_other_software_are_ignored(run, place, stripe):
    made = place(payment_intent=None, status=OrderStatus.PLACED)
    for reference in (None, "", "4711", made.number.replace("-", ""), "K7QM-2X9T-4BCD"):
        stripe.put(intent_of(made, SUCCEEDED, reference=reference))
    assert run() == []


def test_an_intent_that_names_another_order_pays_neither(run, place, sessions, stripe):
    mine, other = place(), place(payment_intent=None, status=OrderStatus.PLACED)
    stripe.put(intent_of(mine, SUCCEEDED, reference=other.number))
    assert run() == [(FindingCode.PAYMENT_MISMATCH, mine.number, "UNRESOLVED")] == run()
    with sessions() as session:
        found = {made.number: made for made in session.scalars(select(Order))}
    assert found[mine.number].paid_at is None
    assert found[other.number].payment_intent is None


def test_a_second_payment_that_was_refunded_is_no_difference(run, place, stripe):
    made = place()
    everything_back = refund(made.total)
    stripe.put(intent_of(made, SUCCEEDED, id="pi_second", charge=charge(everything_back)))
    stripe.put(intent_of(made))
    assert run() == []


def test_an_outdated_page_of_a_list_undoes_nothing(run, place, sessions, stripe):
    made = paid_order(place, sessions)
    stale = intent_of(made, IntentStatus.PROCESSING, checked_at=NOW - timedelta(seconds=1))
    stripe.put(stale)
    stripe.existing[stale.id] = now_paid(made)
    assert run() == []
    with sessions() as session:
        assert session.scalars(select(Order)).one().status == OrderStatus.PAID


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_could_not_be_recorded_is_unresolved(run, place, sessions, stripe, dry_run):
    made = place()
    stripe.put(intent_of(made, IntentStatus.REQUIRES_CAPTURE))
    assert run(dry_run=dry_run) == [(FindingCode.NOT_RECORDED, made.number, "UNRESOLVED")]
    assert stripe.retrieved == [made.payment_intent]


def test_a_refund_that_stripe_takes_back_to_an_earlier_stage_is_unresolved(
    run, place, sessions, stripe
):
    failed = refund(500, RefundStatus.FAILED, id="re_1")
    made = paid_order(place, sessions, failed)
    stripe.put(now_paid(made, refund(500, id="re_1")))
    assert (FindingCode.NOT_RECORDED, made.number, "UNRESOLVED") in run()
    with sessions() as session:
        assert session.scalars(select(RefundRecord.status)).one() == "failed"


def test_a_refund_is_found_after_the_clock_was_ahead(run, place, sessions, stripe):
    made = place()
    then = NOW + timedelta(days=2)
    with sessions.begin() as session:
        paid = intent_of(made, SUCCEEDED, charge=charge(), checked_at=then)
        sync_payment(session, paid, EVENT, then)
    stripe.put(intent_of(made, SUCCEEDED, charge=charge(refund(made.total))))
    assert run() == [(FindingCode.REFUNDED_AMOUNT, made.number, "REPAIRED")]
    with sessions() as session:
        assert session.scalars(select(Order)).one().status == OrderStatus.REFUNDED


def test_an_erased_order_in_sync_is_no_difference(run, place, sessions, stripe):
    made = paid_order(place, sessions, session_id=f"{ERASED}1")
    stripe.put(now_paid(made, address=Address(name="Ada")))
    assert run() == []
    assert stripe.retrieved == []


def test_fraud_warnings_about_other_payments_are_ignored(run, place, sessions, stripe):
    made = paid_order(place, sessions)
    stripe.put(now_paid(made))
    stripe.listed["warnings"] = [
        FraudWarning("issfr_1", None, "misc", NOW),
        FraudWarning("issfr_2", "pi_of_others", "misc", NOW),
    ]
    assert run() == []


def test_an_intent_that_stripe_refuses_to_cancel_is_unresolved(run, place, stripe):
    made = place(status=OrderStatus.EXPIRED, intent_status="requires_action", dedup_key=None)
    stripe.put(intent_of(made, IntentStatus.REQUIRES_ACTION))
    stripe.refusal = StripeRefusedError("not this key")
    assert run() == [(FindingCode.OPEN_INTENT, made.number, "UNRESOLVED")]
    assert run(dry_run=True) == [(FindingCode.OPEN_INTENT, made.number, "REPAIRABLE")]


# --- failed refunds


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
def test_a_failed_refund_is_reported_until_it_is_retried(
    run, place, sessions, stripe, status, values, owed, tried_again
):
    made = place(placed_at=SINCE - timedelta(days=5), **{"status": OrderStatus.PAID, **values})
    tries = [status, "succeeded"] if tried_again else [status]
    with sessions.begin() as session:
        for each in tries:
            session.add(RefundRecord(order_id=made.id, amount=999, status=each, requested_at=NOW))
            session.flush()
    expected = (
        [(FindingCode.REFUND_FAILED, made.number, "UNRESOLVED")] if owed and not tried_again else []
    )
    assert run() == expected


def test_a_failed_refund_before_the_period_is_not_reported(run, place, sessions):
    made = place(placed_at=SINCE - timedelta(days=5), status=OrderStatus.PAID)
    long_ago = SINCE - timedelta(seconds=1)
    with sessions.begin() as session:
        session.add(
            RefundRecord(order_id=made.id, amount=999, status="failed", requested_at=long_ago)
        )
    assert run() == []
