"""Dates in ONIX: of the formats in list 55 those count that name a day, a month or a year."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

from bookshop.catalogue.importing.onix.tags import Parts, first, text, within
from bookshop.catalogue.importing.records import Refusal

_WRITTEN = re.compile(r"(\d{4})(?:-?(\d\d)(?:-?(\d\d)(?:[T ].*)?)?)?")
_SPREAD = re.compile(r"(\d{8})\s*-?\s*(\d{8})")
# Weeks, quarters, seasons, years in other calendars, and words.
_NO_DAYS = frozenset({"02", "03", "04", "08", "09", "10", "11", "12", "20", "21", "25", "32"})


def dates(record: Parts, group: str, role: str) -> list[tuple[str, str]]:
    """Role and date, as written, of each of a group; what no format explains is written as ""."""
    return [
        (first(found, role), _written(found))
        for found in within(record, group)
        if found.get("Date")
    ]


def day(written: str, *, last: bool = False) -> date | None:
    """The day that is written, or the first (or last) of a month or year; None if it is none."""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        return None
    year, month, number = (int(part) if part else 0 for part in found.groups())
    try:
        month = month or (12 if last else 1)
        return date(year, month, number or (monthrange(year, month)[1] if last else 1))
    except ValueError:
        return None


def binding(written: str, what: str, *, last: bool = False) -> date:
    """A day that must not be lost. Raises Refusal where it cannot be read."""
    found = day(written, last=last)
    if found is None:
        shown = written or "without a day"
        raise Refusal(f"{what} ({shown}) is no date that can be read: write it as YYYYMMDD.")
    return found


def spread(written: str) -> tuple[str, str] | None:
    """Two dates that are written as one (format 06)."""
    found = _SPREAD.fullmatch(written)
    return (found[1], found[2]) if found else None


def _written(found: Parts) -> str:
    element = found["Date"][0]
    layout = element.get("dateformat") or first(found, "DateFormat")
    return "" if layout in _NO_DAYS else text(element)
