"""Disputes and inquiries, from the customer's bank to its decision."""

import pytest
import stripe


@pytest.fixture
def disputed(client, confirm, intent):
    """Pay the intent so that it is disputed; the dispute."""

    def by(method="pm_card_createDispute"):
        confirm(intent, method)
        return client.disputes.list({"payment_intent": intent.id}).data[0]

    return by


@pytest.fixture
def dispute(send, intent):
    """Dispute the intent by the sandbox's own controls."""
    return lambda **params: send("POST", f"/_sandbox/charges/{intent.id}/dispute", params)


@pytest.fixture
def settle(send):
    def settle_one(dispute, outcome):
        return send("POST", f"/_sandbox/disputes/{dispute}/settle", {"outcome": outcome})

    return settle_one


@pytest.fixture
def event_types(client):
    """The types of all events since the payment, the oldest first."""

    def types():
        found = [event.type for event in client.events.list({"limit": 100}).data][::-1]
        return found[found.index("payment_intent.succeeded") + 1 :]

    return types


def _refused(call, *args):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(*args)
    return refused.value


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("pm_card_createDispute", "fraudulent"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received"),
    ],
)
def test_a_dispute_takes_the_money_at_once(client, disputed, intent, event_types, method, reason):
    found = disputed(method)

    assert (found.status, found.reason, found.amount) == ("needs_response", reason, 1299)
    assert (found.is_charge_refundable, found.balance_transactions) == (False, [])
    assert found.payment_method_details.card.case_type == "chargeback"
    assert event_types() == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert client.charges.retrieve(found.charge).disputed is True
    assert client.payment_intents.retrieve(intent.id).status == "succeeded"


def test_an_inquiry_takes_nothing(client, disputed, intent, event_types):
    found = disputed("pm_card_createDisputeInquiry")

    assert (found.status, found.is_charge_refundable) == ("warning_needs_response", True)
    assert found.payment_method_details.card.case_type == "inquiry"
    assert event_types() == ["charge.dispute.created"]
    assert client.refunds.create({"payment_intent": intent.id}).status == "succeeded"


@pytest.mark.parametrize(("outcome", "refundable"), [(None, False), ("lost", False), ("won", True)])
def test_a_charge_that_was_charged_back_cannot_be_refunded(
    client, disputed, settle, intent, outcome, refundable
):
    found = disputed()
    if outcome:
        settle(found.id, outcome)

    if refundable:
        assert client.refunds.create({"payment_intent": intent.id}).amount == 1299
    else:
        refused = _refused(client.refunds.create, {"charge": found.charge})
        assert refused.code == "charge_disputed"
        assert refused.user_message == (
            f"Charge {found.charge} has been charged back; cannot issue a refund."
        )


@pytest.mark.parametrize(
    ("outcome", "events"),
    [
        ("won", ["charge.dispute.funds_reinstated", "charge.dispute.closed"]),
        ("lost", ["charge.dispute.closed"]),
    ],
)
def test_the_bank_decides(client, disputed, settle, event_types, outcome, events):
    found = disputed()

    assert settle(found.id, outcome).json["status"] == outcome
    assert event_types()[2:] == events
    assert client.charges.retrieve(found.charge).disputed is True
    assert settle(found.id, "won").status == 400
    assert settle("du_unknown", "won").status == 404
    assert settle(found.id, "perhaps").status == 400


def test_an_inquiry_is_closed_and_neither_won_nor_lost(disputed, settle, event_types):
    found = disputed("pm_card_createDisputeInquiry")

    assert settle(found.id, "won").status == settle(found.id, "lost").status == 400
    assert settle(found.id, "warning_closed").json["status"] == "warning_closed"
    assert event_types()[1:] == ["charge.dispute.closed"]


