"""The command line: its JSON and text output, and its exit codes."""

import json
import sqlite3
from contextlib import closing

import click
import pytest
from click.testing import CliRunner

from bookshop.cli import main
from bookshop.db import make_engine, make_sessions
from bookshop.orders.models import OrderLine
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book, order


@pytest.fixture
def place(database_url):
    """Place an order of two books; return its number."""
    engine = make_engine(database_url)

    def place(**values):
        with make_sessions(engine).begin() as session:
            made = order(book("A", title="Größe"), book("B", title="Two"), quantity=2, **values)
            session.add(made)
            session.flush()
            return made.number

    yield place
    engine.dispose()


# --- orders


def test_without_orders(run):
    result = run("orders", "list", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"orders": []})
    assert run("orders", "list").exit_code == 0


def test_orders_as_json(run, place):
    number = place(
        email="ada@mail.example",
        payment_intent="pi_1",
        status=OrderStatus.PAID,
        placed_at=NOW,
        paid_at=NOW,
        fraud_warned_at=NOW,
    )
    listed = json.loads(run("orders", "list", "--json").stdout)
    shown = json.loads(run("orders", "show", number, "--json").stdout)
    assert shown == {
        "number": number,
        "status": "paid",
        "payment_intent": "pi_1",
        "currency": "GBP",
        "total": 3996,
        "refunded": 0,
        "email": "ada@mail.example",
        "lines": [
            {"sku": "A", "title": "Größe", "quantity": 2, "amount": 1998, "shipped": 0},
            {"sku": "B", "title": "Two", "quantity": 2, "amount": 1998, "shipped": 0},
        ],
        "placed_at": "2026-06-01T12:00:00+00:00",
        "paid_at": "2026-06-01T12:00:00+00:00",
        "flags": ["fraud_warning"],
        "refunds": [],
        "disputes": [],
        "history": [],
    }
    for name in ("refunds", "disputes", "history"):
        del shown[name]
    assert listed == {"orders": [shown]}


def test_orders_as_text(run, place):
    number = place(placed_at=NOW)
    listed, shown = run("orders", "list").stdout, run("orders", "show", number).stdout
    for text in (number, "awaiting_payment", "£39.96", "2026-06-01 12:00"):
        assert text in listed
        assert text in shown
    assert "Größe, Two" in listed
    assert "  2 x Größe (A) £19.98\n" in shown


def test_a_narrow_terminal_cuts_no_order_number(run, place):
    number = place(placed_at=NOW, email="ada.lovelace@mail.example")
    assert number in run("orders", "list", columns="80").stdout


def test_an_order_number_may_be_in_lower_case(run, place):
    number = place()
    assert number in run("orders", "show", number.lower()).stdout


def test_an_unknown_order(run):
    result = run("orders", "show", "K7QM-2X9T-4BCD", "--json")
    assert result.exit_code == 1
    assert "K7QM-2X9T-4BCD" in result.stderr
    assert result.stdout == ""


def test_the_number_of_orders_is_limited(run, place):
    place()
    assert json.loads(run("orders", "list", "--json", "--limit", "1").stdout)["orders"]
    assert run("orders", "list", "--limit", "0").exit_code == 2


# --- unusable databases


@pytest.fixture
def unusable(folder, sqlite_url):
    """The URL of a database in a folder that cannot be created."""
    (folder / "file").write_text("")
    return sqlite_url.set(database=str(folder / "file" / "shop.sqlite"))


@pytest.mark.parametrize("words", [["migrate"], ["orders", "list"]])
def test_a_database_that_cannot_be_created_is_reported_without_a_traceback(run, unusable, words):
    result = run(*words, url=unusable)
    assert result.exit_code == 1
    assert "sqlalchemy.url" in result.stderr
    assert isinstance(result.exception, SystemExit)


STAGING = {
    "bookshop__environment": "staging",
    "bookshop__secret": "b3c1f0a94d7e4c5f8a6b2d1e0f9c8b7a",
}


def test_an_outdated_database_is_reported_with_the_command_to_run(run, empty_url):
    result = run("orders", "list", url=empty_url, **STAGING)
    assert result.exit_code == 1
    assert "bookshop migrate" in result.stderr
    in_development = run("orders", "list", url=empty_url)
    assert in_development.exit_code == 1
    assert "pserve" in in_development.stderr


# --- check


IN_LONDON = {"bookshop.timezone": "Europe/London"}


def test_check_without_findings(run):
    assert run("migrate", **IN_LONDON).exit_code == 0
    assert run("check", "--offline", **IN_LONDON).exit_code == 0
    result = run("check", "--offline", "--json", **IN_LONDON)
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"findings": []})


def test_check_reports_an_outdated_database(run, empty_url):
    result = run("check", "--offline", "--json", url=empty_url, **IN_LONDON)
    assert result.exit_code == 1
    [finding] = json.loads(result.stdout)["findings"]
    assert set(finding) == {"severity", "code", "key", "problem", "fix", "why", "file", "line"}
    assert finding["code"] == "not_started"
    printed = run("check", "--offline", url=empty_url, **IN_LONDON)
    assert printed.exit_code == 1
    assert all(str(value) in printed.stdout for value in finding.values())


