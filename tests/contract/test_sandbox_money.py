"""What follows a payment, in the sandbox: refunds, disputes, warnings, reviews. Every operation and
refusal over HTTP; the `recorder` fixture holds each exchange against Stripe's document and types.
"""

import pytest
import stripe

from . import exchanges
from .client import INTENTS

RETURNING = {"return_url": "https://shop.example/success"}
REFUNDS, DISPUTES, REVIEWS = "/v1/refunds", "/v1/disputes", "/v1/reviews"
WARNINGS = "/v1/radar/early_fraud_warnings"


@pytest.fixture
def pay(server_side):
    """A payment that succeeded, by one of Stripe's test payment methods."""

    def with_method(method="pm_card_visa"):
        paid = server_side.confirm(server_side.create(), {"payment_method": method, **RETURNING})
        assert paid.status == 200, paid
        return paid.body

    return with_method


def whole(server_side, intent):
    """An intent with all that belongs to its charge."""
    fields = ("latest_charge.refunds", "latest_charge.review")
    expand = {f"expand[{place}]": field for place, field in enumerate(fields)}
    return server_side.get(f"{INTENTS}/{intent['id']}", expand).body


def settle(controls, kind, identifier, outcome):
    answer = controls.post(f"/_sandbox/{kind}/{identifier}/settle", {"outcome": outcome})
    assert answer.status == 200, answer
    return answer.body


@pytest.mark.parametrize("name", ["payment_intent", "charge"])
@pytest.mark.parametrize("reason", [None, "duplicate", "fraudulent", "requested_by_customer"])
def test_refund(server_side, pay, name, reason):
    intent = pay()
    whose = {"payment_intent": intent["id"], "charge": intent["latest_charge"]}[name]
    asked = {name: whose, "amount": 299, "metadata[refund]": "r-1"}
    refund = server_side.post(REFUNDS, asked | ({"reason": reason} if reason else {})).body
    assert (refund["status"], refund["amount"], refund["reason"]) == ("succeeded", 299, reason)
    assert server_side.get(f"{REFUNDS}/{refund['id']}").body == refund
    rest = server_side.post(REFUNDS, {name: whose, "expand[]": "charge"}).body
    assert (rest["amount"], rest["charge"]["refunded"]) == (1000, True)
    charge = whole(server_side, intent)["latest_charge"]
    assert [each["amount"] for each in charge["refunds"]["data"]] == [1000, 299]


def test_refunds_are_listed(server_side, pay):
    intent = pay()
    made = [
        server_side.post(REFUNDS, {"charge": intent["latest_charge"], "amount": 1}).body["id"]
        for _ in range(11)
    ][::-1]
    about = {"payment_intent": intent["id"], "limit": 2, "created[gte]": 1_000_000_000}
    newest = server_side.get(REFUNDS, {**about, "expand[]": "data.charge"}).body
    assert [each["id"] for each in newest["data"]] == made[:2]
    after = server_side.get(REFUNDS, {"charge": intent["latest_charge"], "starting_after": made[1]})
    assert [each["id"] for each in after.body["data"]] == made[2:]
    refunds = whole(server_side, intent)["latest_charge"]["refunds"]
    assert ([each["id"] for each in refunds["data"]], refunds["has_more"]) == (made[:10], True)
    charge = f"/v1/charges/{intent['latest_charge']}"
    assert "refunds" not in server_side.get(charge).body
    assert server_side.get(charge, {"expand[]": "refunds"}).body["refunds"] == refunds
    assert server_side.get(f"{charge}/refunds").body == refunds


def test_the_refunds_of_a_list_of_intents(server_side, pay):
    intent = pay()
    server_side.post(REFUNDS, {"payment_intent": intent["id"]})
    expand = {"expand[0]": "data.latest_charge.refunds", "expand[1]": "data.latest_charge.review"}
    newest = server_side.get(INTENTS, {"limit": 1, **expand}).body["data"][0]
    assert [each["amount"] for each in newest["latest_charge"]["refunds"]["data"]] == [1299]


def test_a_refund_keeps_metadata(server_side, pay):
    refund = server_side.post(REFUNDS, {"payment_intent": pay()["id"], "metadata[a]": "1"}).body
    changed = server_side.post(f"{REFUNDS}/{refund['id']}", {"metadata[b]": "2"}).body
    assert changed["metadata"] == {"a": "1", "b": "2"}
    emptied = server_side.post(f"{REFUNDS}/{refund['id']}", {"metadata": ""}).body
    assert emptied["metadata"] == {}


