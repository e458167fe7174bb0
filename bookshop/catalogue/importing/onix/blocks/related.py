"""Block 5 of a record, RelatedMaterial: the work, and related products."""

from __future__ import annotations

from typing import Any

from bookshop.catalogue.edition import Related
from bookshop.catalogue.importing.onix.identity import (
    ISBN_10,
    ISBN_13,
    PROPRIETARY,
    isbn_of,
    valid_isbn,
)
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text, texts
from bookshop.catalogue.importing.records import RecordError

# List 164: the product is a manifestation of this work.
MANIFESTATION = "01"
# List 51: other formats of the same work.
SAME_WORK = frozenset({"06", "13", "16", "17", "27", "28", "29"})


def map_related(block: Composite, isbn: str | None) -> dict[str, Any]:
    """Return the edition's fields that this block sets; `isbn` is the edition's own.

    Without a work identifier, the smallest ISBN of all formats identifies the work.
    """
    products = tuple(
        dict.fromkeys(
            Related(relation, other)
            for product in composites(block, "RelatedProduct")
            if (other := isbn_of(product)) is not None and other != isbn
            for relation in texts(product, "ProductRelationCode")
        )
    )
    formats = {product.isbn for product in products if product.relation in SAME_WORK}
    smallest = min(formats | {isbn}) if formats and isbn else None
    return {"work": _work(block) or smallest, "related": products}


def _work(block: Composite) -> str | None:
    for work in composites(block, "RelatedWork"):
        if first_text(work, "WorkRelationCode") == MANIFESTATION:
            for identifier in composites(work, "WorkIdentifier"):
                if name := _work_name(identifier):
                    return name
    return None


def _work_name(identifier: Composite) -> str:
    """Return a work identifier with its type (list 16).

    An ISBN has no type, so that it equals the smallest ISBN of other senders' records.
    """
    id_type, value = first_text(identifier, "WorkIDType"), first_text(identifier, "IDValue")
    if id_type in {ISBN_10, ISBN_13}:
        try:
            return valid_isbn(value)
        except RecordError:
            return ""
    scheme = first_text(identifier, "IDTypeName") if id_type == PROPRIETARY else ""
    return ":".join(filter(None, (id_type, scheme, value))) if value else ""
