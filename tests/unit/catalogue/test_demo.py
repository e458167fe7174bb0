"""The demo catalogue as editions: loaded once, and as it is written."""

import json
from datetime import date
from importlib.resources import files

import pytest
from sqlalchemy import func, select

from bookshop import clock
from bookshop.catalogue import demo, labels
from bookshop.catalogue.codes.subjects import SUBJECTS
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.pricing import SalesContext, SaleState, offer_on
from bookshop.catalogue.queries import CatalogueQueries
from tests.unit.makers import NOW, TERMS, book

DATA = json.loads(files(demo).joinpath("books.json").read_text(encoding="utf-8"))
BOOKS = {item["sku"]: item for item in DATA["books"]}
ON_SALE_IN_EUROS = SalesContext("EUR", None)


@pytest.fixture(autouse=True)
def the_day(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def loaded(sqlite_sessions) -> dict[str, Edition]:
    """The demo's editions, by SKU."""
    with sqlite_sessions.begin() as session:
        assert demo.load(session, TERMS, NOW)
        return {row.sku: row.edition for row in session.scalars(select(BookRecord))}


def test_it_is_loaded_once(sessions):
    for expected in (True, False):
        with sessions.begin() as session:
            assert demo.load(session, TERMS, NOW) is expected
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(BookRecord)) == len(BOOKS)
        assert session.scalar(select(func.count()).select_from(ListingRecord)) == len(BOOKS)


def test_it_leaves_a_shop_with_books_alone(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        session.add(book("MINE"))
    with sqlite_sessions.begin() as session:
        assert demo.load(session, TERMS, NOW) is False
        assert session.scalars(select(BookRecord.sku)).all() == ["MINE"]


def test_what_is_loaded_is_what_is_written(loaded):
    assert set(loaded) == set(BOOKS)
    for sku, written in BOOKS.items():
        edition = loaded[sku]
        for name in ("title", "subtitle", "work", "form", "language", "publisher", "pages"):
            assert getattr(edition, name) == written[name]
        assert edition.published == date.fromisoformat(written["published"])
        assert edition.isbn == written["isbn"]
        assert [person.name for person in edition.contributors] == [
            person["name"] for person in written["contributors"]
        ]
        assert [subject.code for subject in edition.subjects] == [
            subject["code"] for subject in written["subjects"]
        ]
        assert [fact.code for fact in edition.accessibility] == [
            fact["code"] for fact in written.get("accessibility", [])
        ]
        assert {price.currency: price.amount for price in edition.prices} == DATA["bands"][
            written["band"]
        ]


def test_copies_are_as_many_as_are_written(sqlite_sessions, loaded):
    with sqlite_sessions() as session:
        for row in session.scalars(select(BookRecord)):
            assert row.stock == BOOKS[row.sku]["stock"]


def test_each_book_is_of_thema_subjects_that_the_shop_has_words_for(loaded):
    for edition in loaded.values():
        assert {subject.scheme for subject in edition.subjects} == {"93"}
        assert [subject.main for subject in edition.subjects] == [
            position == 0 for position in range(len(edition.subjects))
        ]
        for subject in edition.subjects:
            assert subject.heading == SUBJECTS[subject.code]


def test_every_name_can_be_sorted(loaded):
    for edition in loaded.values():
        for person in edition.contributors:
            last, first = person.inverted.split(", ")
            assert f"{first} {last}" == person.name


def test_series_go_on_over_more_than_one_work(loaded):
    works = {
        (edition.work, series.title) for edition in loaded.values() for series in edition.series
    }
    titles = [title for _work, title in works]
    assert any(titles.count(title) > 1 for title in titles)


def test_the_e_books_and_no_others_tell_how_accessible_they_are(loaded):
    for edition in loaded.values():
        told = labels.accessibility(edition.accessibility)
        assert bool(told) == (edition.form == "ED")
        assert sum(len(facts) for _heading, facts in told) == len(edition.accessibility)


def test_some_prices_are_fixed_by_law_and_some_are_not(loaded):
    offers = [offer_on(edition, ON_SALE_IN_EUROS, NOW.date()) for edition in loaded.values()]
    assert {found.fixed for found in offers if found.price} == {True, False}
    for edition in loaded.values():
        fixed = {price.currency for price in edition.prices if price.fixed}
        assert fixed == ({"EUR"} if edition.language in {"ger", "fre"} else set())


def test_one_book_is_to_come_and_can_be_ordered(loaded):
    coming = [
        edition
        for edition in loaded.values()
        if offer_on(edition, TERMS, NOW.date()).state is SaleState.PREORDER
    ]
    assert [edition.title for edition in coming] == ["Typesetting by Moonlight"]
    assert coming[0].published == date(2030, 3, 14)
    assert offer_on(coming[0], TERMS, date(2030, 3, 14)).state is SaleState.BUY


def test_a_work_can_be_had_in_four_formats(sqlite_sessions, loaded):
    formats = {}
    for edition in loaded.values():
        formats.setdefault(edition.work, set()).add(edition.form)
    assert {"BB", "BC", "ED", "AJ"} in formats.values()


def test_the_shelf_shows_them(sqlite_sessions, loaded):
    shelf = CatalogueQueries(sqlite_sessions.kw["bind"], TERMS)
    for sku, edition in loaded.items():
        assert shelf.detail(sku).edition == edition