@pytest.mark.parametrize(
    ("method", "outcomes"),
    [
        ("pm_card_visa", ["succeeded", "failed"]),
        ("pm_card_pendingRefund", ["pending", "succeeded"]),
        ("pm_card_pendingRefund", ["pending", "failed"]),
        ("pm_card_pendingRefund", ["pending", "canceled"]),
        ("pm_card_pendingRefund", ["pending", "succeeded", "failed"]),
        ("pm_card_refundFail", ["succeeded", "failed"]),
    ],
)
def test_a_refund_passes_through_its_statuses(
    server_side, controls, receiver, pay, method, outcomes
):
    intent = pay(method)
    refund = server_side.post(REFUNDS, {"payment_intent": intent["id"], "amount": 500}).body
    assert refund["status"] == outcomes[0]
    assert whole(server_side, intent)["latest_charge"]["amount_refunded"] == 500
    for outcome in outcomes[1:]:
        settle(controls, "refunds", refund["id"], outcome)
    settled = server_side.get(f"{REFUNDS}/{refund['id']}").body
    assert settled["status"] == outcomes[-1]
    left = 500 if outcomes[-1] == "succeeded" else 0
    assert whole(server_side, intent)["latest_charge"]["amount_refunded"] == left
    for kind in ("created", "updated", *(["failed"] if outcomes[-1] == "failed" else [])):
        receiver.wait(f"refund.{kind}", refund["id"])
    receiver.wait("charge.refunded", intent["latest_charge"])


@pytest.mark.parametrize("currency", ["gbp", "eur", "usd"])
def test_the_refund_of_a_bank_debit_is_pending(server_side, controls, currency):
    kinds = {"gbp": "bacs_debit", "eur": "sepa_debit", "usd": "us_bank_account"}
    account = {"type": kinds[currency]}
    if currency == "eur":
        account["sepa_debit[iban]"] = "DE89370400440532013000"
    if currency == "usd":
        account["us_bank_account[account_holder_type]"] = "individual"
    method = server_side.post("/v1/payment_methods", account).body
    intent = server_side.create(currency=currency)
    server_side.confirm(intent, {"payment_method": method["id"], **RETURNING})
    settle(controls, "payment_intents", intent["id"], "succeeded")
    refund = server_side.post(REFUNDS, {"payment_intent": intent["id"]}).body
    assert refund["status"] == "pending"
    assert settle(controls, "refunds", refund["id"], "succeeded")["status"] == "succeeded"
    dispute = controls.post(f"/_sandbox/charges/{intent['id']}/dispute", {"reason": "general"})
    assert server_side.get(f"{DISPUTES}/{dispute.body['id']}").body == dispute.body


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "parameter_missing"),
        ({"payment_intent": "pi_missing"}, "resource_missing"),
        ({"charge": "ch_missing"}, "resource_missing"),
        ({"amount": "0"}, "parameter_invalid_integer"),
        ({"amount": "-1"}, "parameter_invalid_integer"),
        ({"amount": "1.50"}, "parameter_invalid_integer"),
        ({"amount": "1300"}, None),
        ({"reason": "expired_uncaptured_charge"}, None),
        ({"metadata[a][b]": "c"}, None),
        ({"colour": "red"}, "parameter_unknown"),
        ({"expand[]": "balance"}, None),
    ],
)
def test_invalid_refunds_are_refused(server_side, pay, parameters, code):
    asked = {"payment_intent": pay()["id"], **parameters} if parameters else {}
    if "charge" in parameters:
        del asked["payment_intent"]
    refused = server_side.post(REFUNDS, asked)
    assert (refused.status, refused.error.get("code")) == (400, code)


def test_no_more_is_refunded_than_was_paid(server_side, pay):
    intent, other = pay(), pay()
    about = {"payment_intent": intent["id"]}
    assert (
        "(£13.00) is greater than charge amount (£12.99)"
        in (server_side.post(REFUNDS, {**about, "amount": 1300}).error["message"])
    )
    server_side.post(REFUNDS, {**about, "amount": 1200})
    assert (
        "(£1.00) is greater than unrefunded amount on charge (£0.99)"
        in (server_side.post(REFUNDS, {**about, "amount": 100}).error["message"])
    )
    assert server_side.post(REFUNDS, about).body["amount"] == 99
    assert server_side.post(REFUNDS, about).error["code"] == "charge_already_refunded"
    mixed = server_side.post(REFUNDS, {**about, "charge": other["latest_charge"]})
    assert (mixed.status, mixed.error["param"]) == (400, "charge")
    unpaid = server_side.post(REFUNDS, {"payment_intent": server_side.create()["id"]})
    assert "does not have a successful charge" in unpaid.error["message"]


