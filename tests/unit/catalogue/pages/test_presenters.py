"""Books as templates show them."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from pyramid.testing import DummyRequest

from bookshop.catalogue.covers.picture import Picture
from bookshop.catalogue.edition import Feature, Series, Subject
from bookshop.catalogue.pages.presenters import ContributorView, BookPresenter, Topic
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.db import make_engine, make_sessions
from bookshop.money import Money
from tests.unit.makers import TERMS, book


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
                    pages=1312,
                    people=[("A01", "Ada"), ("B06", "Bo & Co")],
                    series=(Series("Ones", "2"), Series("All")),
                    subjects=(
                        Subject("10", "FIC000000", "Fiction"),
                        Subject("93", "WQH"),
                        Subject("93", "FBA", "Modern", main=True),
                        Subject("93", "1DDU", "Britain"),
                        Subject("93", "1ZZZ"),
                        Subject("20", "", "one"),
                    ),
                    imprint="Little",
                    accessibility=(Feature("52"), Feature("99", "ask@press.example")),
                ),
                book("SOON", published=date(2030, 3, 14), cover="ab" * 12 + ".400x600"),
                book("FILE", work="w", title="One", form="AJ", minutes=545, stock=None),
                book("NONE", title="None", stock=0, prices={}, cover=None),
            ]
        )
    yield CatalogueQueries(engine, TERMS)
    engine.dispose()


@pytest.fixture
def request_at():
    """A request to a shop that is mounted somewhere."""

    def at(script_name=""):
        request = DummyRequest(script_name=script_name)
        shop = type("Shop", (), {"locale": "en_GB"})
        request.registry.services = SimpleNamespace(settings=SimpleNamespace(shop=shop))
        return request

    return at


def test_a_card_in_words_and_addresses(shelf, request_at):
    card = BookPresenter(request_at()).listing(shelf.listing("9780306406157"))
    assert (card.title, card.byline) == ("One", "Ada")
    assert (card.format_label, card.language_label) == ("Paperback", "English")
    assert card.price == Money(999, "GBP")
    assert card.url == "/books/9780306406157"
    assert card.buy_url == "/checkout?item=9780306406157"
    assert card.picture == Picture("/covers/cover.svg", 400, 600)
    assert (card.availability.code, card.availability.can_buy) == ("in_stock", True)
    assert card.availability.label == "In stock"


def test_addresses_follow_where_the_shop_is_mounted(shelf, request_at):
    card = BookPresenter(request_at("/shop")).listing(shelf.listing("FILE"))
    assert {card.url, card.buy_url, card.picture.src} == {
        "/shop/books/FILE",
        "/shop/checkout?item=FILE",
        "/shop/covers/cover.svg",
    }


def test_a_sheet_is_a_card_with_more(shelf, request_at):
    present = BookPresenter(request_at())
    found = shelf.detail("9780306406157")
    sheet = present.book_page(found, shelf.other_formats(found.edition))
    assert vars(present.listing(found.listing)).items() <= vars(sheet).items()
    assert sheet.contributors == (
        ContributorView("Ada", "Author", "/books/?q=Ada"),
        ContributorView("Bo & Co", "Translator", "/books/?q=Bo+%26+Co"),
    )
    assert sheet.series == (Topic("Ones, 2", "/books/?q=Ones"), Topic("All", "/books/?q=All"))
    assert (sheet.publisher, sheet.imprint) == ("Example Press", "Little")
    assert sheet.isbn == "978-0-306-40615-7"
    assert sheet.extent_label == "1,312 pages"
    assert sheet.published == date(2024, 3, 14)
    assert [card.sku for card in sheet.other_formats] == ["FILE"]


def test_subjects_are_those_that_have_words_and_lead_to_their_books(shelf, request_at):
    sheet = BookPresenter(request_at("/shop")).book_page(shelf.detail("9780306406157"), [])
    modern = Topic("Modern", "/shop/books/?subject=FBA")
    assert sheet.subjects[1:] == (modern, Topic("Britain", None))
    assert sheet.subjects[0].url == "/shop/books/?subject=WQH"
    assert sheet.subjects[0].label
    assert sheet.main_subject == modern


def test_facts_about_accessibility_stand_under_headings(shelf, request_at):
    sheet = BookPresenter(request_at()).book_page(shelf.detail("9780306406157"), [])
    facts = [fact for heading, facts in sheet.accessibility for fact in facts if heading]
    assert [fact.url for fact in facts] == [None, "mailto:ask@press.example"]


def test_a_price_may_be_fixed_by_law(shelf, request_at):
    detail = shelf.detail("9780306406157")
    fixed = replace(detail, offer=replace(detail.offer, fixed=True))
    present = BookPresenter(request_at())
    assert not present.book_page(detail, []).fixed
    assert present.book_page(fixed, []).fixed


def test_a_book_to_come_says_when(shelf, request_at):
    detail = shelf.detail("SOON")
    present = BookPresenter(request_at())
    for shown in (present.listing(detail.listing), present.book_page(detail, [])):
        assert shown.availability.code == "preorder"
        assert shown.availability.release_date == date(2030, 3, 14)
    assert present.listing(shelf.listing("FILE")).availability.release_date is None


def test_a_kept_cover_comes_in_several_files(shelf, request_at):
    shown = BookPresenter(request_at("/shop")).listing(shelf.listing("SOON")).picture
    assert (shown.width, shown.height) == (400, 600)
    assert shown.src.startswith("/shop/covers/abab")
    assert [kind for kind, _files in shown.sources] == ["image/avif", "image/webp"]


@pytest.mark.parametrize(("sku", "extent"), [("FILE", "9 h 5 min"), ("NONE", None)])
def test_how_long_a_book_is(shelf, request_at, sku, extent):
    sheet = BookPresenter(request_at()).book_page(shelf.detail(sku), [])
    assert sheet.extent_label == extent
    assert sheet.isbn is None


def test_what_cannot_be_bought_says_so(shelf, request_at):
    card = BookPresenter(request_at()).listing(shelf.listing("NONE"))
    assert card.price is None
    assert card.picture is None
    assert not card.availability.can_buy
    assert card.availability.label == "No longer available"
