"""The rate limiter: counts requests per visitor, per network, and of all visitors together.

A visitor is a session. Attackers discard the cookie, so that networks are counted too. A library, a
school or a mobile carrier is one network with many people: it may do NETWORK_FACTOR times as much.
Attackers with many networks meet the ceiling for all visitors.

https://docs.stripe.com/disputes/prevention/card-testing
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from limits import RateLimitItem
from pyramid.request import Request

from bookshop import clock
from bookshop.rate_limits.networks import networks_of
from bookshop.rate_limits.storage import BatchMemoryStorage, DatabaseStorage
from bookshop.settings import LimitSettings
from bookshop.settings.parsers import Secret

NETWORK_FACTOR = 10
#: How much more the larger networks of an IPv6 address may do than its smallest one: 64, 56, 48.
SIZE_FACTORS = (1, 2, 4)
CEILING_FACTOR = 100  # how much more all visitors together may do than one network
ALL_VISITORS = "all"
FREE_SHARE = 10  # a tenth of a limit can be used without pauses
FIRST_PAUSE, LONGEST_PAUSE = 5, 300  # seconds
DOUBLINGS = 6  # until the longest pause
_Storage: TypeAlias = DatabaseStorage | BatchMemoryStorage


class RateLimitExceededError(Exception):
    """A rate limit was exceeded. The next attempt is allowed after `seconds`."""

    def __init__(self, action: str, seconds: int) -> None:
        super().__init__(f"rate limit of {action} exceeded")
        self.action = action
        self.seconds = seconds


def check_times(
    action: str, times: Sequence[datetime], limit: int, period: timedelta, now: datetime
) -> None:
    """Check that an action may be repeated: `times` are those in the last `period`, oldest first.

    Raises RateLimitExceededError until fewer than `limit` of them are in the period.
    """
    if len(times) >= limit:
        wait = times[-limit] + period - now
        raise RateLimitExceededError(action, int(wait.total_seconds()) + 1)


@dataclass(frozen=True)
class _Counter:
    """A limit, and the key under which it counts one client."""

    key: str
    limit: RateLimitItem


class RateLimiter:
    """Counts actions of visitors and networks, which are stored as keyed hashes.

    An `action` is the name of a limit in LimitSettings. An action that is refused is not counted
    and stores nothing. Counting writes in a transaction of its own, so the caller must not hold
    one.
    """

    def __init__(
        self,
        storage: _Storage,
        limits: LimitSettings,
        secret: Secret,
    ) -> None:
        self._limits = limits
        self._storage = storage
        self._memory = BatchMemoryStorage()
        self._key = hashlib.blake2b(secret.reveal().encode(), digest_size=32).digest()

    def count(self, action: str, request: Request) -> None:
        """Count an action of a visitor and of their networks. Raises RateLimitExceededError."""
        self._count_visitor(action, request)

    def count_network(self, action: str, request: Request) -> None:
        """Count an action of the client's networks in this process, without starting a session.

        Visitors who only read do not wait for the database. Raises RateLimitExceededError.
        """
        self._count(action, self._networks(action, request), self._memory)

    def within(self, action: str, request: Request) -> bool:
        """Count the action of a visitor if neither they nor a network of theirs has used it up.

        Return False otherwise. The smallest network may do as much as one visitor.
        """
        visitor = self._counter(action, request.session_id)
        try:
            self._count(action, [visitor, *self._networks(action, request)], self._storage)
        except RateLimitExceededError:
            return False
        return True

    def count_with_pauses(self, action: str, request: Request) -> None:
        """Count an action like `count`, and require pauses between attempts, which double.

        Raises RateLimitExceededError.
        """
        visitor = self._counter(action, request.session_id)
        pause = f"pause/{visitor.key}"
        if self._storage.get_all({pause: LONGEST_PAUSE})[pause]:
            raise RateLimitExceededError(action, _seconds_left(pause, self._storage))
        attempts = self._count_visitor(action, request)[visitor.key]
        doublings = attempts - max(1, visitor.limit.amount // FREE_SHARE)
        if doublings >= 0:
            seconds = min(FIRST_PAUSE * 2 ** min(doublings, DOUBLINGS), LONGEST_PAUSE)
            self._storage.incr(pause, seconds)

    def network_key(self, request: Request) -> str:
        """Return the keyed hash of the client's largest network, which orders are counted by."""
        return self._hash(networks_of(request)[-1])

    def delete_expired(self) -> None:
        """Delete the counts of windows that have ended. Memory storage does so automatically."""
        if isinstance(self._storage, DatabaseStorage):
            self._storage.delete_expired()

    def _count_visitor(self, action: str, request: Request) -> Mapping[str, int]:
        visitor = self._counter(action, request.session_id)
        networks = self._networks(action, request, NETWORK_FACTOR)
        return self._count(action, [visitor, *networks], self._storage)

    def _count(
        self, action: str, counters: Sequence[_Counter], storage: _Storage
    ) -> Mapping[str, int]:
        """Count under all keys if each limit allows one more. Return the new counts."""
        expiries = {each.key: each.limit.get_expiry() for each in counters}

        def check(counts: Mapping[str, int], added: int) -> None:
            for each in counters:
                if counts[each.key] + added > each.limit.amount:
                    raise RateLimitExceededError(action, _seconds_left(each.key, storage))

        check(storage.get_all(expiries), 1)
        counts = storage.incr_all(expiries)
        # Requests that run at the same time may all have passed the first check.
        check(counts, 0)
        return counts

    def _networks(self, action: str, request: Request, factor: int = 1) -> list[_Counter]:
        """Return the counters of the request's networks and the one of all visitors."""
        sizes = zip(networks_of(request), SIZE_FACTORS, strict=False)
        ceiling = self._counter(action, ALL_VISITORS, factor * CEILING_FACTOR)
        return [
            *(self._counter(action, network, factor * size) for network, size in sizes),
            ceiling,
        ]

    def _counter(self, action: str, client: str, factor: int = 1) -> _Counter:
        limit: RateLimitItem = getattr(self._limits, action)
        limit = type(limit)(limit.amount * factor, limit.multiples)
        return _Counter(limit.key_for(action, self._hash(client)), limit)

    def _hash(self, client: str) -> str:
        return hashlib.blake2b(client.encode(), key=self._key, digest_size=16).hexdigest()


def _seconds_left(key: str, storage: _Storage) -> int:
    return max(1, math.ceil(storage.get_expiry(key) - clock.now().timestamp()))
