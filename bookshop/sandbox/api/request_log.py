"""The log of API requests, without sensitive data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from bookshop.sandbox.api import redaction
from bookshop.sandbox.store import Store

MAX_ENTRIES = 1000


@dataclass
class Entry:
    """One request. `time` is in seconds since 1970, `status` None if no response was sent."""

    request_id: str
    time: float
    method: str
    path: str
    idempotency_key: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    error: str | None = None
    replayed: bool = False
    fault: str | None = None
    duration: float = 0.0


def write(store: Store, entry: Entry) -> None:
    """Log a request, and delete the oldest entries."""
    redacted = {
        **asdict(entry),
        "path": redaction.hide(entry.path),
        "parameters": redaction.for_log(entry.parameters),
    }
    with store.transaction():
        store.run("INSERT INTO requests (body) VALUES (?)", (json.dumps(redacted),))
        store.run(
            "DELETE FROM requests WHERE seq <= (SELECT max(seq) FROM requests) - ?", (MAX_ENTRIES,)
        )


def read(store: Store) -> list[dict[str, Any]]:
    """Return all entries, newest first."""
    rows = store.run("SELECT body FROM requests ORDER BY seq DESC")
    return [json.loads(row["body"]) for row in rows]
