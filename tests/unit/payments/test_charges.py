"""A PaymentIntent with its charge: refunds, disputes, review, address."""

import logging
from datetime import UTC, datetime

import pytest

from bookshop import clock
from bookshop.money import Money
from bookshop.payments.charges import Address, DisputeStatus, FraudWarning, RefundStatus
from bookshop.payments.errors import StripeUnavailableError
from bookshop.payments.intents import IntentStatus
from tests.unit.payments.fake_stripe import INTENT, answer, hang, refuse
from tests.unit.payments.objects import (
    ADDRESS,
    DISPUTE,
    REFUND,
    REVIEW,
    WARNING,
    WHEN,
    charge,
    listed,
    paid,
)

PARTY = {"address": ADDRESS, "name": "Ada Example"}


@pytest.fixture
def gateway(make_gateway):
    return make_gateway()


@pytest.fixture
def retrieve(gateway, fake_stripe):
    """Retrieves an intent with the given answers, one for each request."""

    def retrieve(*answers):
        fake_stripe.reply_with(*[answer(each) for each in answers])
        intent = gateway.retrieve_intent("pi_1")
        assert len(fake_stripe.requests) == len(answers)
        return intent

    return retrieve


# --- requests


def test_an_intent_is_retrieved_with_its_charge(retrieve, fake_stripe):
    retrieve(paid())
    assert fake_stripe.requests[0].query == {
        "expand[0]": "latest_charge.refunds",
        "expand[1]": "latest_charge.review",
    }


def test_disputes_are_listed_if_the_charge_is_disputed(retrieve, fake_stripe):
    intent = retrieve(paid(charge(disputed=True)), listed(DISPUTE))
    request = fake_stripe.requests[1]
    assert (request.method, request.path) == ("GET", "/v1/disputes")
    assert request.query == {"payment_intent": "pi_1", "limit": "100"}
    [dispute] = intent.charge.disputes
    assert (dispute.id, dispute.intent_id, dispute.created) == ("du_1", "pi_1", WHEN)
    assert (dispute.amount, dispute.reason) == (Money(1299, "GBP"), "product_not_received")
    assert dispute.status is DisputeStatus.NEEDS_RESPONSE


def test_more_refunds_than_fit_are_all_listed(retrieve, fake_stripe):
    of_id = [{**REFUND, "id": f"re_{number}"} for number in range(4)]
    intent = retrieve(
        paid(charge(of_id[0], more=True, amount_refunded=2000)),
        listed(*of_id[:3], more=True),
        listed(of_id[3]),
    )
    assert [refund.id for refund in intent.charge.refunds] == ["re_0", "re_1", "re_2", "re_3"]
    assert fake_stripe.requests[1].path == "/v1/refunds"
    assert fake_stripe.requests[1].query == {"payment_intent": "pi_1", "limit": "100"}
    assert fake_stripe.requests[2].query["starting_after"] == "re_2"
    assert intent.charge.amount_refunded == 2000


def test_refunds_that_are_not_expanded_are_listed(retrieve):
    intent = retrieve(paid(charge(refunds=None)), listed(REFUND))
    assert [refund.id for refund in intent.charge.refunds] == ["re_1"]


def test_all_requests_for_one_intent_share_one_deadline(make_gateway, fake_stripe, operations):
    gateway = make_gateway(timeout=1.5)
    fake_stripe.reply_with(answer(paid(charge(disputed=True))), hang)
    with pytest.raises(StripeUnavailableError):
        gateway.retrieve_intent("pi_1")
    assert len(fake_stripe.requests) == 2
    assert len(operations) == 1


def test_a_failure_of_a_later_request_is_raised(make_gateway, fake_stripe):
    gateway = make_gateway(max_network_retries=0)
    fake_stripe.reply_with(answer(paid(charge(REFUND, disputed=True))), refuse(500, "api_error"))
    with pytest.raises(StripeUnavailableError):
        gateway.retrieve_intent("pi_1")


