"""The database: engine, sessions, the base class of models, and transactions.

`request.db` is a session under pyramid_tm: it commits when the view returns, and rolls back when
the response is 4xx or 5xx. Its transactions begin as writers, so that rows cannot change between
reading and writing (SQLite: BEGIN IMMEDIATE; PostgreSQL: row locks). The catalogue is read through
the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyramid_tm
import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy import (
    ColumnElement,
    DateTime,
    MetaData,
    create_engine,
    event,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator
from transaction import TransactionManager

from bookshop.services import services

LOCK_WAIT = 5  # seconds that one writer waits for another
WRITES = "bookshop_writes"
# Errors must not carry the parameters of statements, such as addresses, into the log.
COMMON: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, "hide_parameters": True}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime in Python. SQLite, which has no time zones, stores it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC. Raises ValueError for a naive time, which is ambiguous."""
        if value is not None and value.tzinfo is None:
            message = f"naive datetime {value}"
            raise ValueError(message)
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the time in UTC: SQLite dropped the zone, PostgreSQL returns the server's."""
        if value is None:
            return None
        aware: datetime = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return aware


class Base(DeclarativeBase):
    """The base class of models. Constraints have names, so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime()}


def make_engine(url: URL) -> Engine:
    """Return an engine. SQLite uses WAL, waits for locks, and enforces foreign keys."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, **COMMON)
    file = Path(url.database or "")
    engine = create_engine(url, connect_args={"timeout": LOCK_WAIT}, **COMMON)
    event.listen(engine, "do_connect", lambda *_: _create_file(file))
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "reset", _end_sqlite)
    return engine


def _create_file(file: Path) -> None:
    """Create a missing file, readable by its owner only: it contains personal data."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader cannot write after another one has written.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _end_sqlite(connection: Any, _record: object, _state: object) -> None:
    # A transaction whose COMMIT failed stays open, while SQLAlchemy considers it ended. Back in the
    # pool, it would block all writers.
    if connection.in_transaction:
        connection.rollback()


def writing(engine: Engine) -> Engine:
    """Return the same engine with transactions that begin as writers."""
    return engine.execution_options(**{WRITES: True})


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Return a factory of sessions whose transactions begin as writers."""
    return sessionmaker(writing(engine))


def lock_name(session: Session, name: str) -> None:
    """Wait until no other transaction has locked `name`, and lock it until this one ends.

    On SQLite a transaction that writes is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def insert_into(where: Connection | Session, table: Any) -> Any:
    """Return the dialect's INSERT, with its ON CONFLICT methods."""
    bind = where.get_bind() if isinstance(where, Session) else where
    dialect = postgresql if bind.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def has_passed(time: Any, now: datetime, longest: timedelta) -> ColumnElement[bool]:
    """Return the condition that a stored time has passed.

    A time is stored at most `longest` ahead. One that is much further ahead was stored while the
    clock of the machine was wrong, and counts as passed; the clock may go back by `longest`.
    """
    return or_(time <= now, time > now + 2 * longest)


def reason_of(error: Exception) -> str:
    """Return why the database failed, in one line.

    It is the first line of the driver's message: PostgreSQL names a statement's values in the next.
    """
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def outside_transaction(transactions: TransactionManager) -> Iterator[None]:
    """Commit, and hold no transaction and no connection inside the context.

    All calls that wait for another machine are made inside such a context.
    """
    transactions.commit()
    try:
        yield
    finally:
        transactions.begin()


def commit_now(transactions: TransactionManager) -> None:
    """Commit now, so that an error status of the response cannot roll the changes back."""
    with outside_transaction(transactions):
        pass


def _session(request: Request) -> Session:
    session = services(request).sessions()
    zope.sqlalchemy.register(session, transaction_manager=request.tm)
    return session


def includeme(config: Configurator) -> None:
    """Give requests `db` and `tm`."""
    config.add_settings(
        {
            "tm.manager_hook": pyramid_tm.explicit_manager,
            "tm.commit_veto": pyramid_tm.default_commit_veto,
        }
    )
    config.include("pyramid_tm")
    config.add_request_method(_session, "db", reify=True)
