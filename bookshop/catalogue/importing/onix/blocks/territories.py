"""Territories: the countries in which a price is valid."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bookshop.catalogue.importing.onix.tags import Composite, texts

# List 49
WORLD, REST_OF_WORLD = "WORLD", "ROW"
EURO_ZONE = "ECZ"
# fmt: off
EURO_COUNTRIES = (
    "AD", "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU",
    "LV", "MC", "ME", "MT", "NL", "PT", "SI", "SK", "SM", "VA", "XK",
)
# fmt: on
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Countries:
    """ISO 3166 codes. An empty `included` means all countries except those in `excluded`."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


def countries_of(territories: list[Composite]) -> Countries | None:
    """Return the countries of all territories; None if they contain none that is recognised.

    The rest of the world is treated as the world: a price for a country takes precedence over one
    for all countries, so the result is the same.
    """
    if not territories:
        return Countries()
    included: dict[str, None] = {}
    excluded: dict[str, None] = {}
    worldwide = False
    for territory in territories:
        countries = _codes(territory, "CountriesIncluded")
        for region in _codes(territory, "RegionsIncluded"):
            if region in {WORLD, REST_OF_WORLD}:
                worldwide = True
            elif region == EURO_ZONE:
                countries += EURO_COUNTRIES
            else:
                countries.append(region.partition("-")[0])
        # Some senders write WORLD among the countries.
        worldwide = worldwide or WORLD in countries
        included.update(dict.fromkeys(filter(_COUNTRY.fullmatch, countries)))
        excluded.update(dict.fromkeys(_codes(territory, "CountriesExcluded")))
    if not worldwide and not included:
        return None
    left_out = (code for code in excluded if code not in included and _COUNTRY.fullmatch(code))
    return Countries(() if worldwide else tuple(included), tuple(left_out))


def _codes(territory: Composite, name: str) -> list[str]:
    return " ".join(texts(territory, name)).split()