def test_an_intent_has_the_time_of_its_first_request(retrieve, fake_stripe, monkeypatch):
    checked_at, later = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: later if fake_stripe.requests else checked_at)
    assert retrieve(paid(charge(disputed=True)), listed(DISPUTE)).checked_at == checked_at


# --- responses


def test_a_payment_without_refunds_and_disputes(retrieve):
    made = retrieve(paid()).charge
    assert (made.id, made.amount_refunded) == ("ch_1", 0)
    assert (made.refunds, made.disputes, made.under_review) == ((), (), False)


@pytest.mark.parametrize("latest_charge", [None, "ch_1"])
def test_an_intent_without_a_charge(retrieve, latest_charge):
    assert retrieve({**INTENT, "latest_charge": latest_charge}).charge is None


def test_changing_an_intent_returns_no_charge(gateway, fake_stripe):
    said = answer({**INTENT, "latest_charge": "ch_1"})
    fake_stripe.reply_with(said, said, said)
    total = Money(1299, "GBP")
    assert gateway.create_intent("key", total, "K7QM", "Order K7QM").charge is None
    assert gateway.update_intent("pi_1", total, receipt_email="ada@mail.example").charge is None
    assert gateway.cancel_intent("pi_1").charge is None


def test_a_refund(retrieve):
    [refund] = retrieve(paid(charge(REFUND))).charge.refunds
    assert (refund.id, refund.intent_id, refund.created) == ("re_1", "pi_1", WHEN)
    assert (refund.amount, refund.status) == (Money(500, "GBP"), RefundStatus.SUCCEEDED)
    assert (refund.reference, refund.reason) == ("7", "requested_by_customer")
    assert refund.failure_reason is None


@pytest.mark.parametrize("metadata", [None, {}, {"order": "K7QM-2X9T-4BCD"}])
def test_a_refund_made_in_the_dashboard_has_no_reference(retrieve, metadata):
    made = {**REFUND, "metadata": metadata, "payment_intent": None, "reason": None}
    [refund] = retrieve(paid(charge(made))).charge.refunds
    assert (refund.reference, refund.reason, refund.intent_id) == (None, None, None)


def test_why_a_refund_failed(retrieve):
    failed = {**REFUND, "status": "failed", "failure_reason": "lost_or_stolen_card"}
    [refund] = retrieve(paid(charge(failed))).charge.refunds
    assert refund.failure_reason == "lost_or_stolen_card"
    assert not refund.status.counts


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("pending", True),
        ("requires_action", True),
        ("succeeded", True),
        ("failed", False),
        ("canceled", False),
    ],
)
def test_which_refunds_count(retrieve, status, counts):
    [refund] = retrieve(paid(charge({**REFUND, "status": status}))).charge.refunds
    assert refund.status == status
    assert refund.status.counts is counts


@pytest.mark.parametrize("status", list(DisputeStatus))
def test_each_state_of_a_dispute(retrieve, status):
    intent = retrieve(paid(charge(disputed=True)), listed({**DISPUTE, "status": status.value}))
    assert intent.charge.disputes[0].status is status


@pytest.mark.parametrize(
    ("review", "under_review"), [(None, False), (REVIEW, True), ({**REVIEW, "open": False}, False)]
)
def test_a_payment_under_review(retrieve, review, under_review):
    assert retrieve(paid(charge(review=review))).charge.under_review is under_review


def test_why_an_intent_was_cancelled(retrieve):
    assert retrieve({**INTENT, "status": "canceled"}).cancellation_reason is None


@pytest.mark.parametrize("reason", ["abandoned", "duplicate"])
def test_the_cancellation_reason_is_sent_and_returned(gateway, fake_stripe, reason):
    fake_stripe.reply_with(answer({**INTENT, "status": "canceled", "cancellation_reason": reason}))
    assert gateway.cancel_intent("pi_1", reason).cancellation_reason == reason
    assert fake_stripe.requests[0].form == {"cancellation_reason": reason}


