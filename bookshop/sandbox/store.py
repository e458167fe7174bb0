"""Storage: one SQLite file, one connection, one writer at a time."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

SCHEMA = """
CREATE TABLE objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    notes TEXT NOT NULL
);
CREATE INDEX objects_of_kind ON objects (kind, seq);
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    created REAL NOT NULL,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
);
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    created REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL,
    manual INTEGER NOT NULL DEFAULT 0,
    batch INTEGER,
    fault TEXT NOT NULL DEFAULT '',
    answer INTEGER,
    problem TEXT,
    UNIQUE (event, endpoint)
);
CREATE INDEX deliveries_due ON deliveries (due) WHERE due IS NOT NULL;
CREATE INDEX deliveries_batch ON deliveries (batch) WHERE batch IS NOT NULL;
PRAGMA user_version = 3;
"""
VERSION = 3
#: Statements that begin, roll back and end a transaction.
OUTERMOST = ("BEGIN IMMEDIATE", ["ROLLBACK"], "COMMIT")
INNER = ("SAVEPOINT within", ["ROLLBACK TO within", "RELEASE within"], "RELEASE within")


class Store:
    """Objects by id, as the API returns them to the account's owner.

    `notes` are the sandbox's own data about an object, such as a test card's behaviour. Raises
    sqlite3.DatabaseError if the file is not a sandbox database of this version.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # readable by its owner only, as are SQLite's files beside it
            path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        tables = self.run("SELECT count(*) AS n FROM sqlite_schema")[0]["n"]
        version = self.run("PRAGMA user_version")[0]["user_version"]
        if tables and version != VERSION:
            message = "the file belongs to another version: delete it, or name another file"
            raise sqlite3.DatabaseError(message)
        self.run("PRAGMA journal_mode = WAL")
        # The last second may be lost when the machine crashes, but not when the process does.
        self.run("PRAGMA synchronous = NORMAL")
        if not tables:
            self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction, which may be nested: all writes inside are kept, or none."""
        with self._lock:
            outermost = not self._connection.in_transaction
            begin, undo, end = OUTERMOST if outermost else INNER
            self._connection.execute(begin)
            try:
                yield
            except BaseException:
                for statement in undo:
                    self._connection.execute(statement)
                raise
            self._connection.execute(end)

    def run(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[sqlite3.Row]:
        """Execute a statement and return its rows."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def save(self, thing: Object, notes: Object | None = None) -> None:
        """Insert or update an object. Without `notes`, existing notes are kept."""
        self.run(
            "INSERT INTO objects (kind, id, body, notes) VALUES (:kind, :id, :body, :notes)"
            " ON CONFLICT (id) DO UPDATE SET body = :body,"
            " notes = CASE WHEN :keep THEN notes ELSE :notes END",
            {
                "kind": thing["object"],
                "id": thing["id"],
                "body": json.dumps(thing),
                "notes": json.dumps(notes or {}),
                "keep": notes is None,
            },
        )

    def find(self, kind: str, identifier: str) -> Object | None:
        """Return the object of that type and id."""
        rows = self.run("SELECT body FROM objects WHERE id = ? AND kind = ?", (identifier, kind))
        return json.loads(rows[0]["body"]) if rows else None

    def notes(self, identifier: str) -> Object:
        """Return the notes of an object."""
        rows = self.run("SELECT notes FROM objects WHERE id = ?", (identifier,))
        notes: Object = json.loads(rows[0]["notes"]) if rows else {}
        return notes

    def select(
        self, kind: str, *, charge: str | None = None, payment_intent: str | None = None
    ) -> Iterator[Object]:
        """Yield the objects of a type, newest first.

        With a charge or an intent, only those that reference it.
        """
        rows = self.run(
            "SELECT body FROM objects WHERE kind = :kind"
            " AND (:charge IS NULL OR json_extract(body, '$.charge') = :charge)"
            " AND (:intent IS NULL OR json_extract(body, '$.payment_intent') = :intent)"
            " ORDER BY seq DESC",
            {"kind": kind, "charge": charge, "intent": payment_intent},
        )
        return (json.loads(row["body"]) for row in rows)
