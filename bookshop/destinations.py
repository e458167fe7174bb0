"""Destinations of orders, and areas: countries and the parts of them that postcodes name.

Delivery zones and tax territories are made of the same areas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

ANY_COUNTRY = "*"
_COUNTRY = re.compile(r"[A-Z]{2}")
_NOT_IN_CODE = re.compile(r"[^A-Z0-9]")
_BRITISH = re.compile(r"(?P<outward>[A-Z]{1,2}[0-9][A-Z0-9]?)(?:[0-9][A-Z]{2})?")
_DISTRICT = re.compile(r"(?P<area>[A-Z]{1,2})(?P<number>[0-9]{0,2})(?P<letter>[A-Z]?)")
#: Countries and islands whose postcodes are British.
BRITISH = frozenset({"GB", "IM", "JE", "GG"})


class AreaError(ValueError):
    """The text does not name an area; the message says how to write one."""


@dataclass(frozen=True)
class Destination:
    """Where an order goes: ISO 3166 country, postcode as typed, and state or province."""

    country: str
    postcode: str = ""
    region: str = ""

    @property
    def code(self) -> str:
        """The postcode in capitals without spaces and hyphens."""
        return _NOT_IN_CODE.sub("", self.postcode.upper())


@dataclass(frozen=True)
class Area:
    """A country, or the part of it whose postcodes are from `first` to `last`.

    These are prefixes: BT, or KA27 to KA28, or 97. Empty ones are the whole country.
    """

    country: str
    first: str = ""
    last: str = ""

    @property
    def specificity(self) -> int:
        """How specific the area is: of two that contain a destination, the larger number wins."""
        if self.country == ANY_COUNTRY:
            return 0
        return 1 + len(self.first)

    def contains(self, destination: Destination) -> bool:
        """True if the destination is in the area; without its postcode it is in no part."""
        if self.country not in {ANY_COUNTRY, destination.country}:
            return False
        if not self.first:
            return True
        if destination.country in BRITISH:
            return self._contains_district(destination.code)
        return self.first <= destination.code[: len(self.first)] <= self.last

    def _contains_district(self, code: str) -> bool:
        """True if a British postcode, or the outward half of one, is in these districts.

        KA2 7AB is not in KA27, I7 1AA not in IV, and W1A in W1.
        """
        match = _BRITISH.fullmatch(code)
        district = _DISTRICT.fullmatch(match["outward"] if match else code)
        first, last = _DISTRICT.fullmatch(self.first), _DISTRICT.fullmatch(self.last)
        if not (district and first and last) or district["area"] != first["area"]:
            return False
        if not first["number"]:
            return True
        if first["letter"]:
            return district[0] == first[0]
        number = int(district["number"] or -1)
        return int(first["number"]) <= number <= int(last["number"])


def parse_area(country: str, postcodes: str = "") -> list[Area]:
    """Return the areas of a country and a list of prefixes or ranges: BT, KA27-KA28, 97.

    Raises AreaError.
    """
    country = country.strip().upper()
    if country != ANY_COUNTRY and not _COUNTRY.fullmatch(country):
        raise AreaError(f"{country!r} is not a country: write its ISO 3166 code, for example GB.")
    prefixes = postcodes.upper().split()
    if not prefixes:
        return [Area(country)]
    return [_part(country, prefix) for prefix in prefixes]


def _part(country: str, text: str) -> Area:
    first, dash, last = text.partition("-")
    last = last if dash else first
    if not first.isalnum() or not last.isalnum() or len(first) != len(last) or first > last:
        message = f"{text!r} is not a prefix of postcodes: write BT, 97, or KA27-KA28."
        raise AreaError(message)
    if country in BRITISH:
        limits = [_DISTRICT.fullmatch(each) for each in (first, last)]
        if None in limits or len({match["area"] for match in limits if match}) > 1:
            raise AreaError(f"{text!r} is not a British postcode area: write BT, or KA27-KA28.")
    return Area(country, first, last)


def specificity(areas: Iterable[Area], destination: Destination) -> int | None:
    """Return that of the most specific area that contains the destination; None if none does."""
    return max((area.specificity for area in areas if area.contains(destination)), default=None)
