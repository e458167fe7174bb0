"""Refunds: https://docs.stripe.com/refunds and https://docs.stripe.com/api/refunds.

A refund does not settle by time: the sandbox's controls do it (see `settle`).
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
    made = _made(call.store, charge, amount, params)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if made["reason"] == "fraudulent":
        charge["fraud_details"] = {"user_report": "fraudulent"}
    call.store.save(made)
    call.store.save(charge)
    call.emit("refund.created", made)
    call.emit("charge.refunded", charge)
    if charge["refunded"]:
        why = "refunded_as_fraud" if made["reason"] == "fraudulent" else "refunded"
        reviews.end(call, charge, why)
        fraud_warnings.end(call, charge)
    return made


def update(call: Call) -> Object:
    """POST /v1/refunds/{id}."""
    found = find(call.store, call.identifier)
    if "metadata" in call.params:
        before = found["metadata"]
        found["metadata"] = intents.merged(before, call.params["metadata"])
        call.store.save(found)
        call.emit("refund.updated", found, {"metadata": before})
    return found


def cancel(call: Call) -> Object:
    """POST /v1/refunds/{id}/cancel: refused, since no payment method here needs customer action."""
    found = find(call.store, call.identifier)
    message = (
        f"The refund {found['id']} cannot be canceled because it has a status of "
        f"{found['status']}. Only a refund with a status of requires_action may be canceled."
    )
    raise invalid(message)


def settle(call: Call) -> Object:
    """Settle a refund later. Not an operation of Stripe's API."""
    found = find(call.store, call.identifier)
    outcome = call.params["outcome"]
    if outcome not in OUTCOMES.get(found["status"], ()):
        raise invalid(f"A refund that is {found['status']} can't become {outcome}.")
    _end(call, found, outcome, FAILURES.get(outcome))
    return found


def fail_pending(call: Call, charge: Object) -> None:
    """Fail the pending refunds of a disputed charge; `charge` gets their amount back.

    Their failure reason is `charge_for_pending_refund_disputed`.
    """
    for each in list(call.store.select("refund", charge=charge["id"])):
        if each["status"] == "pending":
            _end(call, each, "failed", "charge_for_pending_refund_disputed")
    charge.update(cast("Object", call.store.find("charge", charge["id"])))


def find(store: Store, identifier: str) -> Object:
    """Return the refund in the path. Raises ApiError."""
    found = store.find("refund", identifier)
    if found is None:
        raise missing_resource("refund", identifier, "refund", in_path=True)
    return found


def _end(call: Call, found: Object, outcome: str, failure: str | None) -> None:
    before: Object = {"status": found["status"]}
    if found["status"] == "pending":
        before["pending_reason"] = found.pop("pending_reason")
    found["status"] = outcome
    if failure is not None:
        before["failure_reason"] = None
        found["failure_reason"] = failure
        charge = cast("Object", call.store.find("charge", found["charge"]))
        charge["amount_refunded"] -= found["amount"]
        charge["refunded"] = False
        call.store.save(charge)
    call.store.save(found)
    call.emit("refund.updated", found, before)
    if outcome == "failed":
        call.emit("refund.failed", found)


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
    found = store.find(kind, params[kind])
    if found is None:
        raise missing_resource(kind, params[kind], kind)
    return found


def _amount(store: Store, charge: Object, asked: int | None) -> int:
    """Return the amount to refund. Raises ApiError if it exceeds the remaining amount."""
    disputes = store.select("dispute", charge=charge["id"])
    if any(each["status"] in CHARGED_BACK for each in disputes):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    if charge["refunded"]:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    left: int = charge["amount"] - charge["amount_refunded"]
    if asked is not None and asked > left:
        raise _too_much(charge, asked, left)
    return left if asked is None else asked


def _too_much(charge: Object, asked: int, left: int) -> ApiError:
    wanted, rest = (_shown(amount, charge["currency"]) for amount in (asked, left))
    limit = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
    # Stripe gives it no code.
    return invalid(f"Refund amount ({wanted}) is greater than {limit} ({rest})", param="amount")


def _shown(amount: int, currency: str) -> str:
    """Format an amount like Stripe's messages: `£12.99`."""
    number, code = currencies.written(amount, currency).split()
    return f"{SYMBOLS[currency]}{number}" if currency in SYMBOLS else f"{number} {code}"


def _made(store: Store, charge: Object, amount: int, params: Mapping[str, Any]) -> Object:
    method = payment_methods.find(store, charge["payment_method"])
    by_card = method["type"] == "card"
    slow = not by_card or payment_methods.behaviour(store, method).slow_refunds
    made: Object = {
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
        "metadata": intents.merged({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if slow else "succeeded",
        "transfer_reversal": None,
    }
    if slow:
        made["pending_reason"] = "processing"
    if by_card:
        made["destination_details"]["card"] = _trace(slow=slow)
    return made


def _trace(*, slow: bool) -> Object:
    """Return the reference by which the customer's bank can trace the refund."""
    known = {} if slow else {"reference": f"{secrets.randbelow(10**23):023}"}
    return {
        **known,
        "reference_status": "pending" if slow else "available",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
