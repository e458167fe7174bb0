"""Sends events to webhook endpoints: signed, repeated until one attempt succeeds.

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
from bookshop.sandbox.webhooks.events import as_told

LOG = logging.getLogger(__name__)
#: Attempts under way at once. Stripe sends as many as it has; here half of the threads that the
#: shop's server has by default remain for the developer's browser.
WORKERS = 8
TIMEOUT = 10.0  # seconds that the endpoint may take
GRACE = 2.0  # seconds that attempts under way are given when the sandbox stops
#: Seconds from a failed attempt to the next. Stripe's sandboxes try three times over hours; a
#: developer who has just mended the endpoint doesn't want to wait that long.
RETRY_AFTER = (1, 3, 10, 60, 600, 3600)
NOBODY = "the endpoint has been deleted or disabled"


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
    """Delivers what is due, some at once and in no order that is promised, in threads of its own.

    Threads are hired as they are needed, up to WORKERS. As long as one is idle, one watches for
    what is due next: whoever takes a delivery sees to it.
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
        """Whether nothing goes out but what somebody asks for."""
        return self._paused

    def start(self) -> None:
        """Begin to deliver, with what an earlier run left over."""
        deliveries.recover(self._store)
        with self._changed:
            self._hire()

    def stop(self) -> None:
        """End. Attempts under way get GRACE, then they are broken off, to be made another day."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + GRACE
        for worker in self._crew:
            worker.join(max(0.0, deadline - time.monotonic()))
        while any(worker.is_alive() for worker in self._crew):
            self._abort()

    def wake(self) -> None:
        """Look for what is due: something may be."""
        with self._changed:
            self._changed.notify()

    def pause(self) -> None:
        """Send nothing but what somebody asks for."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Send what is due, and what became due meanwhile."""
        with self._changed:
            self._paused = False
            self._changed.notify()

    def flush(self) -> None:
        """Send all that is pending or held, now, even while deliveries are paused."""
        with self._changed:
            self._release_all()
            deliveries.ask_for_all(self._store)
            self._changed.notify()

    def behave(self) -> None:
        """End all faults and the pause, and let go of what they hold."""
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
        """The next delivery to make, once there is one; None to end."""
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
        """Whether a fault keeps what was claimed from setting out."""
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
        # At once, so that nobody sees all at rest between the last that is held and its release.
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
            self._finish(delivery, Attempt(problem=NOBODY), final=True)
            return
        # An event is written together with its deliveries.
        event = cast("Object", self._store.find("event", delivery["event"]))
        payload = json.dumps(as_told(self._store, event), indent=2).encode()
        secret = self._store.notes(endpoint["id"])["secret"]
        copies, met = 1, [delivery["fault"]]
        if self._faults.take(("corrupt",), delivery["type"]):
            secret = f"not-{secret}"
            met.append("corrupt")
        if duplicate := self._faults.take(("duplicate",), delivery["type"]):
            copies = duplicate.copies
            met.append("duplicate")
        attempts = _at_once(copies, partial(self._post, endpoint["url"], secret, payload))
        # The event is taken if every copy of it is.
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
        """Break off what is under way. What is only just connecting is met the next time."""
        with self._changed:
            self._aborted = True
            for connection in self._open:
                # None until it is connected, and the other side may have closed it already.
                with contextlib.suppress(OSError, AttributeError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        for worker in self._crew:
            worker.join(0.05)


def _at_once(number: int, attempt: Callable[[], Attempt]) -> list[Attempt]:
    """Make so many attempts at the same time."""
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
