"""Backups of SQLite are consistent and verified, and restored only where that is safe."""

import sqlite3
import stat
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import URL, text

from bookshop import migrations
from bookshop.db import make_engine, make_sessions
from bookshop.ops import backup
from bookshop.ops.backup import Backup, BackupError, back_up, restore, verify
from bookshop.private_files import create_private_file
from tests.unit.makers import NOW, book, order


@pytest.fixture
def database(sqlite_url):
    return Path(sqlite_url.database)


@pytest.fixture
def shop(sqlite_url):
    """A connection that keeps the database open."""
    engine = make_engine(sqlite_url)
    yield engine
    engine.dispose()


def sell(engine, count=1):
    with make_sessions(engine).begin() as session:
        session.add(sold := book())
        session.add_all(order(sold) for _ in range(count))


def count(file):
    return verify(file).rows["orders"]


def damage(file):
    content = bytearray(file.read_bytes())
    content[3 * 4096 : -4096] = b"\xff" * (len(content) - 4 * 4096)
    file.write_bytes(content)


# --- back_up


def test_a_backup_is_one_private_file_named_by_the_time(database, shop, tmp_path):
    sell(shop, 3)
    folder = tmp_path / "backups"
    folder.mkdir()
    made = back_up(database, folder, NOW)
    assert made.file == folder / "shop-20260601T120000Z.sqlite"
    assert [file.name for file in folder.iterdir()] == [made.file.name]
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert (made.rows["orders"], made.rows["books"]) == (3, 1)
    assert made.revision in migrations.revisions()


def test_the_write_ahead_log_is_in_the_backup(database, shop, tmp_path):
    sell(shop)
    assert Path(f"{database}-wal").stat().st_size > 0
    assert count(back_up(database, tmp_path / "it.sqlite", NOW).file) == 1


def test_a_backup_is_consistent_while_the_shop_sells(database, shop, tmp_path):
    ended = threading.Event()

    def keep_selling():
        while not ended.is_set():
            sell(shop, 2)

    seller = threading.Thread(target=keep_selling)
    seller.start()
    try:
        made = [back_up(database, tmp_path / f"{n}.sqlite", NOW) for n in range(8)]
    finally:
        ended.set()
        seller.join()
    sold = [each.rows["orders"] for each in made]
    assert sold == sorted(sold)
    # Each transaction is in the backup with all of its rows or with none.
    assert all(each.rows["orders"] == 2 * each.rows["books"] for each in made)
    assert all(each.rows["order_lines"] == each.rows["orders"] for each in made)


def test_an_existing_file_is_not_overwritten(database, tmp_path):
    file = tmp_path / "precious"
    file.write_text("mine")
    with pytest.raises(BackupError) as refused:
        back_up(database, file, NOW)
    assert refused.value.code == "file_exists"
    assert file.read_text() == "mine"


def test_two_backups_do_not_write_the_same_file(database, tmp_path):
    (tmp_path / "it.sqlite.part").touch()
    with pytest.raises(BackupError) as refused:
        back_up(database, tmp_path / "it.sqlite", NOW)
    assert refused.value.code == "part_exists"
    assert (tmp_path / "it.sqlite.part").exists()


def test_a_damaged_database_is_not_backed_up(database, tmp_path):
    damage(database)
    with pytest.raises(BackupError):
        back_up(database, tmp_path / "it.sqlite", NOW)
    assert not list(tmp_path.glob("it.sqlite*"))


def test_rows_that_violate_a_constraint_are_not_backed_up(database, shop, tmp_path):
    sell(shop)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute("UPDATE books SET stock = -1")
    with pytest.raises(BackupError, match="CHECK constraint") as refused:
        back_up(database, tmp_path / "it.sqlite", NOW)
    assert refused.value.code == "damaged"


def test_broken_references_are_not_backed_up(database, tmp_path):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO listing_subjects (code, book_id) VALUES ('A', 9)")
    with pytest.raises(BackupError) as refused:
        back_up(database, tmp_path / "it.sqlite", NOW)
    assert refused.value.code == "missing_rows"


def test_a_copy_with_other_row_counts_is_discarded(database, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "bookshop.ops.backup._count_rows", lambda connection: {"at": id(connection)}
    )
    with pytest.raises(BackupError) as refused:
        back_up(database, tmp_path / "it.sqlite", NOW)
    assert refused.value.code == "row_counts"
    assert not list(tmp_path.glob("it.sqlite*"))


def test_a_destination_in_a_missing_folder_is_refused(database, tmp_path):
    with pytest.raises(BackupError) as refused:
        back_up(database, tmp_path / "nowhere" / "it.sqlite", NOW)
    assert refused.value.code == "not_written"


def test_a_missing_database_is_not_backed_up(tmp_path):
    with pytest.raises(BackupError) as refused:
        back_up(tmp_path / "none.sqlite", tmp_path, NOW)
    assert refused.value.code == "no_database"


# --- restore


@pytest.fixture
def made(database, sqlite_url, tmp_path):
    """A backup with one order, of a database that now has three."""
    engine = make_engine(sqlite_url)
    sell(engine)
    made = back_up(database, tmp_path / "it.sqlite", NOW)
    sell(engine, 2)
    engine.dispose()
    return made.file


def test_the_previous_database_is_kept_beside_the_restored_one(database, made):
    kept = restore(database, made, NOW)
    assert (count(database), count(kept), count(made)) == (1, 3, 1)
    assert kept.name == "shop.sqlite.before-20260601T120000Z"


