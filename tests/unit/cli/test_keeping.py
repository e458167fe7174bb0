"""`migrate`, `backup`, `restore` and `customer`: what they say, refuse and leave behind."""

import json
import stat
import sys
import time

import pytest
from alembic import command
from sqlalchemy import text

from bookshop import migrations
from bookshop.db import WRITES, make_engine, make_sessions
from bookshop.mail.models import MailRecord
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.states import OrderStatus
from bookshop.read_only import ReadOnlyMode
from tests.unit.makers import NOW, book, order

ADA = "ada@mail.example"


@pytest.fixture
def engine(database_url):
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def mode(engine, tmp_path):
    return ReadOnlyMode(engine, tmp_path / "read-only")


@pytest.fixture
def pauses(monkeypatch, mode):
    """How long a migration waits, and whether running shops were read only by then."""
    seen = []
    monkeypatch.setattr(time, "sleep", lambda seconds: seen.append((seconds, mode.is_on())))
    return seen


@pytest.fixture
def outdated(monkeypatch):
    """Has a revision pending, which only expands or does not, and which runs that function."""

    def outdate(*, expand_only, run=lambda _engine: None):
        class Module:
            pass

        class Script:
            revision = "9000"
            module = Module

        Module.expand_only = expand_only
        monkeypatch.setattr(migrations, "pending", lambda _engine: [Script])
        monkeypatch.setattr(migrations, "upgrade", run)

    return outdate


# --- migrate


@pytest.mark.parametrize("expand_only", [True, False])
def test_running_shops_are_read_only_while_migrating(run, outdated, pauses, mode, expand_only):
    during = []
    outdated(expand_only=expand_only, run=lambda _engine: during.append(mode.is_on()))
    result = run("migrate", stripe__timeout="3")
    assert result.exit_code == 0
    assert (during, pauses) == ([True], [(5, True)])
    assert "read only now; what is under way has 5 seconds" in result.stdout
    assert "open again" in result.stderr
    assert not mode.is_on()


def test_a_migration_that_fails_opens_the_shop_again(run, outdated, pauses, mode):
    def fail(engine):
        with engine.connect() as connection:
            connection.execute(text("SELECT nothing FROM nowhere"))

    outdated(expand_only=False, run=fail)
    result = run("migrate")
    assert result.exit_code == 1
    assert "The migration has failed" in result.stderr
    assert "open again" in result.stderr
    assert not mode.is_on()


def test_online_nobody_is_disturbed(run, outdated, pauses, mode):
    during = []
    outdated(expand_only=True, run=lambda _engine: during.append(mode.is_on()))
    result = run("migrate", "--online")
    assert (result.exit_code, during, pauses) == (0, [False], [])


def test_online_refuses_what_the_running_shop_cannot_live_with(run, outdated, pauses):
    def fail(_engine):
        raise AssertionError

    outdated(expand_only=False, run=fail)
    result = run("migrate", "--online")
    assert result.exit_code == 1
    assert "Nothing was changed: the shop that runs cannot work after 9000" in result.stderr
    assert pauses == []


def test_nothing_to_do_disturbs_nobody(run, pauses):
    assert "already" in run("migrate").stdout
    assert pauses == []


def test_what_a_killed_migration_left_behind_ends_with_the_next(run, mode):
    mode.begin(NOW)
    result = run("migrate")
    assert result.exit_code == 0
    assert not mode.is_on()


def test_from_before_there_was_the_mode(run, engine, pauses):
    command.downgrade(migrations.configuration(engine), "0008")
    assert run("migrate").exit_code == 0
    assert migrations.is_current(engine)
    assert pauses == []


def test_a_newer_database_is_left_alone(run, engine):
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE shop_state SET usable_from = '9999'"))
    result = run("migrate")
    assert result.exit_code == 1
    assert "Nothing was changed: the database is of revision 9999" in result.stderr


# --- backup, restore


