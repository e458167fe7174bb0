"""Redaction of responses to browsers and of the request log."""

from __future__ import annotations

import re
from typing import Any

from bookshop.sandbox.objects.test_cards import passes_luhn

HIDDEN = "[hidden]"
#: Fields of a PaymentIntent that a publishable key may see: those of `PaymentIntent` in the types
#: of @stripe/stripe-js. No metadata: https://docs.stripe.com/metadata.
PUBLIC_FIELDS = """
    id object amount canceled_at cancellation_reason capture_method client_secret
    confirmation_method created currency description last_payment_error livemode next_action
    payment_method payment_method_types receipt_email setup_future_usage shipping status
"""
SHOWN = frozenset(PUBLIC_FIELDS.split())
SECRET_NAMES = frozenset(
    {
        "account_number",
        "client_secret",
        "cvc",
        "iban",
        "key",
        "number",
        "routing_number",
        "sort_code",
    }
)
SECRETS = re.compile(r"\b((?:sk|rk|pk)_(?:test|live)_|whsec_|pi_\w+_secret_)\w+")
LONG_NUMBER = re.compile(r"(?<!\w)\d(?:[ -]?\d){11,18}(?!\w)")


def public(value: Any) -> Any:
    """Return the response fields that a publishable key may see."""
    if isinstance(value, list):
        return [public(each) for each in value]
    if not isinstance(value, dict):
        return value
    shown = {name: public(each) for name, each in value.items() if name != "request_log_url"}
    if value.get("object") == "payment_intent":
        return {name: each for name, each in shown.items() if name in SHOWN}
    return shown


def for_log(value: Any) -> Any:
    """Return parameters without secrets, card numbers and bank accounts."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if name in SECRET_NAMES and isinstance(each, str) else for_log(each)
            for name, each in value.items()
        }
    return hide(value) if isinstance(value, str) else value


def hide(text: str) -> str:
    """Return the text with card numbers and keys removed."""
    shown = LONG_NUMBER.sub(_hide_card, text)
    return SECRETS.sub(lambda match: match[1] + HIDDEN, shown)


def _hide_card(match: re.Match[str]) -> str:
    return HIDDEN if passes_luhn(re.sub(r"\D", "", match[0])) else match[0]
