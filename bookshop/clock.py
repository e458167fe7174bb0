"""The current time, and the calendar day of a shop. Tests replace `now`.

Times are stored in UTC. Their day, and what people read, are those of the shop's time zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def local_day(moment: datetime, zone: tzinfo) -> date:
    """Return the calendar day of a time in a zone.

    03:05 UTC of the 27th is still the 26th in Los Angeles.
    """
    return moment.astimezone(zone).date()


def local_minute(moment: datetime, zone: tzinfo) -> str:
    """Return a time as people read it in a zone: 2026-11-26 19:05 PST."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"
