"""Events: each is applied once, by any number of processes and after any error."""

import contextlib
import logging

import pytest
from sqlalchemy import event as happening
from sqlalchemy.exc import OperationalError

from bookshop import clock
from bookshop.inventory.reservations import MAX_RESERVATION_TIME
from bookshop.orders.models import Order
from bookshop.payments.errors import StripeRefusedError, StripeUnavailableError
from bookshop.webhooks.handlers import (
    INTENT_NOT_FOUND,
    ReplayError,
    ReplayErrorCode,
    handle_event,
    replay_event,
)
from bookshop.webhooks.models import EventStatus
from tests.unit.makers import NOW
from tests.unit.payments.fake_stripe import INTENT, answer, refuse
from tests.unit.payments.objects import REFUND, WARNING, charge, listed, paid

from .conftest import NUMBER, PAID, UNPAID, about

OTHERS = {"intent_id": "pi_other", "object_id": "pi_other", "reference": "0000-0000-0000"}
MISSING = refuse(404, "invalid_request_error", "resource_missing")
REFUSED = refuse(401, "invalid_request_error")
BROKEN = refuse(500, "api_error", Stripe_Should_Retry="false")

pytestmark = pytest.mark.usefixtures("placed")


# --- applied once


def test_an_event_moves_its_order_and_is_recorded(deliver, fake_stripe, state, recorded):
    fake_stripe.reply_with(answer(paid()))

    deliver(about())

    assert state() == PAID
    found = recorded()
    assert (found.type, found.status) == ("payment_intent.succeeded", EventStatus.APPLIED)
    assert (found.payment_intent, found.order) == ("pi_1", NUMBER)
    assert (found.created, found.api_version) == (NOW, "2026-10-28.endive")
    assert (found.deliveries, found.problem) == (1, None)
    assert found.received_at <= found.applied_at


def test_the_order_audit_names_the_event(deliver, fake_stripe, sessions):
    fake_stripe.reply_with(answer(paid()))

    deliver(about("evt_42"))

    with sessions() as session:
        moves = [(entry.actor, entry.cause) for entry in session.query(Order).one().entries]
    assert set(moves) == {("stripe", "evt_42")}


def test_bug_2_a_second_delivery_is_counted_and_stripe_is_not_asked(
    deliver, fake_stripe, state, recorded
):
    fake_stripe.reply_with(answer(paid()))

    for _ in range(3):
        deliver(about())

    assert len(fake_stripe.requests) == 1
    assert state() == PAID
    assert recorded().deliveries == 3


def test_the_content_of_an_event_is_not_used(deliver, state, recorded):
    deliver(about())  # of type succeeded, while the intent at Stripe is unpaid

    assert state() == UNPAID
    assert recorded().status is EventStatus.APPLIED


@pytest.mark.parametrize(
    "kind",
    [
        "payment_intent.created",
        "payment_intent.canceled",
        "payment_intent.partially_funded",
        "charge.refunded",
        "charge.dispute.funds_withdrawn",
        "refund.failed",
        "review.closed",
    ],
)
def test_events_that_may_change_an_order_retrieve_its_payment(deliver, fake_stripe, recorded, kind):
    deliver(about(kind=kind))

    assert [request.path for request in fake_stripe.requests] == ["/v1/payment_intents/pi_1"]
    assert recorded().status is EventStatus.APPLIED


@pytest.mark.parametrize(
    "kind",
    [
        "charge.succeeded",
        "charge.failed",
        "charge.pending",
        "charge.updated",
        "checkout.session.completed",
        "customer.created",
        "payment_intents.created",
    ],
)
def test_other_types_of_events_are_not_stored(deliver, fake_stripe, recorded, kind):
    deliver(about(kind=kind))

    assert fake_stripe.requests == []
    assert recorded() is None


def test_an_intent_that_is_not_recorded_finds_its_order_by_number(
    deliver, fake_stripe, change, state
):
    change(payment_intent=None, status="placed")
    fake_stripe.reply_with(answer(paid()))

    deliver(about())

    assert state() == PAID


def test_a_refund_finds_its_order_by_the_intent_alone(deliver, fake_stripe, state, recorded):
    fake_stripe.reply_with(answer(paid()))

    deliver(about(kind="refund.created", object_id="re_1", reference=None))

    assert state() == PAID
    assert recorded().order == NUMBER


