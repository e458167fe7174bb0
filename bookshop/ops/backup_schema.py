"""Compares the schema of a backup with the one that the shop's migrations make.

A file that was prepared to harm may have triggers, views or generated columns: SQLite would run
their code whenever the shop reads or writes. https://www.sqlite.org/security.html
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import URL

from bookshop import migrations
from bookshop.db import make_engine

Schema = set[tuple[str, ...]]


def differences(connection: sqlite3.Connection, revision: str) -> list[str]:
    """Return what a database of that revision has too much, or lacks, by kind and name."""
    found, expected = _schema(connection), _expected_schema(revision)
    return [
        f"{word} {' '.join(each)}"
        for word, items in (("unknown", found - expected), ("missing", expected - found))
        for each in sorted(items)
    ]


def _expected_schema(revision: str) -> Schema:
    from alembic import command  # noqa: PLC0415 - slow to import, and few commands need it

    with TemporaryDirectory() as folder:
        file = Path(folder) / "shop.sqlite"
        engine = make_engine(URL.create("sqlite", database=str(file)))
        command.upgrade(migrations.configuration(engine), revision)
        engine.dispose()
        with closing(sqlite3.connect(file)) as connection:
            return _schema(connection)


def _schema(connection: sqlite3.Connection) -> Schema:
    """Return tables, indexes, triggers and views by kind and name, and the columns of tables.

    Their SQL is not compared: SQLite's versions write it differently when they alter a table.
    """
    objects = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    ).fetchall()
    columns = connection.execute(
        "SELECT 'column', m.name, c.name, c.type, c.hidden FROM sqlite_master AS m,"
        " pragma_table_xinfo(m.name) AS c WHERE m.type = 'table'"
        " AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~'"
    ).fetchall()
    return {tuple(map(str, row)) for row in (*objects, *columns)}
