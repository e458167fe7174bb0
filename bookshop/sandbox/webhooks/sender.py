"""Sends signed events to webhook endpoints, with retries.

https://docs.stripe.com/webhooks
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks import deliveries
from bookshop.sandbox.webhooks.deliveries import Delivery
from bookshop.sandbox.webhooks.delivery_faults import KEEP_BACK, DeliveryFault, DeliveryFaults
from bookshop.sandbox.webhooks.events import with_pending_count

LOG = logging.getLogger(__name__)
#: Concurrent attempts. Half of the default threads of the shop's server stay free for the
#: developer's browser.
WORKERS = 8
TIMEOUT = 10.0  # seconds that an endpoint may take to respond
GRACE = 2.0  # seconds that attempts in progress get when the sandbox stops
#: Seconds between attempts. Stripe's sandboxes retry three times over hours; a developer who has
#: fixed the endpoint should not have to wait that long.
RETRY_AFTER = (1, 3, 10, 60, 600, 3600)
ENDPOINT_GONE = "the endpoint has been deleted or disabled"


def signature(secret: str, payload: bytes, timestamp: int) -> str:
    """The header Stripe-Signature: https://docs.stripe.com/webhooks/signature."""
    signed = f"{timestamp}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


@dataclass(frozen=True)
class Attempt:
    """The result of an attempt: the endpoint's HTTP status, or why there is none."""

    status: int | None = None
    problem: str | None = None

    @property
    def succeeded(self) -> bool:
        """Return True if the endpoint accepted the event. A redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004


class Deliverer:
    """Sends due deliveries concurrently, in no guaranteed order, in its own threads.

    Threads are started as needed, up to WORKERS. While any is idle, one of them waits for the next
    due delivery; the thread that takes a delivery wakes another.
    """

    def __init__(self, store: Store, faults: DeliveryFaults) -> None:
        self._store = store
        self._faults = faults
        self._changed = threading.Condition()
        self._crew: list[threading.Thread] = []
        self._idle = 0
        self._open: set[http.client.HTTPConnection] = set()
        self._paused = self._stopping = self._aborted = False

    @property
    def paused(self) -> bool:
        """Return True if automatic deliveries are paused."""
        return self._paused

    def start(self) -> None:
        """Start sending, beginning with deliveries of an earlier run."""
        deliveries.recover(self._store)
        with self._changed:
            self._hire()

    def stop(self) -> None:
        """Stop. Attempts in progress get GRACE seconds, then are aborted and retried later."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + GRACE
        for worker in self._crew:
            worker.join(max(0.0, deadline - time.monotonic()))
        while any(worker.is_alive() for worker in self._crew):
            self._abort()

    def wake(self) -> None:
        """Check for due deliveries."""
        with self._changed:
            self._changed.notify()

    def pause(self) -> None:
        """Pause automatic deliveries."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Resume automatic deliveries."""
        with self._changed:
            self._paused = False
            self._changed.notify()

    def flush(self) -> None:
        """Send all pending and held deliveries now, even while paused."""
        with self._changed:
            self._release_all()
            deliveries.ask_for_all(self._store)
            self._changed.notify()

    def behave(self) -> None:
        """Remove all faults, resume deliveries, and release held ones."""
        with self._changed:
            self._release_all()
            self._faults.clear()
            deliveries.hurry(self._store, "delay")
            self._paused = False
            self._changed.notify()

    def _hire(self) -> None:
        number = len(self._crew) + 1
        worker = threading.Thread(target=self._run, name=f"sandbox-webhooks-{number}", daemon=True)
        self._crew.append(worker)
        worker.start()

    def _run(self) -> None:
        while (delivery := self._take()) is not None:
            self._deliver(delivery)

    def _take(self) -> Delivery | None:
        """Wait for the next delivery and return it; None to stop."""
        with self._changed:
            while not self._stopping:
                now = time.time()
                delivery = deliveries.claim(self._store, now, paused=self._paused)
                if delivery is None:
                    self._wait(deliveries.next_due(self._store, now, paused=self._paused))
                elif not self._is_kept_back(delivery):
                    self._have_watched()
                    return delivery
        return None

    def _wait(self, due: float | None) -> None:
        self._idle += 1
        self._changed.wait(None if due is None else max(0.0, due - time.time()))
        self._idle -= 1

    def _have_watched(self) -> None:
        if self._idle:
            self._changed.notify()
        elif len(self._crew) < WORKERS:
            self._hire()

    def _is_kept_back(self, delivery: Delivery) -> bool:
        """Return True if a fault stops the claimed delivery."""
        if delivery["asked"] or delivery["fault"] or delivery["attempts"] > 1:
            return False
        fault = self._faults.take(KEEP_BACK, delivery["type"])
        if fault is None:
            return False
        becomes: dict[str, Any]
        if fault.kind == "lose":
            becomes = {"status": "lost"}
        elif fault.kind == "delay":
            becomes = {"status": "pending", "due": time.time() + fault.seconds}
        else:
            becomes = {"status": "held", "batch": fault.batch}
        # In one transaction, so that no reader sees nothing pending between hold and release.
        with self._store.transaction():
            deliveries.keep_back(self._store, {**delivery, "fault": fault.kind, **becomes})
            if fault.kind == "shuffle":
                fault.held += 1
                if fault.held >= fault.gather:
                    self._release(fault)
        return True

    def _release(self, fault: DeliveryFault) -> None:
        held = deliveries.held(self._store, fault.batch)
        deliveries.release(self._store, fault.shuffled(held))
        self._faults.spend(fault)

    def _release_all(self) -> None:
        for fault in self._faults.gathering():
            self._release(fault)

    def _deliver(self, delivery: Delivery) -> None:
        endpoint = self._store.find("webhook_endpoint", delivery["endpoint"])
        if endpoint is None or endpoint["status"] != "enabled":
            self._finish(delivery, Attempt(problem=ENDPOINT_GONE), final=True)
            return
        # An event is stored together with its deliveries.
        event = cast("Object", self._store.find("event", delivery["event"]))
        payload = json.dumps(with_pending_count(self._store, event), indent=2).encode()
        secret = self._store.notes(endpoint["id"])["secret"]
        copies, met = 1, [delivery["fault"]]
        if self._faults.take(("corrupt",), delivery["type"]):
            secret = f"not-{secret}"
            met.append("corrupt")
        if duplicate := self._faults.take(("duplicate",), delivery["type"]):
            copies = duplicate.copies
            met.append("duplicate")
        attempts = _at_once(copies, partial(self._post, endpoint["url"], secret, payload))
        # The event is accepted if every copy is.
        attempt = next((each for each in attempts if not each.succeeded), attempts[0])
        delivery["fault"] = " ".join(dict.fromkeys(" ".join(met).split()))
        if not self._aborted:
            self._finish(delivery, attempt)

    def _finish(self, delivery: Delivery, attempt: Attempt, *, final: bool = False) -> None:
        status, due = "succeeded", None
        if not attempt.succeeded:
            LOG.info("delivery of %s failed: %s", delivery["type"], attempt)
            made = delivery["attempts"]
            again = made <= len(RETRY_AFTER) and not final
            status = "pending" if again else "failed"
            due = time.time() + RETRY_AFTER[made - 1] if again else None
        how = {"answer": attempt.status, "problem": attempt.problem}
        deliveries.finish(self._store, {**delivery, **how, "status": status, "due": due})

    def _post(self, url: str, secret: str, payload: bytes) -> Attempt:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(secret, payload, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with self._changed:
            self._open.add(connection)
        try:
            connection.request("POST", path, payload, headers)
            return Attempt(status=connection.getresponse().status)
        except (OSError, http.client.HTTPException, UnicodeError) as err:
            return Attempt(problem=f"{type(err).__name__}: {err}")
        finally:
            with self._changed:
                self._open.discard(connection)
            connection.close()

    def _abort(self) -> None:
        """Abort attempts in progress. One that is still connecting is aborted in the next round."""
        with self._changed:
            self._aborted = True
            for connection in self._open:
                # None until connected; the other side may have closed it already.
                with contextlib.suppress(OSError, AttributeError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        for worker in self._crew:
            worker.join(0.05)


def _at_once(number: int, attempt: Callable[[], Attempt]) -> list[Attempt]:
    """Make several attempts at the same time."""
    made: list[Attempt] = []
    threads = [
        threading.Thread(target=lambda: made.append(attempt()), daemon=True)
        for _ in range(number - 1)
    ]
    for thread in threads:
        thread.start()
    made.append(attempt())
    for thread in threads:
        thread.join()
    return made
