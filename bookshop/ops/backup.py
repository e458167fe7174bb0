"""Backups of an SQLite database: made while the shop sells, verified, and brought back.

https://www.sqlite.org/backup.html
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bookshop import migrations

PATIENCE = 5  # seconds
BESIDE = ("-wal", "-shm", "-journal")


class BackupError(Exception):
    """A backup that cannot be made or brought back; the text says why, in a sentence."""


@dataclass(frozen=True)
class Backup:
    """A backup that has been read from end to end: its revision, and the rows of each table."""

    file: Path
    revision: str
    rows: dict[str, int]


def back_up(database: Path, destination: Path, now: datetime) -> Backup:
    """Copy the database as it is at one moment, into a file that only its owner can read.

    `destination` is a folder, in which the file is named by the time, or a file that is not there
    yet. Nothing is written in its place before it has been verified. Raises BackupError.
    """
    if not database.is_file():
        raise BackupError(f"There is no database {database}.")
    file = destination
    if destination.is_dir():
        file = destination / f"{database.stem}-{now:%Y%m%dT%H%M%SZ}{database.suffix}"
    if file.exists():
        raise BackupError(f"{file} is there already.")
    part = file.with_name(f"{file.name}.part")
    with _in_words(f"{file} could not be written"):
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise BackupError(f"{part} is there: is another backup being made?") from None
        try:
            made = _copy(database, part)
            _flush(part)
            part.rename(file)
            _flush(file.parent)
        finally:
            part.unlink(missing_ok=True)
    return Backup(file, made.revision, made.rows)


def examine(file: Path) -> Backup:
    """Read a backup from end to end. Raises BackupError where something is wrong with it."""
    if not file.is_file():
        raise BackupError(f"There is no file {file}.")
    with (
        _in_words(f"{file} is no backup of a shop"),
        closing(_reading(file)) as connection,
    ):
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            raise BackupError(f"{file} is damaged: {found}.")
        if connection.execute("PRAGMA foreign_key_check").fetchone():
            raise BackupError(f"{file} is damaged: rows are missing.")
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return Backup(file, revision, _rows(connection))


def restore(database: Path, file: Path, now: datetime, *, newer: bool = False) -> Path | None:
    """Put a backup into the database's place; where the former database is kept now.

    Nobody may have the database open. `newer` allows a schema that this version does not know.
    Raises BackupError.
    """
    found = examine(file)
    if not newer and found.revision not in migrations.revisions():
        raise BackupError(f"{file} was made by a newer version of the shop ({found.revision}).")
    database.parent.mkdir(parents=True, exist_ok=True)
    kept = None
    with _in_words(f"{database} could not be written"):
        if database.exists():
            kept = database.with_name(f"{database.name}.before-{now:%Y%m%dT%H%M%SZ}")
            if kept.exists():
                raise BackupError(f"{kept} is there already.")
        else:
            os.close(os.open(database, os.O_CREAT | os.O_WRONLY, 0o600))
        with _alone(database, kept) as target, closing(_reading(file)) as source:
            # One transaction: interrupted, it is rolled back by whoever opens the database next.
            source.backup(target)
    return kept


def _copy(database: Path, part: Path) -> Backup:
    with (
        closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        # What is counted is what is copied; writers go on meanwhile.
        source.execute("BEGIN")
        before = _rows(source)
        source.backup(target)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE")  # a backup is one file
    copied = examine(part)
    if copied.rows != before:
        raise BackupError(f"{part} has other rows than the database.")
    return copied


def _reading(file: Path) -> sqlite3.Connection:
    # Of what is opened for reading alone SQLite does not check the constraints.
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True)


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        " AND name NOT LIKE 'search~_index%' ESCAPE '~' ORDER BY name"
    ).fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608  # nosec B608
        for (name,) in tables
    }


@contextmanager
def _alone(database: Path, kept: Path | None) -> Iterator[sqlite3.Connection]:
    """The database while nobody else has it open; as it was it is copied to `kept` first.

    A server keeps its connections open, and each connection a lock.
    """
    connection = sqlite3.connect(database, timeout=1, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=DELETE")  # all that is in the log is in the file
    except sqlite3.OperationalError as err:
        connection.close()
        if err.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise BackupError(f"{database} is in use: stop the shop first.") from None
    except sqlite3.DatabaseError:
        # It is damaged beyond being opened. Nobody can have it open, and it is kept as it is.
        connection.close()
        connection = _afresh(database, kept)
    else:
        if kept is not None:
            shutil.copy2(database, kept)
    with closing(connection):
        yield connection


def _afresh(database: Path, kept: Path | None) -> sqlite3.Connection:
    for suffix in ("", *BESIDE):
        part = Path(f"{database}{suffix}")
        if part.exists():
            part.rename(f"{kept}{suffix}")
    os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return sqlite3.connect(database, isolation_level=None)


@contextmanager
def _in_words(problem: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError, TypeError) as err:
        raise BackupError(f"{problem}: {err}.") from err


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
