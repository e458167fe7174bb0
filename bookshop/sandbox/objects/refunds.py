"""Refunds: https://docs.stripe.com/refunds and https://docs.stripe.com/api/refunds.

A pending refund stays pending until the sandbox's controls settle it (see `settle`).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, cast

from bookshop.sandbox.api import parameters
from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import ApiError, invalid, missing_resource
from bookshop.sandbox.api.parameters import (
    choice,
    hash_of,
    integer,
    list_of,
    not_simulated,
    text,
    unset_or,
)
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.objects import currencies, fraud_warnings, intents, payment_methods, reviews
from bookshop.sandbox.store import Object, Store

CREATE = hash_of(
    {
        "amount": integer(1),
        "charge": text(),
        "currency": not_simulated,
        "customer": not_simulated,
        "expand": list_of(text()),
        "instructions_email": not_simulated,
        "metadata": unset_or(parameters.metadata),
        "origin": not_simulated,
        "payment_intent": text(),
        "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
        "refund_application_fee": not_simulated,
        "reverse_transfer": not_simulated,
    }
)
UPDATE = hash_of({"expand": list_of(text()), "metadata": unset_or(parameters.metadata)})
SETTLE = hash_of({"outcome": choice("succeeded", "failed", "canceled")}, ("outcome",))
#: Failure reasons by outcome: https://docs.stripe.com/refunds.
FAILURES = {"failed": "expired_or_canceled_card", "canceled": "merchant_request"}
#: Possible outcomes by status: a succeeded refund can still fail weeks later.
OUTCOMES = {"pending": ("succeeded", "failed", "canceled"), "succeeded": ("failed",)}
#: Dispute statuses in which the bank has, or may withdraw, the money.
CHARGED_BACK = frozenset({"needs_response", "under_review", "lost"})
SYMBOLS = {"eur": "€", "gbp": "£", "usd": "$"}


def create(call: Call) -> Object:
    """POST /v1/refunds."""
    return refund(call, _charge_of(call.store, call.params), call.params)


def refund(call: Call, charge: Object, params: Mapping[str, Any]) -> Object:
    """Refund `amount` of a charge, or the rest. Raises ApiError if Stripe would refuse."""
    amount = _amount(call.store, charge, params.get("amount"))
    new_refund = _new_refund(call.store, charge, amount, params)
    is_fraud = new_refund["reason"] == "fraudulent"
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if is_fraud:
        charge["fraud_details"] = {"user_report": "fraudulent"}
    call.store.save(new_refund)
    call.store.save(charge)
    call.emit("refund.created", new_refund)
    call.emit("charge.refunded", charge)
    if charge["refunded"]:
        reviews.end(call, charge, "refunded_as_fraud" if is_fraud else "refunded")
        fraud_warnings.end(call, charge)
    return new_refund


def update(call: Call) -> Object:
    """POST /v1/refunds/{id}."""
    stored = find(call.store, call.identifier)
    if "metadata" in call.params:
        before = stored["metadata"]
        stored["metadata"] = intents.merge_metadata(before, call.params["metadata"])
        call.store.save(stored)
        call.emit("refund.updated", stored, {"metadata": before})
    return stored


def cancel(call: Call) -> Object:
    """POST /v1/refunds/{id}/cancel: refused, since no payment method here needs customer action."""
    stored = find(call.store, call.identifier)
    message = (
        f"The refund {stored['id']} cannot be canceled because it has a status of "
        f"{stored['status']}. Only a refund with a status of requires_action may be canceled."
    )
    raise invalid(message)


def settle(call: Call) -> Object:
    """Settle a refund later. Not an operation of Stripe's API."""
    stored = find(call.store, call.identifier)
    outcome = call.params["outcome"]
    if outcome not in OUTCOMES.get(stored["status"], ()):
        raise invalid(f"A refund that is {stored['status']} can't become {outcome}.")
    _end(call, stored, outcome, FAILURES.get(outcome))
    return stored


def fail_pending(call: Call, charge: Object) -> None:
    """Fail the pending refunds of a disputed charge, and add their amounts back to `charge`.

    Their failure reason is `charge_for_pending_refund_disputed`.
    """
    for each in list(call.store.select("refund", charge=charge["id"])):
        if each["status"] == "pending":
            _end(call, each, "failed", "charge_for_pending_refund_disputed")
    charge.update(cast("Object", call.store.find("charge", charge["id"])))


