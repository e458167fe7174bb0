"""Time zones: the parser of the setting, and the usual zone of a country."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

UTC = "UTC"
#: The zone of most people in countries that have several, where CLDR names one:
#: https://www.unicode.org/reports/tr35/tr35-dates.html#Primary_Zones
PRIMARY = {
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "MH": "Pacific/Majuro",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kiev",
    "UZ": "Asia/Tashkent",
}


def timezone(raw: str) -> ZoneInfo:
    """Return a zone of the IANA time zone database, such as Europe/London."""
    try:
        return ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        message = f"{raw!r} is not in the time zone database, as Europe/London is"
        raise ValueError(message) from err


def usual_timezone(country: str) -> str | None:
    """Return the zone of a country (ISO 3166), None if it has several or none is known."""
    zones = _zones(country)
    return zones[0] if len(zones) == 1 else PRIMARY.get(country)


def is_utc_all_year(country: str) -> bool:
    """True if the clocks of a country (ISO 3166) show UTC all year, as in Iceland."""
    offsets = {
        ZoneInfo(zone).utcoffset(datetime(2026, month, 1))  # noqa: DTZ001 - local time
        for zone in _zones(country)
        for month in (1, 7)
    }
    return offsets == {timedelta(0)}


def _zones(country: str) -> list[str]:
    zones: list[str] = get_global("territory_zones").get(country, [])
    return zones
