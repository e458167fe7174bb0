"""`bookshop backup` and `bookshop restore`."""

import json
import stat

import pytest
from sqlalchemy.engine import make_url

from bookshop.db import make_engine, make_sessions
from tests.unit.makers import book, order


@pytest.fixture
def engine(sqlite_url):
    engine = make_engine(sqlite_url)
    yield engine
    engine.dispose()


def place_orders(engine, count):
    with make_sessions(engine).begin() as session:
        session.add(sold := book())
        session.add_all(order(sold) for _ in range(count))


def test_a_backup_restores_the_orders_it_has(run, folder, engine, sqlite_url):
    place_orders(engine, 2)
    made = run("backup", url=sqlite_url)
    assert made.exit_code == 0
    assert "1 books, 2 orders" in made.stdout
    (file,) = (folder / "var" / "backups").iterdir()
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    place_orders(engine, 1)
    assert run("restore", str(file), url=sqlite_url).exit_code == 1, "the database is in use"
    engine.dispose()
    restored = run("restore", str(file), url=sqlite_url)
    assert restored.exit_code == 0
    assert ".before-" in restored.stdout
    listed = run("orders", "list", "--json", url=sqlite_url)
    assert len(json.loads(listed.stdout)["orders"]) == 2


@pytest.mark.parametrize(
    ("words", "program"), [(["backup"], "pg_dump"), (["restore", "file"], "pg_restore")]
)
def test_for_postgresql_the_commands_name_its_own_program(run, words, program):
    url = make_url("postgresql+psycopg://shop:secret@db.example/shop")
    result = run(*words, url=url)
    assert result.exit_code == 1
    assert f"{program} " in result.stderr
    assert "postgresql://shop@db.example/shop" in result.stderr
    assert "secret" not in result.stderr


def test_an_impossible_backup_is_reported_without_a_traceback(run, sqlite_url, tmp_path):
    result = run("backup", str(tmp_path / "no" / "folder"), url=sqlite_url)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
