"""PaymentIntents: create, update, cancel. https://docs.stripe.com/api/payment_intents.

Confirmation is in `confirmation`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bookshop.sandbox.api import parameters
from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import invalid, missing_resource, unexpected_state
from bookshop.sandbox.ids import new_id, random_text
from bookshop.sandbox.objects import currencies, payment_methods
from bookshop.sandbox.store import Object, Store

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
METHOD_OPTIONS = {
    "card": {
        "installments": None,
        "mandate_options": None,
        "network": None,
        "request_three_d_secure": "automatic",
    },
    "bacs_debit": {},
    "sepa_debit": {},
    "us_bank_account": {"verification_method": "automatic"},
}
INITIALLY_NULL = """
    allowed_payment_method_types application application_fee_amount canceled_at cancellation_reason
    customer customer_account description excluded_payment_method_types last_payment_error
    latest_charge managed_payments next_action on_behalf_of payment_method
    payment_method_configuration_details payment_record processing receipt_email review
    setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data
    transfer_group
"""
#: Parameters that can only change while the intent is payable.
ONLY_BEFORE_PAYMENT = ("amount", "currency", "payment_method", "payment_method_data", "shipping")


def find(store: Store, identifier: str) -> Object:
    """Return the intent in the path. Raises ApiError."""
    intent = store.find("payment_intent", identifier)
    if intent is None:
        raise missing_resource("payment_intent", identifier, "intent", in_path=True)
    return intent


def create(call: Call) -> Object:
    """POST /v1/payment_intents, without `confirm`."""
    params = call.params
    intent = _new_intent(params)
    _apply(call, intent, params)
    call.store.save(intent)
    call.emit("payment_intent.created", intent)
    return intent


def update(call: Call) -> Object:
    """POST /v1/payment_intents/{id}."""
    intent = find(call.store, call.identifier)
    restricted = [name for name in ONLY_BEFORE_PAYMENT if name in call.params]
    if restricted and intent["status"] not in OPEN:
        message = (
            f"This PaymentIntent's {restricted[0]} could not be updated because it has a status of "
            f"{intent['status']}. You may only update the {restricted[0]} of a PaymentIntent with "
            f"one of the following statuses: {', '.join(OPEN)}."
        )
        raise unexpected_state(message, intent)
    _apply(call, intent, call.params)
    if restricted and intent["status"] == "requires_action":
        intent.update(status="requires_confirmation", next_action=None)
    call.store.save(intent)
    return intent


def cancel(call: Call) -> Object:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = find(call.store, call.identifier)
    if intent["status"] not in OPEN:
        message = (
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(OPEN)}."
        )
        raise unexpected_state(message, intent)
    intent.update(
        status="canceled",
        canceled_at=int(time.time()),
        cancellation_reason=call.params.get("cancellation_reason"),
        next_action=None,
    )
    call.store.save(intent)
    call.emit("payment_intent.canceled", intent)
    return intent


def attach_method(intent: Object, method: Object) -> None:
    """Attach `method` to `intent`. Raises ApiError if the intent does not accept its type."""
    if method["type"] not in intent["payment_method_types"]:
        allowed = ", ".join(intent["payment_method_types"])
        message = (
            f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent. "
            f"Please attach a PaymentMethod of one of the following types: {allowed}."
        )
        code = "payment_intent_incompatible_payment_method"
        raise invalid(message, code=code, payment_intent=intent, payment_method=method)
    intent["payment_method"] = method["id"]


def _apply(call: Call, intent: Object, params: Mapping[str, Any]) -> None:
    """Apply checked parameters to an intent. Raises ApiError if they conflict."""
    for name in ("capture_method", "description", "receipt_email", "statement_descriptor_suffix"):
        intent[name] = params.get(name, intent[name])
    if "shipping" in params:
        intent["shipping"] = shipping_of(params["shipping"])
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])
    if {"amount", "currency"} & set(params):
        intent["currency"] = params.get("currency", intent["currency"])
        intent["amount"] = params.get("amount", intent["amount"])
        currencies.check_currency(intent["currency"])
        currencies.check_amount(intent["amount"], intent["currency"])
    _set_method_types(intent, params)
    if {"payment_method", "payment_method_data"} & set(params):
        attach_method(intent, method_of(call.store, params))
        intent["status"] = "requires_confirmation"


def method_of(store: Store, params: Mapping[str, Any]) -> Object:
    """Return the payment method named or described by the parameters."""
    if "payment_method_data" in params:
        if "payment_method" in params:
            message = (
                "You may only specify one of these parameters: payment_method, payment_method_data."
            )
            raise invalid(message, code="parameters_exclusive")
        return payment_methods.create(store, params["payment_method_data"])
    return payment_methods.find(store, params["payment_method"])


def shipping_of(shipping: Mapping[str, Any] | None) -> Object | None:
    """Return the shipping parameters as an object with every field."""
    if shipping is None:
        return None
    address = {line: shipping["address"].get(line) for line in payment_methods.ADDRESS_LINES}
    others = ("carrier", "name", "phone", "tracking_number")
    return {"address": address, **{name: shipping.get(name) for name in others}}


def merge_metadata(old: dict[str, str], new: dict[str, str] | None) -> dict[str, str]:
    """Return metadata after an update: empty values remove keys, None removes all."""
    if new is None:
        return {}
    merged = {**old, **new}
    limit = parameters.MAX_METADATA_KEYS
    if len(merged) > limit:
        raise invalid(f"Metadata can have up to {limit} keys", param="metadata")
    return {key: value for key, value in merged.items() if value}


def _set_method_types(intent: Object, params: Mapping[str, Any]) -> None:
    for name in ("allowed_payment_method_types", "excluded_payment_method_types"):
        intent[name] = params.get(name, intent[name])
    offered = currencies.payment_method_types(intent["currency"])
    if not (intent["automatic_payment_methods"] or {}).get("enabled"):
        offered = ["card"]
    allowed = intent["allowed_payment_method_types"]
    excluded = intent["excluded_payment_method_types"] or ()
    types = [kind for kind in offered if (not allowed or kind in allowed) and kind not in excluded]
    if not types:
        message = "No valid payment method types for this PaymentIntent are left to offer."
        raise invalid(message, code="payment_intent_invalid_parameter")
    intent["payment_method_types"] = types
    intent["payment_method_options"] = {kind: METHOD_OPTIONS[kind] for kind in types}


def _new_intent(params: Mapping[str, Any]) -> Object:
    identifier = new_id("payment_intent")
    automatic = {"allow_redirects": "always", "enabled": True}
    return {
        **dict.fromkeys(INITIALLY_NULL.split()),
        "id": identifier,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": {**automatic, **params.get("automatic_payment_methods", {})},
        "capture_method": "automatic_async",
        "client_secret": f"{identifier}_secret_{random_text(25)}",
        "confirmation_method": "automatic",
        "created": int(time.time()),
        "currency": params["currency"],
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": [],
        "status": "requires_payment_method",
    }
