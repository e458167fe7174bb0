"""Events, and who is to be told: https://docs.stripe.com/api/events."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .ids import API_VERSION, new_id
from .store import Object, Store


@dataclass(frozen=True)
class Cause:
    """The request that an event comes of; none where the sandbox itself did something."""

    request: str | None = None
    idempotency_key: str | None = None


class Events:
    """Writes events and, where somebody is told of them, a delivery for each."""

    def __init__(self, store: Store, *, delivered: bool) -> None:
        self._store = store
        self._delivered = delivered

    def emit(self, kind: str, thing: Object, cause: Cause) -> None:
        """Say that something happened to `thing`, which is told as it is now."""
        event = {
            "id": new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(time.time()),
            "data": {"object": thing},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": cause.request, "idempotency_key": cause.idempotency_key},
            "type": kind,
        }
        self._store.save(event)
        if self._delivered:
            now = time.time()
            self._store.run(
                "INSERT INTO deliveries (id, event, type, status, created, due)"
                " VALUES (?, ?, ?, 'pending', ?, ?)",
                (new_id("delivery"), event["id"], kind, now, now),
            )


def as_told(store: Store, event: Object) -> Object:
    """An event with the number of deliveries that are still to succeed."""
    waiting = store.run(
        "SELECT count(*) AS n FROM deliveries WHERE event = ? AND status != 'succeeded'",
        (event["id"],),
    )
    return {**event, "pending_webhooks": waiting[0]["n"]}
