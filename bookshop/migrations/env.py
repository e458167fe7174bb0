"""Alembic's environment."""

from __future__ import annotations

from typing import Literal

from alembic import context

import bookshop.catalogue.models
import bookshop.orders.models  # noqa: F401
from bookshop.db import WRITES, Base, UTCDateTime

# Both imports make their tables known to the metadata.


def render_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own column types as what they are in the database."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


engine = context.config.attributes["engine"].execution_options(**{WRITES: True})
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_type,
    )
    with context.begin_transaction():
        context.run_migrations()
