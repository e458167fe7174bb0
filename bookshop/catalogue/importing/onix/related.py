"""Block 5 of a record, RelatedMaterial: the work it is a format of, and other products."""

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
from bookshop.catalogue.importing.onix.tags import Parts, every, first, within
from bookshop.catalogue.importing.records import Refusal

# List 164: this is a manifestation of that work.
MANIFESTATION = "01"
# List 51: another format, the print and the electronic version, print on demand, enhanced, basic.
SAME_WORK = frozenset({"06", "13", "16", "17", "27", "28", "29"})


def related(block: Parts, isbn: str | None) -> dict[str, Any]:
    """The edition's fields that this block tells of the book with `isbn`.

    Where no work is named, the formats of one go by the smallest of their ISBNs.
    """
    found = tuple(
        dict.fromkeys(
            Related(relation, other)
            for product in within(block, "RelatedProduct")
            if (other := isbn_of(product)) is not None and other != isbn
            for relation in every(product, "ProductRelationCode")
        )
    )
    formats = {other.isbn for other in found if other.relation in SAME_WORK}
    return {"work": _work(block) or _smallest(formats, isbn), "related": found}


def _work(block: Parts) -> str | None:
    for work in within(block, "RelatedWork"):
        if first(work, "WorkRelationCode") == MANIFESTATION:
            for number in within(work, "WorkIdentifier"):
                if named := _name(number):
                    return named
    return None


def _name(number: Parts) -> str:
    """A work's number under its type of list 16; those who number by ISBN agree with each other."""
    kind, value = first(number, "WorkIDType"), first(number, "IDValue")
    if kind in {ISBN_10, ISBN_13}:
        try:
            return valid_isbn(value)
        except Refusal:
            return ""
    whose = first(number, "IDTypeName") if kind == PROPRIETARY else ""
    return ":".join(filter(None, (kind, whose, value))) if value else ""


def _smallest(formats: set[str], isbn: str | None) -> str | None:
    return min(formats | {isbn}) if formats and isbn else None
