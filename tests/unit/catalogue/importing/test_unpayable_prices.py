"""Prices that Stripe cannot charge are refused at import, with the reason; others are for sale."""

from pathlib import Path

import pytest
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv import reader
from bookshop.catalogue.importing.importer import Importer
from bookshop.catalogue.importing.records import FileReport, ReadOptions
from bookshop.catalogue.models import ListingRecord
from bookshop.catalogue.pricing import SalesContext
from tests.unit.makers import NOW

FILES = Path(__file__).parent / "files"
LISTED = select(ListingRecord.sku, ListingRecord.amount, ListingRecord.state)


@pytest.fixture(autouse=True)
def the_day(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def take(engine):
    """Import a file into a shop that sells in a currency; return refused ISBNs and the books."""

    def take(name, currency):
        with (FILES / name).open("rb") as stream:
            options, report = ReadOptions(currency, "en_GB"), FileReport(name)
            is_csv = name.endswith("csv")
            rows = reader.read(stream, options, report) if is_csv else onix.read(stream)
            importer = Importer(engine, SalesContext(currency, None), None, lambda *_: None)
            summary = importer.run(rows)
        with engine.connect() as connection:
            listed = {sku: (amount, state) for sku, amount, state in connection.execute(LISTED)}
        return {each.isbn: (each.code, each.reason) for each in summary.errors}, listed

    return take


def test_a_price_below_stripes_minimum_is_refused_with_the_minimum(take):
    refused, listed = take("penny.csv", "GBP")
    [(code, reason)] = refused.values()
    assert code == "unpayable_price"
    assert "0.20 GBP" in reason
    assert "0.30 GBP" in reason
    assert listed == {}


def test_kronur_are_whole_after_tax_and_halves_are_refused(take):
    refused, listed = take("krona.xml", "ISK")
    assert {isbn: code for isbn, (code, _reason) in refused.items()} == {
        "9780000006059": "unpayable_price"
    }
    assert listed == {
        "9780000006042": (4429_00, "buy"),  # 3990 without tax, and 11 %
        "9780000006066": (3990_00, "buy"),
    }


def test_three_decimals_must_end_in_zero(take):
    refused, listed = take("fils.csv", "KWD")
    assert {isbn: code for isbn, (code, _reason) in refused.items()} == {
        "9780000006073": "unpayable_price"
    }
    assert listed == {"9780000006080": (5_120, "buy")}


def test_a_price_in_another_currency_than_the_shops_is_not_judged(take):
    refused, listed = take("krona.xml", "GBP")
    assert refused == {}
    assert {state for _amount, state in listed.values()} == {"not_for_sale"}
