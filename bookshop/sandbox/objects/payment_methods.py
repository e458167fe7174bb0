"""Payment methods: https://docs.stripe.com/api/payment_methods.

They come from Stripe's frame, or from one of Stripe's test names.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bookshop.sandbox.api import parameters
from bookshop.sandbox.api.errors import missing_parameter, missing_resource
from bookshop.sandbox.api.parameters import choice, email, hash_of, integer, text, unset_or
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.objects import test_cards
from bookshop.sandbox.objects.card_details import describe, fingerprint
from bookshop.sandbox.store import Object, Store

ADDRESS_LINES = ("city", "country", "line1", "line2", "postal_code", "state")
ADDRESS = hash_of({line: unset_or(text()) for line in ADDRESS_LINES})

CARD = hash_of(
    {"number": text(30), "exp_month": integer(), "exp_year": integer(), "cvc": text(10)},
    ("number", "exp_month", "exp_year"),
)
BILLING_DETAILS = hash_of(
    {
        "address": unset_or(ADDRESS),
        "email": unset_or(email),
        "name": unset_or(text()),
        "phone": unset_or(text()),
        "tax_id": text(),
    }
)
DATA = hash_of(
    {
        "type": choice("card", "bacs_debit", "sepa_debit", "us_bank_account"),
        "allow_redisplay": choice("always", "limited", "unspecified"),
        "bacs_debit": hash_of({"account_number": text(), "sort_code": text()}),
        "billing_details": BILLING_DETAILS,
        "card": CARD,
        "metadata": parameters.metadata,
        "sepa_debit": hash_of({"iban": text()}, ("iban",)),
        "us_bank_account": hash_of(
            {
                "account_holder_type": choice("company", "individual"),
                "account_number": text(),
                "account_type": choice("checking", "savings"),
                "routing_number": text(),
            }
        ),
    },
    ("type",),
)
#: Stripe's test accounts: https://docs.stripe.com/payments/bacs-debit/accept-a-payment
#: and https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment.
DEBIT_NAMES = {
    "pm_bacsDebit_success": {
        "type": "bacs_debit",
        "bacs_debit": {"sort_code": "108800", "account_number": "00012345"},
    },
    "pm_usBankAccount_success": {
        "type": "us_bank_account",
        "us_bank_account": {
            "routing_number": "110000000",
            "account_number": "000123456789",
            "account_holder_type": "individual",
        },
    },
}


def create(store: Store, data: Mapping[str, Any]) -> Object:
    """Create a payment method from parameters that match DATA. Raises ApiError."""
    kind = data["type"]
    method = _new_method(kind, data)
    notes = {}
    if kind == "card":
        if "card" not in data:
            raise missing_parameter("card")
        method["card"], notes["behaviour"] = describe(data["card"], method["billing_details"])
    else:
        method[kind] = _DEBITS[kind](data.get(kind, {}))
    store.save(method, notes)
    return method


def find(store: Store, identifier: str, *, in_path: bool = False) -> Object:
    """Return a stored payment method, or a new one for a test name such as `pm_card_visa`.

    Raises ApiError for an unknown id.
    """
    if identifier in test_cards.PAYMENT_METHODS:
        number = test_cards.PAYMENT_METHODS[identifier]
        expiry = {"exp_month": 12, "exp_year": datetime.now(UTC).year + 4}
        return create(store, {"type": "card", "card": {"number": number, "cvc": "123", **expiry}})
    if identifier in DEBIT_NAMES:
        return create(store, DEBIT_NAMES[identifier])
    method = store.find("payment_method", identifier)
    if method is None:
        raise missing_resource("PaymentMethod", identifier, "payment_method", in_path=in_path)
    return method


def behaviour(store: Store, method: Object) -> test_cards.Behaviour:
    """Return the behaviour of a payment with this method."""
    return test_cards.BEHAVIOURS[store.notes(method["id"]).get("behaviour", "succeeds")]


def _new_method(kind: str, data: Mapping[str, Any]) -> Object:
    billing = data.get("billing_details") or {}
    address = billing.get("address") or {}
    return {
        "id": new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": data.get("allow_redisplay", "unspecified"),
        "billing_details": {
            "address": {line: address.get(line) for line in ADDRESS_LINES},
            **{name: billing.get(name) for name in ("email", "name", "phone", "tax_id")},
        },
        "created": int(time.time()),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {key: value for key, value in data.get("metadata", {}).items() if value},
        "type": kind,
    }


def _bacs_debit(details: Mapping[str, Any]) -> Object:
    account = details.get("account_number", "00012345")
    return {
        "fingerprint": fingerprint("bacs_debit", account[-4:]),
        "last4": account[-4:],
        "sort_code": details.get("sort_code", "108800"),
    }


def _sepa_debit(details: Mapping[str, Any]) -> Object:
    iban = details.get("iban", "DE89370400440532013000").replace(" ", "").upper()
    return {
        "bank_code": iban[4:12],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": fingerprint("sepa_debit", iban[-4:]),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }


def _us_bank_account(details: Mapping[str, Any]) -> Object:
    account = details.get("account_number", "000123456789")
    return {
        "account_holder_type": details.get("account_holder_type", "individual"),
        "account_type": details.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": fingerprint("us_bank_account", account[-4:]),
        "last4": account[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": details.get("routing_number", "110000000"),
        "status_details": {},
    }


_DEBITS = {
    "bacs_debit": _bacs_debit,
    "sepa_debit": _sepa_debit,
    "us_bank_account": _us_bank_account,
}
