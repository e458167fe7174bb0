"""Combines PublishingDetail and ProductSupply: availability, prices and dates of each offer."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from bookshop.catalogue.edition import AVAILABLE, Edition, SupplierOffer
from bookshop.catalogue.importing.onix.blocks.publishing import (
    AVAILABILITY_BY_STATUS,
    NOT_SOLD,
    Publishing,
)
from bookshop.catalogue.importing.onix.blocks.supply import Supply
from bookshop.catalogue.importing.onix.blocks.territories import EVERYWHERE

# List 65: can be ordered, before or after publication.
ORDERABLE = frozenset({"10", "11", "12", "20", "21", "22", "23"})
# List 65: not available now, and again later.
OUT_OF_STOCK = frozenset({"30", "31", "32", "33", "34"})


def sales_terms(
    publishing: Publishing | None, supplies: list[Supply] | None, current: Edition | None
) -> dict[str, Any]:
    """Return the edition's fields that the two blocks determine; a block may be missing.

    One offer for the whole world becomes the edition's own terms. `current` is the edition that is
    updated.
    """
    if supplies is not None and not _is_general(supplies):
        offers = (_offer(supply, publishing) for supply in supplies)
        terms: dict[str, Any] = {
            "offers": tuple(dict.fromkeys(offers)),
            "prices": (),
            "availability": AVAILABLE,
            "expected": None,
        }
        return terms | (_dates(publishing, None, current) if publishing or not current else {})
    supply = supplies[0] if supplies else None
    if supply is None and current is not None and current.offers:
        return _dates(publishing, None, current) | _withdrawn_offers(publishing, current)
    terms = {"offers": (), "prices": supply.prices} if supply else {}
    if supply or current is None or _is_not_sold(publishing):
        terms["availability"] = _availability(publishing, supply)
    if supply:
        terms["expected"] = _restock_date(supply, terms["availability"])
    return terms | _dates(publishing, supply, current)


def _is_general(supplies: list[Supply]) -> bool:
    """True if there is one offer, the same for all countries."""
    return (
        all(supply.countries == EVERYWHERE and not supply.restrictions for supply in supplies)
        and len(supplies) == 1
    )


def _offer(supply: Supply, publishing: Publishing | None) -> SupplierOffer:
    availability = _availability(publishing, supply)
    published = supply.published or (publishing.published if publishing else None)
    return SupplierOffer(
        availability=availability,
        prices=supply.prices,
        supplier=supply.supplier,
        published=supply.published,
        on_sale=supply.embargo or _expected(supply, availability, published),
        countries=supply.countries.included,
        excluded=supply.countries.excluded,
        restrictions=supply.restrictions,
        expected=_restock_date(supply, availability),
    )


def _availability(publishing: Publishing | None, supply: Supply | None) -> str:
    """Return the availability (list 65).

    A status that ends sales takes precedence, then the supplier's availability, then the status of
    the market, then that of the publisher.
    """
    status, market = publishing.status if publishing else "", supply.status if supply else ""
    for code in (status, market):
        if code in NOT_SOLD:
            return NOT_SOLD[code]
    if supply and supply.availability:
        return supply.availability
    by_status = (AVAILABILITY_BY_STATUS.get(code) for code in (market, status))
    return next(filter(None, by_status), AVAILABLE)


def _is_not_sold(publishing: Publishing | None) -> bool:
    return publishing is not None and publishing.status in NOT_SOLD


def _withdrawn_offers(publishing: Publishing | None, current: Edition) -> dict[str, Any]:
    """Return the offers of an edition whose publisher has ended sales; nothing otherwise."""
    if not _is_not_sold(publishing):
        return {}
    availability = _availability(publishing, None)
    return {
        "offers": tuple(
            msgspec.structs.replace(offer, availability=availability) for offer in current.offers
        )
    }


def _dates(
    publishing: Publishing | None, supply: Supply | None, current: Edition | None
) -> dict[str, date | None]:
    """Return `published` and `on_sale`, if the blocks determine them.

    Publisher and supplier may send updates separately: dates from the other remain.
    """
    dates: dict[str, date | None] = {}
    sources = [source for source in (publishing, supply) if source]
    published = next((source.published for source in sources if source.published), None)
    if publishing or current is None or current.published is None:
        dates["published"] = published
    published = published or (current.published if current else None)
    embargoes = [source.embargo for source in sources if source.embargo]
    on_sale = max(embargoes, default=None)
    if on_sale is None and supply is not None:
        on_sale = _expected(supply, _availability(publishing, supply), published)
    if on_sale or (publishing and supply) or current is None:
        dates["on_sale"] = on_sale
    return dates


def _restock_date(supply: Supply, availability: str) -> date | None:
    """Return the day on which a supplier who has no copies expects some."""
    return supply.expected if availability in OUT_OF_STOCK else None


def _expected(supply: Supply, availability: str, published: date | None) -> date | None:
    """Return the day on which a supplier expects copies, if that is after publication."""
    if supply.expected is None or availability not in ORDERABLE:
        return None
    return supply.expected if published is None or supply.expected > published else None
