"""Saving and withdrawing books, on SQLite and on PostgreSQL."""

from datetime import timedelta

from sqlalchemy import select

from bookshop.catalogue.edition import Subject, digest, encode
from bookshop.catalogue.models import BookRecord, ListingRecord, ListingSubject
from bookshop.catalogue.writer import BookUpdate, StockCount
from tests.unit.makers import NOW, edition

TOMORROW = NOW + timedelta(days=1)


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
