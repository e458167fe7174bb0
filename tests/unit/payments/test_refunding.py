"""Sending money back: once for each key, and in plain words where Stripe refuses."""

import logging
import traceback

import pytest

from bookshop.money import Money
from bookshop.payments.charges import RefundStatus
from bookshop.payments.error_mapping import DISPUTED, INSUFFICIENT_FUNDS, AMOUNT_TOO_LARGE
from bookshop.payments.errors import (
    IntentMissingError,
    NotPermittedError,
    PaymentsError,
    RefundRefusedError,
    StoredFailureError,
    StripeRefusedError,
    StripeUnavailableError,
)
from tests.unit.payments.counterpart import answer, drop, hang, refuse
from tests.unit.payments.objects import REFUND

PART = Money(500, "GBP")
NOT_ACCEPTED = "Stripe does not accept this refund"


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(max_network_retries=0)


def send_back(gateway, key="refund-7"):
    return gateway.create_refund(key, "pi_1", PART, "7")


def invalid(code=None, **more):
    return refuse(400, "invalid_request_error", code, **more)


def test_a_refund_is_asked_for(gateway, counterpart):
    counterpart.will(answer({**REFUND, "status": "pending"}))
    refund = send_back(gateway)
    [asked] = counterpart.asked
    assert (asked.method, asked.path) == ("POST", "/v1/refunds")
    assert asked.form == {
        "payment_intent": "pi_1",
        "amount": "500",
        "reason": "requested_by_customer",
        "metadata[refund]": "7",
    }
    assert asked.headers["idempotency-key"] == "refund-7"
    assert (refund.id, refund.reference, refund.amount) == ("re_1", "7", PART)
    assert refund.status is RefundStatus.PENDING


def test_a_refund_is_repeated_under_the_same_key(make_gateway, counterpart):
    counterpart.will(drop, refuse(500, "api_error"), answer(REFUND))
    assert send_back(make_gateway()).id == "re_1"
    assert [asked.headers["idempotency-key"] for asked in counterpart.asked] == ["refund-7"] * 3


@pytest.mark.parametrize(
    ("reply", "code", "reason"),
    [
        pytest.param(invalid(code), code, reason, id=code)
        for code, reason in [
            ("charge_already_refunded", "the payment is refunded in full already"),
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
def test_a_refused_refund_says_why(gateway, counterpart, reply, code, reason):
    counterpart.will(reply)
    with pytest.raises(RefundRefusedError) as caught:
        send_back(gateway)
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
def test_what_is_not_about_the_refund_itself(gateway, counterpart, reply, error):
    counterpart.will(reply)
    with pytest.raises(PaymentsError) as caught:
        send_back(gateway)
    assert type(caught.value) is error


def test_a_refund_ends_in_time(make_gateway, counterpart):
    counterpart.will(hang)
    with pytest.raises(StripeUnavailableError):
        send_back(make_gateway(timeout=0.3))


def test_a_refused_refund_tells_nothing_that_stripe_said(gateway, counterpart, caplog):
    caplog.set_level(logging.DEBUG)
    counterpart.will(invalid("charge_disputed", charge="ch_1"))
    with pytest.raises(RefundRefusedError) as caught:
        send_back(gateway)
    told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert "stripe refund failed" in caplog.text
    for private in ("4000000000000002", "Ada"):
        assert private not in told
        assert private not in caplog.text
