"""Who has done something too often.

A visitor is known by a cookie, which whoever means harm throws away, and by the network that the
request comes from. A library, a school or a mobile carrier is one network and many people: where
both are counted, a network may do MANY times as much.

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

MANY = 10
IPV6_NETWORK = 64  # bits: what one customer of a provider has
PATIENCE = 10  # the first tenth of a limit is free of pauses
FIRST_PAUSE, LONGEST_PAUSE = 5, 300  # seconds
DOUBLINGS = 6  # until the longest


class RateLimitExceededError(Exception):
    """Somebody has done something too often, and may again after `seconds`."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what}: too often")
        self.what = what
        self.seconds = max(1, math.ceil(seconds))


class RateLimiter:
    """Counts what visitors and networks do. What it keeps names neither of them."""

    def __init__(self, storage: Storage, limits: LimitSettings, secret: Secret) -> None:
        self._limits = limits
        self._storage = storage
        self._windows = FixedWindowRateLimiter(storage)
        self._key = hashlib.blake2b(secret.reveal().encode(), digest_size=32).digest()

    def count(self, what: str, request: Request) -> None:
        """Count that a visitor did it, and their network. `what` is a name in LimitSettings.

        Raises RateLimitExceededError. It writes in a transaction of its own, so that none may be open.
        """
        limit = getattr(self._limits, what)
        self._count(limit, what, request.session_id)
        self._count(type(limit)(limit.amount * MANY, limit.multiples), what, network_of(request))

    def count_network(self, what: str, request: Request) -> None:
        """Count that somebody did it, where no visitor is known. Raises RateLimitExceededError."""
        self._count(getattr(self._limits, what), what, network_of(request))

    def within(self, what: str, request: Request) -> bool:
        """Count it for the visitor, then for the network; whether both are within the limit."""
        limit = getattr(self._limits, what)
        both = (request.session_id, network_of(request))
        return all(self._windows.hit(limit, *self._names(what, who)) for who in both)

    def count_with_pauses(self, what: str, request: Request) -> None:
        """As count, and between two times lies a pause that doubles. Raises RateLimitExceededError."""
        limit, names = getattr(self._limits, what), self._names(what, request.session_id)
        pause = "/".join(("pause", *names))
        if self._storage.get(pause):
            raise RateLimitExceededError(
                what, self._storage.get_expiry(pause) - clock.now().timestamp()
            )
        self.count(what, request)
        times = limit.amount - self._windows.get_window_stats(limit, *names).remaining
        beyond = times - max(1, limit.amount // PATIENCE)
        if beyond >= 0:
            seconds = min(FIRST_PAUSE * 2 ** min(beyond, DOUBLINGS), LONGEST_PAUSE)
            self._storage.incr(pause, seconds)

    def delete_expired(self) -> None:
        """Delete the counts of windows that have ended. Memory storage does so automatically."""
        if isinstance(self._storage, DatabaseStorage):
            self._storage.delete_expired()

    def _count(self, limit: RateLimitItem, what: str, who: str) -> None:
        names = self._names(what, who)
        if not self._windows.hit(limit, *names):
            ends_at = self._windows.get_window_stats(limit, *names).reset_time
            raise RateLimitExceededError(what, ends_at - clock.now().timestamp())

    def _names(self, what: str, who: str) -> tuple[str, str]:
        hashed = hashlib.blake2b(who.encode(), key=self._key, digest_size=16)
        return what, hashed.hexdigest()


def network_of(request: Request) -> str:
    """The network that a request comes from: an IPv4 address, or the half of an IPv6 address.

    It is the connection's own, or what a proxy says that `[server:main]` trusts: whatever a client
    writes into X-Forwarded-For, the server has taken out.
    """
    address = request.environ.get("REMOTE_ADDR") or ""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, IPV6_NETWORK), strict=False))
    return str(found)
