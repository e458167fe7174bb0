"""The door to Stripe: what is asked, what comes back, and what every failure is called."""

import logging
import threading
import time
import traceback
from datetime import UTC, datetime

import pytest
import stripe

from bookshop import clock
from bookshop.money import Money
from bookshop.payments.errors import (
    IntentMissingError,
    IntentStateError,
    NotPermittedError,
    PaymentsError,
    StoredFailureError,
    StripeBusyError,
    StripeRefusedError,
    StripeUnavailableError,
)
from bookshop.payments.intents import Failure, IntentStatus
from bookshop.settings.parsers import Secret
from tests.plugins.gateway import SECRET_KEY
from tests.unit.payments.counterpart import (
    INTENT,
    answer,
    cut,
    drop,
    hang,
    refuse,
    reset,
    stall,
    trickle,
)

TOTAL = Money(1299, "GBP")
A_LITTLE = 1.0  # seconds that a busy machine may take for what takes none


@pytest.fixture
def gateway(make_gateway):
    return make_gateway()


def create(gateway, key="order-1"):
    return gateway.create_intent(key, TOTAL, "K7QM-2X9T-4BCD", "Order K7QM-2X9T-4BCD")


# --- what is asked


def test_an_intent_is_made_for_the_order(gateway, counterpart):
    intent = create(gateway, key="order-K7QM-1299-1")
    [asked] = counterpart.asked
    assert (asked.method, asked.path) == ("POST", "/v1/payment_intents")
    assert asked.form == {
        "amount": "1299",
        "currency": "gbp",
        "automatic_payment_methods[enabled]": "true",
        "description": "Order K7QM-2X9T-4BCD",
        "metadata[order]": "K7QM-2X9T-4BCD",
    }
    assert asked.headers["idempotency-key"] == "order-K7QM-1299-1"
    assert asked.headers["authorization"] == f"Bearer {SECRET_KEY}"
    assert asked.headers["stripe-version"] == stripe.api_version
    assert intent.id == "pi_1"


def test_an_intent_is_fetched(gateway, counterpart):
    gateway.retrieve_intent("pi_1")
    assert [(asked.method, asked.path) for asked in counterpart.asked] == [
        ("GET", "/v1/payment_intents/pi_1")
    ]


def test_an_id_cannot_lead_elsewhere(gateway, counterpart):
    gateway.retrieve_intent("../charges/ch_1")
    assert counterpart.asked[0].path == "/v1/payment_intents/..%2Fcharges%2Fch_1"


def test_an_intent_is_brought_up_to_date(gateway, counterpart):
    gateway.update_intent("pi_1", Money(1500, "JPY"), receipt_email="ada@mail.example")
    [asked] = counterpart.asked
    assert (asked.method, asked.path) == ("POST", "/v1/payment_intents/pi_1")
    assert asked.form == {"amount": "1500", "currency": "jpy", "receipt_email": "ada@mail.example"}


def test_an_intent_is_closed_for_good(gateway, counterpart):
    counterpart.will(answer({**INTENT, "status": "canceled"}))
    assert gateway.cancel_intent("pi_1").status is IntentStatus.CANCELED
    [asked] = counterpart.asked
    assert (asked.method, asked.path) == ("POST", "/v1/payment_intents/pi_1/cancel")
    assert asked.form == {"cancellation_reason": "abandoned"}


def test_one_connection_serves_one_request_after_the_other(gateway, counterpart):
    for _ in range(5):
        gateway.retrieve_intent("pi_1")
    assert len({asked.connection for asked in counterpart.asked}) == 1


def test_nothing_is_told_but_what_is_asked(gateway, counterpart):
    for _ in range(2):
        gateway.retrieve_intent("pi_1")
    assert not [name for name in counterpart.asked[1].headers if "telemetry" in name]


# --- what comes back


def test_an_sdk_object_becomes_a_dataclass(gateway, counterpart):
    counterpart.will(answer({**INTENT, "status": "succeeded", "amount_received": 1299}))
    intent = gateway.retrieve_intent("pi_1")
    assert (intent.id, intent.status) == ("pi_1", IntentStatus.SUCCEEDED)
    assert (intent.amount, intent.amount_received) == (TOTAL, 1299)
    assert intent.reference == "K7QM-2X9T-4BCD"
    assert intent.client_secret.reveal() == INTENT["client_secret"]
    assert "Confidential" not in repr(intent)
    assert not intent.open
    assert not intent.livemode
    assert intent.failure is None


def test_an_intent_of_somebody_else_has_no_reference(gateway, counterpart):
    counterpart.will(answer({**INTENT, "metadata": {"cart": "1"}, "client_secret": None}))
    intent = gateway.retrieve_intent("pi_1")
    assert intent.reference is None
    assert intent.client_secret.reveal() == ""


