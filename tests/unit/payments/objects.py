"""Objects of Stripe's as its API gives them, cut down to what the shop reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.unit.payments.fake_stripe import INTENT

CREATED = 1_780_000_000
WHEN = datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC)

ADDRESS = {
    "city": "London",
    "country": "GB",
    "line1": "1 Example Street",
    "line2": None,
    "postal_code": "N1 1AA",
    "state": None,
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "created": CREATED,
    "currency": "gbp",
    "metadata": {"refund": "7"},
    "payment_intent": "pi_1",
    "reason": "requested_by_customer",
    "status": "succeeded",
}
DISPUTE = {
    "id": "du_1",
    "object": "dispute",
    "amount": 1299,
    "created": CREATED,
    "currency": "gbp",
    "payment_intent": "pi_1",
    "reason": "product_not_received",
    "status": "needs_response",
}
WARNING = {
    "id": "issfr_1",
    "object": "radar.early_fraud_warning",
    "created": CREATED,
    "fraud_type": "made_with_stolen_card",
    "payment_intent": "pi_1",
}
REVIEW = {"id": "prv_1", "object": "review", "open": True, "payment_intent": "pi_1"}


def listed(*objects: dict[str, Any], more: bool = False) -> dict[str, Any]:
    """A page of a list."""
    return {"object": "list", "data": list(objects), "has_more": more, "url": "/v1/objects"}


def charge(*refunds: dict[str, Any], more: bool = False, **values: Any) -> dict[str, Any]:
    """A charge of a London card, with those refunds and perhaps more."""
    return {
        "id": "ch_1",
        "object": "charge",
        "amount_refunded": sum(refund["amount"] for refund in refunds),
        "receipt_email": "ada@reader.example",
        "billing_details": {"address": ADDRESS, "name": "Ada Example"},
        "disputed": False,
        "refunds": listed(*refunds, more=more),
        "review": None,
        **values,
    }


def paid(made_of: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """A succeeded intent with its charge."""
    return {
        **INTENT,
        "amount_received": 1299,
        "latest_charge": made_of or charge(),
        "status": "succeeded",
        **values,
    }
