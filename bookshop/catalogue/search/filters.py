"""The SQL conditions of a query's filters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists

from bookshop.catalogue.models import ListingRecord, ListingSubject
from bookshop.catalogue.pricing import SaleState
from bookshop.catalogue.queries import HAS_STOCK
from bookshop.catalogue.search.pagination import PRICED
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.catalogue.search.query import Query


def filter_conditions(query: Query, price_bands: PriceBands) -> list[Any]:
    """Return the SQL conditions on listings for a query's filters and sort order."""
    conditions: list[Any] = []
    if query.format:
        conditions.append(ListingRecord.format == query.format)
    if query.language:
        conditions.append(ListingRecord.language == query.language)
    if query.availability:
        state = SaleState.BUY if query.availability == "available" else SaleState.PREORDER
        conditions += [ListingRecord.state == state.value, HAS_STOCK]
    if query.price:
        conditions.append(price_bands.contains(query.price, ListingRecord.amount))
    if query.subject:
        of_book = ListingSubject.book_id == ListingRecord.book_id
        conditions.append(exists().where(of_book, ListingSubject.code == query.subject))
    if query.sort in PRICED:
        conditions.append(ListingRecord.amount.is_not(None))
    return conditions