@pytest.mark.parametrize("status", list(IntentStatus))
def test_a_customer_can_pay_with_what_is_open(gateway, counterpart, status):
    counterpart.will(answer({**INTENT, "status": status.value}))
    assert gateway.retrieve_intent("pi_1").open is (
        status.startswith("requires") and status != "requires_capture"
    )


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (
            {
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "lost_card",
                "message": "Your card was declined.",
                "payment_method": {"id": "pm_1", "object": "payment_method"},
            },
            Failure("card_error", "card_declined", "lost_card", "Your card was declined."),
        ),
        ({"type": "api_error"}, Failure("api_error", None, None, None)),
    ],
)
def test_why_the_last_attempt_failed(gateway, counterpart, said, failure):
    counterpart.will(answer({**INTENT, "last_payment_error": said}))
    assert gateway.retrieve_intent("pi_1").failure == failure


def test_an_answer_is_as_old_as_its_question(gateway, counterpart, monkeypatch):
    asked_at, later = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: later if counterpart.asked else asked_at)
    assert gateway.retrieve_intent("pi_1").asked_at == asked_at


# --- what goes wrong

FAILURES = {
    "wrong": (refuse(400, "invalid_request_error", "parameter_missing"), StripeRefusedError),
    "other parameters": (refuse(400, "idempotency_error"), StripeRefusedError),
    "wrong key": (refuse(401, "invalid_request_error"), StripeRefusedError),
    "declined": (refuse(402, "card_error", "card_declined"), StripeRefusedError),
    "forbidden": (refuse(403, "invalid_request_error"), NotPermittedError),
    "missing": (refuse(404, "invalid_request_error", "resource_missing"), IntentMissingError),
    "state": (
        refuse(400, "invalid_request_error", "payment_intent_unexpected_state"),
        IntentStateError,
    ),
    "key in use": (
        refuse(409, "invalid_request_error", "idempotency_key_in_use"),
        StripeUnavailableError,
    ),
    "too many": (refuse(429, "invalid_request_error", "rate_limit"), StripeUnavailableError),
    "broken": (refuse(500, "api_error"), StripeUnavailableError),
    "stored 500": (refuse(500, "api_error", Idempotent_Replayed="true"), StoredFailureError),
    "stored 503": (refuse(503, "api_error", Idempotent_Replayed="true"), StoredFailureError),
    "stored 402": (refuse(402, "card_error", Idempotent_Replayed="true"), StripeRefusedError),
    "a proxy": (answer(b"<html>Bad Gateway</html>", 502), StripeUnavailableError),
    "no JSON": (answer(b"not json"), StripeUnavailableError),
    "elsewhere": (answer({}, 302, Location="http://127.0.0.1:1/"), StripeUnavailableError),
    "cut": (cut, StripeUnavailableError),
    "drop": (drop, StripeUnavailableError),
    "reset": (reset, StripeUnavailableError),
}
EACH_FAILURE = pytest.mark.parametrize(("reply", "error"), FAILURES.values(), ids=FAILURES)


@EACH_FAILURE
def test_every_failure_has_its_name(make_gateway, counterpart, reply, error):
    counterpart.will(reply)
    with pytest.raises(PaymentsError) as caught:
        create(make_gateway(max_network_retries=0))
    assert type(caught.value) is error
    assert len(counterpart.asked) == 1


@EACH_FAILURE
def test_no_failure_tells_what_stripe_said(make_gateway, counterpart, caplog, reply, error):
    caplog.set_level(logging.DEBUG)
    counterpart.will(reply)
    with pytest.raises(error) as caught:
        create(make_gateway(max_network_retries=0))
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "stripe create failed" in caplog.text
    for private in ("4000000000000002", "Ada", SECRET_KEY, "Confidential"):
        assert private not in told
        assert private not in caplog.text


@pytest.mark.parametrize(
    ("reply", "level"),
    [(refuse(400, "invalid_request_error"), "ERROR"), (drop, "WARNING")],
)
def test_a_refusal_is_for_a_person_and_the_rest_passes(
    make_gateway, counterpart, caplog, reply, level
):
    counterpart.will(reply)
    with pytest.raises(PaymentsError):
        create(make_gateway(max_network_retries=0))
    assert [record.levelname for record in caplog.records] == [level]


def test_a_failure_names_the_request_for_stripes_support(make_gateway, counterpart):
    counterpart.will(refuse(400, "invalid_request_error", "amount_too_small"))
    with pytest.raises(StripeRefusedError, match=r"status=400 code=amount_too_small request=req_1"):
        create(make_gateway())


