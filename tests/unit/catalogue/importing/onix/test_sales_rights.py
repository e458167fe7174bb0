"""Facts that restrict sales: rights, restrictions, trade-only products."""

from datetime import date
from pathlib import Path

import pytest

from bookshop.catalogue.edition import Restriction
from bookshop.catalogue.importing.onix import read
from bookshop.catalogue.pricing import DAY, SalesContext, offer_on
from bookshop.catalogue.terms.availability import SaleState
from tests.unit.catalogue.importing.onix_files import (
    descriptive,
    message,
    price,
    record,
    stream,
    supply,
)

FILES = Path(__file__).parents[1] / "files"
TODAY = date(2026, 6, 1)


def is_sold(edition, country="GB", day=TODAY):
    return offer_on(edition, SalesContext("GBP", country), day).state is SaleState.BUY


def edition_of(**blocks):
    [parsed] = read(stream(message(record(**blocks))))
    return parsed.edition()


def right(kind, territory, *restrictions):
    return {
        "SalesRightsType": kind,
        "Territory": territory,
        "SalesRestriction": [{"SalesRestrictionType": each} for each in restrictions],
    }


def with_rights(*rights, elsewhere=""):
    return edition_of(
        PublishingDetail={"SalesRights": list(rights), "ROWSalesRightsType": elsewhere}
    )


def including(*countries):
    return {"CountriesIncluded": " ".join(countries)}


WORLD = {"RegionsIncluded": "WORLD"}


def test_a_book_without_rights_in_the_shops_country_is_not_for_sale():
    with FILES.joinpath("sales-rights.xml").open("rb") as file:
        without, everywhere = (parsed.edition() for parsed in read(file))
    sold = {
        country
        for country in ("GB", "IE", "AU", "US", "CA", "PH", "FR")
        if is_sold(without, country)
    }
    assert sold == {"US", "CA", "PH", "FR"}
    assert is_sold(everywhere)


def test_a_trade_only_product_is_not_for_sale():
    with FILES.joinpath("trade-only.xml").open("rb") as file:
        pack, card = (parsed.edition() for parsed in read(file))
    assert (is_sold(pack), is_sold(card)) == (False, False)
    assert pack.restrictions == card.restrictions == (Restriction("trade_only"),)


@pytest.mark.parametrize(
    ("composition", "form", "sold"),
    [
        ("", "BC", True),
        ("00", "BC", True),
        ("10", "SA", True),
        ("31", "BC", True),
        ("01", "BC", False),
        ("11", "BC", False),
        ("20", "BC", False),
        ("30", "BC", False),
        ("99", "BC", False),
        ("00", "XC", False),
    ],
)
def test_only_retail_compositions_and_forms_are_sold(composition, form, sold):
    block = descriptive(ProductComposition=composition, ProductForm=form)
    assert is_sold(edition_of(DescriptiveDetail=block)) is sold


@pytest.mark.parametrize(
    ("rights", "elsewhere", "sold"),
    [
        # Nothing is stated.
        ([], "", True),
        ([], "00", True),
        # Rights for the country, by name or as part of the world.
        ([right("01", including("GB"))], "", True),
        ([right("02", WORLD)], "", True),
        ([right("01", {**WORLD, "CountriesExcluded": "US"})], "", True),
        ([right("01", including("US"))], "02", True),
        ([right("03", including("US"))], "", True),
        ([right("03", {**WORLD, "CountriesExcluded": "GB"})], "01", True),
        ([right("03", WORLD), right("01", including("GB"))], "", True),
        # No rights for the country.
        ([right("01", including("US"))], "", False),
        ([right("01", including("US"))], "00", False),
        ([right("01", including("US"))], "03", False),
        ([right("01", {**WORLD, "CountriesExcluded": "GB"})], "", False),
        ([right("03", including("GB"))], "01", False),
        ([right("04", including("GB"))], "", False),
        ([right("05", including("GB"))], "", False),
        ([right("06", WORLD)], "", False),
        ([right("01", WORLD), right("03", including("GB"))], "", False),
        ([right("01", including("GB")), right("03", including("GB"))], "", False),
        ([], "06", False),
        # What is not understood restricts.
        ([right("77", including("GB"))], "01", False),
        ([right("01", including("Ruritania"))], "", False),
        ([right("03", including("Ruritania"))], "01", False),
        ([right("01", {**WORLD, "CountriesExcluded": "Ruritania"})], "", False),
        ([right("01", including("US"))], "77", False),
        ([right("01", {"RegionsIncluded": "GB-SCT"})], "", False),
        ([right("07", WORLD)], "", False),
        # Restrictions that concern the shop, and others.
        ([right("07", including("GB"), "06")], "01", False),
        ([right("08", including("GB"), "77")], "01", False),
        ([right("07", including("US"), "06")], "01", True),
        ([right("07", including("GB"), "09")], "01", True),
        ([right("01", including("GB"), "15")], "", True),
        ([right("01", including("GB"), "14")], "", False),
    ],
)
def test_sales_rights_decide_whether_a_book_is_sold(rights, elsewhere, sold):
    assert is_sold(with_rights(*rights, elsewhere=elsewhere)) is sold


def test_a_restriction_holds_between_its_dates():
    restriction = {"SalesRestrictionType": "04", "StartDate": "20260601", "EndDate": "202606"}
    edition = edition_of(PublishingDetail={"SalesRestriction": restriction})
    assert is_sold(edition, day=date(2026, 5, 31))
    assert not is_sold(edition, day=date(2026, 6, 30))
    assert is_sold(edition, day=date(2026, 7, 1))
    offer = offer_on(edition, SalesContext("GBP", "GB"), TODAY - DAY)
    assert offer.changes_on == TODAY


def test_a_restriction_of_the_whole_publication_holds_where_a_right_refers_to_it():
    edition = edition_of(
        PublishingDetail={
            "SalesRights": [right("07", including("US")), right("02", including("GB"))],
            "SalesRestriction": {"SalesRestrictionType": "06"},
        }
    )
    assert (is_sold(edition), is_sold(edition, "US")) == (True, False)


def test_a_restriction_of_a_market_holds_in_that_market():
    schools = {
        "Territory": including("GB"),
        "SalesRestriction": {"SalesRestrictionType": "07"},
    }
    edition = edition_of(
        ProductSupply=[
            {"Market": schools} | supply(price()),
            {"Market": {"Territory": including("IE")}} | supply(price()),
        ]
    )
    assert (is_sold(edition), is_sold(edition, "IE")) == (False, True)


def test_an_update_of_one_block_keeps_the_restrictions_of_the_other():
    edition = edition_of(
        DescriptiveDetail=descriptive(ProductComposition="30"),
        PublishingDetail={"SalesRights": right("03", including("GB"))},
    )
    trade, rights = edition.restrictions
    blocks = {"PublishingDetail": None, "ProductSupply": None}
    [update] = read(stream(message(record(notification="04", **blocks))))
    assert update.apply(edition).restrictions == (rights,)
    blocks = {"DescriptiveDetail": None, "ProductSupply": None}
    [update] = read(stream(message(record(notification="04", **blocks))))
    assert update.apply(edition).restrictions == (trade,)
