"""The SQL conditions of a query's filters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists

from bookshop.catalogue.models import BookRecord, ListingRecord, ListingSubject
from bookshop.catalogue.search.pagination import PRICED
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.catalogue.search.query import Query
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.works.listing import has_stock


def filter_conditions(
    query: Query, price_bands: PriceBands, listing: Any = ListingRecord, book: Any = BookRecord
) -> list[Any]:
    """Return the SQL conditions on listings for a query's filters and sort order.

    `listing` and `book` may be aliases of the tables.
    """
    conditions: list[Any] = []
    if query.format:
        conditions.append(listing.format == query.format)
    if query.language:
        conditions.append(listing.language == query.language)
    if query.availability:
        state = SaleState.BUY if query.availability == "available" else SaleState.PREORDER
        conditions += [listing.state == state.value, has_stock(book)]
    if query.price:
        conditions.append(price_bands.contains(query.price, listing.amount))
    if query.subject:
        of_book = ListingSubject.book_id == listing.book_id
        conditions.append(exists().where(of_book, ListingSubject.code == query.subject))
    if query.sort in PRICED:
        conditions.append(listing.amount.is_not(None))
    return conditions