@pytest.fixture
def place(engine):
    """Puts orders of Ada's into the database."""

    def place(count=1, **values):
        values = {"email": ADA, "status": OrderStatus.SHIPPED, **values}
        with make_sessions(engine).begin() as session:
            session.add(wanted := book())
            made = [order(wanted, **values) for _ in range(count)]
            session.add_all(made)
            session.flush()
            for each in made:
                enqueue_order_email(session, each, MailKind.PAID, "", NOW)
            return [each.number for each in made]

    return place


def test_there_and_back_again(run, sqlite_url, folder, place, engine, database_url):
    if database_url.get_backend_name() != "sqlite":
        for words, program in ((["backup"], "pg_dump"), (["restore", "it"], "pg_restore")):
            result = run(*words)
            assert result.exit_code == 1
            assert f"{program} " in result.stderr
            assert "postgresql://" in result.stderr
        return
    place(2)
    made = run("backup")
    assert made.exit_code == 0
    assert "1 books, 2 orders" in made.stdout
    (file,) = (folder / "var" / "backups").iterdir()
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    place()
    refused = run("restore", str(file))
    assert refused.exit_code == 1
    assert "stop the shop first" in refused.stderr
    engine.dispose()
    restored = run("restore", str(file))
    assert restored.exit_code == 0
    assert "is kept as" in restored.stdout
    assert len(json.loads(run("orders", "list", "--json").stdout)["orders"]) == 2


def test_a_backup_that_cannot_be_made_is_said_without_a_traceback(run, sqlite_url, tmp_path):
    result = run("backup", str(tmp_path / "no" / "folder"), url=sqlite_url)
    assert result.exit_code == 1
    assert "could not be written" in result.stderr


# --- customer


def test_all_that_is_held_as_json(run, place):
    (number,) = place(address={"name": "Ada"})
    result = run("customer", "export", "ADA@mail.example")
    told = json.loads(result.stdout)
    assert [each["number"] for each in told["orders"]] == [number]
    assert told["orders"][0]["mails"][0]["recipient"] == ADA


def test_nothing_held_is_said(run):
    result = run("customer", "export", ADA)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Nothing is held about {ADA}" in result.stderr


def test_erasing_asks_first(run, place, engine):
    place()
    assert run("customer", "erase", ADA).exit_code == 1
    with make_sessions(engine)() as session:
        assert session.query(Order).one().email == ADA


def test_erasing_says_what_remains_and_can_be_repeated(run, place, engine, folder):
    (number,) = place(payment_intent="pi_of_ada")
    mail = folder / "mail"
    mail.mkdir()
    (mail / "1.eml").write_text(f"To: {ADA}\n\nDear Ada\n")
    (mail / "2.eml").write_text("To: b@mail.example\n\nDear Bob\n")
    result = run("customer", "erase", ADA, "--yes", mail__folder=str(mail))
    assert result.exit_code == 0, result.output
    for said in (number, "Mails erased: 2", "What remains", "Backups", "pi_of_ada", "privacy"):
        assert said in result.stdout
    assert [file.name for file in mail.iterdir()] == ["2.eml"]
    with make_sessions(engine)() as session:
        assert session.query(Order).one().email is None
        assert session.query(MailRecord).count() == 0
    again = run("customer", "erase", ADA, "--yes", mail__folder=str(mail))
    assert again.exit_code == 0
    assert "nameless: none" in again.stdout


def test_an_order_under_way_is_named(run, place):
    (number,) = place(status=OrderStatus.PAID)
    result = run("customer", "erase", ADA, "--yes")
    assert result.exit_code == 1
    assert f"Nothing was erased. These orders still need their customer: {number}" in result.stderr


def test_a_busy_database_is_said(run, place, monkeypatch):
    place()
    monkeypatch.setattr(sys.modules["bookshop.cli.customer"], "compact", lambda _engine: False)
    result = run("customer", "erase", ADA, "--yes")
    assert result.exit_code == 1
    assert "is erased, but the database is busy" in result.stderr