def test_the_kept_database_is_private_before_it_has_any_data(database, made, monkeypatch):
    database.chmod(0o644)
    modes = []

    def create(path):
        file = create_private_file(path)
        modes.append((path.name, stat.S_IMODE(path.stat().st_mode), path.stat().st_size))
        return file

    monkeypatch.setattr(backup, "create_private_file", create)
    kept = restore(database, made, NOW)
    assert modes == [(kept.name, 0o600, 0)]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_restore_that_fails_leaves_no_copy_of_the_database(database, made, monkeypatch):
    class Source(sqlite3.Connection):
        def backup(self, *_target):
            raise sqlite3.OperationalError("disk full")

    opened = sqlite3.connect(made, factory=Source)
    monkeypatch.setattr(backup, "_open_for_reading", lambda _file: opened)
    monkeypatch.setattr(
        backup, "verify", lambda file: Backup(file, max(migrations.revisions()), {})
    )
    with pytest.raises(BackupError):
        restore(database, made, NOW)
    monkeypatch.undo()
    assert count(database) == 3
    assert [file.name for file in database.parent.glob("*.before-*")] == []


def test_a_restored_database_is_usable_and_can_be_restored_again(database, made, sqlite_url):
    restore(database, made, NOW)
    engine = make_engine(sqlite_url)
    assert not migrations.pending(engine)
    sell(engine)
    engine.dispose()
    assert count(database) == 2
    restore(database, made, NOW + timedelta(seconds=1))
    assert count(database) == 1


def test_restoring_without_a_database_creates_one(made, tmp_path):
    database = tmp_path / "new" / "shop.sqlite"
    assert restore(database, made, NOW) is None
    assert count(database) == 1
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


def test_a_database_in_use_is_not_replaced_even_if_idle(database, made, shop):
    with shop.connect() as connection:
        connection.execute(text("SELECT 1 FROM orders"))
    with pytest.raises(BackupError) as refused:
        restore(database, made, NOW)
    assert refused.value.code == "in_use"
    sell(shop)
    shop.dispose()
    assert count(database) == 4
    assert not list(database.parent.glob("*.before-*"))


def test_a_damaged_backup_is_refused(database, made):
    before = count(database)
    damage(made)
    with pytest.raises(BackupError):
        restore(database, made, NOW)
    assert count(database) == before


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "no_file"), (b"", "no_backup"), (b"no database at all" * 100, "no_backup")],
)
def test_a_file_that_is_not_a_backup_is_refused(database, tmp_path, content, code):
    file = tmp_path / "other"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BackupError) as refused:
        restore(database, file, NOW)
    assert refused.value.code == code


def test_a_backup_of_a_newer_shop_needs_the_flag(database, made):
    with closing(sqlite3.connect(made)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BackupError) as refused:
        restore(database, made, NOW)
    assert refused.value.code == "newer_schema"
    assert count(database) == 3
    restore(database, made, NOW, force=True)
    assert verify(database).revision == "9999"


def test_an_unreadable_database_is_replaced_and_kept(database, made):
    database.write_bytes(b"\0" * 9000)
    kept = restore(database, made, NOW)
    assert kept.read_bytes() == b"\0" * 9000
    assert count(database) == 1


# --- hostile files


HOSTILE = {
    "trigger": "CREATE TRIGGER t AFTER UPDATE ON orders BEGIN DELETE FROM books; END",
    "view for a table": "DROP TABLE webhook_events; CREATE VIEW webhook_events AS SELECT 1 AS id",
    "table": "CREATE TABLE more (x)",
    "quoted name": 'CREATE TABLE "x""; DROP TABLE orders; --" (a)',
    "generated column": "ALTER TABLE orders ADD COLUMN bomb AS (zeroblob(1000000000))",
    "missing table": "DROP TABLE webhook_events",
    "missing column": "ALTER TABLE orders DROP COLUMN email",
    "index": "CREATE INDEX more ON orders (length(email))",
}


@pytest.mark.parametrize("script", HOSTILE.values(), ids=HOSTILE)
def test_a_backup_with_another_schema_is_refused(database, shop, tmp_path, script):
    sell(shop)
    file = back_up(database, tmp_path / "made.sqlite", NOW).file
    shop.dispose()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
    before = database.read_bytes()
    with pytest.raises(BackupError) as refused:
        restore(database, file, NOW)
    assert refused.value.code == "other_schema"
    assert database.read_bytes() == before
    restore(database, file, NOW, force=True)


@pytest.mark.parametrize(
    "script", ["DELETE FROM alembic_version", "INSERT INTO alembic_version VALUES ('0001')"]
)
def test_a_backup_without_one_revision_is_refused(database, shop, tmp_path, script):
    file = back_up(database, tmp_path / "made.sqlite", NOW).file
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
    with pytest.raises(BackupError) as refused:
        verify(file)
    assert refused.value.code == "no_backup"


@pytest.mark.parametrize("revision", sorted(migrations.revisions())[-3:])
def test_a_backup_of_an_earlier_version_is_restored(database, tmp_path, revision):
    engine = make_engine(URL.create("sqlite", database=str(tmp_path / "earlier.sqlite")))
    command.upgrade(migrations.configuration(engine), revision)
    made = back_up(tmp_path / "earlier.sqlite", tmp_path / "made.sqlite", NOW)
    engine.dispose()
    assert made.revision == revision
    database.unlink(missing_ok=True)
    assert restore(database, made.file, NOW) is None
