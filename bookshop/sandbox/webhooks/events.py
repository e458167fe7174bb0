"""Events, and who is to be told: https://docs.stripe.com/api/events."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bookshop.sandbox.ids import API_VERSION, new_id
from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks import deliveries

EVERYTHING = "*"


@dataclass(frozen=True)
class Cause:
    """The request that an event comes of; none where the sandbox itself did something."""

    request: str | None = None
    idempotency_key: str | None = None


class Events:
    """Writes events, and a delivery to each endpoint that is to be told."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def emit(self, kind: str, thing: Object, cause: Cause, previous: Object | None = None) -> None:
        """Say that something happened to `thing`, which is told as it is now.

        `previous` are the former values of what has changed, for an event that ends in `.updated`.
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
            for endpoint in listeners(self._store, kind):
                deliveries.owe(self._store, event, endpoint)


def listeners(store: Store, kind: str) -> list[Object]:
    """The enabled webhook endpoints that subscribed to events of that type."""
    return [
        each
        for each in store.select("webhook_endpoint")
        if each["status"] == "enabled" and {kind, EVERYTHING} & set(each["enabled_events"])
    ]


def tell_again(store: Store, event: Object) -> None:
    """Deliver an event at once to all who subscribe to its type now, be it anew or at last."""
    for endpoint in listeners(store, event["type"]):
        deliveries.owe(store, event, endpoint)
    deliveries.ask_for_event(store, event["id"])


def as_told(store: Store, event: Object) -> Object:
    """An event with the number of deliveries that are still to succeed."""
    waiting = store.run(
        "SELECT count(*) AS n FROM deliveries WHERE event = ? AND status != 'succeeded'",
        (event["id"],),
    )
    return {**event, "pending_webhooks": waiting[0]["n"]}
