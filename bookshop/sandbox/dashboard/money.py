"""The part of a payment's page about its refunds, disputes, fraud warnings and review."""

from __future__ import annotations

from typing import Any

from bookshop.sandbox.objects import dispute_parameters, disputes, refunds
from bookshop.sandbox.store import Object, Store

#: Button labels by outcome.
LABELS = {
    "approved": "Approve",
    "canceled": "Cancel",
    "failed": "Fail",
    "lost": "Lose",
    "refunded_as_fraud": "Refund as fraud",
    "succeeded": "Succeed",
    "warning_closed": "Close",
    "won": "Win",
}


def charge_history(store: Store, charge: Object) -> dict[str, Any]:
    """Return the refunds, disputes, warnings and review of a paid charge.

    `outcomes` are the possible outcomes of a refund or dispute by status; `left` is the refundable
    amount in minor units, 0 if Stripe would refuse a refund.
    """
    disputed = list(store.select("dispute", charge=charge["id"]))
    charged_back = any(each["status"] in refunds.CHARGED_BACK for each in disputed)
    has_open_inquiry = any(each["status"] in disputes.OPEN_INQUIRY for each in disputed)
    return {
        "charge": charge,
        "refunds": list(store.select("refund", charge=charge["id"])),
        "disputes": disputed,
        "warnings": list(store.select("radar.early_fraud_warning", charge=charge["id"])),
        "review": store.find("review", charge["review"]),
        "left": 0 if charged_back else charge["amount"] - charge["amount_refunded"],
        "disputable": all(each["status"].startswith("warning_") for each in disputed),
        "has_open_inquiry": has_open_inquiry,
        "reasons": dispute_parameters.REASONS.split(),
        "refund_outcomes": refunds.OUTCOMES,
        "dispute_outcomes": disputes.OUTCOMES,
        "labels": LABELS,
    }


def object_ids(history: dict[str, Any]) -> set[str]:
    """Return the ids of the objects in a charge's history, to find their events."""
    objects = [*history["refunds"], *history["disputes"], *history["warnings"]]
    return {history["charge"]["review"], *(each["id"] for each in objects)}
