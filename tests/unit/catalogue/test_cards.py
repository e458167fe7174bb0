"""Books as templates show them."""

from datetime import date

import pytest
from pyramid.testing import DummyRequest

from bookshop.catalogue.cards import Presenter
from bookshop.catalogue.shelf import Shelf
from bookshop.db import make_engine, make_sessions
from bookshop.money import Money
from tests.unit.makers import book


@pytest.fixture
def shelf(sqlite_url):
    engine = make_engine(sqlite_url)
    with make_sessions(engine).begin() as session:
        session.add_all(
            [
                book(
                    "9780306406157",
                    isbn="9780306406157",
                    work="w",
                    title="One",
                    published=date(2024, 3, 14),
                    pages=312,
                    people=[("A01", "Ada"), ("B06", "Bo")],
                ),
                book("FILE", work="w", title="One", form="AJ", minutes=545, stock=None),
                book("NONE", title="None", stock=0, prices={}),
            ]
        )
    yield Shelf(engine, "GBP")
    engine.dispose()


@pytest.fixture
def request_at():
    """A request to a shop that is mounted somewhere."""

    def at(script_name=""):
        request = DummyRequest(script_name=script_name)
        shop = type("Shop", (), {"locale": "en_GB"})
        request.registry.bookshop = type("Settings", (), {"shop": shop})
        return request

    return at


def test_a_card_in_words_and_addresses(shelf, request_at):
    card = Presenter(request_at()).card(shelf.listing("9780306406157"))
    assert (card.title, card.byline) == ("One", "Ada")
    assert (card.format_label, card.language_label) == ("Paperback", "English")
    assert card.price == Money(999, "GBP")
    assert card.url == "/books/9780306406157"
    assert card.buy_url == "/checkout?item=9780306406157"
    assert card.cover_url == "/covers/cover.svg"
    assert (card.availability.code, card.availability.can_buy) == ("available", True)
    assert card.availability.label == "In stock"


def test_addresses_follow_where_the_shop_is_mounted(shelf, request_at):
    card = Presenter(request_at("/shop")).card(shelf.listing("FILE"))
    assert {card.url, card.buy_url, card.cover_url} == {
        "/shop/books/FILE",
        "/shop/checkout?item=FILE",
        "/shop/covers/cover.svg",
    }


def test_a_sheet_is_a_card_with_more(shelf, request_at):
    present = Presenter(request_at())
    found = shelf.detail("9780306406157")
    sheet = present.sheet(found, shelf.other_formats(found))
    assert vars(present.card(found)).items() <= vars(sheet).items()
    assert sheet.contributors == (("Ada", "Author"), ("Bo", "Translator"))
    assert sheet.isbn == "978-0-306-40615-7"
    assert sheet.extent_label == "312 pages"
    assert sheet.published == date(2024, 3, 14)
    assert [card.sku for card in sheet.other_formats] == ["FILE"]


@pytest.mark.parametrize(("sku", "extent"), [("FILE", "9 h 5 min"), ("NONE", None)])
def test_how_long_a_book_is(shelf, request_at, sku, extent):
    sheet = Presenter(request_at()).sheet(shelf.detail(sku), [])
    assert sheet.extent_label == extent
    assert sheet.isbn is None


def test_what_cannot_be_bought_says_so(shelf, request_at):
    card = Presenter(request_at()).card(shelf.listing("NONE"))
    assert card.price is None
    assert not card.availability.can_buy
    assert card.availability.label == "No longer available"
