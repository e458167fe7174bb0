"""Money: an integer in minor units and an ISO 4217 code, without floats.

The number of decimals is Stripe's, which is not always that of CLDR
(https://docs.stripe.com/currencies#zero-decimal).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.languages import get_official_languages
from babel.numbers import NumberPattern, get_territory_currencies, parse_pattern

# fmt: off
ZERO_DECIMAL = frozenset({
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA",
    "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF",
})
# fmt: on
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Currencies without minor units that Stripe counts in hundredths, which must end in 00.
WHOLE_UNITS_ONLY = frozenset({"ISK", "UGX"})


class AmountError(ValueError):
    """The text is not an amount; the message says how to write one."""


_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.(?P<fraction>[0-9]+))?")


@dataclass(frozen=True, order=True)
class Money:
    """An amount: `amount` in the currency's minor units, `currency` in upper-case ISO 4217."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            message = f"an amount of money is an int in minor units, not {self.amount!r}"
            raise TypeError(message)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            message = f"{self.currency} and {other.currency} cannot be added"
            raise ValueError(message)
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, quantity: int) -> Money:
        return Money(self.amount * quantity, self.currency)

    @property
    def value(self) -> Decimal:
        """The amount in whole units: 1299 GBP is Decimal("12.99")."""
        return Decimal(self.amount).scaleb(-decimals(self.currency))

    def format(self, locale: str) -> str:
        """Return the amount as written in `locale` (such as en_GB): £12.99, 12,99 €, ￥1,500."""
        digits = 0 if self.currency in WHOLE_UNITS_ONLY else decimals(self.currency)
        return _formatted(self.value, self.currency, locale, digits)


def format_units(units: int, currency: str, locale: str) -> str:
    """Return whole units of a currency as they are written in `locale`, without decimals: £10."""
    return _formatted(Decimal(units), currency, locale, 0)


def read_amount(text: str, currency: str) -> Money:
    """Parse an amount in whole units with a decimal point: "12.50" in GBP is 1250 pence.

    Zeros after the last decimal of the currency are accepted: 1500.00 in JPY. Raises AmountError. A
    comma is refused, since in some languages it separates thousands.
    """
    digits = 0 if currency in WHOLE_UNITS_ONLY else decimals(currency)
    match = _AMOUNT.fullmatch(text)
    if match is None or len((match["fraction"] or "").rstrip("0")) > digits:
        example = Decimal(12).quantize(Decimal(1).scaleb(-digits))
        raise AmountError(f"{text!r} is not an amount in {currency}. Example: {example}")
    return Money(int(Decimal(text).scaleb(decimals(currency))), currency)


def decimals(currency: str) -> int:
    """Return the number of decimals of a currency: JPY 0, USD 2, KWD 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


@cache
def currency_signs(currency: str) -> frozenset[str]:
    """Return how a currency is written, by CLDR, where it is legal tender and in English.

    USD is $, US$ and USD.
    """
    signs = {currency, Locale("en").currency_symbols.get(currency, currency)}
    for territory in get_global("territory_currencies"):
        if currency not in get_territory_currencies(territory):
            continue
        for language in get_official_languages(territory, regional=True, de_facto=True):
            with suppress(UnknownLocaleError):  # not every language of every territory has one
                locale = Locale.parse(f"{language}_{territory}")
                signs.add(locale.currency_symbols.get(currency, currency))
    return frozenset(signs)


@cache
def known_currencies() -> frozenset[str]:
    """Return the ISO 4217 codes that are legal tender in some territory today."""
    territories = get_global("territory_currencies")
    return frozenset(code for each in territories for code in get_territory_currencies(each))


def _formatted(value: Decimal, currency: str, locale: str, digits: int) -> str:
    text: str = _pattern(locale, digits).apply(
        value, Locale.parse(locale), currency=currency, currency_digits=False
    )
    return text


@cache
def _pattern(locale: str, digits: int) -> NumberPattern:
    """Return the locale's currency pattern with `digits` decimals in place of CLDR's."""
    pattern = parse_pattern(Locale.parse(locale).currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    return pattern
