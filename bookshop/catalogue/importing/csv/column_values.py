"""Parses and formats the values of columns with a syntax of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookshop.catalogue.edition import AUTHOR, Contributor, Edition, Feature, Related, Series
from bookshop.catalogue.importing.csv.cells import clean_code
from bookshop.catalogue.importing.csv.values import join_list, parse_isbn, parts_of, split_list
from bookshop.catalogue.importing.names import is_inverted, natural_order
from bookshop.catalogue.importing.records import RecordError

#: Values of an edition's fields by field name.
Fields = Mapping[str, Any]

AVAILABILITIES = {
    "available": "20",
    "in stock": "21",
    "forthcoming": "10",
    "not yet available": "10",
    "out of stock": "31",
    "reprinting": "32",
    "out of print": "51",
    "no longer available": "40",
}
CODE_LENGTH = 2  # of ONIX list 65


def parse_isbn_column(value: str) -> Fields:
    """Return ISBN and SKU, which are the same. Raises RecordError."""
    isbn = parse_isbn(value)
    return {"isbn": isbn, "sku": isbn}


def parse_availability(value: str) -> Fields:
    """Return an availability from a name or a code of list 65. Raises RecordError."""
    text = " ".join(clean_code(value).split()).lower()
    code = AVAILABILITIES.get(text, text.rjust(CODE_LENGTH, "0"))
    if len(code) == CODE_LENGTH and code.isascii() and code.isdigit():
        return {"availability": code}
    raise RecordError(
        "unknown_availability",
        f"The availability {value} is unknown: write available, or a code of ONIX list 65.",
    )


def format_contributors(edition: Edition) -> str:
    """Return the contributors; A01 (author) is left out."""
    return join_list(
        (
            person.name,
            "" if person.role == AUTHOR else person.role,
            # Repeated where it would be read as an inverted name.
            person.inverted or (person.name if is_inverted(person.name) else ""),
        )
        for person in edition.contributors
    )


def parse_contributors(value: str) -> Fields:
    """Return contributors from `name|role|inverted name`, or from an inverted name alone.

    Raises RecordError.
    """
    items = (parts_of(item, 3) for item in split_list(value))
    return {"contributors": tuple(_contributor(*item) for item in items)}


def _contributor(name: str, role: str, inverted: str) -> Contributor:
    if inverted == name and is_inverted(name):
        return Contributor(name, role or AUTHOR)  # as the export marks it
    if not inverted and is_inverted(name):
        return Contributor(natural_order(name), role or AUTHOR, name)
    return Contributor(name, role or AUTHOR, inverted or None)


def format_series(edition: Edition) -> str:
    """Return the series."""
    return join_list((series.title, series.number or "") for series in edition.series)


def parse_series(value: str) -> Fields:
    """Return series from `title|number`. Raises RecordError."""
    items = (parts_of(item, 2) for item in split_list(value))
    return {"series": tuple(Series(title, number or None) for title, number in items)}


def format_related(edition: Edition) -> str:
    """Return the related products."""
    return join_list((each.relation, each.isbn) for each in edition.related)


def parse_related(value: str) -> Fields:
    """Return related products from `relation|ISBN`. Raises RecordError."""
    items = (parts_of(item, 2) for item in split_list(value))
    return {"related": tuple(Related(relation, parse_isbn(isbn)) for relation, isbn in items)}


def format_accessibility(edition: Edition) -> str:
    """Return the accessibility features."""
    return join_list((feature.code, feature.text or "") for feature in edition.accessibility)


def parse_accessibility(value: str) -> Fields:
    """Return accessibility features from `code|text`. Raises RecordError."""
    items = (parts_of(item, 2) for item in split_list(value))
    return {"accessibility": tuple(Feature(code, text or None) for code, text in items)}
