"""What Stripe can charge: currencies, smallest and largest amounts, and special decimals.

Amounts are in minor units. https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from bookshop.money import THREE_DECIMAL, WHOLE_UNITS_ONLY, Money

#: The currencies of charges: https://docs.stripe.com/currencies#presentment-currencies.
CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BWP BYN BZD
    CAD CDF CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ
    GYD HKD HNL HTG HUF IDR ILS INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD
    LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TND TOP
    TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW
"""
CURRENCIES = frozenset(CODES.split())
#: Valid where the account is paid out in the same currency. Others have a minimum that follows from
#: the exchange rate, which only Stripe knows.
MINIMUM = {
    "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200,
    "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip
MAXIMUM = 99_999_999  # eight digits, in any currency


class Unpayable(StrEnum):
    """Why Stripe cannot charge an amount. The values are stable codes."""

    CURRENCY = "currency_not_supported"
    TOO_SMALL = "amount_too_small"
    TOO_LARGE = "amount_too_large"
    TOO_PRECISE = "amount_too_precise"


def unpayable_reason(price: Money) -> Unpayable | None:
    """Return why Stripe cannot charge this amount, None if it can."""
    if price.currency not in CURRENCIES:
        return Unpayable.CURRENCY
    if price.amount < MINIMUM.get(price.currency, 1):
        return Unpayable.TOO_SMALL
    if price.amount > MAXIMUM:
        return Unpayable.TOO_LARGE
    return Unpayable.TOO_PRECISE if price.amount % smallest_step(price.currency) else None


def smallest_step(currency: str) -> int:
    """Return the number of minor units of which every amount must be a multiple.

    Amounts of ISK and UGX end in 00, and those with three decimals in 0. HUF and TWD have such a
    rule for payouts only.
    """
    if currency in WHOLE_UNITS_ONLY:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def describe(reason: Unpayable, currency: str) -> str:
    """Return a sentence for the operator that says what Stripe accepts."""
    match reason:
        case Unpayable.CURRENCY:
            return f"Stripe does not charge in {currency}."
        case Unpayable.TOO_SMALL:
            return f"Stripe charges at least {_units(MINIMUM.get(currency, 1), currency)}."
        case Unpayable.TOO_LARGE:
            return f"Stripe charges at most {_units(MAXIMUM, currency)}."
        case Unpayable.TOO_PRECISE:
            step = _units(smallest_step(currency), currency)
            return f"Stripe charges multiples of {step} only."


def _units(amount: int, currency: str) -> str:
    value: Decimal = Money(amount, currency).value
    return f"{value:f} {currency}"
