"""Putting books on the shelf, on SQLite and on PostgreSQL."""

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
def shelve(engine):
    """Puts wares on the shelf, in a transaction of its own."""

    def shelve(*wares, now=NOW):
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            save_books(connection, wares, TERMS, now)

    return shelve


@pytest.fixture
def take_off(engine):
    def take_off(*books, now=NOW):
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            withdraw_books(connection, books, now)

    return take_off


@pytest.fixture
def book(sessions):
    def book(sku):
        with sessions() as session:
            return session.scalars(select(BookRecord).where(BookRecord.sku == sku)).one()

    return book


@pytest.fixture
def all_of(engine):
    def all_of(*columns):
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]

    return all_of


def test_a_new_book_is_kept_whole_and_listed(shelve, book, all_of):
    told = edition("A", title="Größe", prices={"GBP": 500, "EUR": 600})

    shelve(BookUpdate(told, source="s", cover="c.svg", stock=StockCount(3)))

    kept = book("A")
    assert kept.edition == told
    assert (kept.stock, kept.reserved, kept.withdrawn) == (3, 0, False)
    assert (kept.source, kept.content, kept.cover) == ("s", digest(encode(told)), "c.svg")
    assert kept.added_at == kept.changed_at == NOW
    found = all_of(ListingRecord.sku, ListingRecord.sort_title, ListingRecord.amount)
    assert found == [("A", "grosse", 500)]
    assert all_of(ListingSubject.code) == [("F",), ("FB",), ("FBA",)]


def test_new_books_have_no_end_of_copies_where_nobody_counts_them(shelve, book):
    shelve(BookUpdate(edition("A")), BookUpdate(edition("B"), stock=StockCount(None)))
    assert book("A").stock is book("B").stock is None


def test_a_book_that_is_put_again_keeps_its_copies(shelve, book, all_of, sessions):
    shelve(BookUpdate(edition("A"), stock=StockCount(5)))
    with sessions.begin() as session:
        session.scalars(select(BookRecord)).one().reserved = 2
    known = book("A").id

    told = edition("A", title="Another", subjects=(Subject("93", "NH"),))
    shelve(BookUpdate(told, source="t", book_id=known), now=TOMORROW)

    kept = book("A")
    assert (kept.id, kept.stock, kept.reserved, kept.title) == (known, 5, 2, "Another")
    assert (kept.added_at, kept.changed_at, kept.source) == (NOW, TOMORROW, "t")
    assert all_of(ListingRecord.title) == [("Another",)]
    assert all_of(ListingSubject.code) == [("N",), ("NH",)]
    shelve(BookUpdate(told, book_id=known, stock=StockCount(9)))
    assert (book("A").stock, book("A").reserved) == (9, 2)


def test_ids_are_never_given_twice(shelve, all_of):
    shelve(*(BookUpdate(edition()) for _ in range(3)))
    shelve(*(BookUpdate(edition()) for _ in range(3)))
    ids = [row[0] for row in all_of(BookRecord.id)]
    assert len(set(ids)) == 6


def test_a_withdrawn_book_is_listed_nowhere_and_may_come_back(shelve, take_off, book, all_of):
    shelve(BookUpdate(edition("A"), source="s", stock=StockCount(4)))
    known = book("A").id

    take_off(known, now=TOMORROW)

    kept = book("A")
    assert kept.withdrawn
    assert (kept.stock, kept.source, kept.changed_at) == (4, None, TOMORROW)
    assert all_of(ListingRecord.sku) == all_of(ListingSubject.code) == []
    shelve(BookUpdate(edition("A"), book_id=known))
    assert not book("A").withdrawn
    assert all_of(ListingRecord.sku) == [("A",)]


def test_everything_is_made_anew_on_other_terms(
    engine, shelve, take_off, book, all_of, monkeypatch
):
    monkeypatch.setattr(listings, "BATCH", 2)
    shelve(*(BookUpdate(edition(f"S{n}", prices={"GBP": n + 1, "JPY": 100 + n})) for n in range(5)))
    take_off(book("S4").id)
    before = all_of(CatalogueState.version)

    assert not rebuild_listings(engine, TERMS, NOW)
    assert all_of(CatalogueState.version) == before
    assert rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)

    assert all_of(ListingRecord.amount) == [(100,), (101,), (102,), (103,)]
    assert all_of(CatalogueState.version) > before
    assert not rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)


def test_what_was_interrupted_is_made_to_its_end(engine, shelve, all_of, monkeypatch):
    monkeypatch.setattr(listings, "BATCH", 2)
    shelve(*(BookUpdate(edition(f"S{n}", prices={"GBP": n + 1, "JPY": 100 + n})) for n in range(5)))
    real, calls = listings.insert_listings, []

    def dies(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(listings, "insert_listings", dies)
    with pytest.raises(KeyboardInterrupt):
        rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)
    assert not listings_are_current(engine, SalesContext("JPY", "JP"))
    assert rebuild_listings(engine, SalesContext("JPY", "JP"), NOW)

    assert all_of(ListingRecord.amount) == [(100 + n,) for n in range(5)]


def test_the_day_makes_other_listings(engine, shelve, all_of):
    day = NOW.date() + timedelta(days=2)
    told = (Price("GBP", 900, starts=day), Price("GBP", 800, ends=day - timedelta(days=1)))
    shelve(
        BookUpdate(structs.replace(edition("PRICE"), prices=told)),
        BookUpdate(edition("OUT", availability="10", published=day)),
        BookUpdate(edition("SAME")),
    )
    before = all_of(CatalogueState.version)
    columns = (ListingRecord.sku, ListingRecord.state, ListingRecord.amount)

    assert refresh_due_listings(engine, TERMS, TOMORROW) == 0
    assert all_of(CatalogueState.version) == before
    assert all_of(*columns) == [
        ("OUT", SaleState.PREORDER, 999),
        ("PRICE", SaleState.BUY, 800),
        ("SAME", SaleState.BUY, 999),
    ]
    assert refresh_due_listings(engine, TERMS, NOW + timedelta(days=2)) == 2
    assert all_of(*columns) == [
        ("OUT", SaleState.BUY, 999),
        ("PRICE", SaleState.BUY, 900),
        ("SAME", SaleState.BUY, 999),
    ]
    assert all_of(CatalogueState.version) > before
    assert refresh_due_listings(engine, TERMS, NOW + timedelta(days=2)) == 0


def test_a_date_of_long_ago_is_kept(shelve, all_of):
    shelve(BookUpdate(edition("OLD", published=date(1623, 11, 8))))
    assert all_of(ListingRecord.published) == [(date(1623, 11, 8),)]
