"""Stripe's currencies and amount limits: https://docs.stripe.com/currencies.

Currencies are lower case and amounts in minor units, as in the API.
"""

from __future__ import annotations

from bookshop.sandbox.api.errors import invalid

CODES = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq
    gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd
    lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk
    php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top
    try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""
PRESENTMENT = frozenset(CODES.split())
ZERO_DECIMAL_CODES = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(ZERO_DECIMAL_CODES.split())
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
#: Zero-decimal in ISO 4217, but Stripe expects two decimals.
WHOLE_HUNDREDS = frozenset({"isk", "ugx"})

MAXIMUM = 99_999_999
MINIMUM = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip

#: The bank debit offered beside cards.
DEBITS = {"gbp": "bacs_debit", "eur": "sepa_debit", "usd": "us_bank_account"}


def payment_method_types(currency: str) -> list[str]:
    """Return the payment method types offered for a currency."""
    return ["card", *(kind for code, kind in DEBITS.items() if code == currency)]


def check_currency(currency: str) -> None:
    """Raise ApiError for a currency that Stripe does not support."""
    if currency not in PRESENTMENT:
        listed = ", ".join(sorted(PRESENTMENT))
        message = (
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {listed}"
        )
        raise invalid(message, param="currency")


def check_amount(amount: int, currency: str) -> None:
    """Raise ApiError for an amount that Stripe does not charge."""
    least = MINIMUM.get(currency, 1)
    if amount < least:
        message = f"Amount must be at least {format_amount(least, currency)}"
        raise invalid(message, code="amount_too_small", param="amount")
    if amount > MAXIMUM:
        message = f"Amount must be no more than {format_amount(MAXIMUM, currency)}"
        raise invalid(message, code="amount_too_large", param="amount")
    check_digits(amount, currency)


def check_digits(amount: int, currency: str) -> None:
    """Raise ApiError for more decimals than charges and refunds can have."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_HUNDREDS else 1
    if amount % step:
        message = f"Invalid amount: {amount} has more decimals than {currency} payments can have."
        raise invalid(message, code="invalid_charge_amount", param="amount")


def format_amount(amount: int, currency: str) -> str:
    """Format an amount: `12.99 GBP`."""
    decimals = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    whole, minor = divmod(amount, 10**decimals)
    fraction = f".{minor:0{decimals}}" if decimals else ""
    return f"{whole:,}{fraction} {currency.upper()}"