def test_nobody_there(make_gateway):
    gateway = make_gateway(api_base="http://127.0.0.1:9", max_network_retries=1)
    with pytest.raises(StripeUnavailableError):
        create(gateway)


# --- repeating

TRANSIENT = {
    "409": refuse(409, "invalid_request_error"),
    "500": refuse(500, "api_error"),
    "503": refuse(503, "api_error"),
    "429": refuse(429, "rate_limit_error", Stripe_Should_Retry="true"),
    "cut": cut,
    "drop": drop,
    "reset": reset,
}
EACH_TRANSIENT = pytest.mark.parametrize("reply", TRANSIENT.values(), ids=TRANSIENT)


@EACH_TRANSIENT
def test_what_passes_is_repeated_under_the_same_key(gateway, counterpart, reply):
    counterpart.will(reply, reply)
    assert create(gateway, key="order-1").id == "pi_1"
    assert len(counterpart.asked) == 3
    assert {asked.headers["idempotency-key"] for asked in counterpart.asked} == {"order-1"}
    assert len({str(asked.form) for asked in counterpart.asked}) == 1


@EACH_TRANSIENT
def test_it_is_repeated_so_often_and_no_more(gateway, counterpart, reply):
    counterpart.will(*[reply] * 5)
    with pytest.raises(StripeUnavailableError):
        create(gateway)
    assert len(counterpart.asked) == 3


@pytest.mark.parametrize(
    "reply",
    [
        refuse(400, "invalid_request_error"),
        refuse(402, "card_error"),
        refuse(404, "invalid_request_error", "resource_missing"),
        refuse(429, "invalid_request_error", "rate_limit"),
        refuse(500, "api_error", Stripe_Should_Retry="false", Idempotent_Replayed="true"),
    ],
    ids=["400", "402", "404", "429", "stored 500"],
)
def test_what_does_not_pass_is_not_repeated(gateway, counterpart, reply):
    counterpart.will(reply)
    with pytest.raises(PaymentsError):
        create(gateway)
    assert len(counterpart.asked) == 1


# --- time


def timed(function):
    """How long it takes to be told that Stripe is not available."""
    begin = time.monotonic()
    with pytest.raises(StripeUnavailableError):
        function()
    return time.monotonic() - begin


@pytest.mark.parametrize("reply", [hang, stall, trickle])
def test_a_visit_ends_in_time_whatever_stripe_does(make_gateway, counterpart, reply):
    gateway = make_gateway(timeout=0.5)
    counterpart.will(*[reply] * 3)
    assert 0.4 < timed(lambda: create(gateway)) < 0.5 + A_LITTLE
    assert len(counterpart.asked) == 1


def test_repeating_ends_in_time_too(make_gateway, counterpart, monkeypatch):
    monkeypatch.setattr("bookshop.payments.http_client.PooledHTTPClient.INITIAL_DELAY", 30)
    monkeypatch.setattr("bookshop.payments.http_client.PooledHTTPClient.MAX_DELAY", 30)
    gateway = make_gateway(timeout=0.5)
    counterpart.will(drop, drop)
    assert timed(lambda: create(gateway)) < 0.5 + A_LITTLE
    assert len(counterpart.asked) == 1  # there was no time left for another


# --- the gate


def test_as_many_wait_for_stripe_as_may_and_the_others_are_told_at_once(make_gateway, counterpart):
    gateway = make_gateway(max_concurrency=3, timeout=30)
    counterpart.will(hang, hang, hang)
    results = []

    def wait():
        try:
            results.append(gateway.retrieve_intent("pi_1"))
        except PaymentsError as err:
            results.append(err)

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    counterpart.wait_for(3)
    begin = time.monotonic()
    with pytest.raises(StripeBusyError):
        create(gateway)
    assert time.monotonic() - begin < A_LITTLE
    assert len(counterpart.asked) == 3  # nothing was sent

    counterpart.over.set()
    for thread in threads:
        thread.join(10)
    assert len(results) == 3
    assert gateway.retrieve_intent("pi_1").id == "pi_1"


@EACH_FAILURE
def test_no_failure_keeps_a_place_at_the_gate(make_gateway, counterpart, reply, error):
    gateway = make_gateway(max_concurrency=1, max_network_retries=0)
    for _ in range(2):
        counterpart.will(reply)
        with pytest.raises(error):
            create(gateway)
    assert create(gateway).id == "pi_1"


def test_the_mode_is_that_of_the_key(make_gateway):
    assert make_gateway().livemode is False
    assert make_gateway(secret_key=Secret("sk_live_1")).livemode is True
