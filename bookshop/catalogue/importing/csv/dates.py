"""Reads dates as spreadsheets and people write them, in the order of the shop's locale."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any, Final

from babel import Locale

from bookshop.catalogue.importing.csv.cells import clean_code
from bookshop.catalogue.importing.records import RecordError

MONTHS = 12
MONTH_NAMES_IN: Final = ("it", "es", "fr", "de", "en")  # besides the shop's language
_TIME: Final = re.compile(
    r"[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?: ?[AP]M)?(?:Z|[+-][0-9:]{4,5})?",
    re.IGNORECASE,
)
_YEAR_FIRST: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<mark>[-./])(?P<month>[0-9]{1,2})(?:(?P=mark)(?P<day>[0-9]{1,2}))?)?"
)
_COMPACT: Final = re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9][0-9])(?P<day>[0-9][0-9])?")
_MONTH_AND_YEAR: Final = re.compile(r"(?P<month>[0-9]{1,2})[-./](?P<year>[0-9]{4})")
_NUMBERS: Final = re.compile(
    r"(?P<one>[0-9]{1,2})(?P<mark>[-./])(?P<two>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})"
)
_DAY: Final = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th|er|º|\.)?"
_NAME: Final = r"(?P<name>[^\W\d_]+)\.?"
_OF: Final = r"(?:,? |,? (?:de|of) )"
_WORDS: Final = (
    re.compile(rf"(?:{_DAY}{_OF})?{_NAME}{_OF}(?P<year>[0-9]{{4}})"),  # 14 March 2026, March 2026
    re.compile(rf"{_NAME} {_DAY},? (?P<year>[0-9]{{4}})"),  # March 14, 2026
)
_SHORT_MONTH: Final = re.compile(r"(?P<day>[0-9]{1,2})-(?P<name>[^\W\d_]+)-(?P<year>[0-9]{4})")


def parse_day(value: str, locale: str, *, whole: bool = False) -> date:
    """Return a date: 2026-03-14, 14 March 2026, 14.3.2026, or 14/3/2026 as in `locale`.

    Without `whole`, a year or a month is its first day. Raises RecordError.
    """
    text = _TIME.sub("", " ".join(clean_code(value).split()))
    parts = _parts(text, locale)
    if parts is None:
        raise RecordError(
            "invalid_date", f"The date {text} cannot be read: write it like 2026-03-14."
        )
    if whole and parts["day"] is None:
        raise RecordError(
            "incomplete_date", f"The date {text} needs a day: write it like 2026-03-14."
        )
    try:
        return date(int(parts["year"]), int(parts["month"] or 1), int(parts["day"] or 1))
    except ValueError as error:
        raise _nonexistent(text, int(parts["month"] or 1), locale) from error


def _parts(text: str, locale: str) -> Mapping[str, Any] | None:
    """Return year, month and day, as digits or None; None if the text is no date."""
    for pattern in (_YEAR_FIRST, _COMPACT, _MONTH_AND_YEAR):
        if match := pattern.fullmatch(text):
            return {"month": None, "day": None, **match.groupdict()}
    if match := _NUMBERS.fullmatch(text):
        # With points, the day comes first in every language that writes the year last.
        day_first = match["mark"] == "." or _is_day_first(locale)
        day, month = (match["one"], match["two"])[:: 1 if day_first else -1]
        return {"year": match["year"], "month": month, "day": day}
    for pattern in (*_WORDS, _SHORT_MONTH):
        match = pattern.fullmatch(text.casefold())
        if match and (number := _month_names(locale).get(match["name"])):
            return {**match.groupdict(), "month": number}
    return None


def _nonexistent(text: str, month: int, locale: str) -> RecordError:
    if month > MONTHS and _NUMBERS.fullmatch(text):
        order = "the day" if _is_day_first(locale) else "the month"
        why = f"in the shop's locale {locale}, {order} comes first"
    else:
        why = "there is no such day"
    return RecordError(
        "nonexistent_date", f"The date {text} does not exist ({why}): write it like 2026-03-14."
    )


@cache
def _is_day_first(locale: str) -> bool:
    pattern = Locale.parse(locale).date_formats["short"].pattern
    return "M" not in pattern.partition("d")[0]


@cache
def _month_names(locale: str) -> dict[str, int]:
    """Return the numbers of months by name, wide and abbreviated; the shop's language decides."""
    return {
        name.casefold().rstrip("."): number
        for language in (*MONTH_NAMES_IN, locale)
        for form in ("format", "stand-alone")
        for width in ("abbreviated", "wide")
        for number, name in Locale.parse(language).months[form][width].items()
    }
