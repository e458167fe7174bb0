"""Books presented for templates."""

from dataclasses import replace
from datetime import UTC, date
from types import SimpleNamespace

import pytest
from pyramid.testing import DummyRequest

from bookshop.catalogue.covers.picture import Picture
from bookshop.catalogue.edition import Feature, Series, Subject
from bookshop.catalogue.pages.book_presenter import BookPresenter, ContributorView, Topic
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.db import make_engine, make_sessions
from bookshop.money import Money
from tests.unit.makers import TERMS, book


@pytest.fixture
def catalogue(sqlite_url):
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
    """A request to a shop mounted at a path."""

    def at(script_name=""):
        request = DummyRequest(script_name=script_name)
        shop = type("Shop", (), {"locale": "en_GB", "timezone": UTC})
        request.registry.services = SimpleNamespace(settings=SimpleNamespace(shop=shop))
        return request

    return at


def test_listing_has_labels_and_urls(catalogue, request_at):
    listing = BookPresenter(request_at()).listing(catalogue.listing("9780306406157"))
    assert (listing.title, listing.byline) == ("One", "Ada")
    assert (listing.format_label, listing.language_label) == ("Paperback", "English")
    assert listing.price == Money(999, "GBP")
    assert listing.url == "/books/9780306406157"
    assert listing.buy_url == "/checkout?item=9780306406157"
    assert listing.picture == Picture("/covers/cover.svg", 400, 600)
    assert (listing.availability.code, listing.availability.can_buy) == ("in_stock", True)


def test_urls_start_with_the_mount_path(catalogue, request_at):
    listing = BookPresenter(request_at("/shop")).listing(catalogue.listing("FILE"))
    assert {listing.url, listing.buy_url, listing.picture.src} == {
        "/shop/books/FILE",
        "/shop/checkout?item=FILE",
        "/shop/covers/cover.svg",
    }


def test_book_page_extends_the_listing(catalogue, request_at):
    presenter = BookPresenter(request_at())
    found = catalogue.detail("9780306406157")
    page = presenter.book_page(found, catalogue.other_formats(found.edition))
    assert vars(presenter.listing(found.listing)).items() <= vars(page).items()
    assert page.contributors == (
        ContributorView("Ada", "Author", "/books/?q=Ada"),
        ContributorView("Bo & Co", "Translator", "/books/?q=Bo+%26+Co"),
    )
    assert page.series == (Topic("Ones, 2", "/books/?q=Ones"), Topic("All", "/books/?q=All"))
    assert (page.publisher, page.imprint) == ("Example Press", "Little")
    assert page.isbn == "978-0-306-40615-7"
    assert page.extent_label == "1,312 pages"
    assert page.published == date(2024, 3, 14)
    assert [listing.sku for listing in page.formats] == ["9780306406157", "FILE"]


def test_subjects_with_labels_link_to_their_lists(catalogue, request_at):
    page = BookPresenter(request_at("/shop")).book_page(catalogue.detail("9780306406157"), [])
    modern = Topic("Modern", "/shop/books/?subject=FBA")
    assert page.subjects[1:] == (modern, Topic("Britain", None))
    assert page.subjects[0].url == "/shop/books/?subject=WQH"
    assert page.subjects[0].label
    assert page.main_subject == modern


def test_accessibility_facts_have_headings_and_links(catalogue, request_at):
    page = BookPresenter(request_at()).book_page(catalogue.detail("9780306406157"), [])
    facts = [fact for heading, facts in page.accessibility for fact in facts if heading]
    assert [fact.url for fact in facts] == [None, "mailto:ask@press.example"]


def test_fixed_price_is_marked(catalogue, request_at):
    detail = catalogue.detail("9780306406157")
    fixed = replace(detail, offer=replace(detail.offer, fixed=True))
    presenter = BookPresenter(request_at())
    assert not presenter.book_page(detail, []).fixed
    assert presenter.book_page(fixed, []).fixed


def test_preorder_has_a_release_date(catalogue, request_at):
    detail = catalogue.detail("SOON")
    presenter = BookPresenter(request_at())
    for view in (presenter.listing(detail.listing), presenter.book_page(detail, [])):
        assert view.availability.code == "preorder"
        assert view.availability.release_date == date(2030, 3, 14)
    assert presenter.listing(catalogue.listing("FILE")).availability.release_date is None


def test_stored_cover_has_several_formats(catalogue, request_at):
    view = BookPresenter(request_at("/shop")).listing(catalogue.listing("SOON")).picture
    assert (view.width, view.height) == (400, 600)
    assert view.src.startswith("/shop/covers/abab")
    assert [kind for kind, _files in view.sources] == ["image/avif", "image/webp"]


@pytest.mark.parametrize(("sku", "extent"), [("FILE", "9 h 5 min"), ("NONE", None)])
def test_extent_is_pages_or_running_time(catalogue, request_at, sku, extent):
    page = BookPresenter(request_at()).book_page(catalogue.detail(sku), [])
    assert page.extent_label == extent
    assert page.isbn is None


def test_unavailable_book_has_no_price_and_cannot_be_bought(catalogue, request_at):
    listing = BookPresenter(request_at()).listing(catalogue.listing("NONE"))
    assert listing.price is None
    assert listing.picture is None
    assert not listing.availability.can_buy
    assert listing.availability.code == "not_for_sale"


def test_undetermined_language_has_no_label(catalogue, request_at):
    listing = replace(catalogue.listing("FILE"), language="und")

    assert BookPresenter(request_at()).listing(listing).language_label == ""
