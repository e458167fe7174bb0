"""Extents in DescriptiveDetail: pages, and the duration of audiobooks."""

from __future__ import annotations

import re
from decimal import Decimal

from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text

# List 23 in order of preference.
PAGE_COUNTS = ("00", "11", "05", "07", "10", "08")
DURATIONS = ("09", "14", "16")
# List 24
PAGES = "03"
SECONDS_BY_UNIT = {"04": 3600, "05": 60, "06": 1, "14": 3600}
HOURS_MINUTES, HOURS_MINUTES_SECONDS = "15", "16"  # HHHMM, HHHMMSS
MAX_DIGITS = 6
_LENGTH = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")


def pages_and_minutes(block: Composite) -> tuple[int | None, int | None]:
    """Return the number of pages and the duration in minutes; None for what is not given."""
    pages: dict[str, int] = {}
    minutes: dict[str, int] = {}
    for extent in composites(block, "Extent"):
        extent_type, unit = first_text(extent, "ExtentType"), first_text(extent, "ExtentUnit")
        value = first_text(extent, "ExtentValue")
        if extent_type in PAGE_COUNTS and unit == PAGES:
            if count := parse_number(value):
                pages.setdefault(extent_type, count)
        elif extent_type in DURATIONS and (duration := _minutes(value, unit)):
            minutes.setdefault(extent_type, duration)
    return (
        next((pages[each] for each in PAGE_COUNTS if each in pages), None),
        next((minutes[each] for each in DURATIONS if each in minutes), None),
    )


def parse_number(value: str) -> int | None:
    """Return a number of at most MAX_DIGITS digits; None for anything else."""
    valid = value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS
    return int(value) if valid else None


def _minutes(value: str, unit: str) -> int | None:
    """Return a duration rounded to minutes; None if it is zero or cannot be parsed."""
    if not _LENGTH.fullmatch(value):
        return None
    if unit in {HOURS_MINUTES, HOURS_MINUTES_SECONDS} and value.isdigit():
        clock = value + ("00" if unit == HOURS_MINUTES else "")
        clock = clock.zfill(7)
        seconds = int(clock[:-4]) * 3600 + int(clock[-4:-2]) * 60 + int(clock[-2:])
    elif unit in SECONDS_BY_UNIT:
        seconds = int(Decimal(value) * SECONDS_BY_UNIT[unit])
    else:
        return None
    return (seconds + 30) // 60 or None
