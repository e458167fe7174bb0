"""Deliveries of events: what is owed to which endpoint, when it is due, how it went.

A delivery's `status` is one of

pending    it is to be sent at `due` (seconds since 1970)
held       it waits for others, to be shuffled with them
sending    it is under way
succeeded  the endpoint has taken it
failed     it was tried as often as is due, or the endpoint wants no more
lost       it never set out, for a fault swallowed it

`asked`: a person wants it, so that neither a pause nor a fault keeps it back. Of a `batch` one is
sent after the other. `fault` names what befell it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeAlias

from bookshop.sandbox.ids import new_id
from bookshop.sandbox.store import Object, Store

Delivery: TypeAlias = dict[str, Any]
#: Seconds between the times at which those of a batch are due: they keep their order by it.
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
    """An endpoint is to be told of an event, now, if it hasn't been already."""
    now = time.time()
    store.run(
        "INSERT INTO deliveries (id, event, endpoint, type, status, created, due)"
        " VALUES (?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (event, endpoint) DO NOTHING",
        (new_id("delivery"), event["id"], endpoint["id"], event["type"], now, now),
    )


def newest(store: Store, most: int = -1) -> list[Delivery]:
    """The newest deliveries, or all, newest first."""
    found = store.run("SELECT * FROM deliveries ORDER BY seq DESC LIMIT ?", (most,))
    return [dict(row) for row in found]


def of_event(store: Store, event: str) -> list[Delivery]:
    """The deliveries of one event, oldest first."""
    found = store.run("SELECT * FROM deliveries WHERE event = ? ORDER BY seq", (event,))
    return [dict(row) for row in found]


def ask(store: Store, identifier: str) -> bool:
    """Send it once more, at once. False where there is no such delivery."""
    # SQL put together here is so of constants, here and below.
    statement = f"UPDATE deliveries SET {ASKED} WHERE id = ? RETURNING id"  # noqa: S608  # nosec B608
    return bool(store.run(statement, (time.time(), identifier)))


def ask_for_event(store: Store, event: str) -> None:
    """Send it once more to all who are owed it."""
    store.run(f"UPDATE deliveries SET {ASKED} WHERE event = ?", (time.time(), event))  # noqa: S608  # nosec B608


def ask_for_all(store: Store) -> None:
    """Send all that is pending, at once, in the order in which it is due."""
    store.run(
        "UPDATE deliveries SET due = min(due, ?), asked = 1 WHERE status = 'pending'",
        (time.time(),),
    )


def recover(store: Store) -> None:
    """What an earlier run left under way or held back is due."""
    store.run(
        "UPDATE deliveries SET status = 'pending', due = ? WHERE status IN ('sending', 'held')",
        (time.time(),),
    )
    store.run("UPDATE deliveries SET batch = NULL")


def claim(store: Store, now: float, *, paused: bool) -> Delivery | None:
    """Take what is due first: it is under way from now on."""
    claimed = store.run(CLAIM, {"now": now, "paused": paused})
    return dict(claimed[0]) if claimed else None


def next_due(store: Store, now: float, *, paused: bool) -> float | None:
    """When something will be due that isn't yet."""
    found = store.run(
        "SELECT min(due) AS due FROM deliveries WHERE due > ? AND (asked OR NOT ?)", (now, paused)
    )
    due: float | None = found[0]["due"]
    return due


def waiting(store: Store, now: float, *, paused: bool) -> int:
    """How many are under way or due."""
    found = store.run(
        "SELECT count(*) AS n FROM deliveries"
        " WHERE status = 'sending' OR (due <= ? AND (asked OR NOT ?))",
        (now, paused),
    )
    number: int = found[0]["n"]
    return number


def keep_back(store: Store, delivery: Delivery) -> None:
    """Write what becomes of one that was claimed and doesn't set out, for a fault."""
    store.run(
        "UPDATE deliveries SET fault = :fault, status = :status, due = :due, batch = :batch,"
        " attempts = 0 WHERE id = :id AND status = 'sending'",
        delivery,
    )


def held(store: Store, batch: int) -> list[str]:
    """The ids of what is held in a batch, in the order in which it came."""
    found = store.run(
        "SELECT id FROM deliveries WHERE batch = ? AND status = 'held' ORDER BY seq", (batch,)
    )
    return [row["id"] for row in found]


def release(store: Store, identifiers: Sequence[str]) -> None:
    """Let go of what is held, in that order."""
    first = time.time() - APART * len(identifiers)
    with store.transaction():
        for place, identifier in enumerate(identifiers):
            store.run(
                "UPDATE deliveries SET status = 'pending', due = ? WHERE id = ?",
                (first + APART * place, identifier),
            )


def hurry(store: Store, fault: str) -> None:
    """What a fault delayed is due."""
    store.run(
        "UPDATE deliveries SET due = min(due, ?)"
        " WHERE status = 'pending' AND attempts = 0 AND fault = ?",
        (time.time(), fault),
    )


def give_up(store: Store, endpoint: str, problem: str) -> None:
    """An endpoint is told nothing more."""
    store.run(
        "UPDATE deliveries SET status = 'failed', due = NULL, batch = NULL, problem = ?"
        " WHERE endpoint = ? AND status IN ('pending', 'held')",
        (problem, endpoint),
    )


def finish(store: Store, delivery: Delivery) -> None:
    """Write how an attempt went, unless a person has asked for another meanwhile."""
    store.run(
        "UPDATE deliveries SET status = :status, due = :due, answer = :answer,"
        " problem = :problem, fault = :fault, asked = 0, batch = NULL"
        " WHERE id = :id AND status = 'sending'",
        delivery,
    )
