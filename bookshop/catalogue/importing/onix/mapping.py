"""A record of ONIX as an edition, block by block.

Blocks 3, 7 and 8 (contents, promotion, production) tell nothing that the shop keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import msgspec
from lxml import etree

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.onix.collateral import collateral
from bookshop.catalogue.importing.onix.descriptive import descriptive
from bookshop.catalogue.importing.onix.identity import identity, printed_isbn_of
from bookshop.catalogue.importing.onix.publishing import CALLED_OFF, STATUSES, publishing
from bookshop.catalogue.importing.onix.related import related
from bookshop.catalogue.importing.onix.supply import Supply, supply
from bookshop.catalogue.importing.onix.tags import Parts, first, parts
from bookshop.catalogue.importing.records import Refusal

DESCRIPTIVE, COLLATERAL = "DescriptiveDetail", "CollateralDetail"
PUBLISHING, RELATED, SUPPLY = "PublishingDetail", "RelatedMaterial", "ProductSupply"
BLOCKS = frozenset({DESCRIPTIVE, COLLATERAL, PUBLISHING, RELATED, SUPPLY})
# What a book that nobody has heard of is told with, at the least.
ESSENTIAL = frozenset({DESCRIPTIVE, PUBLISHING, SUPPLY})
AVAILABLE = "20"
# List 65: it may be ordered, before or after it is out.
TO_BE_HAD = frozenset({"10", "11", "12", "20", "21", "22", "23"})
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
)


def record(raw: bytes) -> Parts:
    """What a record holds. Raises Refusal where it is broken."""
    try:
        return parts(etree.fromstring(raw, _PARSER))
    except etree.XMLSyntaxError as error:
        raise Refusal(f"The record cannot be read by itself: {error.msg}.") from error


def whole(raw: bytes) -> Edition:
    """The edition that a record tells by itself. Raises Refusal."""
    found = record(raw)
    with _about(found):
        sku, isbn = identity(found)
        if sku is None:
            raise Refusal("The record names no product: add a ProductIdentifier, best an ISBN-13.")
        if DESCRIPTIVE not in found:
            raise Refusal("The record has no title: it has no DescriptiveDetail.")
        fields = _fields(found, isbn, None)
        return Edition(sku=sku, isbn=isbn, reference=first(found, "RecordReference"), **fields)


def updated(raw: bytes, edition: Edition) -> Edition:
    """A known edition with the blocks that a record has. Raises Refusal."""
    found = record(raw)
    with _about(found):
        sku, _ = identity(found)
        if sku not in {None, edition.sku}:
            raise Refusal(
                f"The record is about {sku}, and was about {edition.sku} before: delete that first."
            )
        if BLOCKS.isdisjoint(found):
            raise Refusal("The update has none of the blocks that it might update.")
        return msgspec.structs.replace(edition, **_fields(found, edition.isbn, edition))


@contextmanager
def _about(found: Parts) -> Iterator[None]:
    """Tells whoever is refused the ISBN of the record."""
    try:
        yield
    except Refusal as refusal:
        refusal.isbn = refusal.isbn or printed_isbn_of(found)
        raise


def _fields(found: Parts, isbn: str | None, known: Edition | None) -> dict[str, Any]:
    """The edition's fields that the blocks of a record tell."""
    fields: dict[str, Any] = {}
    if DESCRIPTIVE in found:
        fields |= descriptive(parts(found[DESCRIPTIVE][0]))
    if COLLATERAL in found:
        fields |= collateral(parts(found[COLLATERAL][0]))
    if RELATED in found:
        fields |= related(parts(found[RELATED][0]), isbn)
    return fields | _selling(found, known)


def _selling(found: Parts, known: Edition | None) -> dict[str, Any]:
    """What publisher and suppliers tell between them.

    In an update that one of them sends, the days that the other may have told stay.
    """
    fields: dict[str, Any] = {}
    told = supply([parts(block) for block in found[SUPPLY]]) if SUPPLY in found else None
    made = publishing(parts(found[PUBLISHING][0])) if PUBLISHING in found else None
    statuses = [made.status if made else "", told.status if told else ""]
    called_off = next((CALLED_OFF[code] for code in statuses if code in CALLED_OFF), None)
    if told:
        by_status = [STATUSES[code] for code in reversed(statuses) if code in STATUSES]
        fields["prices"] = told.prices
        fields["availability"] = called_off or told.availability or next(iter(by_status), AVAILABLE)
    elif called_off or known is None:
        fields["availability"] = called_off or STATUSES.get(statuses[0], AVAILABLE)
    published = next((part.published for part in (made, told) if part and part.published), None)
    if made:
        fields |= {"publisher": made.publisher, "imprint": made.imprint}
    if made or known is None or known.published is None:
        fields["published"] = published
    published = published or (known.published if known else None)
    embargoes = [part.embargo for part in (made, told) if part and part.embargo]
    on_sale = max(embargoes, default=None) or _expected(told, fields, published)
    if on_sale or (made and told) or known is None:
        fields["on_sale"] = on_sale
    return fields


def _expected(told: Supply | None, fields: dict[str, Any], published: date | None) -> date | None:
    """The day on which a supplier expects what comes later than it is published."""
    if told is None or told.expected is None or fields["availability"] not in TO_BE_HAD:
        return None
    return told.expected if published is None or told.expected > published else None
