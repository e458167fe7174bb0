"""The rate limits of the checkout, applied to the client of a request."""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.request import Request

from bookshop.rate_limits.limiter import RateLimiter


@dataclass(frozen=True)
class ClientLimits:
    """Counts one client's orders and payments. The methods raise RateLimitExceededError.

    `max_reservations` is the number of orders of a network with reserved copies at the same time.

    They write in transactions of their own, so none may be open.
    """

    limiter: RateLimiter
    request: Request
    max_reservations: int

    @property
    def network(self) -> str:
        """The hash of the client's network, which orders are counted by."""
        return self.limiter.network_key(self.request)

    def count_order(self, *, confirmed: bool) -> bool:
        """Count a new order. Return False if the client has to confirm it first."""
        self.limiter.count("checkouts", self.request)
        return confirmed or self.limiter.within("newcomers", self.request)

    def count_payment(self) -> None:
        """Count an attempt to pay."""
        self.limiter.count_with_pauses("payments", self.request)
