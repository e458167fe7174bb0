"""Disputes and inquiries: https://docs.stripe.com/disputes and https://docs.stripe.com/api/disputes.

The bank decides by Stripe's test evidence texts, or by the sandbox's controls.
"""

from __future__ import annotations

import time

from bookshop.sandbox.api import parameters
from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import invalid, missing_resource
from bookshop.sandbox.api.parameters import (
    boolean,
    choice,
    hash_of,
    integer,
    list_of,
    not_simulated,
    text,
    unset_or,
)
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.objects import charges, fraud_warnings, intents, refunds, reviews
from bookshop.sandbox.store import Object, Store

LONG_TEXTS = """
    access_activity_log cancellation_policy_disclosure cancellation_rebuttal
    duplicate_charge_explanation product_description refund_policy_disclosure
    refund_refusal_explanation uncategorized_text
"""
TEXTS = """
    billing_address customer_email_address customer_name customer_purchase_ip duplicate_charge_id
    service_date shipping_address shipping_carrier shipping_date shipping_tracking_number
"""
FILES = """
    cancellation_policy customer_communication customer_signature duplicate_charge_documentation
    receipt refund_policy service_documentation shipping_documentation uncategorized_file
"""
EVIDENCE = hash_of(
    {
        **dict.fromkeys(LONG_TEXTS.split(), unset_or(text(20_000))),
        **dict.fromkeys(TEXTS.split(), unset_or(text())),
        **dict.fromkeys([*FILES.split(), "enhanced_evidence"], not_simulated),
    }
)
UPDATE = hash_of(
    {
        "evidence": EVIDENCE,
        "expand": list_of(text()),
        "metadata": unset_or(parameters.metadata),
        "submit": boolean,
    }
)
REASONS = """
    bank_cannot_process check_returned credit_not_processed customer_initiated
    debit_not_authorized duplicate fraudulent general incorrect_account_details
    insufficient_funds noncompliant product_not_received product_unacceptable
    subscription_canceled unrecognized
"""
OPEN = hash_of({"amount": integer(1), "inquiry": boolean, "reason": choice(*REASONS.split())})
SETTLE = hash_of({"outcome": choice("won", "lost", "warning_closed")}, ("outcome",))
#: Statuses of an open inquiry.
INQUIRING = ("warning_needs_response", "warning_under_review")
#: Possible outcomes by status.
OUTCOMES = {
    **dict.fromkeys(("needs_response", "under_review"), ("won", "lost")),
    **dict.fromkeys(INQUIRING, ("warning_closed",)),
}
#: Status after evidence was submitted.
ANSWERED = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}
#: Outcomes of Stripe's test evidence: https://docs.stripe.com/testing#evidence.
VERDICTS = {
    ("under_review", "winning_evidence"): "won",
    ("under_review", "losing_evidence"): "lost",
    ("warning_under_review", "winning_evidence"): "warning_closed",
}
ESCALATING = "escalate_inquiry_evidence"
TIME_TO_ANSWER = 9 * 24 * 3600  # seconds


def begin(
    call: Call, charge: Object, reason: str, *, amount: int | None = None, inquiry: bool = False
) -> Object:
    """Dispute a charge.

    The bank withdraws `amount` at once, by default what is not refunded; an inquiry withdraws
    nothing. An open inquiry is escalated. Raises ApiError for a charge that was disputed before.
    """
    earlier = list(call.store.select("dispute", charge=charge["id"]))
    asked = [each for each in earlier if each["status"] in INQUIRING]
    charged_back = any(not each["status"].startswith("warning_") for each in earlier)
    if charged_back or (asked and inquiry):
        raise invalid(f"Charge {charge['id']} is disputed already: {earlier[0]['id']}.")
    if asked:
        escalate(call, asked[0])
        return asked[0]
    if not inquiry:
        refunds.fail_pending(call, charge)
    unrefunded = charge["amount"] - charge["amount_refunded"]
    amount = amount or unrefunded or charge["amount"]
    if amount > charge["amount"]:
        raise invalid("No more can be disputed than was charged.", param="amount")
    dispute = _blank(charge, amount, reason, inquiry=inquiry)
    call.store.save(dispute)
    charge["disputed"] = True
    call.store.save(charge)
    call.emit("charge.dispute.created", dispute)
    if not inquiry:
        call.emit("charge.dispute.funds_withdrawn", dispute)
    reviews.end(call, charge, "disputed")
    fraud_warnings.end(call, charge)
    return dispute


def begin_at_will(call: Call) -> Object:
    """Dispute the charge in the path. Not an operation of Stripe's API."""
    given = call.params
    return begin(
        call,
        charges.find_paid(call.store, call.identifier),
        given.get("reason", "fraudulent"),
        amount=given.get("amount"),
        inquiry=given.get("inquiry", False),
    )


