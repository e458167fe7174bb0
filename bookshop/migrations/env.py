"""Alembic's environment."""

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
import bookshop.mail.models
import bookshop.orders.models
import bookshop.rate_limits.models
import bookshop.read_only
import bookshop.webhooks.models  # noqa: F401
from bookshop.db import Base, UTCDateTime, writing
from bookshop.migrations import STATE, has_state

# The imports make their tables known to the metadata.


def render_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own column types as what they are in the database."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def is_ours(_object: object, name: str | None, kind: str, *_more: object) -> bool:
    """Leave the full-text index alone: it differs by database, and no model knows it."""
    return not (kind == "table" and name and name.startswith("search_index"))


@contextmanager
def tables_replaceable(connection: Connection) -> Iterator[None]:
    """Let SQLite change a table by writing it anew, without losing what refers to the old one.

    Dropping the old table would delete all that refers to it, wherever ON DELETE CASCADE says so;
    within a transaction the switch has no effect. https://www.sqlite.org/lang_altertable.html#otheralter
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
            message = f"the migration left rows that refer to nothing: {broken[:3]}"
            raise RuntimeError(message)
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def note_usable(ctx: Any, step: Any, heads: object, run_args: object) -> None:
    """Write down, with each revision, from which on a version of the shop can work with it."""
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
        on_version_apply=note_usable,
    )
    with tables_replaceable(connection), context.begin_transaction():
        context.run_migrations()
