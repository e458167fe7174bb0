"""The demo catalogue."""

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
from bookshop.catalogue.pricing import SalesContext, offer_on
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.catalogue.terms.availability import SaleState
from tests.unit.makers import NOW, TERMS, book

DATA = json.loads(files(demo).joinpath("books.json").read_text(encoding="utf-8"))
BOOKS = {item["sku"]: item for item in DATA["books"]}
IN_EUROS = SalesContext("EUR", "DE")


@pytest.fixture(autouse=True)
def the_day(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def loaded(sqlite_sessions) -> dict[str, Edition]:
    """The demo's editions, by SKU."""
    with sqlite_sessions.begin() as session:
        assert demo.load(session, TERMS, NOW)
        return {row.sku: row.edition for row in session.scalars(select(BookRecord))}


def test_demo_is_loaded_once(sessions):
    for expected in (True, False):
        with sessions.begin() as session:
            assert demo.load(session, TERMS, NOW) is expected
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(BookRecord)) == len(BOOKS)
        assert session.scalar(select(func.count()).select_from(ListingRecord)) == len(BOOKS)


def test_demo_is_not_loaded_into_a_shop_with_books(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        session.add(book("MINE"))
    with sqlite_sessions.begin() as session:
        assert demo.load(session, TERMS, NOW) is False
        assert session.scalars(select(BookRecord.sku)).all() == ["MINE"]


def test_loaded_editions_are_those_of_the_file(loaded):
    assert set(loaded) == set(BOOKS)
    for sku, expected in BOOKS.items():
        edition = loaded[sku]
        for name in ("title", "subtitle", "work", "form", "language", "publisher", "pages"):
            assert getattr(edition, name) == expected[name]
        assert edition.published == date.fromisoformat(expected["published"])
        assert edition.isbn == expected["isbn"]
        assert [person.name for person in edition.contributors] == [
            person["name"] for person in expected["contributors"]
        ]
        assert [subject.code for subject in edition.subjects] == [
            subject["code"] for subject in expected["subjects"]
        ]
        assert [fact.code for fact in edition.accessibility] == [
            fact["code"] for fact in expected.get("accessibility", [])
        ]
        assert {price.currency: price.amount for price in edition.prices} == DATA["bands"][
            expected["band"]
        ]


def test_stock_is_that_of_the_file(sqlite_sessions, loaded):
    with sqlite_sessions() as session:
        for row in session.scalars(select(BookRecord)):
            assert row.stock == BOOKS[row.sku]["stock"]


def test_all_subjects_have_labels(loaded):
    for edition in loaded.values():
        assert {subject.scheme for subject in edition.subjects} == {"93"}
        assert [subject.main for subject in edition.subjects] == [
            position == 0 for position in range(len(edition.subjects))
        ]
        for subject in edition.subjects:
            assert subject.heading == SUBJECTS[subject.code]


def test_every_contributor_has_an_inverted_name(loaded):
    for edition in loaded.values():
        for person in edition.contributors:
            last, first = person.inverted.split(", ")
            assert f"{first} {last}" == person.name


def test_a_series_has_several_works(loaded):
    works = {
        (edition.work, series.title) for edition in loaded.values() for series in edition.series
    }
    titles = [title for _work, title in works]
    assert any(titles.count(title) > 1 for title in titles)


def test_e_books_alone_have_accessibility_features(loaded):
    for edition in loaded.values():
        groups = labels.accessibility(edition.accessibility)
        assert bool(groups) == (edition.form == "ED")
        assert sum(len(facts) for _heading, facts in groups) == len(edition.accessibility)


def test_some_prices_are_fixed_by_law(loaded):
    offers = [offer_on(edition, IN_EUROS, NOW.date()) for edition in loaded.values()]
    assert {found.fixed for found in offers if found.price} == {True, False}
    for edition in loaded.values():
        fixed = {price.currency for price in edition.prices if price.fixed}
        assert fixed == ({"EUR"} if edition.language in {"ger", "fre"} else set())


def test_one_book_is_a_preorder(loaded):
    preorders = [
        edition
        for edition in loaded.values()
        if offer_on(edition, TERMS, NOW.date()).state is SaleState.PREORDER
    ]
    assert [edition.title for edition in preorders] == ["Typesetting by Moonlight"]
    assert preorders[0].published == date(2030, 3, 14)
    assert offer_on(preorders[0], TERMS, date(2030, 3, 14)).state is SaleState.BUY


def test_a_work_has_four_formats(sqlite_sessions, loaded):
    formats = {}
    for edition in loaded.values():
        formats.setdefault(edition.work, set()).add(edition.form)
    assert {"BB", "BC", "ED", "AJ"} in formats.values()


def test_all_books_can_be_queried(sqlite_sessions, loaded):
    catalogue = CatalogueQueries(sqlite_sessions.kw["bind"], TERMS)
    for sku, edition in loaded.items():
        assert catalogue.detail(sku).edition == edition
