"""Read queries of single books, their other formats and the index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.engine import Connection, Engine

from bookshop import clock
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.models import UNKNOWN_DATE, BookRecord, ListingRecord
from bookshop.catalogue.pricing import (
    Availability,
    Offer,
    SalesContext,
    SaleState,
    availability_of,
    offer_on,
)
from bookshop.money import Money

INDEX_SIZE = 48  # books that the index shows at most
MAX_OTHER_FORMATS = 24
# ONIX list 51: the same content in another format, or an edition that this one is based on.
SAME_WORK = frozenset({"06", "13", "27"})


@dataclass(frozen=True)
class Listing:
    """A book in a list. `price` is in the shop's currency, None if the book has none.

    `form` is a `forms.form_key`, `format` a `forms.Format`. `published` is None if it is unknown,
    `cover` if there is none.
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


@dataclass(frozen=True)
class BookDetail:
    """A book with its whole edition and today's offer."""

    listing: Listing
    edition: Edition
    offer: Offer
    changed_at: datetime

    @property
    def sku(self) -> str:
        return self.edition.sku


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
    (BookRecord.stock - BookRecord.reserved).label("free"),
)
HAS_STOCK = BookRecord.stock.is_(None) | (BookRecord.stock > BookRecord.reserved)


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
    )


# Built once: building a statement costs more than executing it.
_BY_SKU = select_listings().where(BookRecord.sku == bindparam("sku"))
_DETAIL_BY_SKU = select_listings(BookRecord.edition, BookRecord.changed_at).where(
    BookRecord.sku == bindparam("sku")
)
_PURCHASABLE = (
    select_listings()
    .where(ListingRecord.state == bindparam("state"), HAS_STOCK)
    .order_by(ListingRecord.published.desc(), ListingRecord.book_id.desc())
    .limit(bindparam("limit"))
)
_OTHERS = (
    select_listings()
    .where(BookRecord.sku != bindparam("sku"))
    .order_by(ListingRecord.sort_title, ListingRecord.book_id)
    .limit(MAX_OTHER_FORMATS)
)
_BY_WORK = _OTHERS.where(BookRecord.work == bindparam("work"))
_BY_ISBNS = _OTHERS.where(BookRecord.isbn.in_(bindparam("isbns", expanding=True)))


class CatalogueQueries:
    """Queries of one shop's catalogue, in its sales context."""

    def __init__(self, engine: Engine, sales_context: SalesContext) -> None:
        self._engine = engine
        self._sales_context = sales_context

    def purchasable(self, limit: int = INDEX_SIZE) -> list[Listing]:
        """Return books that can be bought now: released ones first, the newest first."""
        listings: list[Listing] = []
        with self._engine.connect() as connection:
            for state in (SaleState.BUY, SaleState.PREORDER):
                if len(listings) < limit:
                    listings += self._listings(
                        connection, _PURCHASABLE, state=state.value, limit=limit - len(listings)
                    )
        return listings

    def listing(self, sku: str) -> Listing | None:
        """Return the listing with that SKU, or None."""
        with self._engine.connect() as connection:
            listings = self._listings(connection, _BY_SKU, sku=sku)
        return listings[0] if listings else None

    def detail(self, sku: str) -> BookDetail | None:
        """Return the listed book with that SKU, its edition and today's offer; or None."""
        with self._engine.connect() as connection:
            row = connection.execute(_DETAIL_BY_SKU, {"sku": sku}).one_or_none()
        if row is None:
            return None
        return BookDetail(
            listing=listing_from_row(row, self._sales_context.currency),
            edition=row.edition,
            offer=offer_on(row.edition, self._sales_context, clock.now().date()),
            changed_at=row.changed_at,
        )

    def withdrawn_title(self, sku: str) -> str | None:
        """Return the title of the withdrawn book with that SKU, or None."""
        statement = select(BookRecord.title).where(BookRecord.sku == sku, BookRecord.withdrawn)
        with self._engine.connect() as connection:
            title: str | None = connection.scalar(statement)
        return title

    def other_formats(self, edition: Edition) -> list[Listing]:
        """Return the listed books of the same work in other formats, at most MAX_OTHER_FORMATS."""
        isbns = [related.isbn for related in edition.related if related.relation in SAME_WORK]
        if edition.work is None and not isbns:
            return []
        by_sku: dict[str, Listing] = {}
        with self._engine.connect() as connection:
            if edition.work is not None:
                same_work = self._listings(connection, _BY_WORK, work=edition.work, sku=edition.sku)
                by_sku |= {listing.sku: listing for listing in same_work}
            if isbns:
                related_books = self._listings(connection, _BY_ISBNS, isbns=isbns, sku=edition.sku)
                by_sku |= {listing.sku: listing for listing in related_books}
        return list(by_sku.values())[:MAX_OTHER_FORMATS]

    def _listings(
        self, connection: Connection, statement: Select[*tuple[Any, ...]], **parameters: Any
    ) -> list[Listing]:
        rows = connection.execute(statement, parameters)
        return [listing_from_row(row, self._sales_context.currency) for row in rows]
