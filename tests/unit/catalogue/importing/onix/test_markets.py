"""What holds in one market, or for one supplier, is not applied to all."""

from datetime import date
from pathlib import Path

import pytest

from bookshop.catalogue.edition import SupplierOffer
from bookshop.catalogue.importing.onix import read
from bookshop.catalogue.pricing import SalesContext, offer_on
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.terms.markets import in_market
from bookshop.money import Money
from tests.unit.catalogue.importing.onix_files import message, price, record, stream, supply

FILES = Path(__file__).parents[1] / "files"
TODAY = date(2026, 6, 1)
BRITISH, AMERICAN = SalesContext("GBP", "GB"), SalesContext("USD", "US")
PUBLISHED = {"PublishingDate": {"PublishingDateRole": "01", "Date": "20250101"}}


def editions_of(name):
    with FILES.joinpath(name).open("rb") as file:
        return [parsed.edition() for parsed in read(file)]


def edition_of(*blocks, **more):
    product = {"PublishingDetail": PUBLISHED, "ProductSupply": list(blocks)} | more
    [parsed] = read(stream(message(record(**product))))
    return parsed.edition()


def market(countries, *prices, dates=(), status="04", **more):
    """A ProductSupply for these countries; WORLD is a region."""
    name = "RegionsIncluded" if countries == "WORLD" else "CountriesIncluded"
    return {
        "Market": {"Territory": {name: countries}},
        "MarketPublishingDetail": {
            "MarketPublishingStatus": status,
            "MarketDate": [{"MarketDateRole": role, "Date": day} for role, day in dates],
        },
    } | supply(*prices, **more)


def test_a_book_withdrawn_in_the_shops_market_is_not_sold_though_another_market_has_it():
    for edition in editions_of("market-availability.xml"):
        assert offer_on(edition, BRITISH, TODAY).state is SaleState.DISCONTINUED
        american = offer_on(edition, AMERICAN, TODAY)
        assert (american.state, american.price) == (SaleState.BUY, Money(1600, "USD"))


def test_the_price_of_a_supplier_without_copies_is_not_that_of_the_supplier_with_copies():
    [edition] = editions_of("two-suppliers.xml")
    assert [offer.supplier for offer in edition.offers] == ["Old Depot", "New Depot"]
    offer = offer_on(edition, BRITISH, TODAY)
    assert (offer.state, offer.price) == (SaleState.BUY, Money(1400, "GBP"))


def test_the_best_availability_of_a_markets_suppliers_applies():
    details = [
        {"ProductAvailability": code, "Price": price()} for code in ("40", "31", "22", "10", "43")
    ]
    edition = edition_of({"SupplyDetail": details})
    assert offer_on(edition, BRITISH, TODAY).state is SaleState.BUY


def test_dates_are_those_of_the_shops_market():
    edition = edition_of(
        market("US", price("16.00", "USD"), dates=[("01", "20250101"), ("02", "20270201")]),
        market("GB IE", price(), dates=[("01", "20260901")]),
    )
    british = offer_on(edition, BRITISH, TODAY)
    assert (british.state, british.release_date) == (SaleState.PREORDER, date(2026, 9, 1))
    assert in_market(edition, "GB").published == date(2026, 9, 1)
    american = offer_on(edition, AMERICAN, TODAY)
    assert american.release_date == date(2027, 2, 1)
    assert in_market(edition, "US").published == date(2025, 1, 1)


def test_a_suppliers_expected_date_does_not_delay_the_sale_of_another_supplier():
    late = {"SupplyDateRole": "08", "Date": "20270101"}
    details = [
        {"ProductAvailability": "22", "SupplyDate": late, "Price": price("9.00")},
        {"ProductAvailability": "21", "Price": price("8.00")},
    ]
    offer = offer_on(edition_of({"SupplyDetail": details}), BRITISH, TODAY)
    assert (offer.state, offer.price) == (SaleState.BUY, Money(800, "GBP"))


@pytest.mark.parametrize("kind", [{}, {"Market": {"Territory": {"CountriesIncluded": "GB"}}}])
@pytest.mark.parametrize(("code", "expected"), [("31", date(2027, 1, 1)), ("21", None)])
def test_a_supplier_without_copies_says_when_some_are_expected(kind, code, expected):
    detail = {
        "ProductAvailability": code,
        "SupplyDate": {"SupplyDateRole": "08", "Date": "20270101"},
        "Price": price("9.00"),
    }
    edition = edition_of(kind | {"SupplyDetail": detail})
    assert offer_on(edition, BRITISH, TODAY).expected == expected
    assert offer_on(edition, BRITISH, date(2027, 1, 1)).expected is None


