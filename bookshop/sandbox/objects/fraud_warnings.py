"""Early fraud warnings of card issuers: https://docs.stripe.com/radar/efw."""

from __future__ import annotations

import time

from bookshop.sandbox.api.call import Call
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.store import Object


def warn(call: Call, charge: Object) -> Object:
    """Create an early fraud warning of the issuer."""
    warning = {
        "id": new_id("radar.early_fraud_warning"),
        "object": "radar.early_fraud_warning",
        "actionable": not charge["refunded"] and not charge["disputed"],
        "charge": charge["id"],
        "created": int(time.time()),
        "fraud_type": "unauthorized_use_of_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    call.store.save(warning)
    call.emit("radar.early_fraud_warning.created", warning)
    return warning


def end(call: Call, charge: Object) -> None:
    """Mark the warnings of a refunded or disputed charge as not actionable."""
    for warning in list(call.store.select("radar.early_fraud_warning", charge=charge["id"])):
        if warning["actionable"]:
            warning["actionable"] = False
            call.store.save(warning)
            call.emit("radar.early_fraud_warning.updated", warning, {"actionable": True})
