"""Writing many rows at once: by COPY where the database is PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

Row = Mapping[str, Any]


def insert_rows(connection: Connection, table: Any, rows: Sequence[Row]) -> None:
    """Add `rows`, which all name the same columns, in the connection's transaction."""
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), rows)
        return
    columns = list(rows[0])
    names = ", ".join(f'"{column}"' for column in columns)
    statement = f'COPY "{table.name}" ({names}) FROM STDIN'
    driver: Any = connection.connection.driver_connection
    errors: Any = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([row[column] for column in columns])
    except errors as err:
        # As SQLAlchemy raises what it executes itself.
        raise DBAPIError.instance(statement, None, err, errors, dialect=connection.dialect) from err
