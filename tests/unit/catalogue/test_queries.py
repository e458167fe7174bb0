"""Queries of the catalogue, on SQLite and on PostgreSQL."""

from contextlib import contextmanager
from datetime import date

import pytest
from sqlalchemy import event

from bookshop import clock
from bookshop.catalogue.edition import Related
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.catalogue.terms.availability import AvailabilityCode, SaleState
from bookshop.money import Money
from tests.unit.makers import NOW, TERMS, book


@pytest.fixture(autouse=True)
def the_day(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def fill(sessions):
    def fill(*books):
        with sessions.begin() as session:
            for item in books:  # one by one: their order is the catalogue's
                session.add(item)
                session.flush()

    return fill


@pytest.fixture
def catalogue(engine):
    return CatalogueQueries(engine, TERMS)


@contextmanager
def counted(engine):
    """The statements executed in the block."""
    statements = []

    def note(_connection, _cursor, statement, *_more):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def skus(listings):
    return [listing.sku for listing in listings]


def shown(works):
    """The SKUs of the formats of works, by the SKU of the edition that represents each."""
    return {work.listing.sku: skus(work.formats) for work in works}


# --- purchasable books


def test_purchasable_books_have_stock_price_and_state(catalogue, fill):
    soon = date(2026, 7, 1)
    fill(
        book("OLD", stock=1, published=date(2020, 1, 1)),
        book("FILE", stock=None, published=date(2024, 1, 1)),
        book("UNDATED", availability="23"),
        book("NEW", prices={"EUR": 1099, "GBP": 999}, published=date(2026, 1, 1)),
        book("SOON", availability="10", published=soon),
        book("SOON-SOLD-OUT", availability="10", published=soon, stock=0),
        book("SOME-DAY", availability="10"),
        book("SOLD-OUT", stock=0),
        book("ALL-HELD", stock=2, reserved=2),
        book("GONE", availability="40"),
        book("NO-PRICE", prices={}),
        book("ELSEWHERE", prices={"EUR": 1099}),
    )
    found = [work.listing for work in catalogue.purchasable()]
    assert skus(found) == ["NEW", "FILE", "OLD", "UNDATED", "SOON"]
    assert all(listing.availability.can_buy for listing in found)
    rest = {"SOON-SOLD-OUT", "SOME-DAY", "SOLD-OUT", "ALL-HELD", "GONE", "NO-PRICE", "ELSEWHERE"}
    assert not any(catalogue.listing(sku).availability.can_buy for sku in rest)


def test_purchasable_books_are_the_newest(catalogue, fill):
    fill(*(book(f"Y{year}", published=date(year, 1, 1)) for year in range(2000, 2010)))
    fill(*(book(f"P{year}", published=date(year, 1, 1)) for year in range(2030, 2040)))

    assert shown(catalogue.purchasable(3)) == {year: [year] for year in ("Y2009", "Y2008", "Y2007")}
    assert list(shown(catalogue.purchasable(12)))[10:] == ["P2039", "P2038"]


def test_formats_of_a_work_share_one_place_on_the_index(catalogue, fill):
    old, new, soon = date(2020, 1, 1), date(2025, 1, 1), date(2027, 1, 1)
    fill(
        book("HARDBACK", work="w", form="BB", published=old, prices={"GBP": 2000}),
        book("PAPERBACK", work="w", form="BC", published=new, prices={"GBP": 999}),
        book("E-BOOK", work="w", form="EA", published=old, prices={"GBP": 599}),
        book("SOLD-OUT", work="w", form="AJ", stock=0, prices={"GBP": 100}),
        book("BIG-PRINT", work="w", published=soon, availability="10", prices={"GBP": 1500}),
        book("ALONE", published=old),
        book("FIRST-OF-TWO", work="v", published=soon, availability="10"),
        book("SECOND-OF-TWO", work="v", published=soon, availability="10"),
    )
    works = catalogue.purchasable()
    assert shown(works) == {
        "PAPERBACK": ["HARDBACK", "PAPERBACK", "BIG-PRINT", "E-BOOK"],
        "ALONE": ["ALONE"],
        "SECOND-OF-TWO": ["FIRST-OF-TWO", "SECOND-OF-TWO"],
    }
    assert works[0].lowest_price == Money(599, "GBP")


def test_price_of_a_listing_is_the_one_it_was_built_with(engine, fill):
    fill(book("BOTH", prices={"GBP": 999, "JPY": 1500}), book("YEN", prices={"JPY": 1500}))
    catalogue = CatalogueQueries(engine, TERMS)
    assert catalogue.listing("BOTH").price == Money(999, "GBP")
    assert catalogue.listing("YEN").price is None
    assert catalogue.listing("YEN").availability.code is AvailabilityCode.NOT_FOR_SALE
    assert CatalogueQueries(engine, SalesContext("JPY", "JP")).detail("YEN").offer.price == Money(
        1500, "JPY"
    )


@pytest.mark.parametrize(
    ("stock", "reserved", "code"),
    [
        (10, 0, AvailabilityCode.IN_STOCK),
        (10, 7, AvailabilityCode.LOW_STOCK),
        (1, 0, AvailabilityCode.LOW_STOCK),
        (1, 1, AvailabilityCode.OUT_OF_STOCK),
        (0, 0, AvailabilityCode.OUT_OF_STOCK),
        (None, 0, AvailabilityCode.IN_STOCK),
        (None, 99, AvailabilityCode.IN_STOCK),
    ],
)
def test_reserved_copies_are_not_available(catalogue, fill, stock, reserved, code):
    fill(book("ONE", stock=stock, reserved=reserved))
    assert catalogue.listing("ONE").availability.code is code


# --- one book


def test_detail_has_listing_edition_and_offer(catalogue, fill):
    made = book(
        "9780306406157",
        title="Größe",
        isbn="9780306406157",
        published=date(2024, 2, 29),
        people=[("A01", "Bo"), ("B06", "Ada"), ("A01", "Cy")],
        stock=2,
    )
    expected = made.edition
    fill(made)
    found = catalogue.detail("9780306406157")
    assert found.sku == "9780306406157"
    assert found.edition == expected
    assert found.listing == catalogue.listing("9780306406157")
    assert found.listing.byline == "Bo, Cy"
    assert found.listing.availability.code is AvailabilityCode.LOW_STOCK
    assert (found.offer.state, found.offer.price) == (SaleState.BUY, Money(999, "GBP"))
    assert found.changed_at == NOW


@pytest.mark.parametrize(
    ("people", "byline"),
    [
        ([("B01", "Ed"), ("A12", "Ill")], "Ed, Ill"),
        ([("B01", "Ed"), ("A01", "Ada")], "Ada"),
        ([], ""),
    ],
)
def test_byline_of_a_listing(catalogue, fill, people, byline):
    fill(book("ONE", people=people))
    assert catalogue.listing("ONE").byline == byline


@pytest.mark.parametrize("sku", ["NONE", "", "one", "ONE ", "ONE'--", "ONE%", "\N{SNOWMAN}"])
def test_skus_are_matched_exactly(catalogue, fill, sku):
    fill(book("ONE"))
    assert catalogue.detail(sku) is None
    assert catalogue.listing(sku) is None


def test_other_formats_share_the_work(catalogue, fill):
    fill(
        book("HARD", work="w", title="The Work"),
        book("SOFT", work="w", title="The Work"),
        book("FILE", work="w", title="Another Name of It"),
        book("OTHER", work="v"),
        book("NONE", work=None),
        book("NEITHER", work=None),
    )
    assert skus(catalogue.other_formats(catalogue.detail("HARD").edition)) == ["FILE", "SOFT"]
    assert catalogue.other_formats(catalogue.detail("OTHER").edition) == []
    assert catalogue.other_formats(catalogue.detail("NONE").edition) == []


def test_other_formats_include_related_isbns(catalogue, fill):
    fill(
        book("HARD", related=(Related("06", "9780306406157"), Related("23", "9780471117094"))),
        book("9780306406157", isbn="9780306406157"),
        book("9780471117094", isbn="9780471117094"),
    )
    assert skus(catalogue.other_formats(catalogue.detail("HARD").edition)) == ["9780306406157"]


# --- cost


def test_number_of_statements_does_not_depend_on_the_number_of_books(catalogue, engine, fill):
    fill(
        *(book(f"S{number}", work="w", people=[("A01", "A"), ("B01", "B")]) for number in range(30))
    )
    with counted(engine) as statements:
        assert len(catalogue.purchasable()[0].formats) == 30
    assert len([text for text in statements if "SELECT" in text]) == 3
    with counted(engine) as statements:
        assert catalogue.detail("S1").edition.contributors
    assert len([text for text in statements if "SELECT" in text]) == 1


def test_queries_return_their_connections(catalogue, engine, fill):
    fill(book("ONE"))
    catalogue.purchasable()
    catalogue.detail("NONE")
    assert engine.pool.checkedout() == 0
