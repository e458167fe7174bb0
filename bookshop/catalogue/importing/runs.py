"""The progress of the import of a file, by which an interrupted import resumes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection, Engine

from bookshop.catalogue.edition import digest
from bookshop.catalogue.importing.models import ImportRun
from bookshop.db import insert_into

_RUNS: Any = ImportRun.__table__


@dataclass(frozen=True)
class SourceFile:
    """Identifies a file: `digest` changes with its path, size and modification time."""

    digest: str
    name: str

    @classmethod
    def of(cls, path: Path) -> SourceFile:
        """Identify a file on disk."""
        stat = path.stat()
        key = f"{path.resolve()}\n{stat.st_size}\n{stat.st_mtime_ns}"
        return cls(digest(key), path.name)


def processed_records(engine: Engine, file: SourceFile) -> int:
    """Return how many records an interrupted import has processed; 0 if there is none."""
    query = select(_RUNS.c.done).where(_RUNS.c.file == file.digest, _RUNS.c.ended_at.is_(None))
    with engine.connect() as connection:
        return connection.scalar(query) or 0


def start_run(connection: Connection, file: SourceFile, now: datetime) -> None:
    """Record the start of an import."""
    values = {"done": 0, "started_at": now, "ended_at": None}
    connection.execute(
        insert_into(connection, _RUNS)
        .values(file=file.digest, name=file.name, **values)
        .on_conflict_do_update(index_elements=[_RUNS.c.file], set_=values)
    )


def save_progress(connection: Connection, file: SourceFile, processed: int) -> None:
    """Record how many records have been processed."""
    connection.execute(update(_RUNS).where(_RUNS.c.file == file.digest).values(done=processed))


def end_run(connection: Connection, file: SourceFile, now: datetime) -> None:
    """Record that a file was imported to its end."""
    connection.execute(update(_RUNS).where(_RUNS.c.file == file.digest).values(ended_at=now))
