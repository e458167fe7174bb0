"""What a payment's page shows after payment: refunds, disputes, warnings, review."""

from __future__ import annotations

from typing import Any

from bookshop.sandbox.objects import disputes, refunds
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


def aftermath(store: Store, charge: Object) -> dict[str, Any]:
    """Return the refunds, disputes, warnings and review of a paid charge.

    `outcomes` are the possible outcomes of a refund or dispute by status; `left` is the refundable
    amount in minor units, 0 if Stripe would refuse a refund.
    """
    disputed = list(store.select("dispute", charge=charge["id"]))
    charged_back = any(each["status"] in refunds.CHARGED_BACK for each in disputed)
    asked = [each for each in disputed if each["status"] in disputes.INQUIRING]
    return {
        "charge": charge,
        "refunds": list(store.select("refund", charge=charge["id"])),
        "disputes": disputed,
        "warnings": list(store.select("radar.early_fraud_warning", charge=charge["id"])),
        "review": store.find("review", charge["review"]),
        "left": 0 if charged_back else charge["amount"] - charge["amount_refunded"],
        "disputable": all(each["status"].startswith("warning_") for each in disputed),
        "asked": bool(asked),
        "reasons": disputes.REASONS.split(),
        "refund_outcomes": refunds.OUTCOMES,
        "dispute_outcomes": disputes.OUTCOMES,
        "labels": LABELS,
    }


def ids(after: dict[str, Any]) -> set[str]:
    """Return the ids of these objects, to find their events."""
    things = [*after["refunds"], *after["disputes"], *after["warnings"]]
    return {after["charge"]["review"], *(each["id"] for each in things)}
