"""Territories: the countries in which a price, a market or a right is valid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bookshop.catalogue.edition import NOWHERE
from bookshop.catalogue.importing.onix.tags import Composite, texts
from bookshop.catalogue.importing.records import RecordError
from bookshop.countries import country_code

# List 49
WORLD, REST_OF_WORLD = "WORLD", "ROW"
EURO_ZONE = "ECZ"
GREAT_BRITAIN = "GB-EWS"  # England, Wales and Scotland, where a shop in the UK is taken to be
PART = "-"  # in the code of a part of a country, such as ES-CN
MAX_LENGTH = 10_000  # characters of a territory; all codes of countries and regions have 2,000
# fmt: off
EURO_COUNTRIES = (
    "AD", "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU",
    "LV", "MC", "ME", "MT", "NL", "PT", "SI", "SK", "SM", "VA", "XK",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Countries:
    """ISO 3166 codes. An empty `included` means all countries except those in `excluded`."""

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def cover(self, country: str) -> bool:
        """True if the country is one of them."""
        return country not in self.excluded and (not self.included or country in self.included)


EVERYWHERE = Countries()
NO_COUNTRY = Countries((NOWHERE,))


def granted_in(territories: list[Composite]) -> Countries:
    """Return the countries where something is allowed: without territories, all.

    Codes that are not understood allow nothing. A part of a country does not allow the whole. The
    rest of the world is treated as the world: what names a country takes precedence over it.
    """
    return _granted(tuple(map(_texts, territories))) if territories else EVERYWHERE


def banned_in(territories: list[Composite]) -> Countries:
    """Return the countries where something is forbidden: all if a code is not understood."""
    return _banned(tuple(map(_texts, territories))) if territories else EVERYWHERE


def _texts(territory: Composite) -> tuple[str, str]:
    """Return the codes that a territory includes and excludes. Raises RecordError for too many."""
    included = texts(territory, "CountriesIncluded") + texts(territory, "RegionsIncluded")
    excluded = texts(territory, "CountriesExcluded") + texts(territory, "RegionsExcluded")
    if sum(map(len, (*included, *excluded))) > MAX_LENGTH:
        raise RecordError("invalid_territory", "A Territory has more codes than there are.")
    return " ".join(included), " ".join(excluded)


# The records of a feed have few different territories, some of them with 250 codes.
@lru_cache(maxsize=1024)
def _granted(territories: tuple[tuple[str, str], ...]) -> Countries:
    parsed = (_parse(*territory) for territory in territories)
    return _union([codes for codes in parsed if not codes.unknown_excluded])


@lru_cache(maxsize=1024)
def _banned(territories: tuple[tuple[str, str], ...]) -> Countries:
    parsed = [_parse(*territory) for territory in territories]
    if any(codes.unknown_included or codes.unknown_excluded for codes in parsed):
        return EVERYWHERE
    return _union(parsed)


@dataclass(frozen=True, slots=True)
class _Codes:
    """The codes of one Territory; `worldwide` if it includes the world."""

    worldwide: bool
    included: tuple[str, ...]
    excluded: tuple[str, ...]
    unknown_included: bool
    unknown_excluded: bool


def _parse(included: str, excluded: str) -> _Codes:
    # Some senders write WORLD among the countries.
    worldwide = {WORLD, REST_OF_WORLD} & set(included.split())
    names = [code for code in included.split() if code not in worldwide]
    left_out, unknown_excluded = _countries(excluded.split())
    countries, unknown_included = _countries(names)
    countries = tuple(code for code in countries if code not in left_out)
    return _Codes(bool(worldwide), countries, left_out, unknown_included, unknown_excluded)


def _countries(codes: list[str]) -> tuple[tuple[str, ...], bool]:
    """Return the countries that are known, and whether a code is not."""
    countries: dict[str, None] = {}
    unknown = False
    for code in codes:
        country = country_code(code)
        if code == EURO_ZONE:
            countries.update(dict.fromkeys(EURO_COUNTRIES))
        elif code == GREAT_BRITAIN:
            countries["GB"] = None
        elif country is not None:
            countries[country] = None
        elif PART not in code:
            unknown = True
    return tuple(countries), unknown


def _union(territories: list[_Codes]) -> Countries:
    """Return the countries of all territories; one that includes a country outweighs others."""
    included = dict.fromkeys(code for each in territories for code in each.included)
    if not any(each.worldwide for each in territories):
        return Countries(tuple(included)) if included else NO_COUNTRY
    excluded = dict.fromkeys(code for each in territories for code in each.excluded)
    return Countries((), tuple(code for code in excluded if code not in included))
