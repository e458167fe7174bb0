"""What time and changes ask of the catalogue."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue import jobs
from bookshop.catalogue.models import ListingRecord
from bookshop.catalogue.search import facet_counts
from bookshop.catalogue.search.models import FacetCount
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.writer import BookUpdate, save_books
from bookshop.db import WRITES
from tests.unit.makers import NOW, TERMS, edition

PUBLICATION_DAY = NOW.date() + timedelta(days=2)


@pytest.fixture
def today(monkeypatch):
    def today(days):
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=days))

    today(0)
    return today


@pytest.fixture
def preorder(engine, today, monkeypatch):
    """A forthcoming book in a catalogue that counts as large."""
    monkeypatch.setattr(facet_counts, "LARGE", 0)
    published_soon = edition("A", published=PUBLICATION_DAY)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        save_books(connection, [BookUpdate(published_soon)], TERMS, NOW)


def states(engine):
    with engine.connect() as connection:
        return list(connection.scalars(select(ListingRecord.state)))


def counted_availabilities(engine):
    with engine.connect() as connection:
        stored = list(connection.scalars(select(FacetCount.editions)))
    editions = (values for text in stored for values in facet_counts.split_editions(text))
    return {availability for _format, _language, availability, _band in editions}


@pytest.mark.usefixtures("preorder")
def test_book_goes_on_sale_on_its_publication_day(engine, today):
    jobs.run_catalogue_jobs(engine, TERMS)
    assert (states(engine), counted_availabilities(engine)) == ([SaleState.PREORDER], {"preorder"})
    today(2)
    jobs.run_catalogue_jobs(engine, TERMS)
    assert (states(engine), counted_availabilities(engine)) == ([SaleState.BUY], {"available"})


@pytest.mark.usefixtures("preorder")
def test_statistics_are_updated_after_an_import(engine):
    jobs.after_import(engine, TERMS)
    assert counted_availabilities(engine) == {"preorder"}
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            tables = "SELECT DISTINCT tbl FROM sqlite_stat1"
        else:
            tables = "SELECT relname FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL"
        analyzed = set(connection.exec_driver_sql(tables).scalars())
    assert {"books", "listings", "listing_subjects"} <= analyzed
