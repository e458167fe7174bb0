"""Attempts to deliver an event: signed HTTP requests to an endpoint."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT = 10.0  # seconds that an endpoint may take to respond


def signature(secret: str, payload: bytes, timestamp: int) -> str:
    """Return the header Stripe-Signature: https://docs.stripe.com/webhooks/signature."""
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


class HttpSender:
    """Sends events to endpoints. Any number of threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: set[http.client.HTTPConnection] = set()

    def send(self, url: str, secret: str, payload: bytes, copies: int = 1) -> Attempt:
        """Send the copies of an event at the same time; it succeeded if every copy did."""
        attempts: list[Attempt] = []

        def send_copy() -> None:
            attempts.append(self._post(url, secret, payload))

        threads = [threading.Thread(target=send_copy, daemon=True) for _ in range(copies - 1)]
        for thread in threads:
            thread.start()
        send_copy()
        for thread in threads:
            thread.join()
        return next((attempt for attempt in attempts if not attempt.succeeded), attempts[0])

    def abort(self) -> None:
        """Abort the attempts in progress, except those that are still connecting."""
        with self._lock:
            for connection in self._connections:
                # The socket is None until connected; the other side may have closed it already.
                with contextlib.suppress(OSError, AttributeError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _post(self, url: str, secret: str, payload: bytes) -> Attempt:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(secret, payload, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        connection = connection_class(parts.hostname or "", parts.port, timeout=TIMEOUT)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with self._lock:
            self._connections.add(connection)
        try:
            connection.request("POST", path, payload, headers)
            return Attempt(status=connection.getresponse().status)
        except (OSError, http.client.HTTPException, UnicodeError) as err:
            return Attempt(problem=f"{type(err).__name__}: {err}")
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()
