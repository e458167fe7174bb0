"""What stands in the cells of a spreadsheet, and what spreadsheets do to it.

Several things in one cell have a semicolon between them, the parts of one a bar; a backslash before
either means the sign itself. A spreadsheet calculates what begins with = + - or @: such text is
written with an apostrophe before it.
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

from bookshop.catalogue.importing.records import Refusal
from bookshop.money import AmountError
from bookshop.money import read_amount as read_money

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+")
_AMOUNT = re.compile(r"[0-9]{1,10}(?:[.,][0-9]{1,3})?")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:([.,' ])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]{1,2})?")
_DAY = re.compile(r"(?P<year>[0-9]{4})-?(?P<month>[0-9]{2})-?(?P<day>[0-9]{2})")
_DAY_FIRST = re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})")
_SLASHES = re.compile(r"(?P<one>[0-9]{1,2})/(?P<two>[0-9]{1,2})/(?P<year>[0-9]{4})")
_COUNT = re.compile(r"[0-9]{1,9}")
_SIGNS = r"[\s£€$¥\N{FULLWIDTH YEN SIGN}]+"
_AROUND = re.compile(rf"^{_SIGNS}|{_SIGNS}$")
_LANGUAGE = re.compile(r"[a-z]{3}")
ISBN_10, ISBN_13 = 10, 13
MONTHS = 12
NAMED_IN = ("it", "es", "fr", "de", "en")  # languages in which languages may be named


def guarded(text: str) -> str:
    """A cell that no spreadsheet calculates."""
    return f"'{text}" if _FORMULA.match(text) else text


def bare(cell: str) -> str:
    """What `guarded` has written, without blanks around it."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def join(things: Iterable[Sequence[str]]) -> str:
    """Things of one or more parts in one cell; parts at the end that are empty are left out."""
    return "; ".join("|".join(map(_escaped, _trimmed(parts))) for parts in things)


def split(cell: str) -> list[list[str]]:
    """The things in a cell, each a list of its parts, without blanks around them."""
    things: list[list[str]] = [[""]]
    escaped = False
    for letter in cell:
        if escaped:
            things[-1][-1] += letter
        elif letter == ";":
            things.append([""])
        elif letter == "|":
            things[-1].append("")
        elif letter != "\\":
            things[-1][-1] += letter
        escaped = letter == "\\" and not escaped
    stripped = ([part.strip() for part in parts] for parts in things)
    return [parts for parts in stripped if any(parts)]


def read_isbn(cell: str) -> str:
    """The ISBN-13 in a cell; zeros that a spreadsheet took from its beginning are put back.

    Raises Refusal, naming what else a spreadsheet has done to it.
    """
    text = bare(cell).removeprefix('="').removesuffix('"').strip()
    if _SCIENTIFIC.fullmatch(text):
        raise Refusal(
            f"The ISBN {text} is in scientific notation, and most of its digits are lost: give the"
            " column the format Text in your spreadsheet, and export it again.",
            text,
        )
    text = text.removesuffix(".0")
    try:
        return str(isbn_number.validate(text, convert=True))
    except ValidationError:
        pass
    padded = text.rjust(ISBN_10, "0")
    if len(text) < ISBN_10 and isbn_number.is_valid(padded):
        return str(isbn_number.validate(padded, convert=True))
    digits = sum(letter.isdigit() for letter in text)
    what = (
        "its check digit does not fit: one of its digits is wrong"
        if digits in {ISBN_10, ISBN_13}
        else f"it has {digits} digits where an ISBN has 13"
    )
    raise Refusal(f"The ISBN {text} is wrong: {what}.", text)


def read_amount(cell: str, currency: str) -> int:
    """An amount in minor units: 12.99, 12,99, £12.99 or 12.99 EUR. Raises Refusal."""
    text = _AROUND.sub("", cell.upper().replace(currency, ""))
    if _THOUSANDS.fullmatch(text) and not _AMOUNT.fullmatch(text):
        raise Refusal(f"The price {cell} has a mark for thousands: write it without, as 1234.50.")
    if not _AMOUNT.fullmatch(text):
        text = cell.strip()  # told as it was written
    try:
        money = read_money(text.replace(",", "."), currency)
    except AmountError as err:
        raise Refusal(f"The price cannot be read: {err}") from err
    if not money.amount:
        raise Refusal(f"The price {cell} is nothing: leave the cell empty where there is no price.")
    return money.amount


def read_day(cell: str) -> date:
    """A day: 2026-03-14, 20260314, 14.3.2026, or 14/3/2026 where no other day can be meant.

    Raises Refusal.
    """
    text = cell.strip().partition(" ")[0].partition("T")[0]
    found = _DAY.fullmatch(text) or _DAY_FIRST.fullmatch(text)
    try:
        if found is not None:
            return date(int(found["year"]), int(found["month"]), int(found["day"]))
        if slashes := _SLASHES.fullmatch(text):
            one, two, year = (int(slashes[name]) for name in ("one", "two", "year"))
            if one == two or max(one, two) > MONTHS:
                return date(year, *((two, one) if one > two else (one, two)))
    except ValueError:
        pass
    raise Refusal(f"The day {cell} could mean more than one, or none: write it like 2026-03-14.")


def read_count(cell: str) -> int:
    """A number of things: 12 or 12.0. Raises Refusal."""
    text = cell.strip().removesuffix(".0")
    if not _COUNT.fullmatch(text):
        raise Refusal(f"{cell} is no number of things: write it like 12.")
    return int(text)


def read_language(cell: str) -> str:
    """An ISO 639-2/B code: eng, also from en, English or Anglais. Raises Refusal."""
    text = cell.strip().lower()
    if _LANGUAGE.fullmatch(text):
        return text
    code = _languages().get(text)
    if code is None:
        raise Refusal(f"The language {cell} is not known: write its code, such as eng or ger.")
    return code


@cache
def _languages() -> dict[str, str]:
    """The codes of languages by their short codes, and by their names in some languages."""
    aliases = get_global("language_aliases")
    longer = {short: code for code, short in aliases.items() if _LANGUAGE.fullmatch(code)}
    named = {
        name.lower(): longer[short]
        for locale in NAMED_IN
        for short, name in Locale(locale).languages.items()
        if short in longer
    }
    return {**named, **longer}


def _trimmed(parts: Sequence[str]) -> Sequence[str]:
    end = len(parts)
    while end > 1 and not parts[end - 1]:
        end -= 1
    return parts[:end]


def _escaped(part: str) -> str:
    return re.sub(r"([\\;|])", r"\\\1", part)
