"""One PaymentIntent per order: its idempotency key derives from the order and its total."""

import dataclasses
from datetime import timedelta

import pytest

from bookshop.money import Money
from bookshop.orders.payment.intents import KEY_LIFE, intent_for, may_have_lost_key
from bookshop.orders.snapshot import LineSnapshot, OrderSnapshot
from bookshop.orders.states import OrderStatus
from bookshop.payments.errors import IntentMissingError, StoredFailureError, StripeRefusedError
from tests.unit.makers import NOW
from tests.unit.makers import order as stored_order
from tests.unit.payments.fake_stripe import INTENT, answer, refuse

STORED = refuse(500, "api_error", Idempotent_Replayed="true", Stripe_Should_Retry="false")
KEY = "order-K7QM-2X9T-4BCD-1299-GBP"


@pytest.fixture
def gateway(make_gateway):
    return make_gateway()


def order(**changes):
    total = Money(1299, "GBP")
    made = OrderSnapshot(
        number="K7QM-2X9T-4BCD",
        status=OrderStatus.AWAITING_PAYMENT,
        session_id="visitor",
        total=total,
        revision=1,
        email=None,
        address=None,
        payment_intent=None,
        intent_status=None,
        refunded=Money(0, "GBP"),
        reserved_until=None,
        out_of_stock=False,
        rejection=None,
        payment_mismatch=False,
        under_review=False,
        fraud_warned_at=None,
        placed_at=NOW,
        paid_at=None,
        lines=(LineSnapshot("SKU", "Book", "Ada", "BC", False, 1, 0, total),),
    )
    return dataclasses.replace(made, **changes)


def requests(fake_stripe):
    """Return method and path of the requests."""
    return [
        (request.method, request.path.removeprefix("/v1/payment_intents"))
        for request in fake_stripe.requests
    ]


def keys(fake_stripe):
    return [
        request.headers.get("idempotency-key")
        for request in fake_stripe.requests
        if request.method == "POST"
    ]


def test_new_order_creates_its_intent(gateway, fake_stripe):
    assert intent_for(gateway, order()).id == "pi_1"
    assert requests(fake_stripe) == [("POST", "")]
    assert keys(fake_stripe) == [KEY]
    assert fake_stripe.requests[0].form["description"] == "Order K7QM-2X9T-4BCD"


def test_same_order_uses_the_same_idempotency_key(gateway, fake_stripe):
    for _ in range(3):
        intent_for(gateway, order())
    assert set(keys(fake_stripe)) == {KEY}


@pytest.mark.parametrize(
    "changes",
    [
        {"total": Money(1300, "GBP")},
        {"total": Money(1299, "EUR")},
        {"number": "0000-0000-0000"},
    ],
)
def test_other_order_or_total_uses_another_idempotency_key(gateway, fake_stripe, changes):
    intent_for(gateway, order())
    intent_for(gateway, order(**changes))
    created = [
        request.headers["idempotency-key"]
        for request in fake_stripe.requests
        if request.path == "/v1/payment_intents"
    ]
    assert len(set(created)) == 2


def test_known_intent_is_retrieved_and_not_created(gateway, fake_stripe):
    intent_for(gateway, order(payment_intent="pi_1"))
    assert requests(fake_stripe) == [("GET", "/pi_1")]


def test_missing_intent_raises_and_is_not_replaced(gateway, fake_stripe):
    fake_stripe.reply_with(refuse(404, "invalid_request_error", "resource_missing"))
    with pytest.raises(IntentMissingError):
        intent_for(gateway, order(payment_intent="pi_1"))
    assert requests(fake_stripe) == [("GET", "/pi_1")]


@pytest.mark.parametrize("status", ["requires_payment_method", "succeeded", "canceled"])
def test_known_intent_is_returned_unchanged(gateway, fake_stripe, status):
    fake_stripe.reply_with(answer({**INTENT, "status": status}))
    repriced = order(payment_intent="pi_1", total=Money(1500, "GBP"), revision=2)
    assert intent_for(gateway, repriced).amount == Money(1299, "GBP")
    assert requests(fake_stripe) == [("GET", "/pi_1")]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (STORED, StoredFailureError),
        (refuse(400, "invalid_request_error", "amount_too_small"), StripeRefusedError),
    ],
    ids=["stored failure", "refusal"],
)
def test_failures_do_not_change_the_idempotency_key(gateway, fake_stripe, reply, error):
    fake_stripe.reply_with(reply)
    with pytest.raises(error):
        intent_for(gateway, order())
    assert keys(fake_stripe) == [KEY]


@pytest.mark.parametrize(
    ("clock_error", "lost"),
    [
        (timedelta(0), False),
        (KEY_LIFE, False),
        (-timedelta(days=2), True),
        (timedelta(days=2), True),
    ],
)
def test_key_of_an_order_placed_by_a_wrong_clock_is_not_trusted(clock_error, lost):
    placed = stored_order(payment_intent=None, placed_at=NOW + clock_error)
    assert may_have_lost_key(placed, NOW) is lost
    placed.payment_intent = "pi_1"
    assert not may_have_lost_key(placed, NOW)
