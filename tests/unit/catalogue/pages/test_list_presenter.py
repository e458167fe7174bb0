"""Lists presented for templates."""

from datetime import UTC
from types import SimpleNamespace

import pytest
from pyramid.testing import DummyRequest

from bookshop.catalogue.pages.list_presenter import VISIBLE_OPTIONS, ListPresenter
from bookshop.catalogue.search.cursor import Cursor
from bookshop.catalogue.search.facets import Facet
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.catalogue.search.query import Query, Sort
from bookshop.catalogue.search.service import Results

NAMES = ("subject", "format", "language", "availability", "price")


@pytest.fixture
def present():
    """Returns the presenter of a query, for a shop mounted at a path."""

    def of(query, currency="GBP", locale="en_GB", script_name=""):
        request = DummyRequest(script_name=script_name)
        shop = type("Shop", (), {"locale": locale, "currency": currency, "timezone": UTC})
        request.registry.services = SimpleNamespace(settings=SimpleNamespace(shop=shop))
        return ListPresenter(request, query, PriceBands(currency).names)

    return of


def facets(**found):
    empty = dict.fromkeys(NAMES, ())
    return {name: list(each) for name, each in (empty | found).items()}


@pytest.mark.parametrize(
    ("query", "title"),
    [
        (Query(), "All books"),
        (Query(subject="F"), "Fiction"),
        (Query(subject="F", format="ebook"), "Fiction: E-book"),
        (Query(format="paperback", price="10-20"), "All books: Paperback, £10 to £20"),
        (Query(q="moss", language="ger"), "Search results for “moss”: German"),
        (Query(q="moss", subject="F"), "Search results for “moss”: Fiction"),
    ],
)
def test_title_texts(present, query, title):
    assert present(query).title() == title


@pytest.mark.parametrize(
    ("currency", "locale", "name", "label"),
    [
        ("GBP", "en_GB", "0-10", "Under £10"),
        ("GBP", "en_GB", "50-", "£50 and over"),
        ("EUR", "de_DE", "10-20", "10\xa0€ to 20\xa0€"),
        ("JPY", "ja_JP", "0-1000", "Under ￥1,000"),
        ("KWD", "en_GB", "20-50", "KWD20 to KWD50"),
    ],
)
def test_price_bands_are_formatted_in_whole_units(present, currency, locale, name, label):
    assert present(Query(price=name), currency, locale).active_filters()[0].label == label


def test_options_add_their_filter_and_the_selected_one_removes_it(present):
    query = Query(q="moss & co", format="ebook", sort=Sort.NEWEST)
    formats = [Facet("ebook", 1234, selected=True), Facet("hardback", 7, selected=False)]

    (facet,) = present(query, script_name="/shop").facets(facets(format=formats))

    hardback, ebook = facet.options
    assert (hardback.label, hardback.count) == ("Hardback", "7")
    assert hardback.url == "/shop/books/?q=moss+%26+co&format=hardback&sort=newest"
    assert (ebook.label, ebook.count, ebook.selected) == ("E-book", "1,234", True)
    assert ebook.url == "/shop/books/?q=moss+%26+co&sort=newest"


def test_facet_with_a_single_option_is_left_out(present):
    (facet,) = present(Query()).facets(
        facets(
            language=[Facet("eng", 3, selected=False)],
            subject=[Facet("F", 3, selected=False), Facet("1D", 3, selected=False)],
        )
    )
    assert (facet.name, [each.label for each in facet.options]) == ("subject", ["Fiction"])


def test_options_beyond_the_first_are_collapsed(present):
    codes = ["eng", "fre", "ger", "ita", "spa", "jpn", "chi", "kor", "rus", "por", "pol", "dut"]
    (facet,) = present(Query()).facets(
        facets(language=[Facet(code, 1, selected=False) for code in codes])
    )
    assert len(facet.options) == VISIBLE_OPTIONS
    assert [each.label for each in facet.more] == ["Polish", "Dutch"]


def test_only_searches_can_be_sorted_by_relevance(present):
    links = present(Query(q="moss", sort=Sort.RELEVANCE)).sort_links()
    assert [each.name for each in links] == [
        Sort.RELEVANCE,
        Sort.TITLE,
        Sort.NEWEST,
        Sort.PRICE,
        Sort.PRICE_DESCENDING,
    ]
    plain = present(Query(subject="F")).sort_links()
    assert [(each.name, each.url) for each in plain if each.current] == [
        (Sort.TITLE, "/books/?subject=F")
    ]
    assert Sort.RELEVANCE not in {each.name for each in plain}


def test_pagination_keeps_the_query(present):
    cursor = Cursor("moss", 7)
    found = Results([], 0, exact=True, facets={}, previous=None, next=cursor)
    assert present(Query(format="ebook")).pagination(found) == {
        "previous": None,
        "next": f"/books/?format=ebook&page={cursor}",
    }


def test_breadcrumb_has_the_ancestors_of_the_subject(present):
    breadcrumb = present(Query(subject="FB")).breadcrumb()
    assert [each.url for each in breadcrumb] == ["/books/?subject=F", "/books/?subject=FB"]
    assert present(Query(q="moss")).breadcrumb() == []
