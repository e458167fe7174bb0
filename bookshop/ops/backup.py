"""Back up an SQLite database while the shop runs, verify the backup, and restore it.

https://www.sqlite.org/backup.html
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bookshop import migrations
from bookshop.ops.backup_schema import differences
from bookshop.private_files import FILE_MODE, create_private_file

LOCK_TIMEOUT = 5  # seconds
COMPANION_SUFFIXES = ("-wal", "-shm", "-journal")


class BackupError(Exception):
    """A backup cannot be made or restored: `code` is stable, the message says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Backup:
    """A verified backup: its schema revision, and the number of rows of each table."""

    file: Path
    revision: str
    rows: dict[str, int]


def back_up(database: Path, destination: Path, now: datetime) -> Backup:
    """Copy the database as of one moment to a file with mode 600, and verify the copy.

    `destination` is a folder, in which the file is named by the time, or a file that does not
    exist. The file gets its name only once it is verified. Raises BackupError.
    """
    if not database.is_file():
        raise BackupError("no_database", f"The database {database} does not exist.")
    file = destination
    if destination.is_dir():
        file = destination / f"{database.stem}-{now:%Y%m%dT%H%M%SZ}{database.suffix}"
    if file.exists():
        raise BackupError("file_exists", f"{file} already exists.")
    part = file.with_name(f"{file.name}.part")
    with _as_backup_error("not_written", f"{file} could not be written"):
        try:
            create_private_file(part).close()
        except FileExistsError:
            raise BackupError(
                "part_exists", f"{part} exists: another backup may be running."
            ) from None
        try:
            copied = _copy(database, part)
            _sync_to_disk(part)
            part.rename(file)
            _sync_to_disk(file.parent)
        finally:
            part.unlink(missing_ok=True)
    return Backup(file, copied.revision, copied.rows)


def verify(file: Path) -> Backup:
    """Read a backup completely and check its integrity. Raises BackupError."""
    if not file.is_file():
        raise BackupError("no_file", f"The file {file} does not exist.")
    with (
        _as_backup_error("no_backup", f"{file} is not a backup of a shop"),
        closing(_open_for_reading(file)) as connection,
    ):
        result = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if result != "ok":
            raise BackupError("damaged", f"{file} is damaged: {result}.")
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise BackupError(
                "missing_rows", f"{file} is damaged: it has references to missing rows."
            )
        revisions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        if len(revisions) != 1:
            text = f"{file} is not a backup of a shop: it has {len(revisions)} revisions."
            raise BackupError("no_backup", text)
        return Backup(file, revisions[0][0], _count_rows(connection))


def restore(database: Path, file: Path, now: datetime, *, force: bool = False) -> Path | None:
    """Replace the database with a backup, and return where the previous database was kept.

    No process may have the database open. `force` allows the schema of a newer version of the
    shop, and a schema that was changed by hand. Raises BackupError.
    """
    backup = verify(file)
    if not force:
        _check_schema(backup)
    database.parent.mkdir(parents=True, exist_ok=True)
    kept = None
    with _as_backup_error("not_written", f"{database} could not be written"):
        if database.exists():
            kept = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}")
            if kept.exists():
                raise BackupError("file_exists", f"{kept} already exists.")
        else:
            create_private_file(database).close()
        with _exclusive(database, kept) as target, closing(_open_for_reading(file)) as source:
            # One transaction: if interrupted, the next connection rolls it back.
            source.backup(target)
    return kept


def _check_schema(backup: Backup) -> None:
    if backup.revision not in migrations.revisions():
        text = f"{backup.file} was made by a newer version of the shop ({backup.revision})."
        raise BackupError("newer_schema", text)
    with closing(_open_for_reading(backup.file)) as connection:
        if found := differences(connection, backup.revision):
            text = f"{backup.file} does not have the schema of a shop: {'; '.join(found[:3])}."
            raise BackupError("other_schema", text)


def _copy(database: Path, part: Path) -> Backup:
    with (
        closing(sqlite3.connect(database, timeout=LOCK_TIMEOUT, isolation_level=None)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        # One read transaction for counting and copying; other connections keep writing meanwhile.
        source.execute("BEGIN")
        before = _count_rows(source)
        source.backup(target)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE")  # so that the backup is one file
    copied = verify(part)
    if copied.rows != before:
        raise BackupError("row_counts", f"{part} has a different number of rows than the database.")
    return copied


def _open_for_reading(file: Path) -> sqlite3.Connection:
    # Not read-only: SQLite does not check constraints of a database opened with mode=ro.
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")  # its views and triggers call nothing
    return connection


def _count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        " AND name NOT LIKE 'search~_index%' ESCAPE '~' ORDER BY name"
    ).fetchall()
    quoted = {name: name.replace('"', '""') for (name,) in tables}
    return {
        name: connection.execute(f'SELECT count(*) FROM "{safe}"').fetchone()[0]  # noqa: S608  # nosec B608
        for name, safe in quoted.items()
    }


@contextmanager
def _exclusive(database: Path, kept: Path | None) -> Iterator[sqlite3.Connection]:
    """Open the database with an exclusive lock, and copy it to `kept` first.

    The copy is deleted if the restore fails. The lock fails while a server runs, since each of its
    open connections holds a lock.
    """
    connection = sqlite3.connect(database, timeout=1, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=DELETE")  # moves the write-ahead log into the file
    except sqlite3.OperationalError as err:
        connection.close()
        if err.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise BackupError("in_use", f"{database} is in use: stop the shop first.") from None
    except sqlite3.DatabaseError:
        # Too damaged to be opened by any process: keep the files as they are.
        connection.close()
        connection = _replace(database, kept)
        kept = None  # moved: the only copy there is
    with closing(connection):
        try:
            if kept is not None:
                create_private_file(kept).close()
                with closing(sqlite3.connect(kept)) as copy:
                    connection.backup(copy)
            yield connection
        except BaseException:
            # The database is as it was: the copy would be one more place with personal data.
            if kept is not None:
                kept.unlink(missing_ok=True)
            raise


def _replace(database: Path, kept: Path | None) -> sqlite3.Connection:
    for suffix in ("", *COMPANION_SUFFIXES):
        file = Path(f"{database}{suffix}")
        if file.exists():
            file.chmod(FILE_MODE)
            file.rename(f"{kept}{suffix}")
    create_private_file(database).close()
    return sqlite3.connect(database, isolation_level=None)


@contextmanager
def _as_backup_error(code: str, problem: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, TypeError) as err:
        raise BackupError(code, f"{problem}: {err}.") from err


def _sync_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
