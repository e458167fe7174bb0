"""The gateway to Stripe: requests, responses, errors, retries, deadlines, concurrency."""

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
    AmountRefusedError,
    EmailRefusedError,
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
from tests.unit.payments.fake_stripe import (
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
MARGIN = 10.0  # seconds that a busy machine may need for an instant operation


@pytest.fixture
def gateway(make_gateway):
    return make_gateway()


def create(gateway, key="order-1"):
    return gateway.create_intent(key, TOTAL, "K7QM-2X9T-4BCD", "Order K7QM-2X9T-4BCD")


# --- requests


def test_an_intent_is_created_for_an_order(gateway, fake_stripe):
    intent = create(gateway, key="order-K7QM-1299-1")
    [request] = fake_stripe.requests
    assert (request.method, request.path) == ("POST", "/v1/payment_intents")
    assert request.form == {
        "amount": "1299",
        "currency": "gbp",
        "automatic_payment_methods[enabled]": "true",
        "description": "Order K7QM-2X9T-4BCD",
        "metadata[order]": "K7QM-2X9T-4BCD",
    }
    assert request.headers["idempotency-key"] == "order-K7QM-1299-1"
    assert request.headers["authorization"] == f"Bearer {SECRET_KEY}"
    assert request.headers["stripe-version"] == stripe.api_version
    assert intent.id == "pi_1"


def test_an_intent_is_retrieved(gateway, fake_stripe):
    gateway.retrieve_intent("pi_1")
    assert [(request.method, request.path) for request in fake_stripe.requests] == [
        ("GET", "/v1/payment_intents/pi_1")
    ]


def test_an_id_is_escaped_in_the_path(gateway, fake_stripe):
    gateway.retrieve_intent("../charges/ch_1")
    assert fake_stripe.requests[0].path == "/v1/payment_intents/..%2Fcharges%2Fch_1"


def test_an_intent_is_updated(gateway, fake_stripe):
    gateway.update_intent("pi_1", Money(1500, "JPY"), receipt_email="ada@mail.example")
    [request] = fake_stripe.requests
    assert (request.method, request.path) == ("POST", "/v1/payment_intents/pi_1")
    assert request.form == {
        "amount": "1500",
        "currency": "jpy",
        "receipt_email": "ada@mail.example",
    }


def test_an_intent_is_cancelled(gateway, fake_stripe):
    fake_stripe.reply_with(answer({**INTENT, "status": "canceled"}))
    assert gateway.cancel_intent("pi_1").status is IntentStatus.CANCELED
    [request] = fake_stripe.requests
    assert (request.method, request.path) == ("POST", "/v1/payment_intents/pi_1/cancel")
    assert request.form == {"cancellation_reason": "abandoned"}


def test_a_connection_is_reused(gateway, fake_stripe):
    for _ in range(5):
        gateway.retrieve_intent("pi_1")
    assert len({request.connection for request in fake_stripe.requests}) == 1


def test_no_telemetry_is_sent(gateway, fake_stripe):
    for _ in range(2):
        gateway.retrieve_intent("pi_1")
    assert not [name for name in fake_stripe.requests[1].headers if "telemetry" in name]


# --- responses


def test_an_sdk_object_becomes_a_dataclass(gateway, fake_stripe):
    fake_stripe.reply_with(answer({**INTENT, "status": "succeeded", "amount_received": 1299}))
    intent = gateway.retrieve_intent("pi_1")
    assert (intent.id, intent.status) == ("pi_1", IntentStatus.SUCCEEDED)
    assert (intent.amount, intent.amount_received) == (TOTAL, 1299)
    assert intent.reference == "K7QM-2X9T-4BCD"
    assert intent.client_secret.reveal() == INTENT["client_secret"]
    assert "Confidential" not in repr(intent)
    assert not intent.open
    assert not intent.livemode
    assert intent.failure is None


def test_an_intent_of_other_software_has_no_reference(gateway, fake_stripe):
    fake_stripe.reply_with(answer({**INTENT, "metadata": {"cart": "1"}, "client_secret": None}))
    intent = gateway.retrieve_intent("pi_1")
    assert intent.reference is None
    assert intent.client_secret.reveal() == ""


@pytest.mark.parametrize("status", list(IntentStatus))
def test_which_intents_are_open(gateway, fake_stripe, status):
    fake_stripe.reply_with(answer({**INTENT, "status": status.value}))
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
def test_why_the_last_attempt_failed(gateway, fake_stripe, said, failure):
    fake_stripe.reply_with(answer({**INTENT, "last_payment_error": said}))
    assert gateway.retrieve_intent("pi_1").failure == failure


def test_an_intent_has_the_time_of_its_request(gateway, fake_stripe, monkeypatch):
    checked_at, later = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: later if fake_stripe.requests else checked_at)
    assert gateway.retrieve_intent("pi_1").checked_at == checked_at


