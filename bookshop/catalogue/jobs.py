"""What time and changes ask of the catalogue: done by the server's sweeper, and after an import."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Engine

from bookshop import clock
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.search.facets import Bands, recount
from bookshop.catalogue.writer import refresh_due_listings
from bookshop.db import writing

SAMPLE = 1000  # rows of each index that SQLite looks at
TABLES = ("books", "listings", "listing_subjects", "search_index", "search_words")


def run_catalogue_jobs(engine: Engine, terms: SalesContext) -> None:
    """Make the listings anew that are others since today; count what has changed."""
    refresh_due_listings(engine, terms, clock.now())
    recount(engine, Bands(terms.currency))


def after_import(engine: Engine, terms: SalesContext) -> None:
    """Count a large catalogue, and have the database look at what has become of its tables."""
    recount(engine, Bands(terms.currency))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in TABLES:
                connection.execute(text(f"VACUUM (ANALYZE) {table}"))
    else:
        with writing(engine).begin() as connection:
            connection.execute(text(f"PRAGMA analysis_limit = {SAMPLE}"))
            connection.execute(text("ANALYZE"))
