"""One PaymentIntent for one order, whatever becomes of the answers."""

import dataclasses
from datetime import timedelta

import pytest

from bookshop.money import Money
from bookshop.orders.models import OrderStatus
from bookshop.orders.paying import CLOCK_SKEW, KEY_LIFE, intent_for
from bookshop.orders.snapshot import LineSnapshot, OrderSnapshot
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
        visitor="visitor",
        total=total,
        revision=1,
        email=None,
        payment_intent=None,
        held_until=None,
        placed_at=NOW,
        paid_at=None,
        lines=(LineSnapshot("SKU", "Book", 1, total),),
    )
    return dataclasses.replace(made, **changes)


def page(*intents):
    return answer(
        {"object": "list", "url": "/v1/payment_intents", "has_more": False, "data": intents}
    )


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
    assert intent_for(gateway, order(), NOW).id == "pi_1"
    assert asked(counterpart) == [("POST", "")]
    assert keys(counterpart) == [f"{KEY}-1"]
    assert counterpart.asked[0].form["description"] == "Order K7QM-2X9T-4BCD"


def test_the_same_order_asks_under_the_same_key(gateway, counterpart):
    for minutes in (0, 5, 600):
        intent_for(gateway, order(), NOW + timedelta(minutes=minutes))
    assert set(keys(counterpart)) == {f"{KEY}-1"}


@pytest.mark.parametrize(
    "changes",
    [
        {"total": Money(1300, "GBP")},
        {"total": Money(1299, "EUR")},
        {"number": "0000-0000-0000"},
    ],
)
def test_another_order_or_total_asks_under_another_key(gateway, counterpart, changes):
    intent_for(gateway, order(), NOW)
    intent_for(gateway, order(**changes), NOW)
    created = [
        request.headers["idempotency-key"]
        for request in counterpart.asked
        if request.path == "/v1/payment_intents"
    ]
    assert len(set(created)) == 2


def test_a_known_intent_is_fetched_and_never_made_again(gateway, counterpart):
    intent_for(gateway, order(payment_intent="pi_1"), NOW + timedelta(days=30))
    assert asked(counterpart) == [("GET", "/pi_1")]


def test_an_intent_that_is_gone_is_told_and_not_replaced_in_silence(gateway, counterpart):
    counterpart.will(refuse(404, "invalid_request_error", "resource_missing"))
    with pytest.raises(IntentMissingError):
        intent_for(gateway, order(payment_intent="pi_1"), NOW)
    assert asked(counterpart) == [("GET", "/pi_1")]


def test_a_changed_total_changes_the_intent(gateway, counterpart):
    changed = {**INTENT, "amount": 1500}
    counterpart.will(answer(), answer(changed))
    repriced = order(payment_intent="pi_1", total=Money(1500, "GBP"), revision=2)
    assert intent_for(gateway, repriced, NOW).amount == Money(1500, "GBP")
    assert asked(counterpart) == [("GET", "/pi_1"), ("POST", "/pi_1")]
    assert counterpart.asked[1].form == {"amount": "1500", "currency": "gbp"}


@pytest.mark.parametrize("status", ["processing", "succeeded", "canceled", "requires_capture"])
def test_an_intent_that_is_closed_is_left_as_it_is(gateway, counterpart, status):
    counterpart.will(answer({**INTENT, "status": status}))
    repriced = order(payment_intent="pi_1", total=Money(1500, "GBP"), revision=2)
    assert intent_for(gateway, repriced, NOW).amount == Money(1299, "GBP")
    assert asked(counterpart) == [("GET", "/pi_1")]


# --- where the answer was lost


@pytest.mark.parametrize(
    ("changes", "later"),
    [({"revision": 2, "total": Money(1500, "GBP")}, timedelta(0)), ({}, KEY_LIFE)],
    ids=["repriced since", "Stripe has forgotten the key"],
)
def test_an_intent_that_no_key_leads_to_is_looked_for_first(gateway, counterpart, changes, later):
    counterpart.will(page(INTENT))
    assert intent_for(gateway, order(**changes), NOW + later).id == "pi_1"
    first = counterpart.asked[0]
    assert (first.method, first.path) == ("GET", "/v1/payment_intents")
    assert first.query["created[gte]"] == str(int((NOW - CLOCK_SKEW).timestamp()))
    assert ("POST", "") not in asked(counterpart)


def test_where_none_is_found_one_is_made(gateway, counterpart):
    counterpart.will(page())
    intent_for(gateway, order(), NOW + KEY_LIFE)
    assert asked(counterpart) == [("GET", ""), ("POST", "")]


# --- where Stripe keeps a failure


def test_behind_a_stored_failure_the_intent_may_have_been_made(gateway, counterpart):
    counterpart.will(STORED, page({**INTENT, "id": "pi_behind"}))
    assert intent_for(gateway, order(), NOW).id == "pi_behind"
    assert asked(counterpart) == [("POST", ""), ("GET", "")]


def test_another_key_is_tried_only_if_there_is_none(gateway, counterpart):
    counterpart.will(STORED, page(), STORED, page())
    assert intent_for(gateway, order(), NOW).id == "pi_1"
    assert keys(counterpart) == [f"{KEY}-1", f"{KEY}-2", f"{KEY}-3"]


def test_it_is_given_up_when_every_key_has_failed(gateway, counterpart):
    counterpart.will(*[STORED, page()] * 3)
    with pytest.raises(StoredFailureError, match="K7QM-2X9T-4BCD"):
        intent_for(gateway, order(), NOW)
    assert keys(counterpart) == [f"{KEY}-1", f"{KEY}-2", f"{KEY}-3"]


def test_a_refusal_is_no_reason_for_another_key(gateway, counterpart):
    counterpart.will(refuse(400, "invalid_request_error", "amount_too_small"))
    with pytest.raises(StripeRefusedError):
        intent_for(gateway, order(), NOW)
    assert keys(counterpart) == [f"{KEY}-1"]
