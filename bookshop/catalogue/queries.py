"""Read queries of single books, their other formats and the index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.engine import Connection, Engine

from bookshop import clock
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.pricing import Offer, SalesContext, offer_on
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.terms.decisions import decided
from bookshop.catalogue.terms.markets import in_market
from bookshop.catalogue.terms.models import DecisionsRecord
from bookshop.catalogue.works.grouping import (
    Conditions,
    Work,
    represents_work,
    select_formats,
    with_formats,
)
from bookshop.catalogue.works.listing import (
    Listing,
    has_stock,
    listing_from_row,
    select_listings,
)

INDEX_SIZE = 48  # works that the index shows at most
MAX_OTHER_FORMATS = 24
# ONIX list 51: the same content in another format, or an edition that this one is based on.
SAME_WORK = frozenset({"06", "13", "27"})


@dataclass(frozen=True)
class BookDetail:
    """A book with its whole edition as the shop sells it, and today's offer."""

    listing: Listing
    edition: Edition
    offer: Offer
    changed_at: datetime

    @property
    def sku(self) -> str:
        return self.edition.sku


def _on_sale(*states: SaleState) -> Conditions:
    values = [state.value for state in states]
    return lambda listing, book: (listing.state.in_(values), has_stock(book))


def _newest(state: SaleState) -> Select[*tuple[Any, ...]]:
    conditions = _on_sale(state)
    return (
        select_listings()
        .where(
            *conditions(ListingRecord, BookRecord),
            represents_work(ListingRecord.published, descending=True, conditions=conditions),
        )
        .order_by(ListingRecord.published.desc(), ListingRecord.book_id.desc())
        .limit(bindparam("limit"))
    )


# Built once: building a statement costs more than executing it.
_NEWEST = {state: _newest(state) for state in (SaleState.BUY, SaleState.PREORDER)}
_FORMATS = select_formats(_on_sale(*_NEWEST))
_BY_SKU = select_listings().where(BookRecord.sku == bindparam("sku"))
_DETAIL_BY_SKU = (
    select_listings(BookRecord.edition, BookRecord.changed_at, DecisionsRecord.decisions)
    .outerjoin(DecisionsRecord, DecisionsRecord.book_id == BookRecord.id)
    .where(BookRecord.sku == bindparam("sku"))
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
        self._currency = sales_context.currency

    def purchasable(self, limit: int = INDEX_SIZE) -> list[Work]:
        """Return works that can be bought now: released ones first, the newest first."""
        listings: list[Listing] = []
        with self._engine.connect() as connection:
            for statement in _NEWEST.values():
                if len(listings) < limit:
                    shown = {listing.work for listing in listings if listing.work}
                    found = self._listings(connection, statement, limit=limit)
                    listings += [listing for listing in found if listing.work not in shown]
            return with_formats(connection, listings[:limit], _FORMATS, self._currency)

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
        today = self._sales_context.day(clock.now())
        edition = in_market(decided(row.edition, row.decisions), self._sales_context.country)
        return BookDetail(
            listing=listing_from_row(row, self._currency),
            edition=edition,
            offer=offer_on(edition, self._sales_context, today),
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
        return [listing_from_row(row, self._currency) for row in rows]
