"""The rate limiter: counts requests per visitor and per network.

A visitor is a session. Attackers discard the cookie, so that networks are counted too. A library, a
school or a mobile carrier is one network with many people: it may do NETWORK_FACTOR times as much.

https://docs.stripe.com/disputes/prevention/card-testing
"""

from __future__ import annotations

import hashlib
import ipaddress
import math

from limits import RateLimitItem
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from pyramid.request import Request

from bookshop import clock
from bookshop.rate_limits.storage import DatabaseStorage
from bookshop.settings import LimitSettings
from bookshop.settings.parsers import Secret

NETWORK_FACTOR = 10
IPV6_NETWORK_BITS = 64  # what a provider assigns to one customer
FREE_SHARE = 10  # a tenth of a limit can be used without pauses
FIRST_PAUSE, LONGEST_PAUSE = 5, 300  # seconds
DOUBLINGS = 6  # until the longest pause


class RateLimitExceededError(Exception):
    """A rate limit was exceeded. The next attempt is allowed after `seconds`."""

    def __init__(self, action: str, seconds: float) -> None:
        super().__init__(f"rate limit of {action} exceeded")
        self.action = action
        self.seconds = max(1, math.ceil(seconds))


class RateLimiter:
    """Counts actions of visitors and networks, which are stored as keyed hashes.

    An `action` is the name of a limit in LimitSettings. Counting writes in a transaction of its
    own, so the caller must not hold one.
    """

    def __init__(self, storage: Storage, limits: LimitSettings, secret: Secret) -> None:
        self._limits = limits
        self._storage = storage
        self._windows = FixedWindowRateLimiter(storage)
        self._key = hashlib.blake2b(secret.reveal().encode(), digest_size=32).digest()

    def count(self, action: str, request: Request) -> None:
        """Count an action of a visitor and of their network. Raises RateLimitExceededError."""
        limit = self._limit(action)
        network_limit = type(limit)(limit.amount * NETWORK_FACTOR, limit.multiples)
        self._count(limit, action, request.session_id)
        self._count(network_limit, action, network_of(request))

    def count_network(self, action: str, request: Request) -> None:
        """Count an action of a network, without starting a session.

        Raises RateLimitExceededError.
        """
        self._count(self._limit(action), action, network_of(request))

    def within(self, action: str, request: Request) -> bool:
        """Count the action for the visitor, then for the network. Return True if within both."""
        limit = self._limit(action)
        clients = (request.session_id, network_of(request))
        return all(self._windows.hit(limit, *self._names(action, client)) for client in clients)

    def count_with_pauses(self, action: str, request: Request) -> None:
        """Count an action like `count`, and require pauses between attempts, which double.

        Raises RateLimitExceededError.
        """
        limit, names = self._limit(action), self._names(action, request.session_id)
        pause = "/".join(("pause", *names))
        if self._storage.get(pause):
            remaining = self._storage.get_expiry(pause) - clock.now().timestamp()
            raise RateLimitExceededError(action, remaining)
        self.count(action, request)
        attempts = limit.amount - self._windows.get_window_stats(limit, *names).remaining
        doublings = attempts - max(1, limit.amount // FREE_SHARE)
        if doublings >= 0:
            seconds = min(FIRST_PAUSE * 2 ** min(doublings, DOUBLINGS), LONGEST_PAUSE)
            self._storage.incr(pause, seconds)

    def delete_expired(self) -> None:
        """Delete the counts of windows that have ended. Memory storage does so automatically."""
        if isinstance(self._storage, DatabaseStorage):
            self._storage.delete_expired()

    def _limit(self, action: str) -> RateLimitItem:
        limit: RateLimitItem = getattr(self._limits, action)
        return limit

    def _count(self, limit: RateLimitItem, action: str, client: str) -> None:
        names = self._names(action, client)
        if not self._windows.hit(limit, *names):
            ends_at = self._windows.get_window_stats(limit, *names).reset_time
            raise RateLimitExceededError(action, ends_at - clock.now().timestamp())

    def _names(self, action: str, client: str) -> tuple[str, str]:
        hashed = hashlib.blake2b(client.encode(), key=self._key, digest_size=16)
        return action, hashed.hexdigest()


def network_of(request: Request) -> str:
    """Return the network of a request: an IPv4 address, or an IPv6 network of 64 bits.

    REMOTE_ADDR is the address of the connection, or the one that `trusted_proxy` of `[server:main]`
    reports. The server removes forwarding headers of other clients.
    """
    text = request.environ.get("REMOTE_ADDR") or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_NETWORK_BITS), strict=False))
    return str(address)
