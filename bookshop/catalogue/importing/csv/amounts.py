"""Reads amounts of money as spreadsheets write them."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from bookshop.catalogue.importing.csv.cells import clean_code
from bookshop.catalogue.importing.records import RecordError
from bookshop.money import (
    THREE_DECIMAL,
    AmountError,
    currency_signs,
    known_currencies,
    read_amount,
)

_AMOUNT = re.compile(
    r"(?P<before>[^0-9]*)(?P<number>[0-9](?:[0-9.,'\u2019\s]*[0-9])?)(?P<after>[^0-9]*)"
)
_NUMBER = re.compile(r"(?P<whole>[0-9]{1,10})(?:(?P<mark>[.,])(?P<fraction>[0-9]{1,12}))?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,'\u2019\s])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]{1,3})?")
_GROUP = re.compile(r"[1-9][0-9]{0,2}")
GROUP_DIGITS = 3  # between two separators of thousands


def parse_amount(value: str, currency: str) -> int:
    """Return an amount in minor units, from 12.99, 12,99, 12.9900, £12.99 or 12.99 EUR.

    Raises RecordError: nothing is guessed where a number could also be in thousands, or has the
    sign of another currency.
    """
    text = clean_code(value)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise _invalid(text, currency)
    _check_signs((match["before"].strip(), match["after"].strip()), text, currency)
    number = _NUMBER.fullmatch(match["number"])
    if number is None and _GROUPED.fullmatch(match["number"]):
        raise RecordError(
            "thousands_separator",
            f"The price {text} has a thousands separator: write it without, as 1234.50.",
        )
    if number is None:
        raise _invalid(text, currency)
    if _is_ambiguous(number, currency):
        raise RecordError(
            "ambiguous_price",
            f"The separator in the price {text} could be that of decimals or of thousands: write it"
            " with two decimals, or without a separator.",
        )
    try:
        money = read_amount(number[0].replace(",", "."), currency)
    except AmountError as error:
        raise RecordError("invalid_price", f"The price is invalid: {error}") from error
    if not money.amount:
        raise RecordError(
            "zero_price", f"The price {text} is zero: leave it empty if there is no price."
        )
    return money.amount


def read_currency(text: str, shop_currency: str) -> str | None:
    """Return the currency that a code names, or a sign of the shop's own currency; else None."""
    if _plain(text) in _plain_signs(shop_currency):
        return shop_currency
    return text.upper() if text.upper() in known_currencies() else None


def _is_ambiguous(number: re.Match[str], currency: str) -> bool:
    """True if a decimal sign could also separate thousands: 1,250, but not 1250,500 or 0,125."""
    if len(number["fraction"] or "") != GROUP_DIGITS or not _GROUP.fullmatch(number["whole"]):
        return False
    return number["mark"] == "," or currency not in THREE_DECIMAL


def _check_signs(signs: tuple[str, str], text: str, currency: str) -> None:
    """Raise RecordError unless what is written beside a number means `currency`."""
    for sign in filter(None, signs):
        if _plain(sign) in _plain_signs(currency):
            continue
        if _is_currency(sign):
            raise RecordError(
                "other_currency",
                f"The price {text} has the sign {sign}, and the column is in {currency}: write the"
                " currency's code into a column “currency”, or into the header, as “price (usd)”.",
            )
        raise _invalid(text, currency)


def _plain(sign: str) -> str:
    """Return a sign without marks of direction, as NFKC (a fullwidth yen sign is a yen sign)."""
    shown = (each for each in sign if unicodedata.category(each) != "Cf")
    return unicodedata.normalize("NFKC", "".join(shown)).casefold()


@cache
def _plain_signs(currency: str) -> frozenset[str]:
    return frozenset(map(_plain, currency_signs(currency)))


def _is_currency(sign: str) -> bool:
    return sign.upper() in known_currencies() or any(
        unicodedata.category(character) == "Sc" for character in sign
    )


def _invalid(text: str, currency: str) -> RecordError:
    reason = f"The price {text} is not an amount in {currency}: write it like 12.99."
    return RecordError("invalid_price", reason)
