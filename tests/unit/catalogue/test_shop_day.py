"""Embargoes and prices begin and end at midnight in the shop's time zone."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue.edition import Price
from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.importer import Importer
from bookshop.catalogue.jobs import run_catalogue_jobs
from bookshop.catalogue.listings import listings_are_current, rebuild_listings
from bookshop.catalogue.models import CatalogueState, ListingRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.writer import BookUpdate, save_books
from bookshop.db import WRITES
from tests.unit.makers import edition

FILE = Path(__file__).parent / "importing" / "files" / "out_today.xml"
IN_LOS_ANGELES = SalesContext("USD", "US", ZoneInfo("America/Los_Angeles"))
EVENING = datetime(2026, 11, 27, 3, 5, tzinfo=UTC)  # of the 26th in Los Angeles
BEFORE_MIDNIGHT = datetime(2026, 11, 27, 7, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
OUT_ON_THE_27TH = "9780000006011"


@pytest.fixture
def at(monkeypatch):
    def at(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)

    at(EVENING)
    return at


@pytest.fixture
def states(engine):
    """Return state and price of all listings, by SKU."""

    def states():
        query = select(ListingRecord.sku, ListingRecord.state, ListingRecord.amount)
        with engine.connect() as connection:
            return {row.sku: (row.state, row.amount) for row in connection.execute(query)}

    return states


def test_a_book_goes_on_sale_at_midnight_of_the_shop(engine, at, states, select_all):
    with FILE.open("rb") as stream:
        Importer(engine, IN_LOS_ANGELES, None, lambda *_: None).run(onix.read(stream))
    catalogue = CatalogueQueries(engine, IN_LOS_ANGELES)
    at(BEFORE_MIDNIGHT)
    run_catalogue_jobs(engine, IN_LOS_ANGELES)
    assert states()[OUT_ON_THE_27TH] == (SaleState.PREORDER, 2000)
    assert catalogue.detail(OUT_ON_THE_27TH).offer.release_date == date(2026, 11, 27)
    version = select_all(CatalogueState.version)

    at(MIDNIGHT)
    run_catalogue_jobs(engine, IN_LOS_ANGELES)

    assert states()[OUT_ON_THE_27TH] == (SaleState.BUY, 2000)
    assert catalogue.detail(OUT_ON_THE_27TH).offer.release_date is None
    assert select_all(CatalogueState.version) > version  # by which pages are cached


def test_a_price_ends_at_midnight_of_the_shop(engine, at, states):
    reduced = Price("USD", 1500, ends=date(2026, 11, 26))
    sold = edition("SALE", prices={"USD": 2000})
    sold = structs.replace(sold, prices=(*sold.prices, reduced))
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        save_books(connection, [BookUpdate(sold)], IN_LOS_ANGELES, EVENING)
    assert states()["SALE"] == (SaleState.BUY, 1500)

    at(MIDNIGHT)
    run_catalogue_jobs(engine, IN_LOS_ANGELES)

    assert states()["SALE"] == (SaleState.BUY, 2000)


def test_listings_are_rebuilt_for_another_time_zone(engine, states):
    out = edition("OUT", prices={"USD": 2000}, published=date(2026, 11, 27))
    in_london = SalesContext("USD", "US", ZoneInfo("Europe/London"))
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        save_books(connection, [BookUpdate(out)], in_london, EVENING)
    rebuild_listings(engine, in_london, EVENING)
    assert states()["OUT"] == (SaleState.BUY, 2000)

    assert not listings_are_current(engine, IN_LOS_ANGELES)
    rebuild_listings(engine, IN_LOS_ANGELES, EVENING)

    assert states()["OUT"] == (SaleState.PREORDER, 2000)
