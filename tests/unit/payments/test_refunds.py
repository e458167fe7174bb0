"""Refunds: one for each idempotency key, and reasons when Stripe refuses."""

import logging
import traceback

import pytest

from bookshop.money import Money
from bookshop.payments.charges import RefundStatus
from bookshop.payments.error_mapping import AMOUNT_TOO_LARGE, DISPUTED, INSUFFICIENT_FUNDS
from bookshop.payments.errors import (
    IntentMissingError,
    NotPermittedError,
    PaymentsError,
    RefundRefusedError,
    StoredFailureError,
    StripeRefusedError,
    StripeUnavailableError,
)
from tests.unit.payments.fake_stripe import answer, drop, hang, refuse
from tests.unit.payments.objects import REFUND

PART = Money(500, "GBP")
NOT_ACCEPTED = "Stripe does not accept this refund"


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(max_network_retries=0)


def create_refund(gateway, key="refund-7"):
    return gateway.create_refund(key, "pi_1", PART, "7")


def invalid(code=None, **more):
    return refuse(400, "invalid_request_error", code, **more)


def test_a_refund_is_created(gateway, fake_stripe):
    fake_stripe.reply_with(answer({**REFUND, "status": "pending"}))
    refund = create_refund(gateway)
    [request] = fake_stripe.requests
    assert (request.method, request.path) == ("POST", "/v1/refunds")
    assert request.form == {
        "payment_intent": "pi_1",
        "amount": "500",
        "reason": "requested_by_customer",
        "metadata[refund]": "7",
    }
    assert request.headers["idempotency-key"] == "refund-7"
    assert (refund.id, refund.reference, refund.amount) == ("re_1", "7", PART)
    assert refund.status is RefundStatus.PENDING


def test_a_refund_is_retried_under_the_same_key(make_gateway, fake_stripe):
    fake_stripe.reply_with(drop, refuse(500, "api_error"), answer(REFUND))
    assert create_refund(make_gateway()).id == "re_1"
    assert [request.headers["idempotency-key"] for request in fake_stripe.requests] == [
        "refund-7"
    ] * 3


@pytest.mark.parametrize(
    ("reply", "code", "reason"),
    [
        pytest.param(invalid(code), code, reason, id=code)
        for code, reason in [
            ("charge_already_refunded", "the payment has already been refunded in full"),
            ("charge_disputed", DISPUTED),
            ("refund_disputed_payment", DISPUTED),
            ("insufficient_funds", INSUFFICIENT_FUNDS),
            ("payment_intent_unexpected_state", "the payment has not succeeded"),
            ("a_code_of_next_year", NOT_ACCEPTED),
            (None, NOT_ACCEPTED),
        ]
    ]
    + [
        pytest.param(invalid(param="amount"), None, AMOUNT_TOO_LARGE, id="amount"),
        pytest.param(invalid("x", param="amount"), "x", NOT_ACCEPTED, id="amount, with a code"),
        pytest.param(
            refuse(402, "invalid_request_error", "balance_insufficient"),
            "balance_insufficient",
            INSUFFICIENT_FUNDS,
            id="402",
        ),
    ],
)
def test_refusal_codes_and_texts(gateway, fake_stripe, reply, code, reason):
    fake_stripe.reply_with(reply)
    with pytest.raises(RefundRefusedError) as caught:
        create_refund(gateway)
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert "request=req_1" in str(caught.value)


OTHER_FAILURES = {
    "other parameters": (refuse(400, "idempotency_error"), StripeRefusedError),
    "wrong key": (refuse(401, "invalid_request_error"), StripeRefusedError),
    "forbidden": (refuse(403, "invalid_request_error"), NotPermittedError),
    "no intent": (refuse(404, "invalid_request_error", "resource_missing"), IntentMissingError),
    "no intent, said as 400": (invalid("resource_missing"), IntentMissingError),
    "key in use": (
        refuse(409, "invalid_request_error", "idempotency_key_in_use"),
        StripeUnavailableError,
    ),
    "too many": (refuse(429, "invalid_request_error", "rate_limit"), StripeUnavailableError),
    "broken": (refuse(500, "api_error"), StripeUnavailableError),
    "stored": (refuse(500, "api_error", Idempotent_Replayed="true"), StoredFailureError),
    "dropped": (drop, StripeUnavailableError),
}


@pytest.mark.parametrize(("reply", "error"), OTHER_FAILURES.values(), ids=OTHER_FAILURES)
def test_failures_that_do_not_concern_the_refund(gateway, fake_stripe, reply, error):
    fake_stripe.reply_with(reply)
    with pytest.raises(PaymentsError) as caught:
        create_refund(gateway)
    assert type(caught.value) is error


def test_a_refund_ends_at_its_deadline(make_gateway, fake_stripe):
    fake_stripe.reply_with(hang)
    with pytest.raises(StripeUnavailableError):
        create_refund(make_gateway(timeout=0.3))


def test_no_error_or_log_of_a_refused_refund_repeats_stripes_message(gateway, fake_stripe, caplog):
    caplog.set_level(logging.DEBUG)
    fake_stripe.reply_with(invalid("charge_disputed", charge="ch_1"))
    with pytest.raises(RefundRefusedError) as caught:
        create_refund(gateway)
    error_text = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    log_text = caplog.text + str([vars(record) for record in caplog.records])
    assert "stripe_request_failed" in log_text
    for private in ("4000000000000002", "Ada"):
        assert private not in error_text
        assert private not in log_text
