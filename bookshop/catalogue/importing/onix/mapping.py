"""Maps an ONIX record to an edition, block by block.

Blocks 3, 7 and 8 (content, promotion, production) have nothing that the shop stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import msgspec
from lxml.etree import _Element as Element

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.onix.blocks.collateral import map_collateral
from bookshop.catalogue.importing.onix.blocks.descriptive import map_descriptive
from bookshop.catalogue.importing.onix.blocks.publishing import (
    AVAILABILITY_BY_STATUS,
    CANCELLED,
    Publishing,
    map_publishing,
)
from bookshop.catalogue.importing.onix.blocks.related import map_related
from bookshop.catalogue.importing.onix.blocks.supply import Supply, map_supply
from bookshop.catalogue.importing.onix.identity import identity, printed_isbn_of
from bookshop.catalogue.importing.onix.tags import Composite, composite, first_text
from bookshop.catalogue.importing.records import RecordError

DESCRIPTIVE, COLLATERAL = "DescriptiveDetail", "CollateralDetail"
PUBLISHING, RELATED, SUPPLY = "PublishingDetail", "RelatedMaterial", "ProductSupply"
BLOCKS = frozenset({DESCRIPTIVE, COLLATERAL, PUBLISHING, RELATED, SUPPLY})
# An update that has these blocks may add a new book.
REQUIRED_BLOCKS = frozenset({DESCRIPTIVE, PUBLISHING, SUPPLY})
AVAILABLE = "20"
# List 65: can be ordered, before or after publication.
ORDERABLE = frozenset({"10", "11", "12", "20", "21", "22", "23"})


def map_product(product: Element) -> Edition:
    """Return the edition that a complete record describes. Raises RecordError."""
    fields = composite(product)
    with _naming_isbn(fields):
        sku, isbn = identity(fields)
        if sku is None:
            raise RecordError(
                "missing_identifier",
                "The record has no ProductIdentifier: add one, preferably an ISBN-13.",
            )
        if DESCRIPTIVE not in fields:
            raise RecordError(
                "missing_title", "The record has no title: it has no DescriptiveDetail."
            )
        mapped = _map_blocks(fields, isbn, None)
        reference = first_text(fields, "RecordReference")
        return Edition(sku=sku, isbn=isbn, reference=reference, **mapped)


def update_edition(product: Element, edition: Edition) -> Edition:
    """Return an edition with the blocks of a record replaced. Raises RecordError."""
    fields = composite(product)
    with _naming_isbn(fields):
        sku, _isbn = identity(fields)
        if sku not in {None, edition.sku}:
            raise RecordError(
                "sku_changed",
                f"The record is for {sku}; its reference belongs to {edition.sku}: delete that book"
                " first.",
            )
        if BLOCKS.isdisjoint(fields):
            raise RecordError("empty_update", "The update has none of the blocks that can change.")
        return msgspec.structs.replace(edition, **_map_blocks(fields, edition.isbn, edition))


@contextmanager
def _naming_isbn(fields: Composite) -> Iterator[None]:
    """Add the record's ISBN to a RecordError that has none."""
    try:
        yield
    except RecordError as error:
        error.isbn = error.isbn or printed_isbn_of(fields)
        raise


def _map_blocks(fields: Composite, isbn: str | None, current: Edition | None) -> dict[str, Any]:
    """Return the edition's fields that the blocks of a record set; `current` is updated by it."""
    mapped: dict[str, Any] = {}
    if DESCRIPTIVE in fields:
        mapped |= map_descriptive(composite(fields[DESCRIPTIVE][0]))
    if COLLATERAL in fields:
        mapped |= map_collateral(composite(fields[COLLATERAL][0]))
    if RELATED in fields:
        mapped |= map_related(composite(fields[RELATED][0]), isbn)
    publishing = map_publishing(composite(fields[PUBLISHING][0])) if PUBLISHING in fields else None
    supply = (
        map_supply([composite(block) for block in fields[SUPPLY]]) if SUPPLY in fields else None
    )
    if publishing:
        mapped |= {"publisher": publishing.publisher, "imprint": publishing.imprint}
    if supply:
        mapped["prices"] = supply.prices
    mapped |= _availability(publishing, supply, current)
    return mapped | _dates(publishing, supply, current, mapped.get("availability"))


def _availability(
    publishing: Publishing | None, supply: Supply | None, current: Edition | None
) -> dict[str, str]:
    """Return the availability (list 65), if the blocks determine it.

    A publisher's cancellation takes precedence, then the supplier's availability.
    """
    status = publishing.status if publishing else ""
    statuses = [status, supply.status if supply else ""]
    cancelled = next((CANCELLED[code] for code in statuses if code in CANCELLED), None)
    if supply:
        by_status = [
            AVAILABILITY_BY_STATUS[code]
            for code in reversed(statuses)
            if code in AVAILABILITY_BY_STATUS
        ]
        fallback = next(iter(by_status), AVAILABLE)
        return {"availability": cancelled or supply.availability or fallback}
    if cancelled or current is None:
        return {"availability": cancelled or AVAILABILITY_BY_STATUS.get(status, AVAILABLE)}
    return {}


def _dates(
    publishing: Publishing | None,
    supply: Supply | None,
    current: Edition | None,
    availability: str | None,
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
    on_sale = max(embargoes, default=None) or _expected(supply, availability, published)
    if on_sale or (publishing and supply) or current is None:
        dates["on_sale"] = on_sale
    return dates


def _expected(
    supply: Supply | None, availability: str | None, published: date | None
) -> date | None:
    """Return the day on which a supplier expects copies, if that is after publication."""
    if supply is None or supply.expected is None or availability not in ORDERABLE:
        return None
    return supply.expected if published is None or supply.expected > published else None
