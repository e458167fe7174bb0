"""Whole shops under load, on SQLite and on PostgreSQL, in processes that end with the test."""

import shutil

import pytest

from tests.load.fleet import Fleet


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path, template):
    """The URL of a database that a test has for itself, with the demo catalogue."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    shutil.copy(template, tmp_path / "shop.sqlite")
    return f"sqlite:///{tmp_path / 'shop.sqlite'}"


@pytest.fixture
def make_fleet(database, tmp_path, monkeypatch):
    """Starts so many servers of a shop, and its sandbox."""
    # Coverage would measure programs as well, which makes these tests slow.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    made = []

    def make(servers, **changes):
        made.append(Fleet(tmp_path / "a shop", database, servers, **changes))
        return made[-1]

    yield make
    for fleet in made:
        fleet.close()
