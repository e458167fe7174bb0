"""Faults to order: what a shop's client sees of them."""

import threading
import time

import pytest
import stripe

from tests.unit.sandbox.conftest import TIMEOUT

INTENTS = "/v1/payment_intents"
NEW = {"amount": 500, "currency": "gbp"}


@pytest.fixture
def order(send):
    """Order a fault, and be sure that the sandbox took it."""

    def order_one(**fault):
        answer = send("POST", "/_sandbox/faults", fault)
        assert answer.status == 200, answer.text

    return order_one


def _wait_until_met(send):
    """Return once a request has met the fault that was ordered."""
    deadline = time.monotonic() + TIMEOUT
    while send("GET", "/_sandbox/faults").json["data"]:
        assert time.monotonic() < deadline


def _log(send):
    entry = send("GET", "/_sandbox/requests").json["data"][0]
    return entry["fault"], entry["status"]


def test_a_status_fault_applies_once_to_a_matching_request(client, order, send):
    order(kind="status", status=503, method="POST", path=INTENTS)

    assert client.payment_intents.list().data == []
    with pytest.raises(stripe.APIError) as failed:
        client.payment_intents.create(NEW)
    assert failed.value.http_status == 503
    assert _log(send) == ("status", 503)
    assert client.payment_intents.create(NEW).amount == 500


def test_too_many_requests_come_before_idempotency(client, order):
    order(kind="status", status=429)

    with pytest.raises(stripe.RateLimitError) as limited:
        client.payment_intents.create(NEW, {"idempotency_key": "order-1"})

    assert limited.value.json_body["error"]["code"] == "rate_limit"
    assert client.payment_intents.create(NEW, {"idempotency_key": "order-1"}).amount == 500


def test_a_reset_connection_leaves_no_effect(client, order, send):
    order(kind="reset", method="POST")

    with pytest.raises(stripe.APIConnectionError, match="Connection reset by peer"):
        client.payment_intents.create(NEW)

    assert _log(send) == ("reset", None)
    assert client.payment_intents.list().data == []


def test_a_dropped_answer_was_an_answer(client, order, send):
    order(kind="drop_answer", method="POST")

    with pytest.raises(stripe.APIConnectionError):
        client.payment_intents.create(NEW, {"idempotency_key": "order-1"})

    assert _log(send) == ("drop_answer", None)
    (made,) = client.payment_intents.list().data
    assert client.payment_intents.create(NEW, {"idempotency_key": "order-1"}).id == made.id


def test_the_sdk_retries_after_a_dropped_response(sandbox, connect, order):
    client = connect(sandbox, max_network_retries=2)
    order(kind="drop_answer", method="POST")

    client.payment_intents.create(NEW)

    assert len(client.payment_intents.list().data) == 1


def test_latency_holds_an_answer_back(client, order, send):
    order(kind="latency", method="POST", seconds=3600)
    late = threading.Thread(target=client.payment_intents.create, args=(NEW,))
    late.start()
    _wait_until_met(send)
    assert client.payment_intents.list().data == []
    assert late.is_alive()

    send("DELETE", "/_sandbox/faults")
    late.join()

    assert len(client.payment_intents.list().data) == 1


def test_hanging_ends_without_an_answer_and_does_not_block_others(client, order, send):
    order(kind="hang", method="POST", seconds=3600)
    seen = []

    def hang():
        try:
            client.payment_intents.create(NEW)
        except stripe.APIConnectionError as error:
            seen.append(error)

    hanging = threading.Thread(target=hang)
    hanging.start()
    _wait_until_met(send)
    assert send("GET", INTENTS, key="sk_test_sandbox").json["data"] == []

    send("DELETE", "/_sandbox/faults")
    hanging.join()

    assert len(seen) == 1
    assert client.payment_intents.list().data == []


def test_a_sandbox_stops_while_a_request_hangs(sandbox, order, send):
    order(kind="hang", seconds=3600)
    hanging = threading.Thread(target=_quietly, args=(send,))
    hanging.start()
    _wait_until_met(send)

    begun = time.monotonic()
    sandbox.stop()
    hanging.join()

    assert time.monotonic() - begun < 60


def _quietly(send):
    with pytest.raises(OSError, match=r".*"):
        send("GET", INTENTS, key="sk_test_sandbox")


def test_a_fault_applies_as_often_as_stated(client, order):
    order(kind="status", status=500, times=2)

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.payment_intents.list()
    assert client.payment_intents.list().data == []


def test_faults_can_be_seen_and_cleared(client, order, send):
    order(kind="status", path="/v1/charges*")
    order(kind="hang", seconds=5)

    waiting = send("GET", "/_sandbox/faults").json["data"]
    assert [(fault["kind"], fault["path"]) for fault in waiting] == [
        ("status", "/v1/charges*"),
        ("hang", "/v1/*"),
    ]
    assert send("DELETE", "/_sandbox/faults").json == {"data": []}
    assert client.charges.list().data == []


def test_faults_apply_only_to_the_api(order, send):
    order(kind="status")

    assert send("GET", "/_sandbox/requests").status == 200
    assert send("GET", "/").status == 200
    assert len(send("GET", "/_sandbox/faults").json["data"]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "explode"},
        {"kind": "status", "status": 200},
        {"kind": "hang", "seconds": -1},
        {"kind": "hang", "times": 0},
        {"kind": "hang", "colour": "red"},
    ],
)
def test_an_invalid_api_fault_is_refused(send, fault):
    assert send("POST", "/_sandbox/faults", fault).status == 400
    assert send("GET", "/_sandbox/faults").json == {"data": []}
