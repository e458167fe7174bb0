"""The components of a running sandbox, for its views."""

from __future__ import annotations

from dataclasses import dataclass

from bookshop.sandbox.api.idempotency import Idempotency
from bookshop.sandbox.faults import Faults
from bookshop.sandbox.options import Options
from bookshop.sandbox.store import Store
from bookshop.sandbox.webhooks import endpoints
from bookshop.sandbox.webhooks.delivery_faults import DeliveryFaults
from bookshop.sandbox.webhooks.events import Events
from bookshop.sandbox.webhooks.sender import Deliverer


@dataclass(frozen=True)
class Sandbox:
    """The components of a running sandbox."""

    options: Options
    store: Store
    events: Events
    idempotency: Idempotency
    faults: Faults
    delivery_faults: DeliveryFaults
    deliverer: Deliverer

    @classmethod
    def open(cls, options: Options) -> Sandbox:
        """Create the components on the options' database. Raises sqlite3.Error and OSError."""
        store = Store(options.database)
        endpoints.sync_built_in(store, options.webhook_url, options.webhook_secret)
        delivery_faults = DeliveryFaults()
        return cls(
            options=options,
            store=store,
            events=Events(store),
            idempotency=Idempotency(store, options.secret_key),
            faults=Faults(),
            delivery_faults=delivery_faults,
            deliverer=Deliverer(store, delivery_faults),
        )

    def close(self) -> None:
        """Release held requests, stop deliveries and close the database."""
        self.faults.clear()
        self.deliverer.stop()
        self.store.close()
