"""The columns of a CSV file of books. docs/importing.md describes them for booksellers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.csv.coded_values import (
    format_form,
    format_prices,
    format_subjects,
    parse_form,
    parse_keywords,
    parse_prices,
    parse_subjects,
)
from bookshop.catalogue.importing.csv.column_values import (
    Fields,
    format_accessibility,
    format_contributors,
    format_related,
    format_series,
    parse_accessibility,
    parse_availability,
    parse_contributors,
    parse_isbn_column,
    parse_related,
    parse_series,
)
from bookshop.catalogue.importing.csv.dates import parse_day
from bookshop.catalogue.importing.csv.market_values import (
    format_offers,
    format_restrictions,
    parse_offers,
    parse_restrictions,
)
from bookshop.catalogue.importing.csv.values import (
    join_list,
    parse_count,
    parse_language,
    split_list,
)
from bookshop.catalogue.importing.html import to_html
from bookshop.catalogue.importing.text import plain_text


@dataclass(frozen=True)
class Column:
    """One column. The first of `names` is its header in an export; the others are also read.

    `write` formats the value of an edition; None where another column exports it. `read` parses a
    value that is not empty, for a shop with that locale, and raises RecordError.
    """

    names: tuple[str, ...]
    write: Callable[[Edition], str] | None
    read: Callable[[str, str], Fields]


def _any_locale(parse: Callable[[str], Fields]) -> Callable[[str, str], Fields]:
    return lambda value, _locale: parse(value)


def _plain(parse: Callable[[str], Fields]) -> Callable[[str, str], Fields]:
    # Before the value is split: entities end with a semicolon.
    return lambda value, _locale: parse(plain_text(value))


def _text(field: str, *names: str) -> Column:
    return Column(
        (field, *names),
        lambda edition: getattr(edition, field) or "",
        lambda value, _locale: {field: plain_text(value)},
    )


def _verbatim(field: str, *names: str) -> Column:
    return Column(
        (field, *names),
        lambda edition: getattr(edition, field) or "",
        lambda value, _locale: {field: value.strip()},
    )


def _day(field: str, *names: str, whole: bool = False) -> Column:
    def write(edition: Edition) -> str:
        day = getattr(edition, field)
        return day.isoformat() if day else ""

    return Column(
        (field, *names),
        write,
        lambda value, locale: {field: parse_day(value, locale, whole=whole)},
    )


def _number(field: str, *names: str) -> Column:
    def write(edition: Edition) -> str:
        number = getattr(edition, field)
        return "" if number is None else str(number)

    return Column((field, *names), write, lambda value, _locale: {field: parse_count(value)})


COLUMNS = (
    _verbatim("sku"),
    Column(
        ("isbn", "isbn13", "isbn-13", "ean", "gtin"),
        lambda edition: edition.isbn or "",
        _any_locale(parse_isbn_column),
    ),
    _text("reference"),
    _text("title"),
    _text("sort_title", "sort title", "title sort"),
    _text("subtitle"),
    Column(("contributors", "author", "authors"), format_contributors, _plain(parse_contributors)),
    Column(("series",), format_series, _plain(parse_series)),
    Column(("form", "format", "binding"), format_form, _any_locale(parse_form)),
    Column(
        ("details",),
        lambda edition: join_list([code] for code in edition.details),
        lambda value, _locale: {"details": tuple(item[0] for item in split_list(value))},
    ),
    _text("publisher"),
    _text("imprint"),
    _day("published", "publication date", "date"),
    _day("on_sale", "on sale", whole=True),
    _day("expected", "expected date", "due", whole=True),
    Column(
        ("language",),
        lambda edition: edition.language,
        lambda value, _locale: {"language": parse_language(value)},
    ),
    _number("pages"),
    _number("minutes"),
    Column(
        ("subjects", "subject", "thema", "category", "categories", "genre"),
        format_subjects,
        _plain(parse_subjects),
    ),
    Column(("keywords", "keyword", "tags"), None, _plain(parse_keywords)),
    Column(
        ("publisher_description",),
        lambda edition: edition.description,
        lambda value, _locale: {"description": to_html(value)},
    ),
    _verbatim("cover", "image"),
    Column(("prices",), format_prices, _any_locale(parse_prices)),
    Column(
        ("availability",), lambda edition: edition.availability, _any_locale(parse_availability)
    ),
    _verbatim("work"),
    Column(("related",), format_related, _any_locale(parse_related)),
    Column(("accessibility",), format_accessibility, _any_locale(parse_accessibility)),
    Column(("offers",), format_offers, _any_locale(parse_offers)),
    Column(("restrictions",), format_restrictions, _any_locale(parse_restrictions)),
)
# The shop's own decisions.
#: A price in the shop's currency, or in that of the column `currency`.
PRICE = ("price", "rrp", "retail price")
CURRENCY = ("currency",)
DESCRIPTION = ("description", "blurb")
BLOCKED = ("blocked", "block", "not for sale")
STOCK = ("stock", "copies", "quantity", "on hand")
#: Why a row was refused: written, but not read.
REASON = "reason"
