"""The columns of a spreadsheet of books: what stands in each, read and written.

docs/importing.md tells booksellers of them. A sheet may have any of them, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from bookshop.catalogue.importing.csv.cells import (
    join,
    read_amount,
    read_count,
    read_day,
    read_isbn,
    read_language,
    split,
)
from bookshop.catalogue.importing.html import description
from bookshop.catalogue.importing.records import Refusal
from bookshop.money import Money, known_currencies

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
MAIN = "main"


@dataclass(frozen=True)
class Column:
    """One column: `names` are its header, as it is written first, and others that are read.

    `write` gives the cell of an edition; `read` the fields of an edition that a cell stands for, in
    a shop of that currency, and raises Refusal. A cell that is empty says nothing.
    """

    names: tuple[str, ...]
    write: Callable[[Edition], str]
    read: Callable[[str, str], Mapping[str, Any]]


def _text(field: str, *names: str) -> Column:
    return Column(
        (field, *names),
        lambda edition: getattr(edition, field) or "",
        lambda cell, _currency: {field: " ".join(cell.split())},
    )


def _day(field: str, *names: str) -> Column:
    def write(edition: Edition) -> str:
        day = getattr(edition, field)
        return day.isoformat() if day else ""

    return Column((field, *names), write, lambda cell, _currency: {field: read_day(cell)})


def _number(field: str, *names: str) -> Column:
    def write(edition: Edition) -> str:
        number = getattr(edition, field)
        return "" if number is None else str(number)

    return Column((field, *names), write, lambda cell, _currency: {field: read_count(cell)})


def _isbn(cell: str, _currency: str) -> dict[str, Any]:
    isbn = read_isbn(cell)
    return {"isbn": isbn, "sku": isbn}


def _people(cell: str, _currency: str) -> dict[str, Any]:
    return {
        "contributors": tuple(
            Contributor(name, role or AUTHOR, inverted or None)
            for name, role, inverted in (_parts(each, 3) for each in split(cell))
        )
    }


def _form(cell: str, _currency: str) -> dict[str, Any]:
    text = cell.strip()
    word = text.lower()
    if word not in FORMS:
        if len(text) == len("BB") and text.isalnum():
            return {"form": text.upper()}
        raise Refusal(f"The format {cell} is not known: write hardback, paperback, EPUB or PDF.")
    details = {"details": (DETAILS[word],)} if word in DETAILS else {}
    return {"form": FORMS[word], **details}


def _subjects(cell: str, _currency: str) -> dict[str, Any]:
    found = []
    for each in split(cell):
        if len(each) == 1:
            text = each[0]
            thema = text.isascii() and text.isalnum() and text.isupper()
            found.append(Subject(THEMA, text) if thema else Subject(KEYWORD, heading=text))
        else:
            scheme, code, heading, main = _parts(each, 4)
            found.append(Subject(scheme, code, heading or None, main=main == MAIN))
    return {"subjects": tuple(found)}


def _prices(cell: str, _currency: str) -> dict[str, Any]:
    return {"prices": tuple(_price(_parts(each, 8)) for each in split(cell))}


def _price(parts: list[str]) -> Price:
    told, type_, tax, percent, starts, ends, countries, excluded = parts
    amount, _blank, currency = told.rpartition(" ")
    if currency not in known_currencies():
        raise Refusal(f"The price {told} names no currency: write it like 12.99 GBP.")
    return Price(
        currency,
        read_amount(amount, currency),
        type_ or "02",
        tax or None,
        percent or None,
        read_day(starts) if starts else None,
        read_day(ends) if ends else None,
        tuple(countries.split()),
        tuple(excluded.split()),
    )


def _write_price(price: Price) -> list[str]:
    return [
        f"{Money(price.amount, price.currency).value:f} {price.currency}",
        price.type,
        price.tax or "",
        price.tax_percent or "",
        price.starts.isoformat() if price.starts else "",
        price.ends.isoformat() if price.ends else "",
        " ".join(price.countries),
        " ".join(price.excluded),
    ]


def _write_subject(subject: Subject) -> list[str]:
    main = MAIN if subject.main else ""
    # The scheme and three bars, so that it is not taken for a code or a keyword alone.
    return [subject.scheme, subject.code, subject.heading or "", main]


def _availability(cell: str, _currency: str) -> dict[str, Any]:
    text = cell.strip().lower()
    code = AVAILABILITIES.get(text, text.rjust(2, "0"))
    if not (len(code) == len("20") and code.isascii() and code.isdigit()):
        raise Refusal(f"The availability {cell} is not known: write available, or an ONIX code.")
    return {"availability": code}


def _parts(each: list[str], count: int) -> list[str]:
    if len(each) > count:
        raise Refusal(f"“{'|'.join(each)}” has more than {count} parts.")
    return [*each, *[""] * (count - len(each))]


COLUMNS = (
    Column(("sku",), lambda edition: edition.sku, lambda cell, _currency: {"sku": cell.strip()}),
    Column(("isbn", "isbn13", "isbn-13", "ean", "gtin"), lambda each: each.isbn or "", _isbn),
    _text("reference"),
    _text("title"),
    _text("subtitle"),
    Column(
        ("contributors", "author", "authors"),
        lambda edition: join(
            (person.name, "" if person.role == AUTHOR else person.role, person.inverted or "")
            for person in edition.contributors
        ),
        _people,
    ),
    Column(
        ("series",),
        lambda edition: join((each.title, each.number or "") for each in edition.series),
        lambda cell, _currency: {
            "series": tuple(
                Series(title, number or None)
                for title, number in (_parts(each, 2) for each in split(cell))
            )
        },
    ),
    Column(("form", "format", "binding"), lambda edition: edition.form, _form),
    Column(
        ("details",),
        lambda edition: join([each] for each in edition.details),
        lambda cell, _currency: {"details": tuple(each[0] for each in split(cell))},
    ),
    _text("publisher"),
    _text("imprint"),
    _day("published", "publication date", "date"),
    _day("on_sale", "on sale"),
    Column(
        ("language",),
        lambda edition: edition.language,
        lambda cell, _currency: {"language": read_language(cell)},
    ),
    _number("pages"),
    _number("minutes"),
    Column(
        ("subjects", "subject", "thema"),
        lambda edition: join(map(_write_subject, edition.subjects)),
        _subjects,
    ),
    Column(
        ("description", "blurb"),
        lambda edition: edition.description,
        lambda cell, _currency: {"description": description(cell)},
    ),
    Column(
        ("cover", "image"),
        lambda edition: edition.cover or "",
        lambda cell, _currency: {"cover": cell.strip()},
    ),
    Column(("prices",), lambda edition: join(map(_write_price, edition.prices)), _prices),
    Column(("availability",), lambda edition: edition.availability, _availability),
    Column(
        ("work",),
        lambda edition: edition.work or "",
        lambda cell, _currency: {"work": cell.strip()},
    ),
    Column(
        ("related",),
        lambda edition: join((each.relation, each.isbn) for each in edition.related),
        lambda cell, _currency: {
            "related": tuple(Related(*_parts(each, 2)) for each in split(cell))
        },
    ),
    Column(
        ("accessibility",),
        lambda edition: join((each.code, each.text or "") for each in edition.accessibility),
        lambda cell, _currency: {
            "accessibility": tuple(
                Feature(code, text or None)
                for code, text in (_parts(each, 2) for each in split(cell))
            )
        },
    ),
)
#: A price in the shop's own currency, or in that of the column `currency`.
PRICE = ("price", "rrp", "retail price")
CURRENCY = ("currency",)
STOCK = ("stock", "copies", "quantity", "on hand")
#: Why a row was refused: written beside it, and not read.
REASON = "reason"
