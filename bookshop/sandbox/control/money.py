"""Controls for paid charges: refunds, disputes, fraud warnings and reviews.

A charge is identified by its own id or its PaymentIntent's.
"""

from __future__ import annotations

from typing import Any, cast

from pyramid.request import Request

from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import invalid
from bookshop.sandbox.api.parameters import choice, hash_of, integer
from bookshop.sandbox.control.views import act
from bookshop.sandbox.objects import (
    charges,
    dispute_parameters,
    disputes,
    fraud_warnings,
    refunds,
    reviews,
)
from bookshop.sandbox.store import Object

REFUND = hash_of({"amount": integer(1)})
NO_PARAMETERS = hash_of({})
CLOSE_REVIEW = hash_of({"outcome": choice("approved", "refunded_as_fraud")}, ("outcome",))


def refund(request: Request) -> Any:
    """Refund a charge from the dashboard: `amount`, or the remaining amount."""

    def answer(call: Call) -> Object:
        charge = charges.find_paid(call.store, call.identifier)
        return refunds.refund(call, charge, {**call.params, "reason": "requested_by_customer"})

    return act(request, REFUND, answer)


def settle_refund(request: Request) -> Any:
    """Settle a refund: `outcome` is succeeded, failed or canceled."""
    return act(request, refunds.SETTLE, refunds.settle)


def dispute(request: Request) -> Any:
    """Dispute a charge: `reason`, `amount`, and `inquiry` for an inquiry only.

    An open inquiry is escalated to a dispute.
    """
    return act(request, dispute_parameters.OPEN, disputes.dispute_charge)


def settle_dispute(request: Request) -> Any:
    """Close a dispute: `outcome` is won or lost, or warning_closed for an inquiry."""
    return act(request, dispute_parameters.SETTLE, disputes.settle)


def warn(request: Request) -> Any:
    """Create an early fraud warning."""

    def answer(call: Call) -> Object:
        return fraud_warnings.warn(call, charges.find_paid(call.store, call.identifier))

    return act(request, NO_PARAMETERS, answer)


def review(request: Request) -> Any:
    """Open a review."""

    def answer(call: Call) -> Object:
        charge = charges.find_paid(call.store, call.identifier)
        if charge["review"] is not None:
            raise invalid(f"Charge {charge['id']} has a review: {charge['review']}.")
        intent = cast("Object", call.store.find("payment_intent", charge["payment_intent"]))
        opened = reviews.begin(call, intent, charge, "manual")
        call.store.save(charge)
        call.store.save(intent)
        return opened

    return act(request, NO_PARAMETERS, answer)


def close_review(request: Request) -> Any:
    """Close a review: `outcome` is approved, or refunded_as_fraud, which refunds the rest."""

    def answer(call: Call) -> Object:
        if call.params["outcome"] == "approved":
            return reviews.approve(call)
        open_review = reviews.find_open(call.store, call.identifier)
        charge = charges.find_paid(call.store, open_review["charge"])
        refunds.refund(call, charge, {"reason": "fraudulent"})
        return reviews.find(call.store, call.identifier)

    return act(request, CLOSE_REVIEW, answer)
