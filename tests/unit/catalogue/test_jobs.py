"""What time and changes ask of the catalogue."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue import jobs
from bookshop.catalogue.models import ListingRecord
from bookshop.catalogue.pricing import SaleState
from bookshop.catalogue.search import facet_counts
from bookshop.catalogue.search.models import FacetCount
from bookshop.catalogue.writer import BookUpdate, save_books
from bookshop.db import WRITES
from tests.unit.makers import NOW, TERMS, edition

OUT = NOW.date() + timedelta(days=2)


@pytest.fixture
def today(monkeypatch):
    def today(days):
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=days))

    today(0)
    return today


@pytest.fixture
def shelved(engine, today, monkeypatch):
    """A book that is to come, in a catalogue that is large."""
    monkeypatch.setattr(facet_counts, "LARGE", 0)
    told = edition("A", published=OUT)
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        save_books(connection, [BookUpdate(told)], TERMS, NOW)


def states(engine):
    with engine.connect() as connection:
        return list(connection.scalars(select(ListingRecord.state)))


def counted(engine):
    with engine.connect() as connection:
        return set(connection.scalars(select(FacetCount.availability)))


@pytest.mark.usefixtures("shelved")
def test_the_day_turns_and_books_come_out(engine, today):
    jobs.run_catalogue_jobs(engine, TERMS)
    assert (states(engine), counted(engine)) == ([SaleState.PREORDER], {"preorder"})
    today(2)
    jobs.run_catalogue_jobs(engine, TERMS)
    assert (states(engine), counted(engine)) == ([SaleState.BUY], {"available"})


@pytest.mark.usefixtures("shelved")
def test_after_an_import_the_database_knows_its_tables(engine):
    jobs.after_import(engine, TERMS)
    assert counted(engine) == {"preorder"}
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            tables = "SELECT DISTINCT tbl FROM sqlite_stat1"
        else:
            tables = "SELECT relname FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL"
        known = set(connection.exec_driver_sql(tables).scalars())
    assert {"books", "listings", "listing_subjects"} <= known
