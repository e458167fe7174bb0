"""Confirmation of PaymentIntents: cards, 3-D Secure, declines, bank debits.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import Declined, doc_url, invalid, unexpected_state
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.objects import (
    charges,
    disputes,
    fraud_warnings,
    intents,
    payment_methods,
    reviews,
)
from bookshop.sandbox.objects.test_cards import Decline
from bookshop.sandbox.store import Object

NEEDS_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
    "some of these payment methods might redirect your customer off of your page, you must provide "
    "a `return_url`. If you don't want to accept redirect-based payment methods, set "
    "`automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods"
    "[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)
NO_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
    "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
    "directly with a payment method or ConfirmationToken."
)
NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again."
)
NO_MONEY = "The customer's account has insufficient funds to cover this payment."


def create(call: Call) -> Object:
    """POST /v1/payment_intents, with `confirm` too."""
    confirm_only = [name for name in ("return_url", "use_stripe_sdk") if name in call.params]
    if not call.params.get("confirm"):
        if confirm_only:
            message = f"{confirm_only[0]} may only be given when confirm is true."
            raise invalid(message, param=confirm_only[0])
        return intents.create(call)
    if not {"payment_method", "payment_method_data"} & set(call.params):
        raise invalid(NO_METHOD, code="payment_intent_unexpected_state")
    return _confirm(call, intents.create(call))


def confirm(call: Call) -> Object:
    """POST /v1/payment_intents/{id}/confirm. A decline is raised after its charge was stored."""
    intent = intents.find(call.store, call.identifier)
    _check_open(intent)
    params = call.params
    if params.get("amount_to_confirm", intent["amount"]) != intent["amount"]:
        message = "The provided amount_to_confirm does not match the PaymentIntent's amount."
        raise invalid(message, code="payment_intent_invalid_parameter", param="amount_to_confirm")
    if {"payment_method", "payment_method_data"} & set(params):
        intents.attach_method(intent, intents.method_of(call.store, params))
    if intent["payment_method"] is None:
        raise unexpected_state(NO_METHOD, intent)
    if "receipt_email" in params:
        intent["receipt_email"] = params["receipt_email"]
    if "shipping" in params:
        intent["shipping"] = intents.shipping_of(params["shipping"])
    return _confirm(call, intent)


def challenge(call: Call) -> Object:
    """POST /v1/payment_intents/{id}/challenge: the result of 3-D Secure. Stripe has no such URL."""
    intent = intents.find(call.store, call.identifier)
    if intent["status"] != "requires_action":
        message = f"There is nothing to authenticate: the status is {intent['status']}."
        raise unexpected_state(message, intent)
    intent["next_action"] = None
    method = payment_methods.find(call.store, intent["payment_method"])
    if call.params["outcome"] == "authorize":
        _pay_by_card(call, intent, method, authenticated=True)
    else:
        code = "payment_intent_authentication_failure"
        _refuse(call, intent, _problem(code, NOT_AUTHENTICATED, method))
    return {}


def settle(call: Call) -> Object:
    """Settle a bank debit that is processing. Not an operation of Stripe's API."""
    intent = intents.find(call.store, call.identifier)
    if intent["status"] != "processing":
        message = f"There is nothing to settle: the status is {intent['status']}."
        raise unexpected_state(message, intent)
    charge = cast("Object", call.store.find("charge", intent["latest_charge"]))
    if call.params["outcome"] == "succeeded":
        charges.settle(charge)
        _receive(call, intent, charge)
    else:
        method = payment_methods.find(call.store, intent["payment_method"])
        code = "insufficient_funds"
        charges.fail(charge, code, NO_MONEY)
        call.store.save(charge)
        call.emit("charge.failed", charge)
        _refuse(call, intent, {**_problem(code, NO_MONEY, method), "charge": charge["id"]})
    return intent


def _check_open(intent: Object) -> None:
    status = intent["status"]
    if status == "succeeded":
        message = (
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed."
        )
        raise unexpected_state(message, intent)
    if status not in intents.OPEN:
        message = (
            f"This PaymentIntent could not be confirmed because it has a status of {status}. Only "
            f"a PaymentIntent with one of the following statuses may be confirmed: "
            f"{', '.join(intents.OPEN)}."
        )
        raise unexpected_state(message, intent)


