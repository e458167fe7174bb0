"""Simulated delivery faults: duplicate, late, shuffled, lost or corrupted events."""

from __future__ import annotations

import fnmatch
import itertools
import random
import threading
from dataclasses import asdict, dataclass
from typing import Any

from bookshop.sandbox.api.parameters import choice, hash_of, integer, text

#: Faults that postpone a delivery apply once, before its first attempt. If several match, the
#: oldest applies.
POSTPONING = ("lose", "shuffle", "delay")
KINDS = ("duplicate", "corrupt", *POSTPONING)
MAX_SECONDS = 3600
MAX_COPIES = 50
SCHEMA = hash_of(
    {
        "kind": choice(*KINDS),
        "type": text(),
        "times": integer(1),
        "copies": integer(2, MAX_COPIES),
        "seconds": integer(0, MAX_SECONDS),
        "gather": integer(2),
        "seed": integer(),
    },
    ("kind",),
)
_batches = itertools.count(1)


@dataclass
class DeliveryFault:
    """A fault for the next deliveries of an event `type` (with `*` as wildcard).

    duplicate  the endpoint receives `copies` of the event at once
    corrupt    the signature is wrong
    lose       the event is not sent, unless a redelivery is requested
    delay      the event is sent `seconds` late
    shuffle    events are held until there are `gather` of them, or until a flush; then they are
               sent one after the other, in an order given by `seed`

    `times` is the number of deliveries remaining; for a shuffle, of batches. `held` is the number
    of events that a shuffle holds.
    """

    kind: str
    type: str = "*"
    times: int = 1
    copies: int = 2
    seconds: int = 30
    gather: int = 5
    seed: int | None = None
    held: int = 0

    def __post_init__(self) -> None:
        self.batch = next(_batches)
        self._random = random.Random(self.seed)  # noqa: S311 - not for security  # nosec B311

    def shuffled(self, held: list[str]) -> list[str]:
        """Return the held deliveries in the order to send them, and start a new batch."""
        self._random.shuffle(held)
        self.held, self.batch = 0, next(_batches)
        return held


class DeliveryFaults:
    """The pending delivery faults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[DeliveryFault] = []

    def add(self, params: dict[str, Any]) -> None:
        """Add a fault from checked parameters (see SCHEMA)."""
        with self._lock:
            self._faults.append(DeliveryFault(**params))

    def all(self) -> list[dict[str, Any]]:
        """Return the pending faults."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def gathering(self) -> list[DeliveryFault]:
        """Return the shuffles that hold deliveries."""
        with self._lock:
            return [each for each in self._faults if each.held]

    def take(self, kinds: tuple[str, ...], event_type: str) -> DeliveryFault | None:
        """Return the fault for a delivery and count it; `count_batch` counts a shuffle."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fnmatch.fnmatchcase(event_type, fault.type):
                    if fault.kind != "shuffle":
                        self._count(fault)
                    return fault
        return None

    def count_batch(self, fault: DeliveryFault) -> None:
        """Count a batch of a shuffle as sent."""
        with self._lock:
            self._count(fault)

    def _count(self, fault: DeliveryFault) -> None:
        fault.times -= 1
        self._faults = [each for each in self._faults if each.times > 0]
