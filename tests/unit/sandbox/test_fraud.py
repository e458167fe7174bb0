"""Early fraud warnings and reviews."""

import pytest
import stripe


@pytest.fixture
def on_charge(send, intent):
    """Do something to the intent's charge by the sandbox's own controls."""
    return lambda what: send("POST", f"/_sandbox/charges/{intent.id}/{what}")


@pytest.fixture
def warnings(client, intent):
    return lambda: client.radar.early_fraud_warnings.list({"payment_intent": intent.id}).data


@pytest.fixture
def review(client, intent):
    """The review of the intent's charge as it is now."""

    def retrieve():
        expand = ["latest_charge.review"]
        return client.payment_intents.retrieve(intent.id, {"expand": expand}).latest_charge.review

    return retrieve


def _newest_event(client):
    event = client.events.list({"limit": 1}).data[0]
    return event.type, event.data.object


def test_the_issuer_warns_of_a_card(client, confirm, intent, warnings):
    confirm(intent, "pm_card_createIssuerFraudRecord")

    (warning,) = warnings()
    assert (warning.actionable, warning.payment_intent) == (True, intent.id)
    kind, event_object = _newest_event(client)
    assert (kind, event_object.id) == ("radar.early_fraud_warning.created", warning.id)
    again = client.radar.early_fraud_warnings.retrieve(warning.id, {"expand": ["charge"]})
    assert again.charge.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        client.radar.early_fraud_warnings.retrieve("issfr_unknown")


def test_the_issuer_warns_at_will(client, confirm, intent, warnings, on_charge):
    assert on_charge("warn").status == 400
    confirm(intent, "pm_card_visa")

    made = on_charge("warn").json

    assert [each.id for each in warnings()] == [made["id"]]
    listed = client.radar.early_fraud_warnings.list({"charge": made["charge"]}).data
    assert [each.id for each in listed] == [made["id"]]


@pytest.mark.parametrize("how", ["refund", "dispute"])
def test_a_fraud_warning_of_a_refunded_charge_is_not_actionable(
    client, confirm, intent, warnings, on_charge, how
):
    confirm(intent, "pm_card_createIssuerFraudRecord")
    client.refunds.create({"payment_intent": intent.id, "amount": 1})
    assert warnings()[0].actionable

    on_charge(how)

    assert not warnings()[0].actionable
    kind, _ = _newest_event(client)
    assert kind == "radar.early_fraud_warning.updated"
    assert on_charge("warn").json["actionable"] is False


def test_an_elevated_risk_is_under_review(client, confirm, intent, review):
    paid = confirm(intent, "pm_card_riskLevelElevated", expand=["latest_charge"])

    assert (paid.status, paid.review) == ("succeeded", review().id)
    assert paid.latest_charge.outcome.type == "manual_review"
    assert (review().open, review().opened_reason, review().closed_reason) == (True, "rule", None)
    opened = client.events.list({"type": "review.opened"}).data
    assert [event.data.object.id for event in opened] == [paid.review]


def test_a_review_is_approved_once(client, confirm, intent, review):
    confirm(intent, "pm_card_riskLevelElevated")

    approved = client.reviews.approve(review().id)

    assert (approved.open, approved.reason, approved.closed_reason) == (
        False,
        "approved",
        "approved",
    )
    kind, event_object = _newest_event(client)
    assert (kind, event_object.closed_reason) == ("review.closed", "approved")
    with pytest.raises(stripe.InvalidRequestError, match=approved.id) as refused:
        client.reviews.approve(approved.id)
    assert refused.value.http_status == 400
    assert [each.id for each in client.reviews.list().data] == [approved.id]
    assert client.reviews.retrieve(approved.id).open is False


@pytest.mark.parametrize(("outcome", "refunded"), [("approved", 0), ("refunded_as_fraud", 1299)])
def test_a_review_is_opened_and_closed_at_will(
    client, confirm, intent, review, on_charge, send, outcome, refunded
):
    confirm(intent, "pm_card_visa")
    made = on_charge("review").json
    assert (made["opened_reason"], review().id) == ("manual", made["id"])
    assert client.payment_intents.retrieve(intent.id).review == made["id"]
    assert on_charge("review").status == 400
    path = f"/_sandbox/reviews/{made['id']}/close"

    closed = send("POST", path, {"outcome": outcome}).json

    assert (closed["open"], closed["closed_reason"]) == (False, outcome)
    assert client.charges.retrieve(made["charge"]).amount_refunded == refunded
    assert send("POST", path, {"outcome": "refunded_as_fraud"}).status == 400
    assert send("POST", path.replace(made["id"], "prv_unknown"), {"outcome": outcome}).status == 404


def test_a_dispute_ends_the_review(confirm, intent, review, on_charge):
    confirm(intent, "pm_card_riskLevelElevated")

    on_charge("dispute")

    assert review().closed_reason == "disputed"


def test_a_warning_ends_once(client, confirm, intent, on_charge):
    confirm(intent, "pm_card_createIssuerFraudRecord")
    on_charge("refund")
    on_charge("dispute")

    updates = client.events.list({"type": "radar.early_fraud_warning.updated"}).data
    assert len(updates) == 1
