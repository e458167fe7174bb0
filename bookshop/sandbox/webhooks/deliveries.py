"""Deliveries of events to endpoints: schedule, attempts, outcome.

A delivery's `status` is one of

pending    it will be sent at `due` (seconds since 1970)
held       it waits for other events, to be shuffled with them
sending    it is in progress
succeeded  the endpoint accepted it
failed     all attempts failed, or the endpoint was deleted
lost       a fault dropped it

`asked`: requested by a person, so that neither a pause nor a fault delays it. The deliveries of a
`batch` are sent one after the other. `fault` names the faults that were applied.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeAlias

from bookshop.sandbox.ids import new_id
from bookshop.sandbox.store import Object, Store

Delivery: TypeAlias = dict[str, Any]
#: Seconds between the due times of a batch, which keep its order.
APART = 1e-4
ASKED = "status = 'pending', due = ?, attempts = 0, asked = 1, batch = NULL"
CLAIM = """
    UPDATE deliveries SET status = 'sending', due = NULL, attempts = attempts + 1
    WHERE seq = (
        SELECT seq FROM deliveries AS next
        WHERE due <= :now AND (asked OR NOT :paused) AND (
            batch IS NULL OR NOT EXISTS (
                SELECT 1 FROM deliveries WHERE batch = next.batch AND status = 'sending'
            )
        )
        ORDER BY due, seq LIMIT 1
    )
    RETURNING *
"""


def owe(store: Store, event: Object, endpoint: Object) -> None:
    """Schedule the delivery of an event to an endpoint now, unless it exists."""
    now = time.time()
    store.run(
        "INSERT INTO deliveries (id, event, endpoint, type, status, created, due)"
        " VALUES (?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (event, endpoint) DO NOTHING",
        (new_id("delivery"), event["id"], endpoint["id"], event["type"], now, now),
    )


def newest(store: Store, most: int = -1) -> list[Delivery]:
    """Return the newest deliveries, or all, newest first."""
    found = store.run("SELECT * FROM deliveries ORDER BY seq DESC LIMIT ?", (most,))
    return [dict(row) for row in found]


def of_event(store: Store, event: str) -> list[Delivery]:
    """Return the deliveries of one event, oldest first."""
    found = store.run("SELECT * FROM deliveries WHERE event = ? ORDER BY seq", (event,))
    return [dict(row) for row in found]


def ask(store: Store, identifier: str) -> bool:
    """Schedule another attempt now. Return False if there is no such delivery."""
    # SQL is composed of constants only, here and below.
    statement = f"UPDATE deliveries SET {ASKED} WHERE id = ? RETURNING id"  # noqa: S608  # nosec B608
    return bool(store.run(statement, (time.time(), identifier)))


def ask_for_event(store: Store, event: str) -> None:
    """Schedule another attempt for all deliveries of an event."""
    store.run(f"UPDATE deliveries SET {ASKED} WHERE event = ?", (time.time(), event))  # noqa: S608  # nosec B608


def ask_for_all(store: Store) -> None:
    """Schedule all pending deliveries now, in the order in which they are due."""
    store.run(
        "UPDATE deliveries SET due = min(due, ?), asked = 1 WHERE status = 'pending'",
        (time.time(),),
    )


def recover(store: Store) -> None:
    """Make deliveries due that an earlier run left in progress or held."""
    store.run(
        "UPDATE deliveries SET status = 'pending', due = ? WHERE status IN ('sending', 'held')",
        (time.time(),),
    )
    store.run("UPDATE deliveries SET batch = NULL")


def claim(store: Store, now: float, *, paused: bool) -> Delivery | None:
    """Claim the delivery that is due first."""
    claimed = store.run(CLAIM, {"now": now, "paused": paused})
    return dict(claimed[0]) if claimed else None


def next_due(store: Store, now: float, *, paused: bool) -> float | None:
    """Return when the next delivery is due."""
    found = store.run(
        "SELECT min(due) AS due FROM deliveries WHERE due > ? AND (asked OR NOT ?)", (now, paused)
    )
    due: float | None = found[0]["due"]
    return due


def waiting(store: Store, now: float, *, paused: bool) -> int:
    """Return the number of deliveries in progress or due."""
    found = store.run(
        "SELECT count(*) AS n FROM deliveries"
        " WHERE status = 'sending' OR (due <= ? AND (asked OR NOT ?))",
        (now, paused),
    )
    number: int = found[0]["n"]
    return number


def keep_back(store: Store, delivery: Delivery) -> None:
    """Record that a claimed delivery is not sent because of a fault."""
    store.run(
        "UPDATE deliveries SET fault = :fault, status = :status, due = :due, batch = :batch,"
        " attempts = 0 WHERE id = :id AND status = 'sending'",
        delivery,
    )


def held(store: Store, batch: int) -> list[str]:
    """Return the ids held in a batch, in order of arrival."""
    found = store.run(
        "SELECT id FROM deliveries WHERE batch = ? AND status = 'held' ORDER BY seq", (batch,)
    )
    return [row["id"] for row in found]


def release(store: Store, identifiers: Sequence[str]) -> None:
    """Release held deliveries in that order."""
    first = time.time() - APART * len(identifiers)
    with store.transaction():
        for place, identifier in enumerate(identifiers):
            store.run(
                "UPDATE deliveries SET status = 'pending', due = ? WHERE id = ?",
                (first + APART * place, identifier),
            )


def hurry(store: Store, fault: str) -> None:
    """Make deliveries due that a fault delayed."""
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
        " problem = :problem, fault = :fault, asked = 0, batch = NULL"
        " WHERE id = :id AND status = 'sending'",
        delivery,
    )
