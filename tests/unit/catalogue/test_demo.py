"""The demo catalogue: complete, consistent, and loaded once."""

import json
from datetime import date
from importlib.resources import files

import pytest
from sqlalchemy import func, select
from stdnum import isbn

from bookshop.catalogue import demo, words
from bookshop.catalogue.availability import Code
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.shelf import Shelf
from bookshop.money import known_currencies
from tests.unit.makers import book

FOLDER = files("bookshop.catalogue.demo")
DATA = json.loads(FOLDER.joinpath("books.json").read_text(encoding="utf-8"))
BOOKS = DATA["books"]


def test_it_is_loaded_once_and_never_over_other_books(sessions):
    for expected in (True, False):
        with sessions.begin() as session:
            assert demo.load(session) is expected
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(BookRecord)) == len(BOOKS)


def test_it_leaves_a_shop_with_books_alone(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        session.add(book("MINE"))
    with sqlite_sessions.begin() as session:
        assert demo.load(session) is False
        assert session.scalars(select(BookRecord.sku)).all() == ["MINE"]


def test_what_is_loaded_is_what_is_written(sessions, engine):
    with sessions.begin() as session:
        demo.load(session)
    shelf = Shelf(engine, "GBP")
    for written in BOOKS:
        found = shelf.detail(written["sku"])
        assert found.title == written["title"]
        assert [person.name for person in found.contributors] == [
            person["name"] for person in written["contributors"]
        ]
        assert found.price.amount == DATA["bands"][written["band"]]["GBP"]
        assert found.published == (
            written["published"] and date.fromisoformat(written["published"])
        )


def test_there_are_books_of_every_kind(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        demo.load(session)
    shelf = Shelf(sqlite_sessions.kw["bind"], "GBP")
    listings = shelf.page(1, 1000).listings
    assert len(listings) >= 24
    assert {listing.availability.code for listing in listings} >= set(Code) - {Code.UNAVAILABLE}
    assert len({listing.form for listing in listings}) >= 4
    assert len({listing.language for listing in listings}) >= 2
    assert len({listing.price for listing in listings}) >= 5


@pytest.mark.parametrize("written", BOOKS, ids=[item["sku"] for item in BOOKS])
def test_every_book_is_whole(written):
    if written["isbn"]:
        assert isbn.validate(written["sku"]) == written["sku"]
    assert written["form"] in words.FORMS
    assert all(person["role"] in words.ROLES for person in written["contributors"])
    assert written["contributors"]
    assert words.language(written["language"], "en_GB") != written["language"]
    assert all(paragraph.strip() == paragraph != "" for paragraph in written["description"])
    assert written["description"]
    assert not (written["pages"] and written["minutes"])
    assert FOLDER.joinpath("covers", written["cover"]).is_file()


def test_skus_are_used_once():
    assert len({item["sku"] for item in BOOKS}) == len(BOOKS)


def test_every_band_has_a_price_in_the_same_real_currencies():
    currencies = {frozenset(band) for band in DATA["bands"].values()}
    assert len(currencies) == 1
    assert next(iter(currencies)) <= known_currencies()
    for band in DATA["bands"].values():
        assert all(type(amount) is int and amount > 0 for amount in band.values())


def test_prices_can_be_charged():
    # Three-decimal currencies are charged in tens, two-decimal ones without coins in hundreds.
    for band in DATA["bands"].values():
        assert band.get("KWD", 10) % 10 == 0