def test_a_market_that_names_the_country_outweighs_one_for_the_world():
    edition = edition_of(
        market("WORLD", price("5.00"), availability="21"),
        market("GB", price("12.00"), availability="51"),
    )
    assert offer_on(edition, BRITISH, TODAY).state is SaleState.DISCONTINUED
    irish = offer_on(edition, SalesContext("GBP", "IE"), TODAY)
    assert (irish.state, irish.price) == (SaleState.BUY, Money(500, "GBP"))


@pytest.mark.parametrize(
    "territory",
    [
        {"CountriesIncluded": "US CA"},
        {"RegionsIncluded": "WORLD", "CountriesExcluded": "GB"},
        {"RegionsIncluded": "WORLD", "CountriesExcluded": "Ruritania"},
        {"CountriesIncluded": "Ruritania"},
        {"RegionsIncluded": "GB-NIR"},
    ],
)
def test_a_book_without_an_offer_for_the_shops_market_is_not_for_sale(territory):
    edition = edition_of({"Market": {"Territory": territory}} | supply(price()))
    offer = offer_on(edition, BRITISH, TODAY)
    assert (offer.state, offer.price) == (SaleState.NOT_FOR_SALE, None)


def test_a_price_applies_where_its_territory_and_its_market_overlap():
    edition = edition_of(market("GB IE", price(Territory={"CountriesIncluded": "IE US"})))
    irish, american = (SalesContext("GBP", country) for country in ("IE", "US"))
    assert offer_on(edition, BRITISH, TODAY).price is None
    assert offer_on(edition, irish, TODAY).price == Money(1299, "GBP")
    assert offer_on(edition, american, TODAY).state is SaleState.NOT_FOR_SALE


def test_one_offer_for_the_whole_world_is_the_editions_own():
    edition = edition_of(market("WORLD", price(), availability="21"))
    assert edition.offers == ()
    assert (edition.availability, len(edition.prices)) == ("21", 1)


def test_equal_offers_are_merged():
    blocks = [market("GB", price()), market("GB", price()), market("IE", price())]
    assert [offer.countries for offer in edition_of(*blocks).offers] == [("GB",), ("IE",)]


@pytest.mark.parametrize(("unpriced", "state"), [("03", "gone"), ("05", "gone"), ("04", "buy")])
def test_an_item_that_is_not_sold_separately_is_not_sold(unpriced, state):
    detail = {"ProductAvailability": "21", "UnpricedItemType": unpriced, "Price": price()}
    edition = edition_of({"SupplyDetail": detail})
    assert offer_on(edition, BRITISH, TODAY).state == state


@pytest.mark.parametrize("status", ["01", "11", "12", "13", "15", "16", "17"])
def test_a_market_status_that_ends_sales_outweighs_the_suppliers_availability(status):
    edition = edition_of(market("GB", price(), status=status, availability="21"))
    assert offer_on(edition, BRITISH, TODAY).state not in {SaleState.BUY, SaleState.PREORDER}


def test_an_update_that_ends_sales_ends_those_of_all_markets():
    edition = edition_of(market("GB", price()), market("US", price("16.00", "USD")))
    block = {"PublishingStatus": "11"}
    changes = {"DescriptiveDetail": None, "ProductSupply": None, "PublishingDetail": block}
    [update] = read(stream(message(record(notification="04", **changes))))
    updated = update.apply(edition)
    assert {offer.availability for offer in updated.offers} == {"46"}


def test_an_update_of_the_supply_replaces_offers_and_keeps_the_publishers_dates():
    embargo = {"PublishingDateRole": "02", "Date": "20270101"}
    edition = edition_of(market("GB", price()), PublishingDetail={"PublishingDate": embargo})
    blocks = {"DescriptiveDetail": None, "PublishingDetail": None}
    [update] = read(stream(message(record(notification="04", **blocks))))
    updated = update.apply(edition)
    assert (updated.offers, updated.on_sale) == ((), date(2027, 1, 1))
    [back] = read(
        stream(message(record(notification="04", ProductSupply=market("GB", price()), **blocks)))
    )
    assert back.apply(updated) == edition


def test_offers_of_an_edition_are_kept_as_rows():
    edition = edition_of(market("GB", price(), dates=[("02", "20260901")]))
    [offer] = edition.offers
    assert offer == SupplierOffer(prices=offer.prices, on_sale=date(2026, 9, 1), countries=("GB",))
