"""`bookshop migrate`: what it changes and refuses, and what running shops see meanwhile."""

import time

import pytest
from alembic import command
from sqlalchemy import text

from bookshop import migrations
from bookshop.db import WRITES, make_engine
from bookshop.read_only import ReadOnlyMode
from tests.unit.makers import NOW


@pytest.fixture
def mode(engine, tmp_path):
    return ReadOnlyMode(engine, tmp_path / "read-only")


@pytest.fixture
def waits(monkeypatch, mode):
    """The seconds that a migration waits, and whether running shops are read-only by then."""
    seen = []
    monkeypatch.setattr(time, "sleep", lambda seconds: seen.append((seconds, mode.is_on())))
    return seen


@pytest.fixture
def set_pending(monkeypatch):
    """Make one revision pending, with or without `expand_only`, and run `action` for it."""

    def set_pending(*, expand_only, action=lambda _engine: None):
        class Module:
            pass

        class Script:
            revision = "9000"
            module = Module

        Module.expand_only = expand_only
        monkeypatch.setattr(migrations, "pending", lambda _engine: [Script])
        monkeypatch.setattr(migrations, "upgrade", action)

    return set_pending


def test_migrating_can_be_repeated(run, empty_url):
    results = [run("migrate", url=empty_url) for _ in range(2)]
    assert [result.exit_code for result in results] == [0, 0]
    assert results[0].stdout != results[1].stdout
    engine = make_engine(empty_url)
    assert not migrations.pending(engine)
    engine.dispose()


@pytest.mark.parametrize("expand_only", [True, False])
def test_running_shops_are_read_only_while_migrating(run, set_pending, waits, mode, expand_only):
    during = []
    set_pending(expand_only=expand_only, action=lambda _engine: during.append(mode.is_on()))
    result = run("migrate", stripe__timeout="3")
    assert result.exit_code == 0
    assert (during, waits) == ([True], [(5, True)])
    assert "5 seconds" in result.stdout
    assert not mode.is_on()


def test_a_failed_migration_ends_the_read_only_mode(run, set_pending, waits, mode):
    def fail(engine):
        with engine.connect() as connection:
            connection.execute(text("SELECT nothing FROM nowhere"))

    set_pending(expand_only=False, action=fail)
    result = run("migrate")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert not mode.is_on()


def test_online_running_shops_keep_selling(run, set_pending, waits, mode):
    during = []
    set_pending(expand_only=True, action=lambda _engine: during.append(mode.is_on()))
    result = run("migrate", "--online")
    assert (result.exit_code, during, waits) == (0, [False], [])


def test_online_refuses_revisions_that_break_the_running_shop(run, set_pending, waits):
    def fail(_engine):
        raise AssertionError

    set_pending(expand_only=False, action=fail)
    result = run("migrate", "--online")
    assert result.exit_code == 1
    assert "9000" in result.stderr
    assert waits == []


def test_without_pending_revisions_nothing_waits(run, waits):
    assert run("migrate").exit_code == 0
    assert waits == []


def test_the_next_migration_ends_the_mode_that_an_interrupted_one_left_on(run, mode):
    mode.begin(NOW)
    result = run("migrate")
    assert result.exit_code == 0
    assert not mode.is_on()


def test_a_database_without_the_mode_can_be_migrated(run, engine, waits):
    command.downgrade(migrations.configuration(engine), "0008")
    assert run("migrate").exit_code == 0
    assert not migrations.pending(engine)
    assert waits == []


def test_a_newer_database_is_not_changed(run, engine):
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE shop_state SET usable_from = '9999'"))
    result = run("migrate")
    assert result.exit_code == 1
    assert "9999" in result.stderr
