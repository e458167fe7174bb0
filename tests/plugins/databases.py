"""Real databases for unit tests: SQLite in a file, and PostgreSQL where one can be started.

Both are migrated once and copied for each test that asks for a database.
"""

import shutil

import pytest
from sqlalchemy.engine import make_url

import bookshop
from bookshop import migrations
from bookshop.catalogue.listings import rebuild_listings
from bookshop.db import make_engine, make_sessions
from tests.plugins.postgres import AT_HEAD
from tests.shops import ini
from tests.unit.makers import NOW, TERMS


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """The file of a database at head, without books."""
    file = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    engine = make_engine(make_url(f"sqlite:///{file}"))
    migrations.upgrade(engine)
    rebuild_listings(engine, TERMS, NOW)
    engine.dispose()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path):
    """The URL of a database without tables, of each kind."""
    if request.param == "sqlite":
        yield make_url(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        return
    server = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.drop(url.database)


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
    server = request.getfixturevalue("postgres")
    url = server.create(template=AT_HEAD)
    yield url
    server.drop(url.database)


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
    url = postgres.create(template=AT_HEAD)
    engine = make_engine(url)
    yield make_sessions(engine)
    engine.dispose()
    postgres.drop(url.database)


@pytest.fixture
def configure(tmp_path, sqlite_url):
    """A shop put together with the settings of a test; it serves no requests."""
    made = []

    def configure(**changes):
        settings = {"sqlalchemy__url": str(sqlite_url), **changes}
        made.append(bookshop.configure(ini(tmp_path, "http://localhost:1", **settings)))
        return made[-1]

    yield configure
    for config in made:
        config.registry.services.payments.close()
        config.registry.services.engine.dispose()
