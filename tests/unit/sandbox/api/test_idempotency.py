"""Idempotency keys."""

import threading

import pytest
import stripe

NEW = {"amount": 1299, "currency": "gbp"}
INTENTS = "/v1/payment_intents"


@pytest.fixture
def create(send):
    """Create an intent under a key."""

    def create_one(key, params=NEW):
        return send(
            "POST", INTENTS, params, key="sk_test_sandbox", headers={"Idempotency-Key": key}
        )

    return create_one


def test_the_first_answer_is_repeated(client, create):
    first, second = create("order-1"), create("order-1")

    assert (first.status, first.text) == (second.status, second.text)
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == "order-1"
    assert first.headers["Idempotent-Replayed"] is None
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"]
    assert second.headers["Request-Id"] != first.headers["Request-Id"]
    assert len(client.payment_intents.list().data) == 1


def test_a_key_belongs_to_its_parameters(create):
    create("order-1")

    answer = create("order-1", {**NEW, "amount": 1300})

    assert (answer.status, answer.error["type"]) == (400, "idempotency_error")
    assert "same parameters" in answer.error["message"]


def test_a_key_belongs_to_its_endpoint(client, create, intent):
    create("order-1")

    with pytest.raises(stripe.IdempotencyError) as refused:
        client.payment_intents.update(intent.id, NEW, {"idempotency_key": "order-1"})

    assert "same endpoint" in refused.value.user_message


def test_a_declined_payment_is_repeated_too(client, intent):
    params = {"payment_method": "pm_card_chargeDeclined", "return_url": "http://localhost/"}
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client.payment_intents.confirm(intent.id, params, {"idempotency_key": "pay"})

    assert len(client.charges.list({"payment_intent": intent.id}).data) == 1


def test_a_server_error_is_repeated_and_leaves_no_effect(client, create, send):
    fault = {"kind": "status", "method": "POST", "path": INTENTS}
    send("POST", "/_sandbox/faults", fault)

    assert [create("order-1").status for _ in range(2)] == [500, 500]
    assert client.payment_intents.list().data == []
    assert create("order-2").status == 200


def test_an_invalid_request_does_not_use_up_its_key(create):
    assert create("order-1", {"amount": 1299}).status == 400
    assert create("order-1").status == 200


def test_a_key_that_is_too_long(create):
    assert "255" in create("k" * 256).error["message"]
    assert create("k" * 255).status == 200


def test_a_key_in_use_is_a_conflict_and_not_kept(sandbox, client, create):
    with sandbox._sandbox.idempotency.claim("order-1"):
        conflict = create("order-1")

    assert (conflict.status, conflict.error["code"]) == (409, "idempotency_key_in_use")
    assert conflict.headers["Stripe-Should-Retry"] == "true"
    assert create("order-1").status == 200
    assert len(client.payment_intents.list().data) == 1


def test_twenty_at_once_make_one_intent(client, create):
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(create("order-1"))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.json["id"] for answer in answers if answer.status == 200}) == 1
    assert len(client.payment_intents.list().data) == 1


def test_keys_are_forgotten_after_a_day(client, create, monkeypatch):
    first = create("order-1")
    monkeypatch.setattr("bookshop.sandbox.api.idempotency.KEY_LIFE", 0.0)

    assert create("order-1").json["id"] != first.json["id"]


def test_reading_needs_no_key(send, intent):
    path = f"{INTENTS}/{intent.id}"
    for _ in range(2):
        answer = send("GET", path, key="sk_test_sandbox", headers={"Idempotency-Key": "a"})
        assert (answer.status, answer.headers["Idempotent-Replayed"]) == (200, None)
