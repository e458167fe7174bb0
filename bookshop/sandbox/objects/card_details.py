"""Card details of a payment method, derived from the customer's input."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bookshop.sandbox.api.errors import ApiError
from bookshop.sandbox.objects import test_cards
from bookshop.sandbox.store import Object

LENGTHS = range(12, 20)
MONTHS = range(1, 13)
MAX_YEARS_AHEAD = 50  # of an expiry date
DISPLAY_BRANDS = {"amex": "american_express", "diners": "diners_club"}
CVC_LENGTHS = {"amex": {3, 4}}


def describe(entered: Mapping[str, Any], billing: Mapping[str, Any]) -> tuple[Object, str]:
    """Return the `card` hash of the entered card details, and the name of the card's behaviour.

    https://docs.stripe.com/api/payment_methods/object. Raises ApiError for an impossible card.
    """
    number = "".join(digit for digit in entered["number"] if digit not in " -")
    if not number.isdecimal() or len(number) not in LENGTHS or not test_cards.passes_luhn(number):
        raise _refused("Your card number is incorrect.", "incorrect_number", "number")
    card = test_cards.recognise(number)
    month, year = _expiry(entered["exp_month"], entered["exp_year"])
    cvc = entered.get("cvc")
    if cvc and not (cvc.isdecimal() and len(cvc) in CVC_LENGTHS.get(card.brand, {3})):
        raise _refused("Your card's security code is invalid.", "invalid_cvc", "cvc")
    last4 = number[-4:]
    details = {
        "brand": card.brand,
        "checks": _checks(card, cvc, billing["address"]),
        "country": card.country,
        "display_brand": DISPLAY_BRANDS.get(card.brand, card.brand),
        "exp_month": month,
        "exp_year": year,
        "fingerprint": fingerprint(card.behaviour, card.brand, last4),
        "funding": card.funding,
        "generated_from": None,
        "last4": last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.brand != "amex"},
        "wallet": None,
    }
    return details, card.behaviour


def fingerprint(*parts: str) -> str:
    """Return the same value for the same card, computed from stored fields, not the number."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:16]


def _expiry(month: int, year: int) -> tuple[int, int]:
    today = datetime.now(UTC)
    century = today.year // 100 * 100
    year += century if year < 100 else 0  # noqa: PLR2004
    if year not in range(today.year, today.year + MAX_YEARS_AHEAD):
        message = "Your card's expiration year is invalid."
        raise _refused(message, "invalid_expiry_year", "exp_year")
    if month not in MONTHS or (year, month) < (today.year, today.month):
        message = "Your card's expiration month is invalid."
        raise _refused(message, "invalid_expiry_month", "exp_month")
    return month, year


def _checks(
    card: test_cards.TestCard, cvc: str | None, address: Mapping[str, str | None]
) -> Object:
    """Return the results of the bank's checks for the fields that were given."""
    failing = test_cards.BEHAVIOURS[card.behaviour].failing_check
    checked_values = {
        "address_line1_check": address["line1"],
        "address_postal_code_check": address["postal_code"],
        "cvc_check": cvc,
    }
    return {
        name: ("fail" if name == failing else "pass") if value else None
        for name, value in checked_values.items()
    }


def _refused(message: str, code: str, field: str) -> ApiError:
    return ApiError(402, "card_error", message, code=code, param=field)
