"""Tax territories of destinations, from `territories.csv`: parts of countries with other rules."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bookshop.destinations import Area, Destination, parse_area

#: The member states of the European Union, as tax territories.
MEMBER_STATES = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    )
)
#: A member state for goods alone; its rates are those of the United Kingdom.
NORTHERN_IRELAND = "XI"


@dataclass(frozen=True)
class _Exception:
    """An area with a territory other than its country's; `goods_only` for goods alone."""

    areas: tuple[Area, ...]
    territory: str
    goods_only: bool


def tax_territory(destination: Destination, *, download: bool) -> str:
    """Return the tax territory of a destination: GB, XI, DE; empty if it is part of none.

    Countries that `rates.csv` does not name are territories of their own.
    """
    for exception in _exceptions():
        if exception.goods_only and download:
            continue
        if any(area.contains(destination) for area in exception.areas):
            return exception.territory
    return destination.country


def is_member_state(territory: str) -> bool:
    """True if a sale to the territory follows the rules of the European Union."""
    return territory in MEMBER_STATES or territory == NORTHERN_IRELAND


@cache
def _exceptions() -> tuple[_Exception, ...]:
    text = files(__name__.rpartition(".")[0]).joinpath("territories.csv").read_text("utf-8")
    return tuple(
        _Exception(
            tuple(parse_area(row["country"], row["postcodes"])),
            row["territory"],
            row["supply"] == "goods",
        )
        for row in csv.DictReader(text.splitlines())
    )
