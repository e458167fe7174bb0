"""All that one sandbox is made of, for its views to reach."""

from __future__ import annotations

from dataclasses import dataclass

from .events import Events
from .faults import Faults
from .idempotency import Idempotency
from .options import Options
from .store import Store
from .webhooks import Deliverer


@dataclass(frozen=True)
class Sandbox:
    """The parts of a running sandbox."""

    options: Options
    store: Store
    events: Events
    idempotency: Idempotency
    faults: Faults
    deliverer: Deliverer

    @classmethod
    def open(cls, options: Options) -> Sandbox:
        """The parts, on the options' database. Raises sqlite3.Error and OSError."""
        store = Store(options.database)
        return cls(
            options=options,
            store=store,
            events=Events(store, delivered=options.webhook_url is not None),
            idempotency=Idempotency(store, options.secret_key),
            faults=Faults(),
            deliverer=Deliverer(store, options.webhook_url, options.webhook_secret),
        )

    def close(self) -> None:
        """Let go of what is held, end deliveries and close the database."""
        self.faults.clear()
        self.deliverer.stop()
        self.store.close()