# --- events about other objects


def test_events_about_other_orders_are_ignored_without_a_request(deliver, fake_stripe, recorded):
    for _ in range(2):
        deliver(about(**OTHERS))

    assert fake_stripe.requests == []
    found = recorded()
    assert (found.status, found.order, found.applied_at) == (EventStatus.IGNORED, None, None)
    assert found.deliveries == 2


def test_an_event_without_an_intent_is_ignored(deliver, fake_stripe, change, recorded):
    change(payment_intent=None)

    deliver(about(kind="charge.refunded", intent_id=None, reference=None))

    assert fake_stripe.requests == []
    assert recorded().status is EventStatus.IGNORED


def test_an_intent_that_no_longer_names_an_order_is_ignored(
    deliver, fake_stripe, change, state, recorded
):
    change(payment_intent=None)
    fake_stripe.reply_with(answer(paid(id="pi_other", metadata={})))

    deliver(about(intent_id="pi_other"))

    assert state() == UNPAID
    assert recorded().status is EventStatus.IGNORED


def test_an_intent_that_does_not_exist_at_stripe_is_ignored(deliver, fake_stripe, state, recorded):
    fake_stripe.reply_with(MISSING)

    for _ in range(2):
        deliver(about())

    assert len(fake_stripe.requests) == 1
    assert state() == UNPAID
    found = recorded()
    assert (found.status, found.problem) == (EventStatus.IGNORED, INTENT_NOT_FOUND)


def test_bug_8_a_payment_that_does_not_match_its_order_is_recorded_as_a_problem(
    deliver, fake_stripe, state, sessions, recorded, change
):
    change(reservation_ends_at=clock.now() + MAX_RESERVATION_TIME)  # Pay has fixed the total
    fake_stripe.reply_with(answer(paid(amount=100, amount_received=100)))

    for _ in range(2):
        deliver(about())

    assert len(fake_stripe.requests) == 1
    assert state() == UNPAID
    found = recorded()
    assert (found.status, found.order) == (EventStatus.APPLIED, NUMBER)
    assert NUMBER in found.problem
    with sessions() as session:
        assert session.query(Order).one().payment_mismatch


# --- early fraud warnings


@pytest.mark.parametrize("what", ["created", "updated"])
def test_a_fraud_warning_marks_the_order(deliver, fake_stripe, sessions, what):
    fake_stripe.reply_with(answer(paid()), answer(listed(WARNING)))

    deliver(about(kind=f"radar.early_fraud_warning.{what}", object_id="issfr_1", reference=None))

    assert fake_stripe.requests[1].path == "/v1/radar/early_fraud_warnings"
    with sessions() as session:
        found = session.query(Order).one()
        assert (found.status, found.fraud_warned_at is not None) == ("paid", True)
        assert [entry.cause for entry in found.entries if entry.event == "fraud_warning"] == [
            "evt_1"
        ]


def test_a_withdrawn_fraud_warning_marks_nothing(deliver, fake_stripe, sessions):
    fake_stripe.reply_with(answer(paid()), answer(listed()))

    deliver(about(kind="radar.early_fraud_warning.created"))

    with sessions() as session:
        assert session.query(Order).one().fraud_warned_at is None


# --- errors


@pytest.mark.parametrize(
    ("reply", "error"), [(BROKEN, StripeUnavailableError), (REFUSED, StripeRefusedError)]
)
def test_an_event_that_failed_at_stripe_is_applied_by_a_later_delivery(
    deliver, fake_stripe, state, recorded, reply, error
):
    fake_stripe.reply_with(reply, reply, answer(paid()))

    for count in (1, 2):
        with pytest.raises(error):
            deliver(about())
        found = recorded()
        assert (found.status, found.deliveries) == (EventStatus.FAILED, count)
        assert "request=req_1" in found.problem
        assert found.applied_at is None
    assert state() == UNPAID

    deliver(about())
    found = recorded()
    assert (found.status, found.deliveries, found.problem) == (EventStatus.APPLIED, 3, None)
    assert state() == PAID


class Killed(BaseException):
    """The end of the process, as far as a transaction can tell."""


