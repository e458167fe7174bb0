"""The ISO 3166 codes of countries."""

from __future__ import annotations

from functools import cache

from babel.core import get_global

#: Codes that other lists than ISO 3166 use.
_ALIASES = {"UK": "GB", "EL": "GR"}
_NO_COUNTRY = {"EU", "ZZ"}
_WITHOUT_CURRENCY = {"AQ"}
_LENGTH = 2


@cache
def known_countries() -> frozenset[str]:
    """Return the ISO 3166 codes of countries and territories, former ones included (CLDR)."""
    codes = {code for code in get_global("territory_currencies") if len(code) == _LENGTH}
    return frozenset((codes | _WITHOUT_CURRENCY) - _NO_COUNTRY)


def country_code(text: str) -> str | None:
    """Return the ISO 3166 code of a country, also from UK and EL; None if it is unknown."""
    code = text.upper()
    code = _ALIASES.get(code, code)
    return code if code in known_countries() else None
