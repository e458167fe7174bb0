"""Block 6 of a record, ProductSupply: suppliers, availability and market dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bookshop.catalogue.edition import Price
from bookshop.catalogue.importing.onix.blocks.dates import dated_roles, parse_date
from bookshop.catalogue.importing.onix.blocks.prices import retail_prices
from bookshop.catalogue.importing.onix.blocks.publishing import (
    EMBARGO,
    embargo_date,
    publication_date,
)
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text, texts

EXPECTED = "08"  # List 166
# List 65 in order of preference; availabilities that are not listed come last.
BEST_AVAILABILITIES = (
    *("21", "20", "23", "22", "11", "12", "10"),
    *("31", "32", "30", "33", "34", "09"),
)

_Dates = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Supply:
    """The content of the block.

    `availability` is of list 65 and `status` of list 68; each is empty if it is not given.
    `expected` is the earliest day on which the best supplier expects copies.
    """

    availability: str
    status: str
    prices: tuple[Price, ...]
    published: date | None
    embargo: date | None
    expected: date | None


def map_supply(blocks: list[Composite]) -> Supply:
    """Read all ProductSupply composites, one for each market.

    Raises RecordError for a price or an embargo date that cannot be parsed.
    """
    offers: list[tuple[str, _Dates]] = []
    dates: _Dates = []
    statuses: list[str] = []
    prices: dict[Price, None] = {}
    for block in blocks:
        for market in composites(block, "MarketPublishingDetail"):
            statuses += texts(market, "MarketPublishingStatus")
            dates += dated_roles(market, "MarketDate", "MarketDateRole")
        territories = [
            territory
            for market in composites(block, "Market")
            for territory in composites(market, "Territory")
        ]
        for detail in composites(block, "SupplyDetail"):
            supply_dates = dated_roles(detail, "SupplyDate", "SupplyDateRole")
            dates += [(role, value) for role, value in supply_dates if role == EMBARGO]
            if availability := first_text(detail, "ProductAvailability"):
                offers.append((availability, supply_dates))
            prices.update(dict.fromkeys(retail_prices(detail, territories)))
    availability, supply_dates = min(offers, key=lambda offer: _rank(offer[0]), default=("", []))
    expected = [parse_date(value) for role, value in supply_dates if role == EXPECTED]
    return Supply(
        availability=availability,
        status=next(iter(statuses), ""),
        prices=tuple(prices),
        published=publication_date(dates),
        embargo=embargo_date(dates),
        expected=min(filter(None, expected), default=None),
    )


def _rank(availability: str) -> int:
    if availability in BEST_AVAILABILITIES:
        return BEST_AVAILABILITIES.index(availability)
    return len(BEST_AVAILABILITIES)
