"""The catalogue's periodic job, and statistics to update after an import."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Engine

from bookshop import clock
from bookshop.catalogue.listings import refresh_due_listings
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.search.facet_counts import store_facet_counts
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.db import writing

ANALYSIS_LIMIT = 1000  # rows of each index that SQLite samples
TABLES = ("books", "listings", "listing_subjects", "search_index", "search_words")


def run_catalogue_jobs(engine: Engine, sales_context: SalesContext) -> None:
    """Rebuild listings whose offer changes today, and update the stored facet counts."""
    refresh_due_listings(engine, sales_context, clock.now())
    store_facet_counts(engine, PriceBands(sales_context.currency))


def after_import(engine: Engine, sales_context: SalesContext) -> None:
    """Update the stored facet counts and the statistics of the database's query planner."""
    store_facet_counts(engine, PriceBands(sales_context.currency))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in TABLES:
                connection.execute(text(f"VACUUM (ANALYZE) {table}"))
    else:
        with writing(engine).begin() as connection:
            connection.execute(text(f"PRAGMA analysis_limit = {ANALYSIS_LIMIT}"))
            connection.execute(text("ANALYZE"))
