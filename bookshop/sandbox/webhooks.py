"""Deliveries of events to the shop's endpoint: signed, repeated until one succeeds.

https://docs.stripe.com/webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from .events import as_told
from .store import Object, Store

LOG = logging.getLogger(__name__)
TIMEOUT = 10.0  # seconds that the endpoint may take
#: Seconds from a failed attempt to the next. Stripe's sandboxes try three times over hours; a
#: developer who has just mended the endpoint doesn't want to wait that long.
RETRY_AFTER = (1, 3, 10, 60, 600, 3600)


def signature(secret: str, payload: bytes, timestamp: int) -> str:
    """The header Stripe-Signature: https://docs.stripe.com/webhooks/signature."""
    signed = f"{timestamp}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


@dataclass(frozen=True)
class Attempt:
    """How one delivery went: the endpoint's HTTP status, or why there is none."""

    status: int | None = None
    problem: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint has taken the event. A redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


class Deliverer:
    """Delivers what is due to `url`, one after the other, in a thread of its own."""

    def __init__(self, store: Store, url: str | None, secret: str) -> None:
        self._store = store
        self._url = urlsplit(url or "")
        self._secret = secret
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)

    def start(self) -> None:
        """Begin to deliver, with what an earlier run left over, where there is an endpoint."""
        if self._url.hostname:
            self._thread.start()

    def stop(self) -> None:
        """Finish the attempt under way and end."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Look for what is due: something may be."""
        self._wake.set()

    def again(self, identifier: str) -> bool:
        """Deliver once more, now. False where there is no such delivery."""
        found = self._store.run(
            "UPDATE deliveries SET due = ?, status = 'pending', attempts = 0 WHERE id = ?"
            " RETURNING id",
            (time.time(), identifier),
        )
        self.wake()
        return bool(found)

    def _run(self) -> None:
        while True:
            self._wake.clear()
            if self._stopping:
                return
            waiting = self._store.run(
                "SELECT * FROM deliveries WHERE due IS NOT NULL ORDER BY due, seq LIMIT 1"
            )
            pause = waiting[0]["due"] - time.time() if waiting else None
            if pause is None or pause > 0:
                self._wake.wait(pause)
            else:
                self._deliver(dict(waiting[0]))

    def _deliver(self, delivery: dict[str, Any]) -> None:
        # An event is written together with its delivery.
        event = cast("Object", self._store.find("event", delivery["event"]))
        attempt = self._post(json.dumps(as_told(self._store, event), indent=2).encode())
        attempts = delivery["attempts"] + 1
        status, due = "succeeded", None
        if not attempt.succeeded:
            again = attempts <= len(RETRY_AFTER)
            status = "pending" if again else "failed"
            due = time.time() + RETRY_AFTER[attempts - 1] if again else None
            LOG.info("delivery of %s failed: %s", delivery["type"], attempt)
        self._store.run(
            "UPDATE deliveries SET status = ?, attempts = ?, due = ?, answer = ?, problem = ?"
            " WHERE id = ?",
            (status, attempts, due, attempt.status, attempt.problem, delivery["id"]),
        )

    def _post(self, payload: bytes) -> Attempt:
        url = self._url
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(self._secret, payload, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        connection = kind(url.hostname or "", url.port, timeout=TIMEOUT)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        try:
            connection.request("POST", path, payload, headers)
            return Attempt(status=connection.getresponse().status)
        except (OSError, http.client.HTTPException) as err:
            return Attempt(problem=f"{type(err).__name__}: {err}")
        finally:
            connection.close()


def deliveries(store: Store) -> list[dict[str, Any]]:
    """All deliveries, newest first."""
    return [dict(row) for row in store.run("SELECT * FROM deliveries ORDER BY seq DESC")]
