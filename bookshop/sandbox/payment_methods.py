"""Payment methods: https://docs.stripe.com/api/payment_methods.

They are made of what a customer typed in Stripe's frame, or of one of Stripe's test names.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from . import cards, parameters
from .errors import ApiError, missing_resource
from .ids import new_id
from .parameters import choice, email, hash_of, integer, text, unset_or
from .store import Object, Store

ADDRESS_LINES = ("city", "country", "line1", "line2", "postal_code", "state")
ADDRESS = hash_of({line: unset_or(text()) for line in ADDRESS_LINES})
CHECKS = ("address_line1_check", "address_postal_code_check", "cvc_check")
MONTHS = range(1, 13)
FARTHEST = 50  # years that an expiry may lie ahead

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
    """A payment method of checked parameters (see DATA). Raises ApiError for an impossible card."""
    kind = data["type"]
    made = _blank(kind, data)
    notes = {}
    if kind == "card":
        given = data.get("card") or {}
        card = cards.recognise(_checked_number(given))
        made["card"] = _card(card, given, made["billing_details"])
        notes["behaviour"] = card.behaviour
    else:
        made[kind] = _DEBITS[kind](data.get(kind, {}))
    store.save(made, notes)
    return made


def find(store: Store, identifier: str, param: str = "payment_method") -> Object:
    """A saved payment method, or a new one for a test name such as `pm_card_visa`.

    Raises ApiError for an id that is nobody's.
    """
    if identifier in cards.PAYMENT_METHODS:
        number = cards.PAYMENT_METHODS[identifier]
        expiry = {"exp_month": 12, "exp_year": datetime.now(UTC).year + 4}
        return create(store, {"type": "card", "card": {"number": number, "cvc": "123", **expiry}})
    if identifier in DEBIT_NAMES:
        return create(store, DEBIT_NAMES[identifier])
    found = store.find("payment_method", identifier)
    if found is None:
        raise missing_resource("PaymentMethod", identifier, param)
    return found


def behaviour(store: Store, method: Object) -> cards.Behaviour:
    """What comes of paying with it."""
    return cards.BEHAVIOURS[store.notes(method["id"]).get("behaviour", "succeeds")]


def _blank(kind: str, data: Mapping[str, Any]) -> Object:
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


def _checked_number(given: Mapping[str, Any]) -> str:
    number = str(given.get("number", "")).replace(" ", "").replace("-", "")
    if not number.isdigit() or not cards.passes_luhn(number):
        raise _refused("Your card number is incorrect.", "incorrect_number", "number")
    today = datetime.now(UTC)
    month, year = given["exp_month"], given["exp_year"]
    year += 2000 if year < 100 else 0  # noqa: PLR2004
    if month not in MONTHS:
        raise _refused(
            "Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month"
        )
    if year not in range(today.year, today.year + FARTHEST):
        raise _refused("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    if (year, month) < (today.year, today.month):
        raise _refused(
            "Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month"
        )
    cvc = given.get("cvc")
    digits = 4 if cards.recognise(number).brand == "amex" else 3
    if cvc is not None and not (cvc.isdigit() and len(cvc) in {3, digits}):
        raise _refused("Your card's security code is invalid.", "invalid_cvc", "cvc")
    return number


def _refused(message: str, code: str, field: str) -> ApiError:
    return ApiError(402, "card_error", message, code=code, param=field)


def _card(card: cards.TestCard, given: Mapping[str, Any], billing: Mapping[str, Any]) -> Object:
    number = str(given["number"]).replace(" ", "").replace("-", "")
    checked = {
        "address_line1_check": billing["address"]["line1"],
        "address_postal_code_check": billing["address"]["postal_code"],
        "cvc_check": given.get("cvc"),
    }
    failing = cards.BEHAVIOURS[card.behaviour].failing_check
    results = {
        name: value and ("fail" if name == failing else "pass") for name, value in checked.items()
    }
    year = given["exp_year"]
    return {
        "brand": card.brand,
        "checks": results,
        "country": card.country,
        "display_brand": {"amex": "american_express", "diners": "diners_club"}.get(
            card.brand, card.brand
        ),
        "exp_month": given["exp_month"],
        "exp_year": year if year >= 100 else 2000 + year,  # noqa: PLR2004
        "fingerprint": _fingerprint(card.behaviour, card.brand, number[-4:]),
        "funding": card.funding,
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.brand != "amex"},
        "wallet": None,
    }


def _bacs_debit(given: Mapping[str, Any]) -> Object:
    account = given.get("account_number", "00012345")
    return {
        "fingerprint": _fingerprint("bacs_debit", account[-4:]),
        "last4": account[-4:],
        "sort_code": given.get("sort_code", "108800"),
    }


def _sepa_debit(given: Mapping[str, Any]) -> Object:
    iban = given.get("iban", "DE89370400440532013000").replace(" ", "").upper()
    return {
        "bank_code": iban[4:12],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": _fingerprint("sepa_debit", iban[-4:]),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }


def _us_bank_account(given: Mapping[str, Any]) -> Object:
    account = given.get("account_number", "000123456789")
    return {
        "account_holder_type": given.get("account_holder_type", "individual"),
        "account_type": given.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint("us_bank_account", account[-4:]),
        "last4": account[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": given.get("routing_number", "110000000"),
        "status_details": {},
    }


_DEBITS = {
    "bacs_debit": _bacs_debit,
    "sepa_debit": _sepa_debit,
    "us_bank_account": _us_bank_account,
}


def _fingerprint(*parts: str) -> str:
    """The same for the same card. Made of what may be kept, so that no number follows from it."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]
