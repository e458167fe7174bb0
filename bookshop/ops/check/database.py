"""The database: whether it answers, is of this version, and can be saved."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pyramid.registry import Registry
from sqlalchemy.exc import SQLAlchemyError

from bookshop import migrations
from bookshop.catalogue import writer
from bookshop.ops.check.files import open_to_all
from bookshop.ops.check.findings import Finding, error, warning

KEY = "sqlalchemy.url"
MIGRATE = "bookshop migrate"


def check_database(registry: Registry) -> list[Finding]:
    """Whether the database answers, and is of this version: without that nothing goes."""
    try:
        current = migrations.is_usable(registry.engine)
    except (SQLAlchemyError, OSError) as err:
        problem = f"the database does not answer: {type(err).__name__}"
        fix = f"{KEY} = …  (and see that the server runs)"
        return [error(KEY, problem, fix, "nothing can be shown or sold without it")]
    if not current:
        problem = "the database is new, or of another version"
    elif not writer.is_fresh(registry.engine, registry.terms):
        problem = "the listings were made for another currency or country"
    else:
        return []
    return [error(KEY, problem, MIGRATE, "the shop does not start before")]


def run_checks(registry: Registry) -> Iterator[Finding]:
    """All that is to be said of the database."""
    unusable = check_database(registry)
    yield from unusable or _read_only(registry)
    if registry.engine.dialect.name == "sqlite":
        yield from _file(Path(registry.bookshop.database.database or ""))
    else:
        yield from _server(registry)


def _read_only(registry: Registry) -> Iterator[Finding]:
    mode, why = registry.read_only, "nobody can buy"
    if mode.flag.exists():
        yield warning("bookshop.var", "the shop is read only", f"rm {mode.flag}", why)
    elif mode.is_on():
        yield warning(KEY, "the shop is read only, as while it is migrated", MIGRATE, why)


def _file(file: Path) -> Iterator[Finding]:
    if not file.exists():
        return
    # It writes files beside its own too.
    for place in (file, file.parent):
        if not os.access(place, os.W_OK):
            yield error(
                KEY,
                f"{place} cannot be written to by the user that runs this",
                f"chown the user that runs the shop {place}, or run this as that one",
                "nothing can be sold",
            )
    yield from open_to_all(KEY, file, "it holds what customers have told the shop")
    size, free = file.stat().st_size, shutil.disk_usage(file.parent).free
    if free < 2 * size:
        yield warning(
            KEY,
            f"there is no room for a copy of {file}, which has {size} bytes",
            f"free {2 * size - free} bytes on that disk",
            "no backup can be made, and a full disk stops the shop",
        )


def _server(registry: Registry) -> Iterator[Finding]:
    try:
        with registry.engine.connect() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    except (SQLAlchemyError, OSError):
        return  # check_database has said so
    if encoding != "UTF8":
        yield error(
            KEY,
            f"the database keeps texts in {encoding}",
            "createdb --encoding UTF8 --template template0 …, and name it here",
            "names and titles with other letters cannot be kept in it",
        )
