"""Lists as templates show them."""

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
def links():
    """Presents a query of a shop that is mounted somewhere."""

    def of(query, currency="GBP", locale="en_GB", script_name=""):
        request = DummyRequest(script_name=script_name)
        shop = type("Shop", (), {"locale": locale, "currency": currency})
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
def test_a_list_says_what_it_is(links, query, title):
    assert links(query).title() == title


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
def test_bands_of_prices_are_whole_units(links, currency, locale, name, label):
    assert links(Query(price=name), currency, locale).active_filters()[0].label == label


def test_options_lead_to_lists_and_the_chosen_one_back(links):
    query = Query(q="moss & co", format="ebook", sort=Sort.NEWEST)
    formats = [Facet("ebook", 1234, selected=True), Facet("hardback", 7, selected=False)]

    (facet,) = links(query, script_name="/shop").facets(facets(format=formats))

    hardback, ebook = facet.options
    assert (hardback.label, hardback.count) == ("Hardback", "7")
    assert hardback.url == "/shop/books/?q=moss+%26+co&format=hardback&sort=newest"
    assert (ebook.label, ebook.count, ebook.selected) == ("E-book", "1,234", True)
    assert ebook.url == "/shop/books/?q=moss+%26+co&sort=newest"


def test_an_option_that_changes_nothing_is_left_out(links):
    (facet,) = links(Query()).facets(
        facets(
            language=[Facet("eng", 3, selected=False)],
            subject=[Facet("F", 3, selected=False), Facet("1D", 3, selected=False)],
        )
    )
    assert (facet.name, [each.label for each in facet.options]) == ("subject", ["Fiction"])


def test_many_options_are_folded_away(links):
    codes = ["eng", "fre", "ger", "ita", "spa", "jpn", "chi", "kor", "rus", "por", "pol", "dut"]
    (facet,) = links(Query()).facets(
        facets(language=[Facet(code, 1, selected=False) for code in codes])
    )
    assert len(facet.options) == VISIBLE_OPTIONS
    assert [each.label for each in facet.more] == ["Polish", "Dutch"]


def test_a_search_can_be_ordered_by_how_well_it_fits(links):
    assert [each.label for each in links(Query(q="moss", sort=Sort.RELEVANCE)).sort_links()] == [
        "Best match",
        "Title",
        "Newest",
        "Price, low to high",
        "Price, high to low",
    ]
    plain = links(Query(subject="F")).sort_links()
    assert [(each.label, each.url) for each in plain if each.current] == [
        ("Title", "/books/?subject=F")
    ]


def test_pages_keep_what_is_asked_for(links):
    place = Cursor("moss", 7)
    found = Results([], 0, exact=True, facets={}, previous=None, next=place)
    assert links(Query(format="ebook")).pagination(found) == {
        "previous": None,
        "next": f"/books/?format=ebook&page={place}",
    }


def test_a_subject_stands_below_others(links):
    way = links(Query(subject="FB")).breadcrumb()
    assert [each.url for each in way] == ["/books/?subject=F", "/books/?subject=FB"]
    assert links(Query(q="moss")).breadcrumb() == []