@pytest.fixture
def break_commit(sessions):
    """Has the commit of that number, counted from now, raise an error."""
    errors = {}

    def before_commit(_session):
        for number in sorted(errors):
            errors[number - 1] = errors.pop(number)
        if error := errors.pop(0, None):
            raise error

    happening.listen(sessions, "before_commit", before_commit)

    def at(number, error):
        errors[number] = error

    return at


APPLIED = 2  # of the commits of a delivery that goes well; the first is of looking it up


def test_bug_2_a_crash_before_the_commit_leaves_nothing_and_the_retry_completes(
    deliver, fake_stripe, break_commit, state, recorded
):
    fake_stripe.reply_with(answer(paid()), answer(paid()))
    break_commit(APPLIED, Killed())

    with pytest.raises(Killed):
        deliver(about())
    assert recorded() is None
    assert state() == UNPAID

    deliver(about())
    assert (recorded().status, recorded().deliveries) == (EventStatus.APPLIED, 1)
    assert state() == PAID


@pytest.mark.parametrize("error", [Killed(), ValueError()], ids=["killed", "mistaken"])
@pytest.mark.parametrize("number", range(1, 6))
def test_bug_2_a_crash_at_any_commit_is_completed_by_the_next_deliveries(
    deliver, fake_stripe, break_commit, state, recorded, number, error
):
    fake_stripe.reply_with(*[answer(paid())] * 3)
    break_commit(number, error)

    for _ in range(3):
        with contextlib.suppress(type(error)):
            deliver(about())

    assert recorded().status is EventStatus.APPLIED
    assert state() == PAID


def test_an_internal_error_is_recorded_and_rolled_back(
    deliver, fake_stripe, break_commit, state, recorded
):
    fake_stripe.reply_with(answer(paid()), answer(paid()))
    break_commit(APPLIED, ValueError("Ada, 1 Example Street"))

    with pytest.raises(ValueError, match="Ada"):
        deliver(about())
    assert (recorded().status, recorded().deliveries) == (EventStatus.FAILED, 1)
    assert recorded().problem == "internal error: ValueError"
    assert state() == UNPAID

    deliver(about())
    assert (recorded().status, recorded().problem) == (EventStatus.APPLIED, None)
    assert state() == PAID


def test_an_error_that_cannot_be_recorded_is_still_raised(deliver, fake_stripe, sessions, caplog):
    fake_stripe.reply_with(BROKEN)

    def begin(session, _transaction, _connection):
        if fake_stripe.requests:
            raise OperationalError("INSERT", None, Exception("locked"))

    happening.listen(sessions, "after_begin", begin)

    with caplog.at_level(logging.WARNING), pytest.raises(StripeUnavailableError):
        deliver(about())
    (record,) = (each for each in caplog.records if each.msg == "webhook_event_not_recorded")
    assert (record.event_id, record.error) == ("evt_1", "OperationalError")


# --- several at once


class Overtaken:
    """A slow gateway: another process retrieves the payment later and finishes earlier."""

    def __init__(self, sessions, gateway, by="evt_1", error=None):
        self._sessions, self._gateway, self._by, self._error = sessions, gateway, by, error

    def retrieve_intent(self, intent_id):
        intent = self._gateway.retrieve_intent(intent_id)
        handle_event(self._sessions, self._gateway, about(self._by))
        if self._error:
            raise self._error
        return intent


def test_bug_2_a_delivery_that_is_overtaken_applies_nothing(
    sessions, gateway, fake_stripe, state, recorded
):
    fake_stripe.reply_with(answer(paid()), answer(paid()))

    handle_event(sessions, Overtaken(sessions, gateway), about())

    assert len(fake_stripe.requests) == 2
    assert state() == PAID
    assert (recorded().status, recorded().deliveries) == (EventStatus.APPLIED, 2)


def test_a_delivery_that_is_overtaken_and_fails_undoes_nothing(
    sessions, gateway, fake_stripe, state, recorded
):
    fake_stripe.reply_with(answer(paid()), answer(paid()))
    overtaken = Overtaken(sessions, gateway, error=StripeUnavailableError("late"))

    with pytest.raises(StripeUnavailableError):
        handle_event(sessions, overtaken, about())

    assert state() == PAID
    found = recorded()
    assert (found.status, found.deliveries, found.problem) == (EventStatus.APPLIED, 2, None)


