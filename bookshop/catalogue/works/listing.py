"""Rows of `listings` as books in a list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, select

from bookshop.catalogue.models import UNKNOWN_DATE, BookRecord, ListingRecord
from bookshop.catalogue.terms.availability import Availability, SaleState, availability_of
from bookshop.money import Money


@dataclass(frozen=True)
class Listing:
    """A book in a list. `price` is in the shop's currency, None if the book has none.

    `form` is a `forms.form_key`, `format` a `forms.Format`. `published` is None if it is unknown,
    `cover` if there is none, `work` if no other edition is known to be of the same work.
    """

    sku: str
    title: str
    subtitle: str | None
    byline: str
    form: str
    format: str
    language: str
    cover: str | None
    published: date | None
    price: Money | None
    availability: Availability
    work: str | None = None


#: The columns of a listing; unreserved stock comes from the book's own row.
COLUMNS = (
    ListingRecord.book_id,
    ListingRecord.sku,
    ListingRecord.title,
    ListingRecord.subtitle,
    ListingRecord.byline,
    ListingRecord.form,
    ListingRecord.format,
    ListingRecord.language,
    ListingRecord.cover,
    ListingRecord.published,
    ListingRecord.state,
    ListingRecord.amount,
    ListingRecord.work,
    (BookRecord.stock - BookRecord.reserved).label("free"),
)


def has_stock(book: Any = BookRecord) -> Any:
    """Return the SQL condition that a book has unreserved stock; `book` may be an alias."""
    return book.stock.is_(None) | (book.stock > book.reserved)


def select_listings(*more: Any) -> Select[*tuple[Any, ...]]:
    """Return a SELECT of the listings' columns and of `more` columns."""
    return (
        select(*COLUMNS, *more)
        .select_from(ListingRecord)
        .join(BookRecord, BookRecord.id == ListingRecord.book_id)
    )


def listing_from_row(row: Row[*tuple[Any, ...]], currency: str) -> Listing:
    """Return the listing in a row of `select_listings`."""
    return Listing(
        sku=row.sku,
        title=row.title,
        subtitle=row.subtitle,
        byline=row.byline,
        form=row.form,
        format=row.format,
        language=row.language,
        cover=row.cover,
        published=None if row.published == UNKNOWN_DATE else row.published,
        price=None if row.amount is None else Money(row.amount, currency),
        availability=availability_of(SaleState(row.state), row.free),
        work=row.work,
    )
