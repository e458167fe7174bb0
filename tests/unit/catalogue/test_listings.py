"""Rebuilding and refreshing listings, on SQLite and on PostgreSQL."""

from datetime import date, timedelta

import pytest
from msgspec import structs

from bookshop.catalogue import listings
from bookshop.catalogue.edition import Price
from bookshop.catalogue.listings import (
    listings_are_current,
    rebuild_listings,
    refresh_due_listings,
)
from bookshop.catalogue.models import CatalogueState, ListingRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.writer import BookUpdate
from tests.unit.makers import NOW, TERMS, edition

TOMORROW = NOW + timedelta(days=1)


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