# --- addresses


def test_the_address_of_the_card(retrieve):
    assert retrieve(paid()).charge.address == Address(
        name="Ada Example",
        line1="1 Example Street",
        line2=None,
        postal_code="N1 1AA",
        city="London",
        state=None,
        country="GB",
    )


def test_the_delivery_address_comes_before_the_billing_address(retrieve):
    elsewhere = {"address": {**ADDRESS, "city": "Leeds"}, "name": "Bob Example"}
    address = retrieve(paid(shipping=elsewhere)).charge.address
    assert (address.name, address.city) == ("Bob Example", "Leeds")


@pytest.mark.parametrize(
    "billing", [{**PARTY, "address": None}, {**PARTY, "address": dict.fromkeys(ADDRESS)}]
)
def test_an_empty_address_is_omitted(retrieve, billing):
    assert retrieve(paid(charge(billing_details=billing))).charge.address is None


def test_an_address_has_an_empty_repr(retrieve):
    assert "address=Address()" in repr(retrieve(paid(shipping=PARTY)))


# --- statuses that Stripe may add


def logged(caplog):
    """The fields of the one unknown status that was logged."""
    (record,) = (each for each in caplog.records if each.msg == "stripe_status_unknown")
    return record.kind, record.value, record.default


@pytest.mark.parametrize("status", ["on_its_way", None])
def test_an_unknown_refund_status_is_pending_and_logged(retrieve, caplog, status):
    [refund] = retrieve(paid(charge({**REFUND, "status": status}))).charge.refunds
    assert refund.status is RefundStatus.PENDING
    assert logged(caplog) == ("RefundStatus", status, "pending")


def test_an_unknown_dispute_status_is_open_and_logged(retrieve, caplog):
    intent = retrieve(paid(charge(disputed=True)), listed({**DISPUTE, "status": "in_court"}))
    assert intent.charge.disputes[0].status is DisputeStatus.NEEDS_RESPONSE
    assert logged(caplog) == ("DisputeStatus", "in_court", "needs_response")


def test_an_unknown_intent_status_is_processing_and_logged(retrieve, caplog):
    intent = retrieve({**INTENT, "status": "requires_patience"})
    assert intent.status is IntentStatus.PROCESSING
    assert not intent.open
    assert logged(caplog) == ("IntentStatus", "requires_patience", "processing")


def test_known_statuses_are_not_logged(retrieve, caplog):
    caplog.set_level(logging.WARNING)
    retrieve(paid(charge(REFUND, disputed=True)), listed(DISPUTE))
    assert caplog.records == []


# --- the refunds of a payment


def test_the_refunds_of_a_payment_are_read_to_the_last_page(gateway, fake_stripe):
    second = {**REFUND, "id": "re_2", "metadata": {}}
    fake_stripe.reply_with(answer(listed(REFUND, more=True)), answer(listed(second)))
    found = gateway.intent_refunds("pi_1")
    assert [(each.id, each.reference) for each in found] == [("re_1", "7"), ("re_2", None)]
    assert {request.query["payment_intent"] for request in fake_stripe.requests} == {"pi_1"}


# --- early fraud warnings


def test_the_fraud_warnings_about_a_payment(gateway, fake_stripe):
    fake_stripe.reply_with(answer(listed(WARNING)))
    assert gateway.fraud_warnings("pi_1") == (
        FraudWarning("issfr_1", "pi_1", "made_with_stolen_card", WHEN),
    )
    [request] = fake_stripe.requests
    assert (request.method, request.path) == ("GET", "/v1/radar/early_fraud_warnings")
    assert request.query == {"payment_intent": "pi_1", "limit": "100"}


def test_no_fraud_warnings(gateway, fake_stripe):
    fake_stripe.reply_with(answer(listed()))
    assert gateway.fraud_warnings("pi_1") == ()