def update(call: Call) -> Object:
    """POST /v1/disputes/{id}: stage evidence, and submit it unless `submit` is false."""
    dispute = find(call.store, call.identifier)
    before: Object = {}
    if "metadata" in call.params:
        before["metadata"] = dispute["metadata"]
        dispute["metadata"] = intents.merged(dispute["metadata"], call.params["metadata"])
    submitted = "evidence" in call.params and call.params.get("submit", True)
    if "evidence" in call.params:
        before |= _answer(dispute, call.params["evidence"], submitted=submitted)
    call.store.save(dispute)
    call.emit("charge.dispute.updated", dispute, before)
    if submitted:
        _judge(call, dispute)
    return dispute


def close(call: Call) -> Object:
    """POST /v1/disputes/{id}/close: accept it as lost."""
    dispute = find(call.store, call.identifier)
    if dispute["status"] != "needs_response":
        message = (
            f"This dispute cannot be closed because it has a status of {dispute['status']}. Only a "
            "dispute with a status of needs_response may be closed."
        )
        raise invalid(message)
    _end(call, dispute, "lost")
    return dispute


def settle(call: Call) -> Object:
    """Decide a dispute. Not an operation of Stripe's API."""
    dispute = find(call.store, call.identifier)
    outcome = call.params["outcome"]
    if outcome not in OUTCOMES.get(dispute["status"], ()):
        raise invalid(f"A dispute that is {dispute['status']} can't become {outcome}.")
    _end(call, dispute, outcome)
    return dispute


def escalate(call: Call, dispute: Object) -> None:
    """Escalate an inquiry: the bank withdraws the rest of the charge.

    Raises ApiError if all of it was refunded.
    """
    charge = charges.find_paid(call.store, dispute["charge"])
    refunds.fail_pending(call, charge)
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise invalid(f"Charge {charge['id']} is refunded: the inquiry can't become a dispute.")
    before = {name: dispute[name] for name in ("amount", "is_charge_refundable", "status")}
    dispute.update(
        amount=min(dispute["amount"], left), is_charge_refundable=False, status="needs_response"
    )
    if "payment_method_details" in dispute:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    call.store.save(dispute)
    call.emit("charge.dispute.updated", dispute, before)
    call.emit("charge.dispute.funds_withdrawn", dispute)


def find(store: Store, identifier: str) -> Object:
    """Return the dispute in the path. Raises ApiError."""
    found = store.find("dispute", identifier)
    if found is None:
        raise missing_resource("dispute", identifier, "dispute", in_path=True)
    return found


def _answer(dispute: Object, given: dict[str, str | None], *, submitted: bool) -> Object:
    """Store evidence in a dispute, and return the previous evidence."""
    if dispute["status"] not in ANSWERED:
        message = (
            f"Evidence cannot be added to this dispute because it has a status of "
            f"{dispute['status']}."
        )
        raise invalid(message, param="evidence")
    before = {name: dispute[name] for name in ("evidence", "evidence_details")}
    dispute["evidence"] = {**dispute["evidence"], **given}
    details = {**dispute["evidence_details"], "has_evidence": True}
    if submitted:
        before["status"] = dispute["status"]
        dispute["status"] = ANSWERED[dispute["status"]]
        details.update(submission_count=1, submission_method="manual")
    dispute["evidence_details"] = details
    return before


def _judge(call: Call, dispute: Object) -> None:
    evidence = dispute["evidence"]["uncategorized_text"]
    if (dispute["status"], evidence) == ("warning_under_review", ESCALATING):
        escalate(call, dispute)
    outcome = VERDICTS.get((dispute["status"], evidence))
    if outcome is not None:
        _end(call, dispute, outcome)


def _end(call: Call, dispute: Object, outcome: str) -> None:
    dispute["status"] = outcome
    call.store.save(dispute)
    if outcome == "won":
        call.emit("charge.dispute.funds_reinstated", dispute)
    call.emit("charge.dispute.closed", dispute)


def _blank(charge: Object, amount: int, reason: str, *, inquiry: bool) -> Object:
    now = int(time.time())
    dispute: Object = {
        "id": new_id("dispute"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {
            **dict.fromkeys((LONG_TEXTS + TEXTS + FILES).split()),
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": now + TIME_TO_ANSWER,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    details = charge["payment_method_details"]
    if details["type"] == "card":
        card = {
            "brand": details["card"]["brand"],
            "case_type": "inquiry" if inquiry else "chargeback",
            "network": details["card"]["network"],
            "network_reason_code": None,
        }
        dispute["payment_method_details"] = {"card": card, "type": "card"}
    return dispute
