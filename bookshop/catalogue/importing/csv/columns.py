"""The columns of a CSV file of books. docs/importing.md describes them for booksellers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.csv.column_values import (
    Fields,
    format_accessibility,
    format_contributors,
    format_prices,
    format_related,
    format_series,
    format_subjects,
    parse_accessibility,
    parse_availability,
    parse_contributors,
    parse_form,
    parse_isbn_column,
    parse_prices,
    parse_related,
    parse_series,
    parse_subjects,
)
from bookshop.catalogue.importing.csv.values import (
    join_list,
    parse_count,
    parse_day,
    parse_language,
    split_list,
)
from bookshop.catalogue.importing.html import to_html


@dataclass(frozen=True)
class Column:
    """One column. The first of `names` is its header in an export; the others are also read.

    `write` formats the value of an edition. `read` parses a value that is not empty, and raises
    RecordError.
    """

    names: tuple[str, ...]
    write: Callable[[Edition], str]
    read: Callable[[str], Fields]


def _text(field: str, *names: str) -> Column:
    return Column(
        (field, *names),
        lambda edition: getattr(edition, field) or "",
        lambda value: {field: " ".join(value.split())},
    )


def _verbatim(field: str, *names: str) -> Column:
    return Column(
        (field, *names),
        lambda edition: getattr(edition, field) or "",
        lambda value: {field: value.strip()},
    )


def _day(field: str, *names: str) -> Column:
    def write(edition: Edition) -> str:
        day = getattr(edition, field)
        return day.isoformat() if day else ""

    return Column((field, *names), write, lambda value: {field: parse_day(value)})


def _number(field: str, *names: str) -> Column:
    def write(edition: Edition) -> str:
        number = getattr(edition, field)
        return "" if number is None else str(number)

    return Column((field, *names), write, lambda value: {field: parse_count(value)})


COLUMNS = (
    _verbatim("sku"),
    Column(
        ("isbn", "isbn13", "isbn-13", "ean", "gtin"),
        lambda edition: edition.isbn or "",
        parse_isbn_column,
    ),
    _text("reference"),
    _text("title"),
    _text("subtitle"),
    Column(("contributors", "author", "authors"), format_contributors, parse_contributors),
    Column(("series",), format_series, parse_series),
    Column(("form", "format", "binding"), lambda edition: edition.form, parse_form),
    Column(
        ("details",),
        lambda edition: join_list([code] for code in edition.details),
        lambda value: {"details": tuple(item[0] for item in split_list(value))},
    ),
    _text("publisher"),
    _text("imprint"),
    _day("published", "publication date", "date"),
    _day("on_sale", "on sale"),
    Column(
        ("language",),
        lambda edition: edition.language,
        lambda value: {"language": parse_language(value)},
    ),
    _number("pages"),
    _number("minutes"),
    Column(("subjects", "subject", "thema"), format_subjects, parse_subjects),
    Column(
        ("description", "blurb"),
        lambda edition: edition.description,
        lambda value: {"description": to_html(value)},
    ),
    _verbatim("cover", "image"),
    Column(("prices",), format_prices, parse_prices),
    Column(("availability",), lambda edition: edition.availability, parse_availability),
    _verbatim("work"),
    Column(("related",), format_related, parse_related),
    Column(("accessibility",), format_accessibility, parse_accessibility),
)
#: A price in the shop's currency, or in that of the column `currency`.
PRICE = ("price", "rrp", "retail price")
CURRENCY = ("currency",)
STOCK = ("stock", "copies", "quantity", "on hand")
#: Why a row was refused: written, but not read.
REASON = "reason"
