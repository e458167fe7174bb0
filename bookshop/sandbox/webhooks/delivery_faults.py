"""Faults to order for deliveries: events that come twice, late, out of order or not at all."""

from __future__ import annotations

import fnmatch
import itertools
import random
import threading
from dataclasses import asdict, dataclass
from typing import Any

from bookshop.sandbox.api.parameters import choice, hash_of, integer, text

#: What keeps a delivery back befalls it once, before its first attempt. A delivery that meets
#: several of these meets the one that was ordered first.
KEEP_BACK = ("lose", "shuffle", "delay")
KINDS = ("duplicate", "corrupt", *KEEP_BACK)
LONGEST = 3600
MOST_COPIES = 50
SCHEMA = hash_of(
    {
        "kind": choice(*KINDS),
        "type": text(),
        "times": integer(1),
        "copies": integer(2, MOST_COPIES),
        "seconds": integer(0, LONGEST),
        "gather": integer(2),
        "seed": integer(),
    },
    ("kind",),
)
_batches = itertools.count(1)


@dataclass
class DeliveryFault:
    """What happens to the next deliveries whose event is of a `type` (which may hold `*`).

    duplicate  the endpoint is sent `copies` of the event at once
    corrupt    the signature is wrong
    lose       the event is not sent, unless somebody asks for it
    delay      the event is sent `seconds` late
    shuffle    events are held until there are `gather` of them, or until all are to be sent now;
               then they are sent one after the other, in an order that follows from `seed`

    `times` is how many deliveries are left to strike; of a shuffle, how many lots. `held` is how
    many a shuffle has gathered.
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
        self._random = random.Random(self.seed)  # noqa: S311 - no secret of it  # nosec B311

    def shuffled(self, held: list[str]) -> list[str]:
        """What it held, in the order to send it. Then it begins to gather anew."""
        self._random.shuffle(held)
        self.held, self.batch = 0, next(_batches)
        return held


class DeliveryFaults:
    """The faults that wait for deliveries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[DeliveryFault] = []

    def add(self, params: dict[str, Any]) -> None:
        """Order a fault of checked parameters (see SCHEMA)."""
        with self._lock:
            self._faults.append(DeliveryFault(**params))

    def all(self) -> list[dict[str, Any]]:
        """The faults that are still to happen."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def gathering(self) -> list[DeliveryFault]:
        """The shuffles that hold something."""
        with self._lock:
            return [each for each in self._faults if each.held]

    def take(self, kinds: tuple[str, ...], event_type: str) -> DeliveryFault | None:
        """The fault of these kinds that a delivery meets, used up once: a shuffle by the lot."""
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fnmatch.fnmatchcase(event_type, fault.type):
                    if fault.kind != "shuffle":
                        self._spend(fault)
                    return fault
        return None

    def spend(self, fault: DeliveryFault) -> None:
        """A lot of a shuffle has gone out."""
        with self._lock:
            self._spend(fault)

    def _spend(self, fault: DeliveryFault) -> None:
        fault.times -= 1
        self._faults = [each for each in self._faults if each.times > 0]
