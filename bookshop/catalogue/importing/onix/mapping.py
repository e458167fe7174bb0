"""Maps an ONIX record to an edition, block by block.

Blocks 3, 7 and 8 (content, promotion, production) have nothing that the shop stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from lxml.etree import _Element as Element

from bookshop.catalogue.edition import TRADE_ONLY, Edition
from bookshop.catalogue.importing.onix.blocks.collateral import map_collateral
from bookshop.catalogue.importing.onix.blocks.descriptive import (
    map_descriptive,
    trade_restrictions,
)
from bookshop.catalogue.importing.onix.blocks.publishing import map_publishing
from bookshop.catalogue.importing.onix.blocks.related import map_related
from bookshop.catalogue.importing.onix.blocks.supply import map_supply
from bookshop.catalogue.importing.onix.identity import identity, printed_isbn_of
from bookshop.catalogue.importing.onix.sales_terms import sales_terms
from bookshop.catalogue.importing.onix.tags import Composite, composite, first_text
from bookshop.catalogue.importing.records import RecordError

DESCRIPTIVE, COLLATERAL = "DescriptiveDetail", "CollateralDetail"
PUBLISHING, RELATED, SUPPLY = "PublishingDetail", "RelatedMaterial", "ProductSupply"
BLOCKS = frozenset({DESCRIPTIVE, COLLATERAL, PUBLISHING, RELATED, SUPPLY})
# An update that has these blocks may add a new book.
REQUIRED_BLOCKS = frozenset({DESCRIPTIVE, PUBLISHING, SUPPLY})


def map_product(product: Element, language: str) -> Edition:
    """Return the edition that a complete record describes. Raises RecordError.

    `language` is the shop's, a BCP 47 tag, for texts in several languages.
    """
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
        mapped = _map_blocks(fields, isbn, None, language)
        reference = first_text(fields, "RecordReference")
        return Edition(sku=sku, isbn=isbn, reference=reference, **mapped)


def update_edition(product: Element, edition: Edition, language: str) -> Edition:
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
        return msgspec.structs.replace(
            edition, **_map_blocks(fields, edition.isbn, edition, language)
        )


@contextmanager
def _naming_isbn(fields: Composite) -> Iterator[None]:
    """Add the record's ISBN to a RecordError that has none."""
    try:
        yield
    except RecordError as error:
        error.isbn = error.isbn or printed_isbn_of(fields)
        raise


def _map_blocks(
    fields: Composite, isbn: str | None, current: Edition | None, language: str
) -> dict[str, Any]:
    """Return the edition's fields that the blocks of a record set; `current` is updated by it."""
    mapped: dict[str, Any] = {}
    descriptive = composite(fields[DESCRIPTIVE][0]) if DESCRIPTIVE in fields else None
    if descriptive is not None:
        mapped |= map_descriptive(descriptive, language)
    if COLLATERAL in fields:
        mapped |= map_collateral(composite(fields[COLLATERAL][0]), language)
    if RELATED in fields:
        mapped |= map_related(composite(fields[RELATED][0]), isbn)
    publishing = map_publishing(composite(fields[PUBLISHING][0])) if PUBLISHING in fields else None
    supplies = (
        map_supply([composite(block) for block in fields[SUPPLY]]) if SUPPLY in fields else None
    )
    if publishing:
        mapped |= {"publisher": publishing.publisher, "imprint": publishing.imprint}
    mapped |= sales_terms(publishing, supplies, current)
    earlier = current.restrictions if current else ()
    mapped["restrictions"] = (
        *(
            trade_restrictions(descriptive)
            if descriptive is not None
            else (each for each in earlier if each.reason == TRADE_ONLY)
        ),
        *(
            publishing.restrictions
            if publishing
            else (each for each in earlier if each.reason != TRADE_ONLY)
        ),
    )
    return mapped