def find(store: Store, identifier: str) -> Object:
    """Return the refund in the path. Raises ApiError."""
    stored = store.find("refund", identifier)
    if stored is None:
        raise missing_resource("refund", identifier, "refund", in_path=True)
    return stored


def _end(call: Call, stored: Object, outcome: str, failure: str | None) -> None:
    before: Object = {"status": stored["status"]}
    if stored["status"] == "pending":
        before["pending_reason"] = stored.pop("pending_reason")
    stored["status"] = outcome
    if failure is not None:
        before["failure_reason"] = None
        stored["failure_reason"] = failure
        charge = cast("Object", call.store.find("charge", stored["charge"]))
        charge["amount_refunded"] -= stored["amount"]
        charge["refunded"] = False
        call.store.save(charge)
    call.store.save(stored)
    call.emit("refund.updated", stored, before)
    if outcome == "failed":
        call.emit("refund.failed", stored)


def _charge_of(store: Store, params: Mapping[str, Any]) -> Object:
    """Return the charge named by the parameters. Raises ApiError if it was not paid."""
    if not {"charge", "payment_intent"} & set(params):
        message = (
            "One of the following params should be provided for this request: payment_intent or "
            "charge."
        )
        raise invalid(message, code="parameter_missing")
    intent = _named(store, "payment_intent", params)
    charge = _named(store, "charge", params)
    if charge is None:
        charge = store.find("charge", intent["latest_charge"]) if intent else None
    elif intent is not None and charge["payment_intent"] != intent["id"]:
        message = f"The charge {charge['id']} does not belong to the PaymentIntent {intent['id']}."
        raise invalid(message, param="charge")
    if charge is None or charge["status"] != "succeeded":
        owner = charge["payment_intent"] if charge else params["payment_intent"]
        raise invalid(f"This PaymentIntent ({owner}) does not have a successful charge to refund.")
    return charge


def _named(store: Store, kind: str, params: Mapping[str, Any]) -> Object | None:
    if kind not in params:
        return None
    stored = store.find(kind, params[kind])
    if stored is None:
        raise missing_resource(kind, params[kind], kind)
    return stored


def _amount(store: Store, charge: Object, requested: int | None) -> int:
    """Return the amount to refund. Raises ApiError if it is more than is left, or too precise."""
    disputes = store.select("dispute", charge=charge["id"])
    if any(each["status"] in CHARGED_BACK for each in disputes):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    if charge["refunded"]:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    left: int = charge["amount"] - charge["amount_refunded"]
    if requested is None:
        return left
    if requested > left:
        raise _amount_too_large(charge, requested, left)
    currencies.check_digits(requested, charge["currency"])
    return requested


def _amount_too_large(charge: Object, requested: int, left: int) -> ApiError:
    currency = charge["currency"]
    limit = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
    message = (
        f"Refund amount ({_with_symbol(requested, currency)}) is greater than {limit} "
        f"({_with_symbol(left, currency)})"
    )
    return invalid(message, param="amount")  # Stripe's error has no code


def _with_symbol(amount: int, currency: str) -> str:
    """Format an amount like Stripe's messages: `£12.99`."""
    number, code = currencies.format_amount(amount, currency).split()
    return f"{SYMBOLS[currency]}{number}" if currency in SYMBOLS else f"{number} {code}"


def _new_refund(store: Store, charge: Object, amount: int, params: Mapping[str, Any]) -> Object:
    method = payment_methods.find(store, charge["payment_method"])
    by_card = method["type"] == "card"
    pending = not by_card or payment_methods.behaviour(store, method).pending_refunds
    new_refund: Object = {
        "id": new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": int(time.time()),
        "currency": charge["currency"],
        "customer": None,
        "customer_account": None,
        "destination_details": {"type": method["type"]},
        "metadata": intents.merge_metadata({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    if pending:
        new_refund["pending_reason"] = "processing"
    if by_card:
        new_refund["destination_details"]["card"] = _bank_reference(pending=pending)
    return new_refund


def _bank_reference(*, pending: bool) -> Object:
    """Return the reference by which the customer's bank can trace the refund."""
    reference = {} if pending else {"reference": f"{secrets.randbelow(10**23):023}"}
    return {
        **reference,
        "reference_status": "pending" if pending else "available",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
