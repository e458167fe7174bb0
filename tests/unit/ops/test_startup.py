"""What happens before the first request, by what the shop is run for."""

import logging

import pytest
from sqlalchemy import func, select, text

import bookshop
from bookshop import migrations
from bookshop.catalogue.models import BookRecord
from bookshop.db import writing
from bookshop.ops.check.database import check_database
from bookshop.ops.startup import StartupError, prepare
from tests.shops import ini


@pytest.fixture
def configure(tmp_path):
    """The registry of a shop whose database is wherever a test says."""
    made = []

    def configure(url, environment="development"):
        changes = {
            "sqlalchemy__url": url.render_as_string(hide_password=False),
            "bookshop__environment": environment,
        }
        section = ini(tmp_path / "var", "http://localhost:1", **changes)
        made.append(bookshop.configure(section).registry)
        return made[-1]

    yield configure
    for registry in made:
        registry.services.payments.close()
        registry.services.engine.dispose()


def count_books(registry):
    with registry.services.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(BookRecord))


def test_development_prepares_the_database_and_logs_it(configure, empty_url, tmp_path, caplog):
    caplog.set_level(logging.INFO, "bookshop")
    registry = configure(empty_url)
    prepare(registry, "my shop.ini")
    assert not migrations.pending(registry.services.engine)
    assert count_books(registry) >= 24
    assert (tmp_path / "var").is_dir()
    assert "demo_catalogue_loaded" in caplog.text
    caplog.clear()
    prepare(registry, "my shop.ini")
    assert caplog.text == ""


def test_outside_development_the_start_does_not_migrate(configure, empty_url):
    registry = configure(empty_url, "staging")
    with pytest.raises(StartupError, match=r"bookshop --config 'my shop\.ini' migrate"):
        prepare(registry, "my shop.ini")
    assert migrations.pending(registry.services.engine)


def test_outside_development_no_demo_is_loaded(configure, database_url):
    registry = configure(database_url, "staging")
    prepare(registry, "my shop.ini")
    assert count_books(registry) == 0


@pytest.fixture
def newer(configure, database_url):
    """A shop whose database a newer version has migrated, and what of it the old may still use."""

    def newer(usable_from, environment):
        registry = configure(database_url, environment)
        usable = usable_from or max(migrations.revisions())
        with writing(registry.services.engine).begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            values = {"at": usable}
            connection.execute(text("UPDATE shop_state SET usable_from = :at"), values)
        return registry

    return newer


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_an_older_shop_starts_where_the_newer_one_has_only_added(newer, environment):
    registry = newer(None, environment)
    prepare(registry, "my shop.ini")
    assert check_database(registry.services) == []


def test_an_older_shop_does_not_start_after_other_changes(newer):
    registry = newer("9999", "development")
    with pytest.raises(StartupError, match="9999") as refused:
        prepare(registry, "my shop.ini")
    assert isinstance(refused.value.__cause__, migrations.NewerSchemaError)


def test_a_file_that_is_no_database_is_named_as_such(make_registry, tmp_path):
    file = tmp_path / "notes.sqlite"
    file.write_text("not a database, but a text\n" * 100)
    with pytest.raises(StartupError, match="file is not a database"):
        prepare(make_registry(sqlalchemy__url=f"sqlite:///{file}"), "my shop.ini")


# --- check


def test_a_current_database_has_no_findings(configure, database_url):
    assert check_database(configure(database_url).services) == []


def test_a_database_of_another_version_is_found(configure, empty_url):
    [finding] = check_database(configure(empty_url, "staging").services)
    assert (finding.severity, finding.code, finding.key) == (
        "error",
        "database_outdated",
        "sqlalchemy.url",
    )
    assert finding.fix == "bookshop migrate"


def test_in_development_the_next_start_prepares_the_database(configure, empty_url):
    [finding] = check_database(configure(empty_url).services)
    assert (finding.severity, finding.code, finding.key) == (
        "error",
        "not_started",
        "sqlalchemy.url",
    )
    assert "migrate" not in finding.fix


def test_an_unreachable_database_server_is_found(configure, postgres):
    url = postgres.create("gone")
    postgres.drop("gone")
    [finding] = check_database(configure(url, "staging").services)
    assert finding.code == "database_unavailable"
    assert "OperationalError" in finding.problem


@pytest.fixture
def unusable(configure, sqlite_url, tmp_path):
    """A shop whose database is in a folder that cannot be made."""
    (tmp_path / "file").write_text("")
    return configure(sqlite_url.set(database=str(tmp_path / "file" / "shop.sqlite")))


def test_an_unusable_database_folder_stops_the_start_with_a_fix(unusable):
    with pytest.raises(StartupError, match=r"sqlalchemy\.url in my shop\.ini"):
        prepare(unusable, "my shop.ini")
