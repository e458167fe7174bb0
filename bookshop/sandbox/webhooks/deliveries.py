"""Deliveries of events to endpoints: schedule, attempts, outcome.

A delivery's `status` is one of

pending    it will be sent at `due` (seconds since 1970)
held       it waits for other events, to be shuffled with them
sending    it is in progress
succeeded  the endpoint accepted it
failed     all attempts failed, or the endpoint was deleted
lost       a fault dropped it

`manual`: requested by a developer, so neither a pause nor a fault delays it. The deliveries of a
`batch` are sent one after the other. `fault` names the faults that were applied.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeAlias

from bookshop.sandbox.ids import new_id
from bookshop.sandbox.store import Object, Store

Delivery: TypeAlias = dict[str, Any]
BATCH_SPACING = 1e-4  # seconds between the due times of a batch, which keep its order
REQUESTED = "status = 'pending', due = ?, attempts = 0, manual = 1, batch = NULL"
CLAIM = """
    UPDATE deliveries SET status = 'sending', due = NULL, attempts = attempts + 1
    WHERE seq = (
        SELECT seq FROM deliveries AS next
        WHERE due <= :now AND (manual OR NOT :paused) AND (
            batch IS NULL OR NOT EXISTS (
                SELECT 1 FROM deliveries WHERE batch = next.batch AND status = 'sending'
            )
        )
        ORDER BY due, seq LIMIT 1
    )
    RETURNING *
"""


def schedule(store: Store, event: Object, endpoint: Object) -> None:
    """Schedule the delivery of an event to an endpoint now, unless it exists."""
    now = time.time()
    store.run(
        "INSERT INTO deliveries (id, event, endpoint, type, status, created, due)"
        " VALUES (?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (event, endpoint) DO NOTHING",
        (new_id("delivery"), event["id"], endpoint["id"], event["type"], now, now),
    )


def newest(store: Store, limit: int = -1) -> list[Delivery]:
    """Return deliveries, newest first; a negative `limit` returns all."""
    rows = store.run("SELECT * FROM deliveries ORDER BY seq DESC LIMIT ?", (limit,))
    return [dict(row) for row in rows]


def of_event(store: Store, event: str) -> list[Delivery]:
    """Return the deliveries of one event, oldest first."""
    rows = store.run("SELECT * FROM deliveries WHERE event = ? ORDER BY seq", (event,))
    return [dict(row) for row in rows]


def request_one(store: Store, identifier: str) -> bool:
    """Schedule another attempt now. Return False if there is no such delivery."""
    # SQL is composed of constants only, here and below.
    statement = f"UPDATE deliveries SET {REQUESTED} WHERE id = ? RETURNING id"  # noqa: S608  # nosec B608
    return bool(store.run(statement, (time.time(), identifier)))


def request_event(store: Store, event: str) -> None:
    """Schedule another attempt now for all deliveries of an event."""
    statement = f"UPDATE deliveries SET {REQUESTED} WHERE event = ?"  # noqa: S608  # nosec B608
    store.run(statement, (time.time(), event))


def request_all(store: Store) -> None:
    """Schedule all pending deliveries now, in the order in which they are due."""
    store.run(
        "UPDATE deliveries SET due = min(due, ?), manual = 1 WHERE status = 'pending'",
        (time.time(),),
    )


def recover(store: Store) -> None:
    """Schedule now the deliveries that an earlier run left in progress or held."""
    store.run(
        "UPDATE deliveries SET status = 'pending', due = ? WHERE status IN ('sending', 'held')",
        (time.time(),),
    )
    store.run("UPDATE deliveries SET batch = NULL")


def claim(store: Store, now: float, *, paused: bool) -> Delivery | None:
    """Claim the delivery that is due first."""
    rows = store.run(CLAIM, {"now": now, "paused": paused})
    return dict(rows[0]) if rows else None


def next_due(store: Store, now: float, *, paused: bool) -> float | None:
    """Return when the next delivery is due; None if none is scheduled."""
    rows = store.run(
        "SELECT min(due) AS due FROM deliveries WHERE due > ? AND (manual OR NOT ?)", (now, paused)
    )
    due: float | None = rows[0]["due"]
    return due


def waiting(store: Store, now: float, *, paused: bool) -> int:
    """Return the number of deliveries in progress or due."""
    rows = store.run(
        "SELECT count(*) AS n FROM deliveries"
        " WHERE status = 'sending' OR (due <= ? AND (manual OR NOT ?))",
        (now, paused),
    )
    number: int = rows[0]["n"]
    return number


def postpone(store: Store, delivery: Delivery) -> None:
    """Record that a claimed delivery is not sent now, because of a fault."""
    store.run(
        "UPDATE deliveries SET fault = :fault, status = :status, due = :due, batch = :batch,"
        " attempts = 0 WHERE id = :id AND status = 'sending'",
        delivery,
    )


def held(store: Store, batch: int) -> list[str]:
    """Return the ids held in a batch, in order of arrival."""
    rows = store.run(
        "SELECT id FROM deliveries WHERE batch = ? AND status = 'held' ORDER BY seq", (batch,)
    )
    return [row["id"] for row in rows]


def release(store: Store, identifiers: Sequence[str]) -> None:
    """Release held deliveries in that order."""
    first_due = time.time() - BATCH_SPACING * len(identifiers)
    with store.transaction():
        for position, identifier in enumerate(identifiers):
            store.run(
                "UPDATE deliveries SET status = 'pending', due = ? WHERE id = ?",
                (first_due + BATCH_SPACING * position, identifier),
            )


def end_delay(store: Store, fault: str) -> None:
    """Schedule now the deliveries that a fault delayed."""
    store.run(
        "UPDATE deliveries SET due = min(due, ?)"
        " WHERE status = 'pending' AND attempts = 0 AND fault = ?",
        (time.time(), fault),
    )


def give_up(store: Store, endpoint: str, problem: str) -> None:
    """Fail all pending deliveries of an endpoint."""
    store.run(
        "UPDATE deliveries SET status = 'failed', due = NULL, batch = NULL, problem = ?"
        " WHERE endpoint = ? AND status IN ('pending', 'held')",
        (problem, endpoint),
    )


def finish(store: Store, delivery: Delivery) -> None:
    """Record the result of an attempt, unless another attempt was requested meanwhile."""
    store.run(
        "UPDATE deliveries SET status = :status, due = :due, answer = :answer,"
        " problem = :problem, fault = :fault, manual = 0, batch = NULL"
        " WHERE id = :id AND status = 'sending'",
        delivery,
    )
