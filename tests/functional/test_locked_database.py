"""Another program holds SQLite's write lock: customers browse, and commands that read work."""

import sqlite3
from contextlib import closing

import pytest

from tests.functional.test_checkout import BUY, MOSS


@pytest.fixture
def locked(make_shop, monkeypatch):
    """A shop whose database is locked, and which waits only a moment for it."""
    monkeypatch.setattr("bookshop.db.LOCK_WAIT", 0.1)
    shop = make_shop(limits__storage="database")
    database = shop.registry.services.engine.url.database
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield shop


@pytest.mark.parametrize("path", ["/", f"/books/{MOSS}", "/books/?q=moss", "/sitemap.xml"])
def test_the_catalogue_is_available(locked, path):
    assert locked.visitor().get(path).status_int == 200


def test_a_checkout_is_refused_for_the_moment(locked):
    page = locked.visitor().get(BUY, status=503)
    assert page.headers["Retry-After"]
    assert page.html.select_one("[data-error-code=database_busy]")


def test_the_shop_stays_alive_and_ready(locked):
    locked.visitor().get("/health/live")
    locked.visitor().get("/health/ready")