@pytest.mark.parametrize(
    ("evidence", "status", "last"),
    [
        ("winning_evidence", "won", "charge.dispute.closed"),
        ("losing_evidence", "lost", "charge.dispute.closed"),
        ("Signed for.", "under_review", "charge.dispute.updated"),
    ],
)
def test_evidence_is_weighed_when_submitted(client, disputed, event_types, evidence, status, last):
    found = disputed()
    staged = client.disputes.update(
        found.id, {"evidence": {"uncategorized_text": evidence}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert staged.evidence_details.submission_count == 0

    answered = client.disputes.update(found.id, {"evidence": {"customer_name": "Ada"}})

    assert (answered.status, answered.evidence.uncategorized_text) == (status, evidence)
    assert answered.evidence_details.submission_count == 1
    assert event_types()[-1] == last
    again = {"evidence": {"customer_name": "Bea"}}
    assert _refused(client.disputes.update, found.id, again).param == "evidence"


def test_an_update_event_has_the_previous_attributes(client, disputed):
    found = disputed()
    client.disputes.update(found.id, {"evidence": {"customer_name": "Ada"}, "metadata": {"a": "1"}})

    before = client.events.list({"limit": 1}).data[0].data.previous_attributes
    assert before["status"] == "needs_response"
    assert (before["metadata"].to_dict(), before["evidence"]["customer_name"]) == ({}, None)


def test_a_dispute_is_given_up(client, disputed):
    found = disputed()

    assert client.disputes.close(found.id).status == "lost"
    assert "status of lost" in _refused(client.disputes.close, found.id).user_message
    assert _refused(client.disputes.close, "du_unknown").http_status == 404


def test_an_inquiry_is_not_given_up(client, disputed):
    found = disputed("pm_card_createDisputeInquiry")

    assert "warning_needs_response" in _refused(client.disputes.close, found.id).user_message


def test_an_inquiry_becomes_a_dispute_of_what_is_left(
    client, disputed, dispute, intent, event_types
):
    found = disputed("pm_card_createDisputeInquiry")
    client.refunds.create({"payment_intent": intent.id, "amount": 299})

    made = dispute().json

    assert (made["id"], made["status"], made["amount"]) == (found.id, "needs_response", 1000)
    assert made["payment_method_details"]["card"]["case_type"] == "chargeback"
    assert event_types()[-2:] == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    assert _refused(client.refunds.create, {"charge": found.charge}).code == "charge_disputed"


def test_evidence_may_make_a_dispute_of_an_inquiry(client, disputed):
    found = disputed("pm_card_createDisputeInquiry")
    evidence = {"uncategorized_text": "escalate_inquiry_evidence"}

    assert client.disputes.update(found.id, {"evidence": evidence}).status == "needs_response"


def test_of_a_refunded_charge_no_inquiry_becomes_a_dispute(client, disputed, dispute, intent):
    disputed("pm_card_createDisputeInquiry")
    client.refunds.create({"payment_intent": intent.id})

    assert dispute().status == 400


def test_any_paid_charge_can_be_disputed(client, confirm, intent, dispute):
    assert dispute().status == 400
    confirm(intent, "pm_card_visa")
    client.refunds.create({"payment_intent": intent.id, "amount": 299})
    assert dispute(amount=1300).error["param"] == "amount"
    assert dispute(reason="boredom").status == 400

    made = dispute(reason="duplicate").json

    assert (made["amount"], made["reason"]) == (1000, "duplicate")
    assert dispute().status == 400
    assert client.disputes.retrieve(made["id"]).payment_intent == intent.id


def test_a_refunded_payment_can_be_disputed(client, confirm, intent, dispute):
    confirm(intent, "pm_card_visa")
    client.refunds.create({"payment_intent": intent.id})

    assert dispute().json["amount"] == 1299


def test_a_closed_inquiry_does_not_keep_a_dispute_away(disputed, dispute, settle):
    found = disputed("pm_card_createDisputeInquiry")
    assert dispute(inquiry="true").status == 400
    settle(found.id, "warning_closed")

    made = dispute().json

    assert (made["id"] != found.id, made["status"]) == (True, "needs_response")


def test_a_refund_on_its_way_fails_when_the_charge_is_disputed(client, confirm, intent, dispute):
    confirm(intent, "pm_card_pendingRefund")
    pending = client.refunds.create({"payment_intent": intent.id, "amount": 500})

    made = dispute().json

    failed = client.refunds.retrieve(pending.id)
    assert (failed.status, failed.failure_reason) == (
        "failed",
        "charge_for_pending_refund_disputed",
    )
    charge = client.charges.retrieve(made["charge"])
    assert (made["amount"], charge.amount_refunded, charge.disputed) == (1299, 0, True)


def test_the_disputes_of_one_payment_are_listed(client, disputed, confirm):
    found = disputed()
    other = client.payment_intents.create({"amount": 500, "currency": "gbp"})
    confirm(other, "pm_card_createDispute")
    unpaid = client.payment_intents.create({"amount": 500, "currency": "gbp"})

    def listed(**params):
        return [each.id for each in client.disputes.list(params).data]

    assert listed(charge=found.charge) == [found.id]
    assert listed(payment_intent=unpaid.id) == []
    assert len(listed()) == 2
    with pytest.raises(stripe.InvalidRequestError):
        listed(charge="ch_unknown")


def test_an_inquiry_stops_no_refund_until_it_becomes_a_dispute(client, confirm, intent, dispute):
    confirm(intent, "pm_card_pendingRefund")
    pending = client.refunds.create({"payment_intent": intent.id, "amount": 500})
    dispute(inquiry="true")
    assert client.refunds.retrieve(pending.id).status == "pending"

    made = dispute().json

    assert client.refunds.retrieve(pending.id).status == "failed"
    assert client.charges.retrieve(made["charge"]).amount_refunded == 0
