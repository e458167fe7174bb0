"""Block 6 of a record, ProductSupply: what each supplier offers in each market."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bookshop.catalogue.edition import Price, Restriction
from bookshop.catalogue.importing.onix.blocks.dates import dated_roles, parse_date
from bookshop.catalogue.importing.onix.blocks.prices import retail_prices
from bookshop.catalogue.importing.onix.blocks.publishing import (
    EMBARGO,
    embargo_date,
    publication_date,
)
from bookshop.catalogue.importing.onix.blocks.sales_rights import sales_restrictions
from bookshop.catalogue.importing.onix.blocks.territories import Countries, granted_in
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text

EXPECTED = "08"  # List 166
# List 57, why an item has no price, as availabilities of list 65: it is not sold on its own.
NOT_SOLD_ALONE = {"03": "45", "05": "50"}


@dataclass(frozen=True, slots=True)
class Supply:
    """What one supplier offers in one market.

    `availability` is of list 65 and the market's `status` of list 68; each is empty if it is not
    given. `expected` is the earliest day on which the supplier expects copies.
    """

    supplier: str | None
    availability: str
    status: str
    prices: tuple[Price, ...]
    published: date | None
    embargo: date | None
    expected: date | None
    countries: Countries
    restrictions: tuple[Restriction, ...]


def map_supply(blocks: list[Composite]) -> list[Supply]:
    """Read all ProductSupply composites. The list has at least one item for each.

    Raises RecordError for a price or an embargo date that cannot be parsed.
    """
    return [supply for block in blocks for supply in _supplies(block)]


def _supplies(block: Composite) -> Iterator[Supply]:
    markets = composites(block, "Market")
    countries = granted_in([each for market in markets for each in composites(market, "Territory")])
    restrictions = tuple(
        restriction
        for market in markets
        for restriction in sales_restrictions(market, composites(market, "Territory"))
    )
    publishing = composites(block, "MarketPublishingDetail")
    statuses = (first_text(detail, "MarketPublishingStatus") for detail in publishing)
    status = next(filter(None, statuses), "")
    market_dates = [
        dated
        for detail in publishing
        for dated in dated_roles(detail, "MarketDate", "MarketDateRole")
    ]
    for detail in composites(block, "SupplyDetail") or [{}]:
        supply_dates = dated_roles(detail, "SupplyDate", "SupplyDateRole")
        embargoes = [dated for dated in supply_dates if dated[0] == EMBARGO]
        expected = [parse_date(value) for role, value in supply_dates if role == EXPECTED]
        suppliers = composites(detail, "Supplier")
        unpriced = first_text(detail, "UnpricedItemType")
        yield Supply(
            supplier=(suppliers and first_text(suppliers[0], "SupplierName")) or None,
            availability=NOT_SOLD_ALONE.get(unpriced) or first_text(detail, "ProductAvailability"),
            status=status,
            prices=tuple(dict.fromkeys(retail_prices(detail))),
            published=publication_date(market_dates),
            embargo=embargo_date([*market_dates, *embargoes]),
            expected=min(filter(None, expected), default=None),
            countries=countries,
            restrictions=restrictions,
        )
