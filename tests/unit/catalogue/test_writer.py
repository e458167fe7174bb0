"""Saving books and rebuilding their listings, on SQLite and on PostgreSQL."""

from datetime import date, timedelta

import pytest
from msgspec import structs
from sqlalchemy import select

from bookshop.catalogue import listings
from bookshop.catalogue.edition import Price, Subject, digest, encode
from bookshop.catalogue.listings import (
    listings_are_current,
    rebuild_listings,
    refresh_due_listings,
)
from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord, ListingSubject
from bookshop.catalogue.pricing import SalesContext, SaleState
from bookshop.catalogue.writer import (
    BookUpdate,
    StockCount,
    save_books,
    withdraw_books,
)
from bookshop.db import WRITES
from tests.unit.makers import NOW, TERMS, edition

TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def save(engine):
    """Saves books in a transaction of its own."""

    def save(*updates, now=NOW):
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            save_books(connection, updates, TERMS, now)

    return save


@pytest.fixture
def withdraw(engine):
    def withdraw(*books, now=NOW):
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            withdraw_books(connection, books, now)

    return withdraw


@pytest.fixture
def book(sessions):
    def book(sku):
        with sessions() as session:
            return session.scalars(select(BookRecord).where(BookRecord.sku == sku)).one()

    return book


@pytest.fixture
def select_all(engine):
    def select_all(*columns):
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]

    return select_all


def test_new_book_is_stored_and_listed(save, book, select_all):
    new = edition("A", title="Größe", prices={"GBP": 500, "EUR": 600})

    save(BookUpdate(new, source="s", cover="c.svg", stock=StockCount(3)))

    saved = book("A")
    assert saved.edition == new
    assert (saved.stock, saved.reserved, saved.withdrawn) == (3, 0, False)
    assert (saved.source, saved.content, saved.cover) == ("s", digest(encode(new)), "c.svg")
    assert saved.added_at == saved.changed_at == NOW
    found = select_all(ListingRecord.sku, ListingRecord.sort_title, ListingRecord.amount)
    assert found == [("A", "grosse", 500)]
    assert select_all(ListingSubject.code) == [("F",), ("FB",), ("FBA",)]


def test_stock_of_a_new_book_is_unlimited_by_default(save, book):
    save(BookUpdate(edition("A")), BookUpdate(edition("B"), stock=StockCount(None)))
    assert book("A").stock is book("B").stock is None


def test_update_without_stock_leaves_stock_unchanged(save, book, select_all, sessions):
    save(BookUpdate(edition("A"), stock=StockCount(5)))
    with sessions.begin() as session:
        session.scalars(select(BookRecord)).one().reserved = 2
    known = book("A").id

    new = edition("A", title="Another", subjects=(Subject("93", "NH"),))
    save(BookUpdate(new, source="t", book_id=known), now=TOMORROW)

    saved = book("A")
    assert (saved.id, saved.stock, saved.reserved, saved.title) == (known, 5, 2, "Another")
    assert (saved.added_at, saved.changed_at, saved.source) == (NOW, TOMORROW, "t")
    assert select_all(ListingRecord.title) == [("Another",)]
    assert select_all(ListingSubject.code) == [("N",), ("NH",)]
    save(BookUpdate(new, book_id=known, stock=StockCount(9)))
    assert (book("A").stock, book("A").reserved) == (9, 2)


def test_ids_are_unique(save, select_all):
    save(*(BookUpdate(edition()) for _ in range(3)))
    save(*(BookUpdate(edition()) for _ in range(3)))
    ids = [row[0] for row in select_all(BookRecord.id)]
    assert len(set(ids)) == 6


def test_withdrawn_book_is_not_listed_until_it_is_saved_again(save, withdraw, book, select_all):
    save(BookUpdate(edition("A"), source="s", stock=StockCount(4)))
    known = book("A").id

    withdraw(known, now=TOMORROW)

    saved = book("A")
    assert saved.withdrawn
    assert (saved.stock, saved.source, saved.changed_at) == (4, None, TOMORROW)
    assert select_all(ListingRecord.sku) == select_all(ListingSubject.code) == []
    save(BookUpdate(edition("A"), book_id=known))
    assert not book("A").withdrawn
    assert select_all(ListingRecord.sku) == [("A",)]


def test_listings_are_rebuilt_for_another_sales_context(
    engine, save, withdraw, book, select_all, monkeypatch
):
    monkeypatch.setattr(listings, "BATCH", 2)
    save(*(BookUpdate(edition(f"S{n}", prices={"GBP": n + 1, "JPY": 100 + n})) for n in range(5)))
    withdraw(book("S4").id)
    before = select_all(CatalogueState.version)

    assert not rebuild_listings(engine, TERMS, NOW)
    assert select_all(CatalogueState.version) == before
    assert rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)

    assert select_all(ListingRecord.amount) == [(100,), (101,), (102,), (103,)]
    assert select_all(CatalogueState.version) > before
    assert not rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)


def test_interrupted_rebuild_can_be_repeated(engine, save, select_all, monkeypatch):
    monkeypatch.setattr(listings, "BATCH", 2)
    save(*(BookUpdate(edition(f"S{n}", prices={"GBP": n + 1, "JPY": 100 + n})) for n in range(5)))
    real, calls = listings.insert_listings, []

    def interrupt_second(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(listings, "insert_listings", interrupt_second)
    with pytest.raises(KeyboardInterrupt):
        rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)
    assert not listings_are_current(engine, SalesContext("JPY", "JP"))
    assert rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)

    assert select_all(ListingRecord.amount) == [(100 + n,) for n in range(5)]


def test_listings_are_refreshed_on_the_day_their_offer_changes(engine, save, select_all):
    day = NOW.date() + timedelta(days=2)
    new = (Price("GBP", 900, starts=day), Price("GBP", 800, ends=day - timedelta(days=1)))
    save(
        BookUpdate(structs.replace(edition("PRICE"), prices=new)),
        BookUpdate(edition("OUT", availability="10", published=day)),
        BookUpdate(edition("SAME")),
    )
    before = select_all(CatalogueState.version)
    columns = (ListingRecord.sku, ListingRecord.state, ListingRecord.amount)

    assert refresh_due_listings(engine, TERMS, TOMORROW) == 0
    assert select_all(CatalogueState.version) == before
    assert select_all(*columns) == [
        ("OUT", SaleState.PREORDER, 999),
        ("PRICE", SaleState.BUY, 800),
        ("SAME", SaleState.BUY, 999),
    ]
    assert refresh_due_listings(engine, TERMS, NOW + timedelta(days=2)) == 2
    assert select_all(*columns) == [
        ("OUT", SaleState.BUY, 999),
        ("PRICE", SaleState.BUY, 900),
        ("SAME", SaleState.BUY, 999),
    ]
    assert select_all(CatalogueState.version) > before
    assert refresh_due_listings(engine, TERMS, NOW + timedelta(days=2)) == 0


def test_old_publication_dates_are_stored(save, select_all):
    save(BookUpdate(edition("OLD", published=date(1623, 11, 8))))
    assert select_all(ListingRecord.published) == [(date(1623, 11, 8),)]