def test_a_refund_is_canceled_only_while_the_customer_is_to_act(server_side, pay):
    refund = server_side.post(REFUNDS, {"payment_intent": pay()["id"]}).body
    assert server_side.post(f"{REFUNDS}/{refund['id']}/cancel").status == 400


@pytest.mark.parametrize(
    ("method", "reason", "status"),
    [
        ("pm_card_createDispute", "fraudulent", "needs_response"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received", "needs_response"),
        ("pm_card_createDisputeInquiry", "general", "warning_needs_response"),
    ],
)
def test_dispute(server_side, receiver, pay, method, reason, status):
    intent = pay(method)
    expand = {"expand[0]": "data.charge", "expand[1]": "data.payment_intent"}
    (dispute,) = server_side.get(DISPUTES, {"payment_intent": intent["id"], **expand}).body["data"]
    assert (dispute["reason"], dispute["status"], dispute["amount"]) == (reason, status, 1299)
    assert dispute["charge"]["disputed"] is True
    assert dispute["payment_intent"]["status"] == "succeeded"
    alone = server_side.get(f"{DISPUTES}/{dispute['id']}").body
    by_charge = {"charge": intent["latest_charge"], "created[gte]": 1_000_000_000, "limit": 1}
    assert server_side.get(DISPUTES, by_charge).body["data"] == [alone]
    receiver.wait("charge.dispute.created", dispute["id"])
    refund = server_side.post(REFUNDS, {"payment_intent": intent["id"], "amount": 1})
    if status == "needs_response":
        receiver.wait("charge.dispute.funds_withdrawn", dispute["id"])
        assert refund.error["code"] == "charge_disputed"
    else:
        assert refund.status == 200


@pytest.mark.parametrize(
    ("method", "evidence", "status"),
    [
        ("pm_card_createDispute", "winning_evidence", "won"),
        ("pm_card_createDispute", "losing_evidence", "lost"),
        ("pm_card_createDispute", "It is signed for.", "under_review"),
        ("pm_card_createDisputeInquiry", "winning_evidence", "warning_closed"),
        ("pm_card_createDisputeInquiry", "escalate_inquiry_evidence", "needs_response"),
        ("pm_card_createDisputeInquiry", "It is signed for.", "warning_under_review"),
    ],
)
def test_evidence(server_side, receiver, pay, method, evidence, status):
    intent = pay(method)
    (dispute,) = server_side.get(DISPUTES, {"payment_intent": intent["id"]}).body["data"]
    path = f"{DISPUTES}/{dispute['id']}"
    staged = {"evidence[customer_name]": "Ada", "submit": "false", "metadata[order]": "B-1"}
    assert server_side.post(path, staged).body["status"] == dispute["status"]
    answered = server_side.post(path, {"evidence[uncategorized_text]": evidence}).body
    assert answered["status"] == status
    assert answered["evidence"]["customer_name"] == "Ada"
    assert answered["evidence_details"]["submission_count"] == 1
    receiver.wait("charge.dispute.updated", dispute["id"])
    if status in {"won", "lost", "warning_closed"}:
        receiver.wait("charge.dispute.closed", dispute["id"])
        again = server_side.post(path, {"evidence[customer_name]": "Bea"})
        assert (again.status, again.error["param"]) == (400, "evidence")
    if status == "won":
        receiver.wait("charge.dispute.funds_reinstated", dispute["id"])
        assert server_side.post(REFUNDS, {"payment_intent": intent["id"]}).status == 200


def test_a_dispute_is_given_up(server_side, receiver, pay):
    intent = pay("pm_card_createDispute")
    (dispute,) = server_side.get(DISPUTES, {"payment_intent": intent["id"]}).body["data"]
    path = f"{DISPUTES}/{dispute['id']}/close"
    assert server_side.post(path, {"expand[]": "charge"}).body["status"] == "lost"
    receiver.wait("charge.dispute.closed", dispute["id"])
    assert server_side.post(path).status == 400


@pytest.mark.parametrize(
    "parameters",
    [
        {"submit": "perhaps"},
        {"evidence": "text"},
        {"evidence[colour]": "red"},
        {"evidence[customer_name]": "x" * 5001},
        {"evidence[receipt]": "file_x"},
        {"metadata[k]": "v" * 501},
    ],
)
def test_refused_to_answer_a_dispute(server_side, pay, parameters):
    intent = pay("pm_card_createDispute")
    (dispute,) = server_side.get(DISPUTES, {"payment_intent": intent["id"]}).body["data"]
    assert server_side.post(f"{DISPUTES}/{dispute['id']}", parameters).status == 400


def test_early_fraud_warning(server_side, receiver, pay):
    intent = pay("pm_card_createIssuerFraudRecord")
    about = {"payment_intent": intent["id"], "expand[]": "data.charge"}
    (warning,) = server_side.get(WARNINGS, about).body["data"]
    assert (warning["actionable"], warning["charge"]["id"]) == (True, intent["latest_charge"])
    receiver.wait("radar.early_fraud_warning.created", warning["id"])
    server_side.post(REFUNDS, {"payment_intent": intent["id"]})
    assert server_side.get(f"{WARNINGS}/{warning['id']}").body["actionable"] is False
    receiver.wait("radar.early_fraud_warning.updated", warning["id"])


def test_review(server_side, receiver, pay):
    intent = whole(server_side, pay("pm_card_riskLevelElevated"))
    charge = intent["latest_charge"]
    review = charge["review"]
    assert (intent["status"], intent["review"]) == ("succeeded", review["id"])
    assert (review["open"], review["reason"]) == (True, "rule")
    assert charge["outcome"]["type"] == "manual_review"
    receiver.wait("review.opened", review["id"])
    newest = server_side.get(REVIEWS, {"limit": 1, "expand[]": "data.payment_intent"}).body["data"]
    assert newest[0]["payment_intent"]["id"] == intent["id"]
    approved = server_side.post(f"{REVIEWS}/{review['id']}/approve").body
    assert (approved["open"], approved["closed_reason"]) == (False, "approved")
    assert server_side.get(f"{REVIEWS}/{review['id']}").body == approved
    receiver.wait("review.closed", review["id"])
    assert server_side.post(f"{REVIEWS}/{review['id']}/approve").status == 400


@pytest.mark.parametrize(
    "path", ["refunds/re_x", "disputes/du_x", "reviews/prv_x", "radar/early_fraud_warnings/issfr_x"]
)
def test_no_such_object(server_side, path):
    refused = server_side.get(f"/v1/{path}")
    assert (refused.status, refused.error["code"]) == (404, "resource_missing")


@pytest.mark.parametrize("path", [REFUNDS, DISPUTES, WARNINGS, REVIEWS, f"{REFUNDS}/re_x"])
def test_publishable_keys_cannot_read_refunds_disputes_or_fraud(browser_side, path):
    assert browser_side.get(path).status == 401


def test_events_are_filtered(server_side, receiver, pay):
    intent = pay("pm_card_createDispute")
    (dispute,) = server_side.get(DISPUTES, {"charge": intent["latest_charge"]}).body["data"]
    receiver.wait("charge.dispute.funds_withdrawn", dispute["id"])

    def newest(**parameters):
        listed = server_side.get("/v1/events", {"limit": 2, **parameters}).body["data"]
        assert all(exchanges.event_findings(each) == [] for each in listed)
        return [each["type"] for each in listed]

    types = ["charge.dispute.funds_withdrawn", "charge.dispute.created"]
    assert newest() == newest(type="charge.dispute.*") == types
    assert newest(**{"types[0]": types[1], "types[1]": "payment_intent.succeeded"}) == [
        types[1],
        "payment_intent.succeeded",
    ]
    assert newest(**{"created[gt]": dispute["created"] + 3600}) == []
    both = {"type": types[0], "types[0]": types[0]}
    assert server_side.get("/v1/events", both).status == 400


def test_stripe_python_drives_it_unmodified(recorder, sandbox):
    client = stripe.StripeClient(
        "sk_test_contract", base_addresses={"api": recorder.url}, max_network_retries=0
    ).v1
    intent = client.payment_intents.create(
        {
            "amount": 1299,
            "currency": "gbp",
            "confirm": True,
            "payment_method": "pm_card_riskLevelElevated",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    for amount in range(1, 13):
        client.refunds.create({"payment_intent": intent.id, "amount": amount})
    expand = ["latest_charge.refunds", "latest_charge.review"]
    charge = client.payment_intents.retrieve(intent.id, {"expand": expand}).latest_charge
    assert isinstance(charge.review, stripe.Review)
    amounts = [refund.amount for refund in charge.refunds.auto_paging_iter()]
    assert amounts == list(range(12, 0, -1))
    listed = client.refunds.list({"payment_intent": intent.id, "limit": 5}).auto_paging_iter()
    assert sum(refund.amount for refund in listed) == charge.amount_refunded == 78
