"""Bulk insert of rows; PostgreSQL's COPY where it is available."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

Row = Mapping[str, Any]


def insert_rows(connection: Connection, table: Any, rows: Sequence[Row]) -> None:
    """Insert `rows` in the caller's transaction; all rows name the same columns.

    Raises sqlalchemy.exc.DBAPIError.
    """
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
        # The same exception as for statements that SQLAlchemy executes itself.
        raise DBAPIError.instance(statement, None, err, errors, dialect=connection.dialect) from err
