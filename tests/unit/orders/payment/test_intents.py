"""One PaymentIntent for one order: a key that the order and its total decide."""

import dataclasses

import pytest

from bookshop.money import Money
from bookshop.orders.payment.intents import intent_for
from bookshop.orders.snapshot import LineSnapshot, OrderSnapshot
from bookshop.orders.states import OrderStatus
from bookshop.payments.errors import IntentMissingError, StoredFailureError, StripeRefusedError
from tests.unit.makers import NOW
from tests.unit.payments.counterpart import INTENT, answer, refuse

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
        payment_mismatch=False,
        under_review=False,
        fraud_warned_at=None,
        placed_at=NOW,
        paid_at=None,
        lines=(LineSnapshot("SKU", "Book", digital=False, quantity=1, shipped=0, amount=total),),
    )
    return dataclasses.replace(made, **changes)


def asked(counterpart):
    """The requests, by method and what they are about."""
    return [
        (request.method, request.path.removeprefix("/v1/payment_intents"))
        for request in counterpart.asked
    ]


def keys(counterpart):
    return [
        request.headers.get("idempotency-key")
        for request in counterpart.asked
        if request.method == "POST"
    ]


def test_a_new_order_has_its_intent_made(gateway, counterpart):
    assert intent_for(gateway, order()).id == "pi_1"
    assert asked(counterpart) == [("POST", "")]
    assert keys(counterpart) == [KEY]
    assert counterpart.asked[0].form["description"] == "Order K7QM-2X9T-4BCD"


def test_the_same_order_asks_under_the_same_key(gateway, counterpart):
    for _ in range(3):
        intent_for(gateway, order())
    assert set(keys(counterpart)) == {KEY}


@pytest.mark.parametrize(
    "changes",
    [
        {"total": Money(1300, "GBP")},
        {"total": Money(1299, "EUR")},
        {"number": "0000-0000-0000"},
    ],
)
def test_another_order_or_total_asks_under_another_key(gateway, counterpart, changes):
    intent_for(gateway, order())
    intent_for(gateway, order(**changes))
    created = [
        request.headers["idempotency-key"]
        for request in counterpart.asked
        if request.path == "/v1/payment_intents"
    ]
    assert len(set(created)) == 2


def test_a_known_intent_is_fetched_and_never_made_again(gateway, counterpart):
    intent_for(gateway, order(payment_intent="pi_1"))
    assert asked(counterpart) == [("GET", "/pi_1")]


def test_an_intent_that_is_gone_is_told_and_not_replaced_in_silence(gateway, counterpart):
    counterpart.will(refuse(404, "invalid_request_error", "resource_missing"))
    with pytest.raises(IntentMissingError):
        intent_for(gateway, order(payment_intent="pi_1"))
    assert asked(counterpart) == [("GET", "/pi_1")]


@pytest.mark.parametrize("status", ["requires_payment_method", "succeeded", "canceled"])
def test_a_known_intent_is_taken_as_it_is(gateway, counterpart, status):
    counterpart.will(answer({**INTENT, "status": status}))
    repriced = order(payment_intent="pi_1", total=Money(1500, "GBP"), revision=2)
    assert intent_for(gateway, repriced).amount == Money(1299, "GBP")
    assert asked(counterpart) == [("GET", "/pi_1")]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (STORED, StoredFailureError),
        (refuse(400, "invalid_request_error", "amount_too_small"), StripeRefusedError),
    ],
    ids=["stored failure", "refusal"],
)
def test_no_failure_is_a_reason_for_another_key(gateway, counterpart, reply, error):
    counterpart.will(reply)
    with pytest.raises(error):
        intent_for(gateway, order())
    assert keys(counterpart) == [KEY]
