"""An intent with all that belongs to it: refunds, disputes, a review, an address."""

import logging
from datetime import UTC, datetime

import pytest

from bookshop import clock
from bookshop.money import Money
from bookshop.payments.charges import Address, DisputeStatus, FraudWarning, RefundStatus
from bookshop.payments.errors import StripeUnavailableError
from bookshop.payments.intents import IntentStatus
from tests.unit.payments.counterpart import INTENT, answer, hang, refuse
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
def told(gateway, counterpart):
    """What the gateway makes of Stripe's answers, one for each request."""

    def tell(*answers):
        counterpart.will(*[answer(each) for each in answers])
        intent = gateway.retrieve_intent("pi_1")
        assert len(counterpart.asked) == len(answers)
        return intent

    return tell


# --- what is asked


def test_an_intent_is_asked_for_with_its_charge(told, counterpart):
    told(paid())
    assert counterpart.asked[0].query == {
        "expand[0]": "latest_charge.refunds",
        "expand[1]": "latest_charge.review",
    }


def test_disputes_are_asked_for_where_there_are_any(told, counterpart):
    intent = told(paid(charge(disputed=True)), listed(DISPUTE))
    asked = counterpart.asked[1]
    assert (asked.method, asked.path) == ("GET", "/v1/disputes")
    assert asked.query == {"payment_intent": "pi_1", "limit": "100"}
    [dispute] = intent.charge.disputes
    assert (dispute.id, dispute.intent_id, dispute.created) == ("du_1", "pi_1", WHEN)
    assert (dispute.amount, dispute.reason) == (Money(1299, "GBP"), "product_not_received")
    assert dispute.status is DisputeStatus.NEEDS_RESPONSE


def test_more_refunds_than_fit_are_all_listed(told, counterpart):
    of_id = [{**REFUND, "id": f"re_{number}"} for number in range(4)]
    intent = told(
        paid(charge(of_id[0], more=True, amount_refunded=2000)),
        listed(*of_id[:3], more=True),
        listed(of_id[3]),
    )
    assert [refund.id for refund in intent.charge.refunds] == ["re_0", "re_1", "re_2", "re_3"]
    assert counterpart.asked[1].path == "/v1/refunds"
    assert counterpart.asked[1].query == {"payment_intent": "pi_1", "limit": "100"}
    assert counterpart.asked[2].query["starting_after"] == "re_2"
    assert intent.charge.amount_refunded == 2000


def test_refunds_that_did_not_come_along_are_listed(told):
    intent = told(paid(charge(refunds=None)), listed(REFUND))
    assert [refund.id for refund in intent.charge.refunds] == ["re_1"]


def test_all_that_is_asked_for_one_intent_is_one_visit(make_gateway, counterpart, visits):
    gateway = make_gateway(timeout=0.5)
    counterpart.will(answer(paid(charge(disputed=True))), hang)
    with pytest.raises(StripeUnavailableError):
        gateway.retrieve_intent("pi_1")
    assert len(counterpart.asked) == 2
    assert len(visits) == 1


def test_a_failure_half_way_is_a_failure(make_gateway, counterpart):
    gateway = make_gateway(max_network_retries=0)
    counterpart.will(answer(paid(charge(REFUND, disputed=True))), refuse(500, "api_error"))
    with pytest.raises(StripeUnavailableError):
        gateway.retrieve_intent("pi_1")


def test_an_answer_of_many_requests_is_as_old_as_the_first(told, counterpart, monkeypatch):
    asked_at, later = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: later if counterpart.asked else asked_at)
    assert told(paid(charge(disputed=True)), listed(DISPUTE)).asked_at == asked_at


# --- what comes back


def test_a_payment_that_nothing_happened_to(told):
    made = told(paid()).charge
    assert (made.id, made.amount_refunded) == ("ch_1", 0)
    assert (made.refunds, made.disputes, made.under_review) == ((), (), False)


@pytest.mark.parametrize("latest_charge", [None, "ch_1"])
def test_no_charge_where_stripe_tells_of_none(told, latest_charge):
    assert told({**INTENT, "latest_charge": latest_charge}).charge is None


def test_what_changes_an_intent_tells_of_no_charge(gateway, counterpart):
    said = answer({**INTENT, "latest_charge": "ch_1"})
    counterpart.will(said, said, said)
    total = Money(1299, "GBP")
    assert gateway.create_intent("key", total, "K7QM", "Order K7QM").charge is None
    assert gateway.update_intent("pi_1", total, receipt_email="ada@mail.example").charge is None
    assert gateway.cancel_intent("pi_1").charge is None


def test_a_refund(told):
    [refund] = told(paid(charge(REFUND))).charge.refunds
    assert (refund.id, refund.intent_id, refund.created) == ("re_1", "pi_1", WHEN)
    assert (refund.amount, refund.status) == (Money(500, "GBP"), RefundStatus.SUCCEEDED)
    assert (refund.reference, refund.reason) == ("7", "requested_by_customer")
    assert refund.failure_reason is None


