"""The parameters of a PaymentIntent's operations: https://docs.stripe.com/api/payment_intents."""

from __future__ import annotations

import re
from typing import Any

from bookshop.sandbox.api import parameters
from bookshop.sandbox.api.errors import invalid
from bookshop.sandbox.api.parameters import (
    boolean,
    choice,
    email,
    hash_of,
    integer,
    list_of,
    not_simulated,
    text,
    unset_or,
)
from bookshop.sandbox.objects import payment_methods

SHIPPING = hash_of(
    {
        "address": payment_methods.ADDRESS,
        "carrier": unset_or(text()),
        "name": text(),
        "phone": unset_or(text()),
        "tracking_number": unset_or(text()),
    },
    ("address", "name"),
)
NOT_SIMULATED_NAMES = """
    amount_details application_fee_amount confirmation_token customer customer_account
    error_on_requires_action hooks mandate mandate_data off_session on_behalf_of payment_details
    payment_method_configuration payment_method_options radar_options setup_future_usage
    statement_descriptor transfer_data transfer_group
"""
NOT_SIMULATED = dict.fromkeys(NOT_SIMULATED_NAMES.split(), not_simulated)


def removed_in_endive(name: str, value: object) -> None:
    """Refuse `payment_method_types`.

    https://docs.stripe.com/changelog/endive/2026-09-30
    """
    message = (
        "The payment_method_types parameter is no longer supported. Manage payment methods in the "
        "Dashboard, or use allowed_payment_method_types or excluded_payment_method_types."
    )
    raise invalid(message, code="payment_method_types_no_longer_supported", param=name)


def statement_suffix(name: str, value: Any) -> str:
    """Parse a statement descriptor suffix."""
    suffix: str = text(22)(name, value)
    if re.search(r"""[<>\\'"*]""", suffix) or not re.search("[A-Za-z]", suffix):
        message = "The statement descriptor suffix needs a letter and may not contain < > \\ ' \" *"
        raise invalid(message, param=name)
    return suffix


CHANGEABLE = {
    **NOT_SIMULATED,
    "allowed_payment_method_types": list_of(text()),
    "amount": integer(1),
    "capture_method": choice("automatic", "automatic_async"),
    "currency": text(),
    "description": unset_or(text(1000)),
    "excluded_payment_method_types": list_of(text()),
    "expand": list_of(text()),
    "metadata": unset_or(parameters.metadata),
    "payment_method": text(),
    "payment_method_data": payment_methods.DATA,
    "payment_method_types": removed_in_endive,
    "receipt_email": unset_or(email),
    "shipping": unset_or(SHIPPING),
    "statement_descriptor_suffix": statement_suffix,
}
CREATE = hash_of(
    {
        **CHANGEABLE,
        "automatic_payment_methods": hash_of(
            {"allow_redirects": choice("always", "never"), "enabled": boolean}, ("enabled",)
        ),
        "confirm": boolean,
        "confirmation_method": choice("automatic"),
        "return_url": parameters.web_address,
        "use_stripe_sdk": boolean,
    },
    ("amount", "currency"),
)
UPDATE = hash_of(CHANGEABLE)
CANCEL = hash_of(
    {
        "cancellation_reason": choice(
            "abandoned", "duplicate", "fraudulent", "requested_by_customer"
        ),
        "expand": list_of(text()),
    }
)
CONFIRM = hash_of(
    {
        **NOT_SIMULATED,
        "allowed_payment_method_types": not_simulated,
        "amount_to_confirm": integer(1),
        "capture_method": not_simulated,
        "client_secret": text(),
        "excluded_payment_method_types": not_simulated,
        "expand": list_of(text()),
        "payment_method": text(),
        "payment_method_data": payment_methods.DATA,
        "payment_method_types": removed_in_endive,
        "receipt_email": unset_or(email),
        "return_url": parameters.web_address,
        "shipping": unset_or(SHIPPING),
        "use_stripe_sdk": boolean,
    }
)
CHALLENGE = hash_of({"client_secret": text(), "outcome": choice("authorize", "fail")}, ("outcome",))
SETTLE = hash_of({"outcome": choice("succeeded", "failed")}, ("outcome",))
