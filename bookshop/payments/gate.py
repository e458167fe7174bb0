"""The gate to Stripe: how many operations may wait at once, and who may take how many of them.

Pay and webhooks have reserved places, so that pages cannot take them all. One visitor or network
cannot take all places of the pages either: opening many pages at once must not stop the others.

A view states what it calls Stripe for: `stripe=Purpose.PAGE`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from bookshop.payments.errors import StripeBusyError
from bookshop.rate_limits.networks import networks_of
from bookshop.web.security import SESSION_ID

View = Callable[[Any, Request], Response]


class Purpose(StrEnum):
    """What an operation at Stripe is for."""

    PAGE = "page"
    PAY = "pay"
    WEBHOOK = "webhook"
    BACKGROUND = "background"


@dataclass(frozen=True)
class Caller:
    """Who calls Stripe: the purpose, and the visitor and network of a request, if any."""

    purpose: Purpose
    visitor: str | None = None
    network: str | None = None


RESERVING = (Purpose.PAY, Purpose.WEBHOOK)
RESERVED_SHARE = 6  # a sixth of all places is reserved for each of RESERVING
VISITOR_SHARE = 4  # a visitor may take a quarter of the others, and at least MINIMUM
MINIMUM = 2
BACKGROUND = Caller(Purpose.BACKGROUND)
_caller: ContextVar[Caller] = ContextVar("caller", default=BACKGROUND)


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Count operations inside as those of `caller`; all others are background work."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


class Gate:
    """Counts the operations that wait for Stripe in this process."""

    def __init__(self, places: int) -> None:
        """`places` is the largest number of operations at once."""
        self._places = places
        self._reserved = dict.fromkeys(RESERVING, places // RESERVED_SHARE)
        shared = places - sum(self._reserved.values())
        self._network_limit = max(MINIMUM, shared * 2 // 3)
        self._visitor_limit = max(MINIMUM, shared // VISITOR_SHARE)
        self._lock = threading.Lock()
        self._by_purpose: Counter[Purpose] = Counter()
        self._by_client: Counter[tuple[Purpose, str]] = Counter()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for the current caller. Raises StripeBusyError if there is none."""
        caller = _caller.get()
        clients = [(caller.purpose, each) for each in (caller.visitor, caller.network) if each]
        with self._lock:
            if not self._has_place(caller):
                message = f"no place is left for {caller.purpose} (stripe.max_concurrency)"
                raise StripeBusyError(message)
            self._by_purpose[caller.purpose] += 1
            self._by_client.update(clients)
        try:
            yield
        finally:
            with self._lock:
                self._by_purpose[caller.purpose] -= 1
                self._by_client.subtract(clients)
                self._by_client = +self._by_client  # without those that are zero

    def _has_place(self, caller: Caller) -> bool:
        purpose = caller.purpose
        kept_for_others = sum(
            max(0, count - self._by_purpose[other])
            for other, count in self._reserved.items()
            if other != purpose
        )
        return (
            self._by_purpose.total() + kept_for_others < self._places
            and self._by_client[purpose, caller.visitor or ""] < self._visitor_limit
            and self._by_client[purpose, caller.network or ""] < self._network_limit
        )


def stripe_caller(view: View, info: Any) -> View:
    """View deriver for `stripe`: count the view's operations as those of its visitor."""
    purpose: Purpose | None = info.options.get("stripe")
    if purpose is None:
        return view

    def counted(context: Any, request: Request) -> Response:
        with calling(_caller_of(request, purpose)):
            return view(context, request)

    return counted


def _caller_of(request: Request, purpose: Purpose) -> Caller:
    """Return the caller, with the largest network, which no visitor can change.

    All webhooks come from Stripe: they are not counted by their network.
    """
    if purpose is Purpose.WEBHOOK:
        return Caller(purpose)
    return Caller(purpose, request.session.get(SESSION_ID), networks_of(request)[-1])


stripe_caller.options = ("stripe",)  # type: ignore[attr-defined]