@pytest.mark.parametrize("metadata", [None, {}, {"order": "K7QM-2X9T-4BCD"}])
def test_a_refund_of_the_dashboard_has_no_reference(told, metadata):
    made = {**REFUND, "metadata": metadata, "payment_intent": None, "reason": None}
    [refund] = told(paid(charge(made))).charge.refunds
    assert (refund.reference, refund.reason, refund.intent_id) == (None, None, None)


def test_why_a_refund_failed(told):
    failed = {**REFUND, "status": "failed", "failure_reason": "lost_or_stolen_card"}
    [refund] = told(paid(charge(failed))).charge.refunds
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
def test_which_refunds_take_money_off(told, status, counts):
    [refund] = told(paid(charge({**REFUND, "status": status}))).charge.refunds
    assert refund.status == status
    assert refund.status.counts is counts


@pytest.mark.parametrize("status", list(DisputeStatus))
def test_each_state_of_a_dispute(told, status):
    intent = told(paid(charge(disputed=True)), listed({**DISPUTE, "status": status.value}))
    assert intent.charge.disputes[0].status is status


@pytest.mark.parametrize(
    ("review", "under_review"), [(None, False), (REVIEW, True), ({**REVIEW, "open": False}, False)]
)
def test_a_payment_under_review(told, review, under_review):
    assert told(paid(charge(review=review))).charge.under_review is under_review


def test_why_an_intent_was_cancelled(told):
    assert told({**INTENT, "status": "canceled"}).cancellation_reason is None


@pytest.mark.parametrize("reason", ["abandoned", "duplicate"])
def test_the_reason_to_cancel_is_told_and_comes_back(gateway, counterpart, reason):
    counterpart.will(answer({**INTENT, "status": "canceled", "cancellation_reason": reason}))
    assert gateway.cancel_intent("pi_1", reason).cancellation_reason == reason
    assert counterpart.asked[0].form == {"cancellation_reason": reason}


# --- addresses


def test_the_address_of_the_card(told):
    assert told(paid()).charge.address == Address(
        name="Ada Example",
        line1="1 Example Street",
        line2=None,
        postal_code="N1 1AA",
        city="London",
        state=None,
        country="GB",
    )


def test_where_to_deliver_wins_over_where_the_card_lives(told):
    elsewhere = {"address": {**ADDRESS, "city": "Leeds"}, "name": "Bob Example"}
    address = told(paid(shipping=elsewhere)).charge.address
    assert (address.name, address.city) == ("Bob Example", "Leeds")


@pytest.mark.parametrize(
    "billing", [{**PARTY, "address": None}, {**PARTY, "address": dict.fromkeys(ADDRESS)}]
)
def test_no_address_where_none_is_known(told, billing):
    assert told(paid(charge(billing_details=billing))).charge.address is None


def test_an_address_shows_nothing_of_itself(told):
    assert "address=Address()" in repr(told(paid(shipping=PARTY)))


# --- words that Stripe may add


@pytest.mark.parametrize("status", ["on_its_way", None])
def test_a_refund_in_an_unknown_state_counts_and_is_told(told, caplog, status):
    [refund] = told(paid(charge({**REFUND, "status": status}))).charge.refunds
    assert refund.status is RefundStatus.PENDING
    assert f"unknown RefundStatus {status!r} is taken for pending" in caplog.text


def test_a_dispute_in_an_unknown_state_is_open_and_is_told(told, caplog):
    intent = told(paid(charge(disputed=True)), listed({**DISPUTE, "status": "in_court"}))
    assert intent.charge.disputes[0].status is DisputeStatus.NEEDS_RESPONSE
    assert "unknown DisputeStatus 'in_court' is taken for needs_response" in caplog.text


def test_an_intent_in_an_unknown_state_is_neither_open_nor_over(told, caplog):
    intent = told({**INTENT, "status": "requires_patience"})
    assert intent.status is IntentStatus.PROCESSING
    assert not intent.open
    assert "unknown IntentStatus 'requires_patience' is taken for processing" in caplog.text


def test_what_is_known_is_not_told(told, caplog):
    caplog.set_level(logging.WARNING)
    told(paid(charge(REFUND, disputed=True)), listed(DISPUTE))
    assert caplog.records == []


# --- early fraud warnings


def test_the_warnings_about_a_payment(gateway, counterpart):
    counterpart.will(answer(listed(WARNING)))
    assert gateway.fraud_warnings("pi_1") == (
        FraudWarning("issfr_1", "pi_1", "made_with_stolen_card", WHEN),
    )
    [asked] = counterpart.asked
    assert (asked.method, asked.path) == ("GET", "/v1/radar/early_fraud_warnings")
    assert asked.query == {"payment_intent": "pi_1", "limit": "100"}


def test_no_warnings(gateway, counterpart):
    counterpart.will(answer(listed()))
    assert gateway.fraud_warnings("pi_1") == ()
