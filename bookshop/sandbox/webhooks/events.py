"""Events and their subscribers: https://docs.stripe.com/api/events."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bookshop.sandbox.ids import API_VERSION, new_id
from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks import deliveries

ALL_TYPES = "*"


@dataclass(frozen=True)
class Cause:
    """The API request that caused an event; none for the sandbox's own actions."""

    request: str | None = None
    idempotency_key: str | None = None


class Events:
    """Creates events, and a delivery for each subscribed endpoint."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def emit(self, kind: str, thing: Object, cause: Cause, previous: Object | None = None) -> None:
        """Create an event about `thing` with its current state.

        `previous` are the former values of changed fields, for events that end in `.updated`.
        """
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
        if previous is not None:
            event["data"] = {"object": thing, "previous_attributes": previous}
        with self._store.transaction():
            self._store.save(event)
            for endpoint in subscribers(self._store, kind):
                deliveries.schedule(self._store, event, endpoint)


def subscribers(store: Store, kind: str) -> list[Object]:
    """Return the enabled endpoints that subscribed to an event type."""
    return [
        each
        for each in store.select("webhook_endpoint")
        if each["status"] == "enabled" and {kind, ALL_TYPES} & set(each["enabled_events"])
    ]


def redeliver(store: Store, event: Object) -> None:
    """Deliver an event now to all endpoints that subscribe to its type."""
    for endpoint in subscribers(store, event["type"]):
        deliveries.schedule(store, event, endpoint)
    deliveries.request_event(store, event["id"])


def with_pending_count(store: Store, event: Object) -> Object:
    """Return the event with the number of pending deliveries."""
    rows = store.run(
        "SELECT count(*) AS n FROM deliveries WHERE event = ? AND status != 'succeeded'",
        (event["id"],),
    )
    return {**event, "pending_webhooks": rows[0]["n"]}
