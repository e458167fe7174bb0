"""One call of the API, as the functions that answer it see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks.events import Cause, Events


@dataclass(frozen=True)
class Call:
    """`params` are checked; `identifier` is the id in the path; `by_browser` says which key.

    `currency` is the account's own where its shop has said it.
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
        """Say that something happened because of this call (see `Events.emit`)."""
        self.events.emit(kind, thing, self.cause, previous)
