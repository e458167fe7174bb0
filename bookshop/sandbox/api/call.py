"""One API call, as the operation functions receive it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks.events import Cause, Events


@dataclass(frozen=True)
class Call:
    """An API call: checked `params`, `identifier` in the path, `by_browser` for the key used.

    `currency` is the account's currency, if the shop has set one.
    """

    store: Store
    events: Events
    cause: Cause
    publishable_key: str
    base_url: str
    path: str = ""
    identifier: str = ""
    params: Any = None
    by_browser: bool = False
    currency: str | None = None

    def emit(self, kind: str, thing: Object, previous: Object | None = None) -> None:
        """Emit an event caused by this call (see `Events.emit`)."""
        self.events.emit(kind, thing, self.cause, previous)
