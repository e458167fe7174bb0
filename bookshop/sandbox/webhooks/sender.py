"""Sends events to webhook endpoints when they are due, with retries.

https://docs.stripe.com/webhooks
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any, cast

from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks import deliveries
from bookshop.sandbox.webhooks.deliveries import Delivery
from bookshop.sandbox.webhooks.delivery_faults import POSTPONING, DeliveryFault, DeliveryFaults
from bookshop.sandbox.webhooks.events import with_pending_count
from bookshop.sandbox.webhooks.http_attempts import Attempt, HttpSender

LOG = logging.getLogger(__name__)
#: Concurrent attempts. Half of the default threads of the shop's server stay free for the
#: developer's browser.
WORKERS = 8
GRACE_PERIOD = 2.0  # seconds that attempts in progress get when the sandbox stops
ABORT_INTERVAL = 0.05  # seconds between two attempts to abort connections
#: Seconds between attempts. Stripe's sandboxes retry three times over hours; a developer who has
#: fixed the endpoint should not have to wait that long.
RETRY_AFTER = (1, 3, 10, 60, 600, 3600)
ENDPOINT_GONE = "the endpoint has been deleted or disabled"


class Deliverer:
    """Sends due deliveries concurrently, in no guaranteed order, in its own threads.

    Threads are started as needed, up to WORKERS. While any is idle, one of them waits for the next
    due delivery; the thread that takes a delivery wakes another.
    """

    def __init__(self, store: Store, faults: DeliveryFaults) -> None:
        self._store = store
        self._faults = faults
        self._sender = HttpSender()
        self._changed = threading.Condition()
        self._workers: list[threading.Thread] = []
        self._idle = 0
        self._paused = self._stopping = self._aborted = False

    @property
    def paused(self) -> bool:
        """Return True if automatic deliveries are paused."""
        return self._paused

    def start(self) -> None:
        """Start sending, beginning with deliveries of an earlier run."""
        deliveries.recover(self._store)
        with self._changed:
            self._start_worker()

    def stop(self) -> None:
        """Stop. Attempts in progress get GRACE_PERIOD, then are aborted and retried later."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + GRACE_PERIOD
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        while any(worker.is_alive() for worker in self._workers):
            self._aborted = True
            self._sender.abort()
            for worker in self._workers:
                worker.join(ABORT_INTERVAL)

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
            deliveries.request_all(self._store)
            self._changed.notify()

    def clear_faults(self) -> None:
        """Remove all faults, resume deliveries, and release held ones."""
        with self._changed:
            self._release_all()
            self._faults.clear()
            deliveries.end_delay(self._store, "delay")
            self._paused = False
            self._changed.notify()

    def _start_worker(self) -> None:
        name = f"sandbox-webhooks-{len(self._workers) + 1}"
        worker = threading.Thread(target=self._run, name=name, daemon=True)
        self._workers.append(worker)
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
                elif not self._is_postponed(delivery):
                    self._wake_or_start_worker()
                    return delivery
        return None

    def _wait(self, due: float | None) -> None:
        self._idle += 1
        self._changed.wait(None if due is None else max(0.0, due - time.time()))
        self._idle -= 1

    def _wake_or_start_worker(self) -> None:
        """Let another worker wait for the next due delivery."""
        if self._idle:
            self._changed.notify()
        elif len(self._workers) < WORKERS:
            self._start_worker()

    def _is_postponed(self, delivery: Delivery) -> bool:
        """Return True if a fault loses, delays or holds the claimed delivery."""
        if delivery["manual"] or delivery["fault"] or delivery["attempts"] > 1:
            return False
        fault = self._faults.take(POSTPONING, delivery["type"])
        if fault is None:
            return False
        changes: dict[str, Any]
        if fault.kind == "lose":
            changes = {"status": "lost"}
        elif fault.kind == "delay":
            changes = {"status": "pending", "due": time.time() + fault.seconds}
        else:
            changes = {"status": "held", "batch": fault.batch}
        # In one transaction, so that no reader sees nothing pending between hold and release.
        with self._store.transaction():
            deliveries.postpone(self._store, {**delivery, "fault": fault.kind, **changes})
            if fault.kind == "shuffle":
                fault.held += 1
                if fault.held >= fault.gather:
                    self._release(fault)
        return True

    def _release(self, fault: DeliveryFault) -> None:
        held = deliveries.held(self._store, fault.batch)
        deliveries.release(self._store, fault.shuffled(held))
        self._faults.count_batch(fault)

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
        copies, applied_faults = 1, delivery["fault"].split()
        if self._faults.take(("corrupt",), delivery["type"]):
            secret = f"not-{secret}"
            applied_faults.append("corrupt")
        if duplicate := self._faults.take(("duplicate",), delivery["type"]):
            copies = duplicate.copies
            applied_faults.append("duplicate")
        attempt = self._sender.send(endpoint["url"], secret, payload, copies)
        delivery["fault"] = " ".join(dict.fromkeys(applied_faults))
        if not self._aborted:
            self._finish(delivery, attempt)

    def _finish(self, delivery: Delivery, attempt: Attempt, *, final: bool = False) -> None:
        status, due = "succeeded", None
        if not attempt.succeeded:
            LOG.info("delivery of %s failed: %s", delivery["type"], attempt)
            count = delivery["attempts"]
            retries = count <= len(RETRY_AFTER) and not final
            status = "pending" if retries else "failed"
            due = time.time() + RETRY_AFTER[count - 1] if retries else None
        result = {"answer": attempt.status, "problem": attempt.problem}
        deliveries.finish(self._store, {**delivery, **result, "status": status, "due": due})
