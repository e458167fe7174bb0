"""Idempotency keys: https://docs.stripe.com/api/idempotent_requests."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bookshop.sandbox.api.errors import ApiError, invalid
from bookshop.sandbox.api.forms import Tree
from bookshop.sandbox.store import Store

MAX_KEY_LENGTH = 255
KEY_LIFE = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class Stored:
    """The first response for an idempotency key."""

    status: int
    body: str
    request: str


class Idempotency:
    """Stored responses by key, and the keys of requests in progress."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store = store
        self._secret = secret.encode()
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def fingerprint(self, params: Tree) -> str:
        """Return a hash that identifies parameters without revealing them."""
        canonical = json.dumps(params, sort_keys=True).encode()
        return hmac.new(self._secret, canonical, hashlib.sha256).hexdigest()

    @contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Lock the key while its first request is in progress. Raises ApiError if it is locked."""
        if len(key) > MAX_KEY_LENGTH:
            raise invalid(f"Idempotency keys may not be longer than {MAX_KEY_LENGTH} characters.")
        with self._lock:
            if key in self._running:
                raise _in_use(key)
            self._running.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(key)

    def recall(self, key: str, path: str, fingerprint: str) -> Stored | None:
        """Return the stored response. Raises ApiError if the key belongs to a different request."""
        expired_before = time.time() - KEY_LIFE
        self._store.run("DELETE FROM idempotency WHERE created < ?", (expired_before,))
        rows = self._store.run("SELECT * FROM idempotency WHERE key = ?", (key,))
        if not rows:
            return None
        first = rows[0]
        if first["path"] != path:
            condition = (
                f"for the same endpoint they were first used for ('{first['path']}' vs '{path}')"
            )
            raise _mismatch(key, condition)
        if first["fingerprint"] != fingerprint:
            raise _mismatch(key, "with the same parameters they were first used with")
        return Stored(first["status"], first["body"], first["request"])

    def save(self, key: str, path: str, fingerprint: str, stored: Stored) -> None:
        """Store the response, including simulated server errors."""
        self._store.run(
            "INSERT INTO idempotency (key, created, path, fingerprint, request, status, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(key, time.time(), path, fingerprint),
                *(stored.request, stored.status, stored.body),
            ),
        )


def _in_use(key: str) -> ApiError:
    message = (
        "There is currently another in-progress request using this Stripe Idempotency Key (that "
        "probably means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later."
    )
    error = ApiError(409, "idempotency_error", message, code="idempotency_key_in_use")
    error.headers = {"Stripe-Should-Retry": "true"}
    return error


def _mismatch(key: str, condition: str) -> ApiError:
    message = (
        f"Keys for idempotent requests can only be used {condition}. Try using a key other than "
        f"'{key}' if you meant to execute a different request."
    )
    return ApiError(400, "idempotency_error", message)
