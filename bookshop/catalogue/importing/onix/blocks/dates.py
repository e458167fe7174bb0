"""ONIX dates: the formats of list 55 that contain a day, a month or a year."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text, text
from bookshop.catalogue.importing.records import RecordError

_DATE = re.compile(r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:[T ].*)?)?)?")
_RANGE = re.compile(r"(\d{8})\s*-?\s*(\d{8})")
# List 55: weeks, quarters, seasons, years in other calendars, and text.
_UNSUPPORTED_FORMATS = frozenset(
    {"02", "03", "04", "08", "09", "10", "11", "12", "20", "21", "25", "32"}
)


def dated_roles(parent: Composite, name: str, role: str) -> list[tuple[str, str]]:
    """Return the role and the date of each date composite; "" for an unsupported format."""
    return [
        (first_text(dated, role), _value(dated))
        for dated in composites(parent, name)
        if dated.get("Date")
    ]


def parse_date(value: str, *, last: bool = False) -> date | None:
    """Return a date; the first (or last) day of a month or a year; None if it is invalid."""
    match = _DATE.fullmatch(value)
    if match is None:
        return None
    year, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        month = month or (12 if last else 1)
        return date(year, month, day or (monthrange(year, month)[1] if last else 1))
    except ValueError:
        return None


def require_date(value: str, label: str, *, last: bool = False) -> date:
    """Return a date that restricts sales. Raises RecordError if it cannot be parsed."""
    parsed = parse_date(value, last=last)
    if parsed is None:
        shown = value or "without a day"
        raise RecordError(
            "invalid_date", f"{label} ({shown}) is not a valid date: write it as YYYYMMDD."
        )
    return parsed


def split_range(value: str) -> tuple[str, str] | None:
    """Return the two dates of a range (format 06)."""
    match = _RANGE.fullmatch(value)
    return (match[1], match[2]) if match else None


def _value(dated: Composite) -> str:
    element = dated["Date"][0]
    date_format = element.get("dateformat") or first_text(dated, "DateFormat")
    return "" if date_format in _UNSUPPORTED_FORMATS else text(element)
