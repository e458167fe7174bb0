"""What time and changes ask of the catalogue: done by the server's sweeper."""

from __future__ import annotations

from sqlalchemy.engine import Engine

from bookshop import clock
from bookshop.catalogue.offer import Terms
from bookshop.catalogue.shelving import review


def keep_up(engine: Engine, terms: Terms) -> None:
    """Make the listings anew that are others since today."""
    review(engine, terms, clock.now())
