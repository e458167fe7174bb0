"""Alembic's environment: runs the migrations on the engine of `migrations.configuration`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection

import bookshop.catalogue.importing.models
import bookshop.catalogue.models
import bookshop.catalogue.search.models
import bookshop.catalogue.terms.models
import bookshop.mail.models
import bookshop.orders.models
import bookshop.rate_limits.models
import bookshop.read_only
import bookshop.webhooks.models  # noqa: F401
from bookshop.db import Base, UTCDateTime, writing
from bookshop.migrations import STATE, has_state

# Importing the models registers their tables in the metadata.


def render_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Render the shop's own column types as the types of the database."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def is_ours(_object: object, name: str | None, kind: str, *_more: object) -> bool:
    """Return True except for the full-text index, which differs by database and has no model."""
    return not (kind == "table" and name and name.startswith("search_index"))


@contextmanager
def allow_table_replacement(connection: Connection) -> Iterator[None]:
    """Let SQLite alter a table by replacing it, without deleting rows that refer to the old one.

    With foreign keys on, dropping the old table would delete those rows by ON DELETE CASCADE. The
    PRAGMA has no effect within a transaction.
    https://www.sqlite.org/lang_altertable.html#otheralter
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
        broken = driver.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            message = f"the migration left references to missing rows: {broken[:3]}"
            raise RuntimeError(message)
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def record_compatibility(ctx: Any, step: Any, heads: object, run_args: object) -> None:
    """Store, with each migration, the oldest revision that the schema is compatible with."""
    if step.is_upgrade and step.up_revision.module.expand_only:
        return
    usable = step.up_revision_id if step.is_upgrade else step.up_revision.down_revision
    if has_state(ctx.connection):
        ctx.connection.execute(text(f"UPDATE {STATE} SET usable_from = :at"), {"at": usable})  # noqa: S608  # nosec B608


with writing(context.config.attributes["engine"]).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_type,
        include_object=is_ours,
        on_version_apply=record_compatibility,
    )
    with allow_table_replacement(connection), context.begin_transaction():
        context.run_migrations()
