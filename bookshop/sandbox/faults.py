"""Faults to order, so that a shop can be tried against a Stripe that is slow or broken."""

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
LONGEST = 3600
SCHEMA = hash_of(
    {
        "kind": choice(*KINDS),
        "method": choice("DELETE", "GET", "POST"),
        "milliseconds": integer(0, 999),
        "path": text(),
        "seconds": integer(0, LONGEST),
        "status": integer(400, 599),
        "times": integer(1),
    },
    ("kind",),
)
STORED_STATUS = 500


class Dropped(ClientDisconnected):
    """The connection ends without an answer. Waitress takes it for a client that went away."""


@dataclass
class Fault:
    """What happens to the next requests that match.

    hang         the request waits `seconds` unread, then the connection ends
    latency      the request is answered `seconds` and `milliseconds` late
    reset        the connection is reset, the request is not read
    status       the answer is an error of HTTP `status`; 500 is remembered under an idempotency key
    drop_answer  the request is done and its answer lost

    `method` and `path` (which may hold `*`) say which requests; `times` is how many are left.
    """

    kind: str
    method: str | None = None
    path: str = "/v1/*"
    seconds: int = 30
    milliseconds: int = 0
    status: int = 500
    times: int = 1

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is for that request."""
        return self.method in {None, method} and fnmatch.fnmatchcase(path, self.path)

    @property
    def error(self) -> ApiError:
        """The answer of `status`."""
        if self.status == 429:  # noqa: PLR2004
            return errors.rate_limited()
        error = errors.server_error()
        error.status = self.status
        return error


NO_FAULT = Fault("none", times=0)


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._cleared = threading.Event()

    def add(self, params: dict[str, Any]) -> Fault:
        """Order a fault of checked parameters (see SCHEMA)."""
        fault = Fault(**params)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults, and let go of the requests that they hold."""
        with self._lock:
            self._faults.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def all(self) -> list[dict[str, Any]]:
        """The faults that are still to happen."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, method: str, path: str) -> Fault:
        """The fault that this request meets, used up once."""
        with self._lock:
            found = next((each for each in self._faults if each.matches(method, path)), NO_FAULT)
            found.times -= found is not NO_FAULT
            self._faults = [each for each in self._faults if each.times > 0]
            return found

    def before_reading(self, fault: Fault, abort: Any) -> None:
        """What strikes on the way to the API. `abort` makes the connection end with a reset."""
        if fault.kind == "hang":
            self._wait(fault)
            raise Dropped
        if fault.kind == "reset":
            abort()
            raise Dropped
        if fault.kind == "status" and fault.status != STORED_STATUS:
            raise fault.error

    def before_doing(self, fault: Fault) -> None:
        """What strikes while the request is under way, its idempotency key taken."""
        if fault.kind == "latency":
            self._wait(fault)

    @staticmethod
    def while_doing(fault: Fault) -> None:
        """What strikes instead of doing it, and is remembered as its answer."""
        if fault.kind == "status" and fault.status == STORED_STATUS:
            raise fault.error

    @staticmethod
    def before_answering(fault: Fault) -> None:
        """What strikes on the way back."""
        if fault.kind == "drop_answer":
            raise Dropped

    def _wait(self, fault: Fault) -> None:
        with self._lock:
            cleared = self._cleared
        late = timedelta(seconds=fault.seconds, milliseconds=fault.milliseconds)
        cleared.wait(late.total_seconds())
