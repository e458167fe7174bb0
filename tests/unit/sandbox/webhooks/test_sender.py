"""Events and their deliveries."""

import json
import time
from dataclasses import replace

import pytest
import stripe

from bookshop.sandbox.webhooks import http_attempts, sender
from tests.unit.sandbox.conftest import TIMEOUT, WEBHOOK_SECRET


@pytest.fixture
def options(options, endpoint):
    return replace(options, webhook_url=endpoint.url)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(sender, "RETRY_AFTER", (0, 0))


def _take(endpoint, count):
    return [json.loads(endpoint.next()[1]) for _ in range(count)]


def _delivery(send, status):
    """What the sandbox says of its newest delivery, once that has a status."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        found = send("GET", "/_sandbox/deliveries").json["data"][0]
        if found["status"] == status:
            return found
    pytest.fail(f"the delivery is not {status}: {found}")


def test_the_sdk_accepts_delivered_events(client, endpoint, intent):
    headers, body = endpoint.next()

    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], WEBHOOK_SECRET)

    assert (event.type, event.api_version) == ("payment_intent.created", "2026-10-28.endive")
    assert event.data.object.id == intent.id
    assert (event.livemode, event.pending_webhooks) == (False, 1)
    assert event.request.id == intent.last_response.request_id
    assert event.request.idempotency_key == intent.last_response.idempotency_key
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_signature_is_of_the_body_alone():
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header("{}", http_attempts.signature("other", b"{}", 1), "s")
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header("{ }", http_attempts.signature("s", b"{}", 1), "s")
    stripe.WebhookSignature.verify_header("{}", http_attempts.signature("s", b"{}", 1), "s")


@pytest.mark.parametrize(
    ("method", "types"),
    [
        ("pm_card_visa", ["charge.succeeded", "payment_intent.succeeded"]),
        ("pm_card_chargeDeclined", ["charge.failed", "payment_intent.payment_failed"]),
        ("pm_card_threeDSecure2Required", ["payment_intent.requires_action"]),
        ("pm_bacsDebit_success", ["charge.pending", "payment_intent.processing"]),
    ],
)
def test_each_step_sends_its_events(confirm, intent, endpoint, method, types):
    try:
        confirm(intent, method)
    except stripe.CardError:
        assert method == "pm_card_chargeDeclined"

    events = _take(endpoint, 1 + len(types))
    assert {event["type"] for event in events} == {"payment_intent.created", *types}


@pytest.mark.parametrize(
    ("outcome", "last"),
    [("succeeded", "payment_intent.succeeded"), ("failed", "payment_intent.payment_failed")],
)
def test_a_settled_debit_sends_events_without_a_request(client, endpoint, send, outcome, last):
    intent = client.payment_intents.create(
        {
            "amount": 500,
            "currency": "gbp",
            "confirm": True,
            "payment_method": "pm_bacsDebit_success",
            "return_url": "http://localhost/",
        }
    )
    send("POST", f"/_sandbox/payment_intents/{intent.id}/settle", {"outcome": outcome})

    events = {event["type"]: event for event in _take(endpoint, 5)}
    assert {f"charge.{outcome}", last} <= set(events)
    assert events[last]["request"] == {"id": None, "idempotency_key": None}


def test_a_canceled_intent_sends_an_event(client, intent, endpoint):
    client.payment_intents.cancel(intent.id)

    assert "payment_intent.canceled" in {event["type"] for event in _take(endpoint, 2)}


def test_an_event_shows_the_object_as_it_was(client, confirm, intent, endpoint):
    confirm(intent, "pm_card_visa")

    events = {event["type"]: event for event in _take(endpoint, 3)}
    created = events["payment_intent.created"]["data"]["object"]
    assert created["status"] == "requires_payment_method"


def test_a_failed_delivery_is_repeated(client, endpoint, send):
    endpoint.statuses[:] = [500, 302]
    client.payment_intents.create({"amount": 500, "currency": "gbp"})

    assert len({event["id"] for event in _take(endpoint, 3)}) == 1
    delivery = _delivery(send, "succeeded")
    assert (delivery["attempts"], delivery["answer"], delivery["due"]) == (3, 200, None)


def test_a_failed_delivery_can_be_repeated(client, endpoint, send):
    endpoint.statuses[:] = [500, 500, 500]
    client.payment_intents.create({"amount": 500, "currency": "gbp"})
    delivery = _delivery(send, "failed")
    event = _take(endpoint, 3)[0]
    assert client.events.retrieve(event["id"]).pending_webhooks == 1

    again = send("POST", f"/_sandbox/deliveries/{delivery['id']}/redeliver")

    assert again.status == 200
    assert _take(endpoint, 1)[0]["id"] == event["id"]
    _delivery(send, "succeeded")
    assert client.events.retrieve(event["id"]).pending_webhooks == 0
    assert send("POST", "/_sandbox/deliveries/del_unknown/redeliver").status == 404


def test_an_endpoint_that_does_not_answer_blocks_no_other(start, connect, options, endpoint):
    server = start(replace(options, webhook_url="http://127.0.0.1:1/webhooks"))

    made = connect(server).payment_intents.create({"amount": 500, "currency": "gbp"})

    assert made.status == "requires_payment_method"


def test_undelivered_events_are_delivered_after_a_restart(
    start, connect, options, endpoint, monkeypatch
):
    monkeypatch.setattr(sender, "RETRY_AFTER", (0.05,) * 1000)
    first = start(replace(options, webhook_url="http://127.0.0.1:1/webhooks"))
    made = connect(first).payment_intents.create({"amount": 500, "currency": "gbp"})
    first.stop()

    start(options)

    assert _take(endpoint, 1)[0]["data"]["object"]["id"] == made.id


def test_events_can_be_listed_by_type(client, confirm, intent):
    confirm(intent, "pm_card_visa")

    def types(**params):
        return [event.type for event in client.events.list(params).data]

    assert types() == ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]
    assert types(type="charge.succeeded") == ["charge.succeeded"]
    assert types(types=["charge.succeeded", "payment_intent.created"]) == types()[1:]
    with pytest.raises(stripe.InvalidRequestError):
        client.events.retrieve("evt_unknown")
