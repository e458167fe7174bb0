"""What a payment's page shows of the time after it was paid, and offers to happen next."""

from __future__ import annotations

from typing import Any

from bookshop.sandbox.objects import disputes, refunds
from bookshop.sandbox.store import Object, Store

#: What the buttons say, by what comes of them.
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
    """The refunds, disputes, warnings and review of a charge that was paid.

    `outcomes` are what can become of a refund or dispute, by its status; `left` is what could be
    refunded, in minor units, 0 where Stripe would refuse.
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
    """The ids of all that is shown, for their events."""
    things = [*after["refunds"], *after["disputes"], *after["warnings"]]
    return {after["charge"]["review"], *(each["id"] for each in things)}
