"""Disputes and inquiries: https://docs.stripe.com/disputes and https://docs.stripe.com/api/disputes.

The bank decides by Stripe's test evidence texts, or by the sandbox's controls.
"""

from __future__ import annotations

import time

from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import invalid, missing_resource
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.objects import charges, fraud_warnings, intents, refunds, reviews
from bookshop.sandbox.objects.dispute_parameters import EVIDENCE_FIELDS
from bookshop.sandbox.store import Object, Store

#: Statuses of an open inquiry.
OPEN_INQUIRY = ("warning_needs_response", "warning_under_review")
#: Possible outcomes by status.
OUTCOMES = {
    **dict.fromkeys(("needs_response", "under_review"), ("won", "lost")),
    **dict.fromkeys(OPEN_INQUIRY, ("warning_closed",)),
}
#: Status after evidence was submitted.
AFTER_EVIDENCE = {
    "needs_response": "under_review",
    "warning_needs_response": "warning_under_review",
}
#: Outcomes of Stripe's test evidence: https://docs.stripe.com/testing#evidence.
EVIDENCE_OUTCOMES = {
    ("under_review", "winning_evidence"): "won",
    ("under_review", "losing_evidence"): "lost",
    ("warning_under_review", "winning_evidence"): "warning_closed",
}
ESCALATING_EVIDENCE = "escalate_inquiry_evidence"
RESPONSE_TIME = 9 * 24 * 3600  # seconds


def begin(
    call: Call, charge: Object, reason: str, *, amount: int | None = None, inquiry: bool = False
) -> Object:
    """Dispute a charge.

    The bank withdraws `amount` at once, by default what is not refunded; an inquiry withdraws
    nothing. An open inquiry is escalated. Raises ApiError for a charge that was disputed before.
    """
    earlier = list(call.store.select("dispute", charge=charge["id"]))
    inquiries = [each for each in earlier if each["status"] in OPEN_INQUIRY]
    charged_back = any(not each["status"].startswith("warning_") for each in earlier)
    if charged_back or (inquiries and inquiry):
        raise invalid(f"Charge {charge['id']} is disputed already: {earlier[0]['id']}.")
    if inquiries:
        escalate(call, inquiries[0])
        return inquiries[0]
    if not inquiry:
        refunds.fail_pending(call, charge)
    unrefunded = charge["amount"] - charge["amount_refunded"]
    amount = amount or unrefunded or charge["amount"]
    if amount > charge["amount"]:
        raise invalid("No more can be disputed than was charged.", param="amount")
    dispute = _new_dispute(charge, amount, reason, inquiry=inquiry)
    call.store.save(dispute)
    charge["disputed"] = True
    call.store.save(charge)
    call.emit("charge.dispute.created", dispute)
    if not inquiry:
        call.emit("charge.dispute.funds_withdrawn", dispute)
    reviews.end(call, charge, "disputed")
    fraud_warnings.end(call, charge)
    return dispute


def dispute_charge(call: Call) -> Object:
    """Dispute the charge in the path. Not an operation of Stripe's API."""
    params = call.params
    return begin(
        call,
        charges.find_paid(call.store, call.identifier),
        params.get("reason", "fraudulent"),
        amount=params.get("amount"),
        inquiry=params.get("inquiry", False),
    )


def update(call: Call) -> Object:
    """POST /v1/disputes/{id}: stage evidence, and submit it unless `submit` is false."""
    dispute = find(call.store, call.identifier)
    before: Object = {}
    if "metadata" in call.params:
        before["metadata"] = dispute["metadata"]
        dispute["metadata"] = intents.merge_metadata(dispute["metadata"], call.params["metadata"])
    submitted = "evidence" in call.params and call.params.get("submit", True)
    if "evidence" in call.params:
        before |= _add_evidence(dispute, call.params["evidence"], submitted=submitted)
    call.store.save(dispute)
    call.emit("charge.dispute.updated", dispute, before)
    if submitted:
        _decide_by_evidence(call, dispute)
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
    dispute = store.find("dispute", identifier)
    if dispute is None:
        raise missing_resource("dispute", identifier, "dispute", in_path=True)
    return dispute


def _add_evidence(dispute: Object, evidence: dict[str, str | None], *, submitted: bool) -> Object:
    """Store evidence in a dispute, and return the former values of the changed fields."""
    if dispute["status"] not in AFTER_EVIDENCE:
        message = (
            f"Evidence cannot be added to this dispute because it has a status of "
            f"{dispute['status']}."
        )
        raise invalid(message, param="evidence")
    before = {name: dispute[name] for name in ("evidence", "evidence_details")}
    dispute["evidence"] = {**dispute["evidence"], **evidence}
    details = {**dispute["evidence_details"], "has_evidence": True}
    if submitted:
        before["status"] = dispute["status"]
        dispute["status"] = AFTER_EVIDENCE[dispute["status"]]
        details.update(submission_count=1, submission_method="manual")
    dispute["evidence_details"] = details
    return before


def _decide_by_evidence(call: Call, dispute: Object) -> None:
    """Escalate or decide a dispute if its evidence is one of Stripe's test texts."""
    evidence = dispute["evidence"]["uncategorized_text"]
    if (dispute["status"], evidence) == ("warning_under_review", ESCALATING_EVIDENCE):
        escalate(call, dispute)
    outcome = EVIDENCE_OUTCOMES.get((dispute["status"], evidence))
    if outcome is not None:
        _end(call, dispute, outcome)


def _end(call: Call, dispute: Object, outcome: str) -> None:
    dispute["status"] = outcome
    call.store.save(dispute)
    if outcome == "won":
        call.emit("charge.dispute.funds_reinstated", dispute)
    call.emit("charge.dispute.closed", dispute)


def _new_dispute(charge: Object, amount: int, reason: str, *, inquiry: bool) -> Object:
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
            **dict.fromkeys(EVIDENCE_FIELDS),
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": now + RESPONSE_TIME,
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