def test_check_reports_all_invalid_settings(run):
    wrong = {"bookshop.currency": "DEM", "bookshop.curency": "EUR"}
    result = run("check", "--offline", "--json", **wrong)
    assert result.exit_code == 2
    assert {finding["key"] for finding in json.loads(result.stdout)["findings"]} == {
        "bookshop.currency",
        "bookshop.curency",
    }
    assert run("check", "--offline", **wrong).exit_code == 2


# --- invalid settings


@pytest.mark.parametrize("words", [["orders", "list"], ["migrate"], ["orders", "show", "X"]])
def test_invalid_settings_are_reported_without_a_traceback(run, words):
    result = run(*words, stripe__secret_key="sk_Confidential")
    assert result.exit_code == 2
    assert "stripe.secret_key: " in result.stderr
    assert "Traceback" not in result.output
    assert "Confidential" not in result.output


@pytest.mark.parametrize("words", [["check"], ["orders", "list"]])
def test_a_missing_ini(words, folder):
    result = CliRunner().invoke(main, ["--config", str(folder / "none.ini"), *words])
    assert result.exit_code == 2
    assert "none.ini" in result.stderr


@pytest.mark.parametrize(
    "text",
    ["no section\n", "[app:other]\n", "[app:main]\nuse = config:none.ini\n", "[app:main\n", "\x00"],
    ids=[
        "no section",
        "another section",
        "inherits from a missing file",
        "half a section",
        "no text",
    ],
)
def test_an_unreadable_ini_is_reported(text, folder):
    ini = folder / "shop.ini"
    ini.write_text(text)
    result = CliRunner().invoke(main, ["--config", str(ini), "check"])
    assert result.exit_code == 2, result.exception
    assert "Traceback" not in result.output


def test_wrong_usage():
    assert CliRunner().invoke(main, ["nonsense"]).exit_code == 2
    assert CliRunner().invoke(main, ["orders", "show"]).exit_code == 2


def all_commands(command, *names):
    """Yield the names that lead to each command, and the command."""
    yield names, command
    for name, child in getattr(command, "commands", {}).items():
        yield from all_commands(child, *names, name)


def test_every_command_and_option_has_help():
    for names, command in all_commands(main):
        assert command.help, names
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert [option.name for option in options if not option.help] == [], names
        assert CliRunner().invoke(main, [*names, "--help"]).exit_code == 0


MARKUP = ["[sic] Moss [/b]", "[bold]x", "[link=https://evil.example]y[/link]", ":skull:"]


@pytest.mark.parametrize("title", MARKUP)
def test_a_title_that_looks_like_markup_is_text(run, place, sessions, title):
    number = place(status=OrderStatus.PAID, paid_at=NOW)
    with sessions.begin() as session:
        session.query(OrderLine).update({"title": title})
    for words in (("list",), ("show", number), ("ship", number)):
        result = run("orders", *words)
        assert result.exit_code == 0, result.output
        assert title in result.stdout


def test_titles_cannot_control_the_terminal(run, place, sessions):
    number = place(status=OrderStatus.PAID, paid_at=NOW)
    with sessions.begin() as session:
        session.query(OrderLine).update({"title": "\x1b]0;evil\a\rMoss"})
    for words in (("list",), ("show", number), ("ship", number)):
        result = run("orders", *words)
        assert "\x1b" not in result.stdout
        assert "\\x1b]0;evil" in result.stdout


def test_no_list_of_commands_cuts_a_summary():
    for names, command in all_commands(main):
        if isinstance(command, click.Group):
            listed = CliRunner().invoke(main, [*names, "--help"], env={"COLUMNS": "80"}).stdout
            commands = listed.partition("Commands:")[2].splitlines()
            assert [line for line in commands if line.endswith("...")] == [], names


WRITING = (
    ("customer", "erase", "--yes", "ada@reader.example"),
    ("events", "apply", "evt_1"),
    ("import", "-"),
    ("mail", "send"),
    ("orders", "ship", "11111"),
    ("reconcile",),
    ("refund", "11111"),
)
READING = (("orders", "list"), ("mail", "list"), ("events", "list"), ("export", "-"))


@pytest.fixture
def read_only(folder):
    (folder / "var").mkdir(exist_ok=True)
    (folder / "var" / "read-only").touch()


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_while_the_shop_is_read_only_no_command_writes(run, words):
    result = run(*words)
    assert result.exit_code == 1
    assert "read-only" in result.stderr


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_while_the_shop_is_read_only_commands_may_read(run, words):
    assert run(*words).exit_code == 0


# --- a database that fails


@pytest.fixture
def lock(sqlite_url, monkeypatch):
    """Hold SQLite's write lock; commands wait only a moment for it."""
    monkeypatch.setattr("bookshop.db.LOCK_WAIT", 0.1)
    with closing(sqlite3.connect(sqlite_url.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(
    "words",
    [
        *("orders list", "mail list", "events list", "export", "check --offline"),
        *("orders show NONE", "events show evt_1", "customer export ada@mail.example"),
    ],
)
def test_commands_that_read_do_not_wait_for_a_writer(run, sqlite_url, words):
    result = run(*words.split(), url=sqlite_url)
    assert "database is locked" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(
    "words",
    ["orders ship K7QM-2X9T-4BCD", "mail send --again 1", "customer erase ada@mail.example --yes"],
)
def test_a_database_error_ends_a_command_with_its_reason(run, sqlite_url, words):
    result = run(*words.split(), url=sqlite_url)
    assert result.exit_code == 1
    assert "database is locked" in result.stderr
    assert isinstance(result.exception, SystemExit)