@pytest.mark.parametrize(
    ("older", "newer", "status"),
    [
        (INTENT, {**INTENT, "status": "processing"}, "processing"),
        (INTENT, paid(), "paid"),
        (paid(), paid(charge(REFUND)), "partly_refunded"),
        ({**INTENT, "status": "canceled"}, paid(), "paid"),
    ],
    ids=["processing", "paid", "refunded", "cancelled"],
)
def test_bug_3_an_older_state_of_the_payment_does_not_replace_a_newer_one(
    sessions, gateway, fake_stripe, state, older, newer, status
):
    fake_stripe.reply_with(answer(older), answer(newer))

    handle_event(sessions, Overtaken(sessions, gateway, by="evt_2"), about("evt_1"))

    assert state()[0] == status


def test_bug_2_ten_deliveries_at_once_move_the_order_once(
    deliver, fake_stripe, together, state, recorded
):
    fake_stripe.reply_with(*[answer(paid())] * 10)

    assert together(deliver, [about()] * 10) == [None] * 10

    assert state() == PAID
    assert (recorded().status, recorded().deliveries) == (EventStatus.APPLIED, 10)


def test_bug_2_two_events_of_one_change_at_once_move_the_order_once(
    deliver, fake_stripe, together, state, recorded
):
    fake_stripe.reply_with(*[answer(paid())] * 10)

    assert together(deliver, [about("evt_1"), about("evt_2")] * 5) == [None] * 10

    assert state() == PAID
    for event_id in ("evt_1", "evt_2"):
        assert recorded(event_id).status is EventStatus.APPLIED
        assert recorded(event_id).deliveries == 5


def test_concurrent_deliveries_of_a_failed_event_are_all_counted(
    deliver, fake_stripe, together, state, recorded
):
    fake_stripe.reply_with(BROKEN, *[answer(paid())] * 10)
    with pytest.raises(StripeUnavailableError):
        deliver(about())

    assert together(deliver, [about()] * 10) == [None] * 10

    assert state() == PAID
    found = recorded()
    assert (found.status, found.deliveries, found.problem) == (EventStatus.APPLIED, 11, None)


# --- replayed by an operator


@pytest.fixture
def replay(sessions, gateway):
    return lambda event_id="evt_1": replay_event(sessions, gateway, event_id)


def test_a_failed_event_is_replayed(deliver, replay, fake_stripe, state, recorded):
    fake_stripe.reply_with(BROKEN, answer(paid()))
    with pytest.raises(StripeUnavailableError):
        deliver(about())

    found = replay()

    assert found == recorded()
    assert (found.status, found.order, found.problem) == (EventStatus.APPLIED, NUMBER, None)
    assert found.deliveries == 1
    assert state() == PAID


def test_an_applied_event_can_be_replayed(deliver, replay, fake_stripe, state):
    fake_stripe.reply_with(answer(paid()), answer(paid()), answer(paid(charge(disputed=False))))
    deliver(about())

    for _ in range(2):
        assert replay().status is EventStatus.APPLIED

    assert len(fake_stripe.requests) == 3
    assert state() == PAID


def test_an_ignored_event_finds_an_order_that_exists_by_now(
    deliver, replay, fake_stripe, change, state
):
    change(number="0000-0000-0000", payment_intent=None)
    deliver(about())
    assert replay().status is EventStatus.IGNORED

    change(number=NUMBER)
    fake_stripe.reply_with(answer(paid()))
    found = replay()

    assert (found.status, found.order) == (EventStatus.APPLIED, NUMBER)
    assert state() == PAID


def test_a_replay_that_fails_has_a_code(deliver, replay, fake_stripe, recorded):
    def refusal(event_id="evt_1"):
        with pytest.raises(ReplayError) as caught:
            replay(event_id)
        return caught.value.code

    assert refusal() is ReplayErrorCode.UNKNOWN_EVENT
    deliver(about(intent_id=None))
    assert refusal() is ReplayErrorCode.NO_INTENT
    assert fake_stripe.requests == []

    deliver(about("evt_2"))
    before = recorded("evt_2")
    fake_stripe.reply_with(MISSING, BROKEN)
    assert refusal("evt_2") is ReplayErrorCode.INTENT_NOT_FOUND
    assert refusal("evt_2") is ReplayErrorCode.STRIPE_ERROR
    assert recorded("evt_2") == before
