"""Parses and formats the values of a CSV file: lists, ISBNs, amounts, dates, numbers.

A value may be a list: items are separated by semicolons, the parts of an item by bars; a backslash
escapes either. Spreadsheets evaluate what begins with = + - or @ as a formula: such text is written
with an apostrophe before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

from babel import Locale
from babel.core import get_global
from stdnum import isbn as isbn_number
from stdnum.exceptions import ValidationError

from bookshop.catalogue.importing.records import RecordError
from bookshop.money import AmountError, read_amount

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+")
_AMOUNT = re.compile(r"[0-9]{1,10}(?:[.,][0-9]{1,3})?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:([.,' ])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]{1,2})?")
_DATE = re.compile(r"(?P<year>[0-9]{4})-?(?P<month>[0-9]{2})-?(?P<day>[0-9]{2})")
_DATE_DAY_FIRST = re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})")
_DATE_WITH_SLASHES = re.compile(r"(?P<one>[0-9]{1,2})/(?P<two>[0-9]{1,2})/(?P<year>[0-9]{4})")
_COUNT = re.compile(r"[0-9]{1,9}")
_CURRENCY_SIGNS = r"[\s£€$¥\N{FULLWIDTH YEN SIGN}]+"
_SURROUNDING_SIGNS = re.compile(rf"^{_CURRENCY_SIGNS}|{_CURRENCY_SIGNS}$")
_LANGUAGE = re.compile(r"[a-z]{3}")
ISBN_10, ISBN_13 = 10, 13
MONTHS_IN_YEAR = 12
LANGUAGE_NAMES_IN = ("it", "es", "fr", "de", "en")  # later ones take precedence


def escape_formula(text: str) -> str:
    """Return a text that no spreadsheet evaluates."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_formula(value: str) -> str:
    """Reverse `escape_formula`, and strip whitespace."""
    text = value.strip()
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def join_list(items: Iterable[Sequence[str]]) -> str:
    """Return items of one or more parts as one value, without empty parts at their ends."""
    return "; ".join("|".join(map(_escape, _without_empty_end(parts))) for parts in items)


def split_list(value: str) -> list[list[str]]:
    """Return the items of a value, each as a list of stripped parts."""
    items: list[list[str]] = [[""]]
    escaped = False
    for character in value:
        if escaped:
            items[-1][-1] += character
        elif character == ";":
            items.append([""])
        elif character == "|":
            items[-1].append("")
        elif character != "\\":
            items[-1][-1] += character
        escaped = character == "\\" and not escaped
    stripped = ([part.strip() for part in parts] for parts in items)
    return [parts for parts in stripped if any(parts)]


def parse_isbn(value: str) -> str:
    """Return an ISBN-13. Leading zeros that a spreadsheet removed are restored.

    Raises RecordError, also for digits that a spreadsheet has lost.
    """
    text = unescape_formula(value).removeprefix('="').removesuffix('"').strip()
    if _SCIENTIFIC.fullmatch(text):
        raise RecordError(
            "isbn_digits_lost",
            f"The ISBN {text} is in scientific notation, so most of its digits are lost: format the"
            " column as Text in the spreadsheet, and export it again.",
            text,
        )
    text = text.removesuffix(".0")
    try:
        return str(isbn_number.validate(text, convert=True))
    except ValidationError:
        padded = text.rjust(ISBN_10, "0")
    if len(text) < ISBN_10 and isbn_number.is_valid(padded):
        return str(isbn_number.validate(padded, convert=True))
    digits = sum(character.isdigit() for character in text)
    why = (
        "its check digit does not match; please compare it with the book"
        if digits in {ISBN_10, ISBN_13}
        else f"it has {digits} digits; an ISBN has 13"
    )
    raise RecordError("invalid_isbn", f"The ISBN {text} is wrong: {why}.", text)


def parse_amount(value: str, currency: str) -> int:
    """Return an amount in minor units, from 12.99, 12,99, £12.99 or 12.99 EUR.

    Raises RecordError.
    """
    text = _SURROUNDING_SIGNS.sub("", value.upper().replace(currency, ""))
    if _THOUSANDS.fullmatch(text) and not _AMOUNT.fullmatch(text):
        raise RecordError(
            "thousands_separator",
            f"The price {value} has a thousands separator: write it without, as 1234.50.",
        )
    if not _AMOUNT.fullmatch(text):
        text = value.strip()  # the error quotes the value as it is
    try:
        money = read_amount(text.replace(",", "."), currency)
    except AmountError as error:
        raise RecordError("invalid_price", f"The price is invalid: {error}") from error
    if not money.amount:
        raise RecordError(
            "zero_price", f"The price {value} is zero: leave it empty if there is no price."
        )
    return money.amount


def parse_day(value: str) -> date:
    """Return a date: 2026-03-14, 20260314, 14.3.2026, or 14/3/2026 if it is unambiguous.

    Raises RecordError.
    """
    text = value.strip().partition(" ")[0].partition("T")[0]
    match = _DATE.fullmatch(text) or _DATE_DAY_FIRST.fullmatch(text)
    try:
        if match is not None:
            return date(int(match["year"]), int(match["month"]), int(match["day"]))
        if slashes := _DATE_WITH_SLASHES.fullmatch(text):
            one, two, year = (int(slashes[name]) for name in ("one", "two", "year"))
            if one == two or max(one, two) > MONTHS_IN_YEAR:
                return date(year, *((two, one) if one > two else (one, two)))
    except ValueError as error:
        raise _invalid_date(value) from error
    raise _invalid_date(value)


def parse_count(value: str) -> int:
    """Return a number from 12 or 12.0. Raises RecordError."""
    text = value.strip().removesuffix(".0")
    if not _COUNT.fullmatch(text):
        raise RecordError("invalid_number", f"{value} is not a whole number: write it like 12.")
    return int(text)


def parse_language(value: str) -> str:
    """Return an ISO 639-2/B code, for example eng, from eng, en, English or Anglais.

    Raises RecordError.
    """
    text = value.strip().lower()
    if _LANGUAGE.fullmatch(text):
        return text
    code = _language_codes().get(text)
    if code is None:
        raise RecordError(
            "unknown_language",
            f"The language {value} is unknown: write its code, for example eng or ger.",
        )
    return code


@cache
def _language_codes() -> dict[str, str]:
    """Return ISO 639-2/B codes by ISO 639-1 codes, and by names in lower case."""
    aliases = get_global("language_aliases")
    three_letters = {short: code for code, short in aliases.items() if _LANGUAGE.fullmatch(code)}
    by_name = {
        name.lower(): three_letters[short]
        for locale in LANGUAGE_NAMES_IN
        for short, name in Locale(locale).languages.items()
        if short in three_letters
    }
    return {**by_name, **three_letters}


def _invalid_date(value: str) -> RecordError:
    reason = f"The date {value} is invalid or ambiguous: write it like 2026-03-14."
    return RecordError("invalid_date", reason)


def _without_empty_end(parts: Sequence[str]) -> Sequence[str]:
    end = len(parts)
    while end > 1 and not parts[end - 1]:
        end -= 1
    return parts[:end]


def _escape(part: str) -> str:
    return re.sub(r"([\\;|])", r"\\\1", part)