# --- errors

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
    "amount too small": (
        refuse(400, "invalid_request_error", "amount_too_small"),
        AmountRefusedError,
    ),
    "e-mail address": (
        refuse(400, "invalid_request_error", "email_invalid"),
        EmailRefusedError,
    ),
    "amount too precise": (
        refuse(400, "invalid_request_error", "invalid_charge_amount"),
        AmountRefusedError,
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
def test_every_failure_has_its_error(make_gateway, fake_stripe, reply, error):
    fake_stripe.reply_with(reply)
    with pytest.raises(PaymentsError) as caught:
        create(make_gateway(max_network_retries=0))
    assert type(caught.value) is error
    assert len(fake_stripe.requests) == 1


def logged_calls(caplog):
    return {(each.msg, each.call) for each in caplog.records if hasattr(each, "call")}


@EACH_FAILURE
def test_no_error_or_log_repeats_stripes_message(make_gateway, fake_stripe, caplog, reply, error):
    caplog.set_level(logging.DEBUG)
    fake_stripe.reply_with(reply)
    with pytest.raises(error) as caught:
        create(make_gateway(max_network_retries=0))
    error_text = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    log_text = caplog.text + str([vars(record) for record in caplog.records])
    assert ("stripe_request_failed", "create_intent") in logged_calls(caplog)
    for private in ("4000000000000002", "Ada", SECRET_KEY, "Confidential"):
        assert private not in error_text
        assert private not in log_text


@pytest.mark.parametrize(
    ("reply", "level"),
    [(refuse(400, "invalid_request_error"), "ERROR"), (drop, "WARNING")],
)
def test_a_refusal_is_logged_as_an_error_and_other_failures_as_warnings(
    make_gateway, fake_stripe, caplog, reply, level
):
    fake_stripe.reply_with(reply)
    with pytest.raises(PaymentsError):
        create(make_gateway(max_network_retries=0))
    assert [record.levelname for record in caplog.records] == [level]


def test_an_error_names_the_request_for_stripes_support(make_gateway, fake_stripe):
    fake_stripe.reply_with(refuse(400, "invalid_request_error", "amount_too_small"))
    with pytest.raises(StripeRefusedError, match=r"status=400 code=amount_too_small request=req_1"):
        create(make_gateway())


def test_a_refused_connection(make_gateway):
    gateway = make_gateway(api_base="http://127.0.0.1:9", max_network_retries=1)
    with pytest.raises(StripeUnavailableError):
        create(gateway)


# --- retries

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
def test_a_transient_failure_is_retried_under_the_same_key(gateway, fake_stripe, reply):
    fake_stripe.reply_with(reply, reply)
    assert create(gateway, key="order-1").id == "pi_1"
    assert len(fake_stripe.requests) == 3
    assert {request.headers["idempotency-key"] for request in fake_stripe.requests} == {"order-1"}
    assert len({str(request.form) for request in fake_stripe.requests}) == 1


@EACH_TRANSIENT
def test_the_number_of_retries_is_limited(gateway, fake_stripe, reply):
    fake_stripe.reply_with(*[reply] * 5)
    with pytest.raises(StripeUnavailableError):
        create(gateway)
    assert len(fake_stripe.requests) == 3


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
def test_a_permanent_failure_is_not_retried(gateway, fake_stripe, reply):
    fake_stripe.reply_with(reply)
    with pytest.raises(PaymentsError):
        create(gateway)
    assert len(fake_stripe.requests) == 1


# --- deadlines


def timed(function):
    """The seconds until StripeUnavailableError is raised."""
    begin = time.monotonic()
    with pytest.raises(StripeUnavailableError):
        function()
    return time.monotonic() - begin


@pytest.mark.parametrize("reply", [hang, stall, trickle])
def test_an_operation_ends_at_its_deadline(make_gateway, fake_stripe, reply):
    gateway = make_gateway(timeout=0.5)
    fake_stripe.reply_with(*[reply] * 3)
    assert 0.4 < timed(lambda: create(gateway)) < 0.5 + MARGIN
    assert len(fake_stripe.requests) == 1


def test_retries_end_at_the_deadline(make_gateway, fake_stripe, monkeypatch):
    monkeypatch.setattr("bookshop.payments.http_client.PooledHTTPClient.INITIAL_DELAY", 30)
    monkeypatch.setattr("bookshop.payments.http_client.PooledHTTPClient.MAX_DELAY", 30)
    gateway = make_gateway(timeout=0.5)
    fake_stripe.reply_with(drop, drop)
    assert timed(lambda: create(gateway)) < 0.5 + MARGIN
    assert len(fake_stripe.requests) == 1  # there was no time left for another


# --- concurrency


def test_an_operation_without_a_slot_fails_at_once(make_gateway, fake_stripe):
    gateway = make_gateway(max_concurrency=3, timeout=30)
    fake_stripe.reply_with(hang, hang, hang)
    results = []

    def wait():
        try:
            results.append(gateway.retrieve_intent("pi_1"))
        except PaymentsError as err:
            results.append(err)

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    fake_stripe.wait_for(3)
    begin = time.monotonic()
    with pytest.raises(StripeBusyError):
        create(gateway)
    assert time.monotonic() - begin < MARGIN
    assert len(fake_stripe.requests) == 3  # nothing was sent

    fake_stripe.over.set()
    for thread in threads:
        thread.join(60)
    assert len(results) == 3
    assert gateway.retrieve_intent("pi_1").id == "pi_1"


@EACH_FAILURE
def test_every_failure_releases_its_slot(make_gateway, fake_stripe, reply, error):
    gateway = make_gateway(max_concurrency=1, max_network_retries=0)
    for _ in range(2):
        fake_stripe.reply_with(reply)
        with pytest.raises(error):
            create(gateway)
    assert create(gateway).id == "pi_1"


def test_the_mode_is_read_from_the_key(make_gateway):
    assert make_gateway().livemode is False
    assert make_gateway(secret_key=Secret("sk_live_1")).livemode is True
