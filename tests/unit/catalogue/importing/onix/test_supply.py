"""Prices and days: what a record says of selling a product."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.edition import Price
from bookshop.catalogue.importing.onix import read
from bookshop.catalogue.importing.onix.blocks.territories import EURO_COUNTRIES
from bookshop.catalogue.importing.records import RecordError
from bookshop.money import decimals
from tests.unit.catalogue.importing.onix_files import (
    ISBN,
    With,
    message,
    price,
    record,
    stream,
    supply,
)


def edition_of(**blocks):
    [parsed] = read(stream(message(record(**blocks))))
    return parsed.edition()


def prices_of(*prices, **more):
    return edition_of(ProductSupply=supply(*prices) | more).prices


def test_all_fields_of_a_price():
    composite = price(
        "6.30",
        "EUR",
        "04",
        PriceQualifier="05",
        PriceStatus="02",
        Tax={"TaxType": "01", "TaxRateCode": "R", "TaxRatePercent": "5.50"},
        Territory={"CountriesIncluded": "FR BE"},
        PriceDate=[
            {"PriceDateRole": "14", "Date": With("20260801", dateformat="00")},
            {"PriceDateRole": "15", "DateFormat": "14", "Date": "20260831T000000+0200"},
        ],
    )
    assert prices_of(composite) == (
        Price(
            "EUR",
            630,
            "04",
            tax="R",
            tax_percent="5.5",
            starts=date(2026, 8, 1),
            ends=date(2026, 8, 31),
            countries=("FR", "BE"),
        ),
    )


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.99", "GBP", 1299),
        ("12.9", "GBP", 1290),
        ("12", "GBP", 1200),
        ("12.990", "GBP", 1299),
        ("30,80", "BRL", 3080),
        ("1400", "JPY", 1400),
        ("1400.0", "JPY", 1400),
        ("1.234", "KWD", 1234),
        ("0.29", "USD", 29),
    ],
)
def test_amounts_are_in_minor_units(amount, currency, minor):
    assert prices_of(price(amount, currency)) == (Price(currency, minor),)


@given(
    st.integers(1, 10**10), st.sampled_from(["GBP", "EUR", "JPY", "KWD", "ISK"]), st.integers(0, 3)
)
def test_amounts_are_exact(amount, currency, zeros):
    places = decimals(currency)
    whole, part = divmod(amount, 10**places)
    written = f"{whole}.{part:0{places}d}" if places else str(whole)
    written += "0" * zeros if places else ""
    assert prices_of(price(written, currency)) == (Price(currency, amount),)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("7.995", "GBP"),
        ("1,234", "GBP"),
        ("1.234,00", "EUR"),
        ("-1", "GBP"),
        ("£12", "GBP"),
        ("1e3", "GBP"),
        ("NaN", "GBP"),
        ("12.5", "JPY"),
        ("9.99", "USDD"),
        ("9.99", "usd"),
        ("9.99", ""),
        ("9" * 13, "GBP"),
    ],
)
def test_an_invalid_price_refuses_the_record(amount, currency):
    with pytest.raises(RecordError) as refused:
        prices_of(price(amount, currency))
    assert refused.value.isbn == ISBN
    assert refused.value.code in {"invalid_price", "invalid_currency"}


def test_a_price_without_tax_is_rounded():
    assert prices_of(price("8.4155", "EUR", "01")) == (Price("EUR", 842, "01"),)


@pytest.mark.parametrize("kind", ["05", "06", "07", "08", "09", "15", "17", "25", "27", "32", "36"])
def test_trade_prices_are_ignored(kind):
    assert prices_of(price(kind=kind), price("15.99")) == (Price("GBP", 1599),)


@pytest.mark.parametrize(
    "more",
    [
        {"PriceQualifier": "06"},
        {"PriceQualifier": "10"},
        {"PriceQualifier": "01"},
        {"PriceQualifier": "08"},
        {"MinimumOrderQuantity": "10"},
        {"PriceCondition": {"PriceConditionType": "10"}},
        {"UnpricedItemType": "02"},
        {"Territory": {"CountriesIncluded": ""}},
        {"Territory": {"RegionsIncluded": "ES-CN"}},
        {"Territory": {"RegionsIncluded": "WORLD", "CountriesExcluded": "Ruritania"}},
    ],
)
def test_conditional_prices_are_ignored(more):
    assert prices_of(price(**more), price("15.99")) == (Price("GBP", 1599),)


def test_a_promotional_price_needs_dates():
    days = [
        {"PriceDateRole": "14", "Date": "20260708"},
        {"PriceDateRole": "15", "Date": "20260709"},
    ]
    assert prices_of(price("4.99", PriceQualifier="08", PriceDate=days)) == (
        Price("GBP", 499, starts=date(2026, 7, 8), ends=date(2026, 7, 9)),
    )


def test_a_zero_price_is_ignored():
    assert prices_of(price("0.00")) == ()
    edition = edition_of(ProductSupply=supply(UnpricedItemType="01"))
    assert edition.prices == ()


@pytest.mark.parametrize("kind", ["00", "05", ""])
def test_the_price_qualifier_is_optional(kind):
    assert prices_of(price(PriceQualifier=kind)) == (Price("GBP", 1299),)


def test_a_price_without_type_includes_tax():
    assert prices_of({"PriceAmount": "5", "CurrencyCode": "GBP"}) == (Price("GBP", 500, "02"),)


@pytest.mark.parametrize(
    ("dates", "starts", "ends"),
    [
        ({"PriceDateRole": "14", "Date": "202608"}, date(2026, 8, 1), None),
        ({"PriceDateRole": "15", "Date": "202602"}, None, date(2026, 2, 28)),
        ({"PriceDateRole": "15", "Date": "2026"}, None, date(2026, 12, 31)),
        (
            {"PriceDateRole": "24", "Date": With("2026080120260831", dateformat="06")},
            date(2026, 8, 1),
            date(2026, 8, 31),
        ),
    ],
)
def test_validity_of_a_price(dates, starts, ends):
    [found] = prices_of(price(PriceDate=dates))
    assert (found.starts, found.ends) == (starts, ends)


@pytest.mark.parametrize("role", ["14", "15", "24"])
@pytest.mark.parametrize("value", ["20261301", "soon", With("202633", dateformat="02")])
def test_an_invalid_price_date_refuses_the_record(role, value):
    with pytest.raises(RecordError) as refused:
        prices_of(price(PriceDate={"PriceDateRole": role, "Date": value}))
    assert refused.value.code == "invalid_date"


@pytest.mark.parametrize(
    ("territory", "countries", "excluded"),
    [
        ({"CountriesIncluded": "GB IE"}, ("GB", "IE"), ()),
        ({"RegionsIncluded": "WORLD"}, (), ()),
        ({"RegionsIncluded": "ROW"}, (), ()),
        ({"RegionsIncluded": "WORLD", "CountriesExcluded": "US CA"}, (), ("US", "CA")),
        ({"CountriesIncluded": "WORLD"}, (), ()),
        ({"RegionsIncluded": "GB-EWS"}, ("GB",), ()),
        (
            {"RegionsIncluded": "ECZ", "CountriesExcluded": " ".join(EURO_COUNTRIES[1:])},
            ("AD",),
            (),
        ),
        ({"CountriesIncluded": "UK EL"}, ("GB", "GR"), ()),
        ({"CountriesIncluded": "ES", "RegionsExcluded": "ES-CN"}, ("ES",), ()),
    ],
)
def test_countries_of_a_price(territory, countries, excluded):
    [found] = prices_of(price(Territory=territory))
    assert (found.countries, found.excluded) == (countries, excluded)


def test_the_euro_zone_is_expanded():
    [found] = prices_of(price("9", "EUR", Territory={"RegionsIncluded": "ECZ"}))
    assert {"DE", "FR", "IE", "HR"} <= set(found.countries)
    assert "GB" not in found.countries


PUBLISHED = {"PublishingDateRole": "01", "Date": "20260807"}


def on_sale(*, publishing=(), market=(), supplied=(), availability="20"):
    block = supply(availability=availability, SupplyDate=list(supplied))
    edition = edition_of(
        PublishingDetail={"PublishingDate": [PUBLISHED, *publishing]},
        ProductSupply={"MarketPublishingDetail": {"MarketDate": list(market)}} | block,
    )
    return edition.on_sale


def test_the_latest_embargo_applies():
    assert on_sale(publishing=[{"PublishingDateRole": "02", "Date": "20260901"}]) == date(
        2026, 9, 1
    )
    assert on_sale(
        publishing=[{"PublishingDateRole": "02", "Date": "20260901"}],
        market=[{"MarketDateRole": "02", "Date": "20260903"}],
        supplied=[{"SupplyDateRole": "02", "Date": "20260902"}],
    ) == date(2026, 9, 3)


def test_an_invalid_embargo_date_refuses_the_record():
    with pytest.raises(RecordError) as refused:
        on_sale(publishing=[{"PublishingDateRole": "02", "Date": "20269901"}])
    assert refused.value.code == "invalid_date"


def test_an_expected_date_after_publication_delays_the_sale():
    late = [{"SupplyDateRole": "08", "Date": "20260910"}]
    early = [{"SupplyDateRole": "08", "Date": "20260701"}]
    assert on_sale(supplied=late) == date(2026, 9, 10)
    assert on_sale(supplied=early) is None
    assert on_sale(supplied=late, availability="31") is None


def test_a_preorder_embargo_does_not_restrict_sales():
    assert on_sale(publishing=[{"PublishingDateRole": "27", "Date": "20260901"}]) is None


def test_the_markets_publication_date_is_the_fallback():
    block = {"MarketPublishingDetail": {"MarketDate": {"MarketDateRole": "01", "Date": "20260901"}}}
    edition = edition_of(PublishingDetail={}, ProductSupply=block | supply())
    assert edition.published == date(2026, 9, 1)


def test_a_territory_of_more_codes_than_there_are_refuses_the_record():
    with pytest.raises(RecordError) as refused:
        prices_of(price(Territory={"CountriesIncluded": "GB IE " * 100_000}))
    assert refused.value.code == "invalid_territory"
