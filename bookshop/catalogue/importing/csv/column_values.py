"""Parses and formats the values of columns with a syntax of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookshop.catalogue.edition import (
    AUTHOR,
    KEYWORD,
    THEMA,
    Contributor,
    Edition,
    Feature,
    Price,
    Related,
    Series,
    Subject,
)
from bookshop.catalogue.importing.csv.values import (
    join_list,
    parse_amount,
    parse_day,
    parse_isbn,
    split_list,
)
from bookshop.catalogue.importing.records import RecordError
from bookshop.money import Money, known_currencies

#: Values of an edition's fields by field name.
Fields = Mapping[str, Any]

FORMS = {
    "hardback": "BB",
    "hardcover": "BB",
    "paperback": "BC",
    "softcover": "BC",
    "ebook": "ED",
    "e-book": "ED",
    "epub": "ED",
    "pdf": "ED",
    "audiobook": "AJ",
    "audio": "AJ",
    "book": "BA",
}
DETAILS = {"epub": "E101", "pdf": "E107"}
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
MAIN_SUBJECT = "main"
CODE_LENGTH = 2  # of ONIX lists 65 and 150


def parse_isbn_column(value: str) -> Fields:
    """Return ISBN and SKU, which are the same. Raises RecordError."""
    isbn = parse_isbn(value)
    return {"isbn": isbn, "sku": isbn}


def parse_form(value: str) -> Fields:
    """Return form and details from a name or a code of list 150. Raises RecordError."""
    text = value.strip()
    name = text.lower()
    if name in FORMS:
        details = {"details": (DETAILS[name],)} if name in DETAILS else {}
        return {"form": FORMS[name], **details}
    if len(text) == CODE_LENGTH and text.isalnum():
        return {"form": text.upper()}
    raise RecordError(
        "unknown_form", f"The format {value} is unknown: write hardback, paperback, EPUB or PDF."
    )


def parse_availability(value: str) -> Fields:
    """Return an availability from a name or a code of list 65. Raises RecordError."""
    text = " ".join(value.split()).lower()
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
        (person.name, "" if person.role == AUTHOR else person.role, person.inverted or "")
        for person in edition.contributors
    )


def parse_contributors(value: str) -> Fields:
    """Return contributors from `name|role|inverted name`. Raises RecordError."""
    items = (_parts(item, 3) for item in split_list(value))
    people = (Contributor(name, role or AUTHOR, inverted or None) for name, role, inverted in items)
    return {"contributors": tuple(people)}


def format_series(edition: Edition) -> str:
    """Return the series."""
    return join_list((series.title, series.number or "") for series in edition.series)


def parse_series(value: str) -> Fields:
    """Return series from `title|number`. Raises RecordError."""
    items = (_parts(item, 2) for item in split_list(value))
    return {"series": tuple(Series(title, number or None) for title, number in items)}


def format_subjects(edition: Edition) -> str:
    """Return the subjects, each with its scheme."""
    # Always with three bars, as a single part would be read as a Thema code or a keyword.
    return join_list(
        (each.scheme, each.code, each.heading or "", MAIN_SUBJECT if each.main else "")
        for each in edition.subjects
    )


def parse_subjects(value: str) -> Fields:
    """Return subjects: Thema codes, keywords, or `scheme|code|heading|main`.

    Raises RecordError.
    """
    subjects = []
    for item in split_list(value):
        if len(item) == 1:
            text = item[0]
            is_code = text.isascii() and text.isalnum() and text.isupper()
            subjects.append(Subject(THEMA, text) if is_code else Subject(KEYWORD, heading=text))
        else:
            scheme, code, heading, main = _parts(item, 4)
            subjects.append(Subject(scheme, code, heading or None, main=main == MAIN_SUBJECT))
    return {"subjects": tuple(subjects)}


def format_prices(edition: Edition) -> str:
    """Return the prices."""
    return join_list(
        (
            f"{Money(price.amount, price.currency).value:f} {price.currency}",
            price.type,
            price.tax or "",
            price.tax_percent or "",
            price.starts.isoformat() if price.starts else "",
            price.ends.isoformat() if price.ends else "",
            " ".join(price.countries),
            " ".join(price.excluded),
        )
        for price in edition.prices
    )


def parse_prices(value: str) -> Fields:
    """Return prices from `amount currency|type|tax|percent|from|until|countries|excluded`.

    Raises RecordError.
    """
    return {"prices": tuple(_parse_price(_parts(item, 8)) for item in split_list(value))}


def format_related(edition: Edition) -> str:
    """Return the related products."""
    return join_list((each.relation, each.isbn) for each in edition.related)


def parse_related(value: str) -> Fields:
    """Return related products from `relation|ISBN`. Raises RecordError."""
    return {"related": tuple(Related(*_parts(item, 2)) for item in split_list(value))}


def format_accessibility(edition: Edition) -> str:
    """Return the accessibility features."""
    return join_list((feature.code, feature.text or "") for feature in edition.accessibility)


def parse_accessibility(value: str) -> Fields:
    """Return accessibility features from `code|text`. Raises RecordError."""
    items = (_parts(item, 2) for item in split_list(value))
    return {"accessibility": tuple(Feature(code, text or None) for code, text in items)}


def _parse_price(parts: list[str]) -> Price:
    price, price_type, tax, percent, starts, ends, countries, excluded = parts
    amount, _space, currency = price.rpartition(" ")
    if currency not in known_currencies():
        raise RecordError(
            "unknown_currency", f"The price {price} has no currency: write it like 12.99 GBP."
        )
    return Price(
        currency,
        parse_amount(amount, currency),
        price_type or "02",
        tax or None,
        percent or None,
        parse_day(starts) if starts else None,
        parse_day(ends) if ends else None,
        tuple(countries.split()),
        tuple(excluded.split()),
    )


def _parts(item: list[str], count: int) -> list[str]:
    """Return exactly `count` parts. Raises RecordError if there are more."""
    if len(item) > count:
        raise RecordError("too_many_parts", f"“{'|'.join(item)}” has more than {count} parts.")
    return [*item, *[""] * (count - len(item))]
