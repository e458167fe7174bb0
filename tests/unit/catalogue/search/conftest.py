"""Catalogues to search, on SQLite and on PostgreSQL."""

import pytest
from sqlalchemy import func, select

from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord
from bookshop.catalogue.search.filters import filter_conditions
from bookshop.catalogue.search.query import Query, default_sort
from bookshop.catalogue.search.service import SearchService
from bookshop.catalogue.version import bump_version
from bookshop.catalogue.writer import BookUpdate, StockCount, save_books
from bookshop.db import WRITES
from tests.unit.makers import NOW, TERMS


@pytest.fixture
def save(engine):
    """Saves editions, with a stock of five unless a pair gives another."""

    def save(*editions):
        pairs = [each if isinstance(each, tuple) else (each, 5) for each in editions]
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            save_books(
                connection,
                [BookUpdate(edition, stock=StockCount(n)) for edition, n in pairs],
                TERMS,
                NOW,
            )
            bump_version(connection)

    return save


@pytest.fixture
def search(engine):
    return SearchService(engine, TERMS)


@pytest.fixture
def find(engine, search):
    """The results of a query."""

    def find(q="", *, cursor=None, size=24, **filters):
        with engine.connect() as connection:
            version = connection.scalar(select(CatalogueState.version))
        query = Query(q, **{"sort": default_sort(q), **filters})
        return search.find(query, cursor, size, version)

    return find


@pytest.fixture
def matching_editions(engine, search):
    """The number of editions, of any work, that a query without search words matches."""

    def count(**filters):
        statement = (
            select(func.count())
            .select_from(ListingRecord)
            .join(BookRecord, BookRecord.id == ListingRecord.book_id)
            .where(*filter_conditions(Query(**filters), search.price_bands))
        )
        with engine.connect() as connection:
            return connection.scalar(statement)

    return count


@pytest.fixture
def skus(find):
    """The SKUs of the editions that represent the works a query finds, in their order."""
    return lambda *given, **filters: [each.listing.sku for each in find(*given, **filters).works]
