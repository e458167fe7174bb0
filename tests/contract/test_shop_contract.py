"""Every request that the shop makes, and every answer and event that it gets, is Stripe's."""

import json
from datetime import timedelta

import pytest
import stripe

from bookshop import clock
from bookshop.orders.holds import HOLD
from tests.shops import intent_of, pay_form

from . import exchanges
from .client import INTENTS
from .conftest import WEBHOOK_SECRET

BOOK = "9786941041210"
BUY = f"/checkout?item={BOOK}"
PYTHON = "Stripe/v1 PythonBindings/"
CARD = {
    "return_url": "http://localhost:6543/success",
    "use_stripe_sdk": "true",
    "payment_method_data[type]": "card",
    "payment_method_data[card][number]": "4242424242424242",
    "payment_method_data[card][exp_month]": "12",
    "payment_method_data[card][exp_year]": "2034",
    "payment_method_data[card][cvc]": "123",
}
DECLINED = {**CARD, "payment_method_data[card][number]": "4000000000009995"}


def press_pay(visitor, page):
    form = {**pay_form(page), "email": "ada@reader.example"}
    assert visitor.post("/checkout", form).status_int == 200


def said(recorder):
    """What the shop said to Stripe, each held against the document; the operations, in order."""
    by_shop = [
        each for each in recorder.exchanges if each.request_headers["user-agent"].startswith(PYTHON)
    ]
    for exchange in by_shop:
        assert exchanges.request_findings(exchange) == []
        assert exchange.request_headers["stripe-version"] == "2026-10-28.endive"
        assert not exchange.is_public
        if exchange.method == "POST":
            assert exchange.request_headers["idempotency-key"]
    return [_operation(exchange) for exchange in by_shop]


def _operation(exchange):
    if exchange.path == INTENTS:
        return "create"
    if exchange.path.endswith("/cancel"):
        return "cancel"
    return "update" if exchange.method == "POST" else "retrieve"


def deliver(shop, event):
    payload = json.dumps(event)
    signed = stripe.WebhookSignature.generate_signature_header(payload, WEBHOOK_SECRET)
    shop.visitor().post("/webhooks/stripe", payload, headers={"Stripe-Signature": signed})


def test_a_book_is_bought(open_shop, recorder, browser_side, receiver):
    shop = open_shop()
    visitor = shop.visitor()
    page = visitor.get(BUY)
    intent = browser_side_intent(page)
    visitor.get(f"/success?pi={intent['id']}")
    press_pay(visitor, page)
    assert browser_side.confirm(intent, CARD).body["status"] == "succeeded"
    visitor.get(f"/success?pi={intent['id']}")
    deliver(shop, receiver.wait("payment_intent.succeeded", intent["id"]))
    assert shop.orders()[0].status == "paid"
    operations = said(recorder)
    assert operations.count("create") == 1
    assert {"create", "retrieve", "update"} <= set(operations)


def browser_side_intent(page):
    form = page.html.find(id="payment-form")
    return {"id": intent_of(page), "client_secret": form["data-client-secret"]}


def test_a_declined_card_then_a_good_one(open_shop, recorder, browser_side, receiver):
    shop = open_shop()
    visitor = shop.visitor()
    page = visitor.get(BUY)
    intent = browser_side_intent(page)
    press_pay(visitor, page)
    assert browser_side.confirm(intent, DECLINED).status == 402
    visitor.get(f"/success?pi={intent['id']}")
    deliver(shop, receiver.wait("payment_intent.payment_failed", intent["id"]))
    press_pay(visitor, visitor.get(BUY))
    assert browser_side.confirm(intent, CARD).body["status"] == "succeeded"
    deliver(shop, receiver.wait("payment_intent.succeeded", intent["id"]))
    assert shop.orders()[0].status == "paid"
    assert said(recorder).count("create") == 1


def test_a_price_that_changed(open_shop, recorder):
    shop = open_shop()
    visitor = shop.visitor()
    visitor.get(BUY)
    shop.change_book(BOOK, amount=2300)
    press_pay(visitor, visitor.get(BUY))
    assert "update" in said(recorder)


def test_a_price_that_changed_after_pay_was_pressed(open_shop, recorder, monkeypatch):
    shop = open_shop()
    visitor = shop.visitor()
    press_pay(visitor, visitor.get(BUY))
    later = clock.now() + HOLD + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    shop.change_book(BOOK, amount=2300)
    visitor.get(BUY)
    assert said(recorder) == ["create", "update", "retrieve", "cancel", "create"]


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "USD"])
def test_currencies(open_shop, recorder, currency):
    open_shop(bookshop__currency=currency).visitor().get(BUY)
    assert said(recorder) == ["create"]


def test_a_failure_that_stripe_remembers(open_shop, recorder, controls):
    fault = {"method": "POST", "path": INTENTS, "kind": "status", "status": 500, "times": 1}
    assert controls.post_json("/_sandbox/faults", fault).status < 300
    visitor = open_shop().visitor()
    visitor.get(BUY, status=503)
    visitor.get(BUY)
    # The failure, its memory, and an order with a key of its own.
    assert said(recorder) == ["create", "create", "create"]


def test_an_intent_that_is_gone(open_shop, recorder):
    shop = open_shop()
    visitor = shop.visitor()
    visitor.get(BUY)
    visitor.get("/success?pi=pi_0000000000000000", status=404)
    assert said(recorder)[0] == "create"
