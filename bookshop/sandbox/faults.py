"""Simulated faults of the API: latency, errors, lost responses, resets."""

from __future__ import annotations

import fnmatch
import threading
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from waitress.channel import ClientDisconnected

from bookshop.sandbox.api import errors
from bookshop.sandbox.api.errors import ApiError
from bookshop.sandbox.api.parameters import choice, hash_of, integer, text

KINDS = ("hang", "latency", "reset", "status", "drop_answer")
MAX_SECONDS = 3600
SCHEMA = hash_of(
    {
        "kind": choice(*KINDS),
        "method": choice("DELETE", "GET", "POST"),
        "milliseconds": integer(0, 999),
        "path": text(),
        "seconds": integer(0, MAX_SECONDS),
        "status": integer(400, 599),
        "times": integer(1),
    },
    ("kind",),
)
STORED_STATUS = 500


class Dropped(ClientDisconnected):
    """The connection is closed without a response. Waitress treats it as a disconnected client."""


@dataclass
class Fault:
    """A fault for the next matching requests.

    hang         the request waits `seconds` unread, then the connection is closed
    latency      the response is `seconds` and `milliseconds` late
    reset        the connection is reset, the request is not read
    status       the response is an error of HTTP `status`; 500 is stored under an idempotency key
    drop_answer  the request is executed and its response lost

    `method` and `path` (with `*` as wildcard) select requests; `times` is the number remaining.
    """

    kind: str
    method: str | None = None
    path: str = "/v1/*"
    seconds: int = 30
    milliseconds: int = 0
    status: int = 500
    times: int = 1

    def matches(self, method: str, path: str) -> bool:
        """Return True if the fault applies to the request."""
        return self.method in {None, method} and fnmatch.fnmatchcase(path, self.path)

    @property
    def error(self) -> ApiError:
        """Return the error response of `status`."""
        if self.status == 429:  # noqa: PLR2004
            return errors.rate_limited()
        error = errors.server_error()
        error.status = self.status
        return error


NO_FAULT = Fault("none", times=0)


class Faults:
    """The pending faults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._cleared = threading.Event()

    def add(self, params: dict[str, Any]) -> Fault:
        """Add a fault from checked parameters (see SCHEMA)."""
        fault = Fault(**params)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults, and release the requests that they hold."""
        with self._lock:
            self._faults.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def all(self) -> list[dict[str, Any]]:
        """Return the pending faults."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, method: str, path: str) -> Fault:
        """Return the fault for this request, and count it as used."""
        with self._lock:
            matching = (each for each in self._faults if each.matches(method, path))
            fault = next(matching, NO_FAULT)
            if fault is not NO_FAULT:
                fault.times -= 1
            self._faults = [each for each in self._faults if each.times > 0]
            return fault

    def before_reading(self, fault: Fault, abort: Any) -> None:
        """Apply a fault before the request is read. `abort` resets the connection."""
        if fault.kind == "hang":
            self._wait(fault)
            raise Dropped
        if fault.kind == "reset":
            abort()
            raise Dropped
        if fault.kind == "status" and fault.status != STORED_STATUS:
            raise fault.error

    def before_execution(self, fault: Fault) -> None:
        """Apply a fault after the idempotency key was locked."""
        if fault.kind == "latency":
            self._wait(fault)

    @staticmethod
    def instead_of_execution(fault: Fault) -> None:
        """Apply a fault instead of executing the request; it is stored as its response."""
        if fault.kind == "status" and fault.status == STORED_STATUS:
            raise fault.error

    @staticmethod
    def before_answering(fault: Fault) -> None:
        """Apply a fault before the response is sent."""
        if fault.kind == "drop_answer":
            raise Dropped

    def _wait(self, fault: Fault) -> None:
        with self._lock:
            cleared = self._cleared
        delay = timedelta(seconds=fault.seconds, milliseconds=fault.milliseconds)
        cleared.wait(delay.total_seconds())
