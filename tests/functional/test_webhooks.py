"""Stripe's events."""

import json
import time

import pytest
import stripe

from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import WEBHOOK_SECRET, intent_of


def event(intent: dict, kind: str = "payment_intent.succeeded", **changes) -> dict:
    return {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "livemode": False,
        "created": int(time.time()),
        "data": {"object": intent},
        **changes,
    }


def send(shop, body, secret=WEBHOOK_SECRET, status=200, header=None):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    if header is None:
        header = stripe.WebhookSignature.generate_signature_header(payload.decode(), secret)
    return shop.visitor().post(
        "/webhooks/stripe",
        payload,
        headers={"Stripe-Signature": header},
        content_type="application/json",
        status=status,
    )


@pytest.fixture
def paid(shop, sandbox):
    """A payment whose buyer has closed the tab: the intent as Stripe has it."""
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    return sandbox.confirm(intent_of(page))


def test_bug_4_the_order_is_paid_without_its_buyer(shop, paid):
    send(shop, event(paid))

    assert shop.orders()[0].status == "paid"
    assert shop.book(MOSS).stock == 6


def test_bug_2_ten_deliveries_and_the_success_page_move_it_once(shop, paid):
    for number in range(10):
        send(shop, event(paid, id=f"evt_{number % 3}"))

    assert shop.book(MOSS).stock == 6
    assert shop.book(MOSS).held == 0


@pytest.mark.parametrize("kind", ["payment_failed", "processing", "canceled", "created"])
def test_bug_3_a_late_event_does_not_undo_what_is_paid(shop, paid, kind):
    send(shop, event(paid))
    stale = {**paid, "status": "requires_payment_method", "amount": 1}

    send(shop, event(stale, f"payment_intent.{kind}", id="evt_2"))

    assert shop.orders()[0].status == "paid"


def test_an_event_is_not_believed_about_the_status(shop, sandbox):
    visitor = shop.visitor()
    intent = sandbox.api("GET", f"/v1/payment_intents/{intent_of(visitor.get(BUY))}")

    send(shop, event({**intent, "status": "succeeded", "amount_received": 2200}))

    assert shop.orders()[0].status == "awaiting_payment"


def test_bad_signatures_change_nothing(shop, paid):
    send(shop, event(paid), secret="whsec_another", status=400)
    send(shop, event(paid), header="", status=400)
    send(shop, b"\xff\xfe", header="t=1,v1=00", status=400)
    send(shop, b"{" + b" " * 1_000_000 + b"}", status=400)

    assert shop.orders()[0].status == "awaiting_payment"


def test_two_secrets_are_good_while_one_is_rolled(make_shop):
    shop = make_shop(stripe__webhook_secrets="whsec_new, whsec_old")

    send(shop, event({"id": "pi_1"}), secret="whsec_old")
    send(shop, event({"id": "pi_1"}), secret="whsec_new")
    send(shop, event({"id": "pi_1"}), secret="whsec_older", status=400)


def test_what_does_not_concern_the_shop_is_acknowledged_and_not_looked_up(shop, sandbox):
    before = len(sandbox.requests())

    send(shop, event({"id": "cus_1", "object": "customer"}, "customer.created"))
    send(shop, event({"id": "pi_other", "metadata": {}}))
    send(shop, event({"id": "pi_other", "metadata": {"order": "K7QM-2X9T-4BCD"}}))

    assert len(sandbox.requests()) == before


def test_an_event_of_the_other_mode_is_acknowledged_and_ignored(shop, paid):
    send(shop, event(paid, livemode=True))

    assert shop.orders()[0].status == "awaiting_payment"


def test_while_stripe_cannot_be_asked_the_event_is_left_for_later(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1.5")
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    intent = sandbox.confirm(intent_of(page))
    sandbox.fault(method="GET", path=f"/v1/payment_intents/{intent['id']}", kind="reset", times=50)

    send(shop, event(intent), status=503)

    sandbox.clear()
    send(shop, event(intent))
    assert shop.orders()[0].status == "paid"


def test_an_intent_whose_id_was_never_written_down_finds_its_order(shop, paid):
    with shop.registry.sessions.begin() as session:
        session.connection().exec_driver_sql("UPDATE orders SET payment_intent = NULL")

    send(shop, event(paid))

    (order,) = shop.orders()
    assert (order.status, order.payment_intent) == ("paid", paid["id"])


def test_bug_8_another_intent_that_names_the_order_pays_nothing(shop, sandbox, caplog):
    visitor = shop.visitor()
    visitor.get(BUY)
    (order,) = shop.orders()
    cheap = sandbox.api(
        "POST",
        "/v1/payment_intents",
        {"amount": 100, "currency": "gbp", "metadata[order]": order.number},
    )
    sandbox.confirm(cheap["id"])

    send(shop, event({**cheap, "metadata": {"order": order.number}}))

    assert shop.orders()[0].status == "awaiting_payment"
    assert "contradicts" in caplog.text


def test_get_is_not_found(shop):
    shop.visitor().get("/webhooks/stripe", status=404)