def _confirm(call: Call, intent: Object) -> Object:
    params = call.params
    uses_sdk = params.get("use_stripe_sdk", False)
    redirects = (intent["automatic_payment_methods"] or {}).get("allow_redirects") == "always"
    if redirects and not uses_sdk and "return_url" not in params:
        raise invalid(NEEDS_RETURN_URL)
    method = payment_methods.find(call.store, intent["payment_method"])
    intent.update(last_payment_error=None, next_action=None)
    if method["type"] != "card":
        _debit(call, intent, method)
    elif payment_methods.behaviour(call.store, method).three_d_secure:
        intent.update(status="requires_action", next_action=_next_action(call, intent, params))
        call.store.save(intent)
        call.emit("payment_intent.requires_action", intent)
    else:
        declined = _pay_by_card(call, intent, method, authenticated=False)
        if declined:
            raise declined
    return intent


def _next_action(call: Call, intent: Object, params: Mapping[str, Any]) -> Object:
    query = {"client_secret": intent["client_secret"], "key": call.publishable_key}
    page = f"{call.base_url}/challenge/{intent['id']}"
    if params.get("use_stripe_sdk"):
        return {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "type": "three_d_secure_redirect",
                "stripe_js": f"{page}?{urlencode(query)}",
                "source": new_id("source"),
                "known_frame_issues": "false",
            },
        }
    back = params.get("return_url")
    query |= {"return_url": back} if back else {}
    return {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": back, "url": f"{page}?{urlencode(query)}"},
    }


def _debit(call: Call, intent: Object, method: Object) -> None:
    charge = charges.of_debit(intent, method)
    intent.update(status="processing", latest_charge=charge["id"])
    call.store.save(charge)
    call.store.save(intent)
    call.emit("charge.pending", charge)
    call.emit("payment_intent.processing", intent)


def _pay_by_card(
    call: Call, intent: Object, method: Object, *, authenticated: bool
) -> Declined | None:
    """Charge the card. Return the reason for a decline, or None."""
    behaviour = payment_methods.behaviour(call.store, method)
    charge = charges.of_card(intent, method, behaviour, authenticated=authenticated)
    if behaviour.decline is None:
        if behaviour.risk_level == "elevated":
            reviews.begin(call, intent, charge, "rule")
        _receive(call, intent, charge)
        if behaviour.fraud_warning:
            fraud_warnings.warn(call, charge)
        if behaviour.dispute:
            disputes.begin(call, charge, behaviour.dispute, inquiry=behaviour.inquiry)
        return None
    problem = _declined(behaviour.decline, charge, method)
    call.store.save(charge)
    call.emit("charge.failed", charge)
    intent["latest_charge"] = charge["id"]
    _refuse(call, intent, problem)
    kind = problem.pop("type")
    return Declined(402, kind, **problem, payment_intent=intent)


def _receive(call: Call, intent: Object, charge: Object) -> None:
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
    )
    call.store.save(charge)
    call.store.save(intent)
    call.emit("charge.succeeded", charge)
    call.emit("payment_intent.succeeded", intent)


def _refuse(call: Call, intent: Object, problem: Object) -> None:
    """Record a failed attempt; the customer can try another payment method."""
    intent.update(
        status="requires_payment_method", payment_method=None, last_payment_error=dict(problem)
    )
    call.store.save(intent)
    call.emit("payment_intent.payment_failed", intent)


def _declined(decline: Decline, charge: Object, method: Object) -> Object:
    fields = {"charge": charge["id"], "decline_code": decline.decline_code}
    if decline.param:
        fields["param"] = decline.param
    problem = _problem(decline.code, decline.message, method)
    return {**problem, **fields, "type": "card_error"}


def _problem(code: str, message: str, method: Object) -> Object:
    return {
        "code": code,
        "doc_url": doc_url(code),
        "message": message,
        "payment_method": method,
        "type": "invalid_request_error",
    }
