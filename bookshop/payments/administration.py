"""Operations on the Stripe account: its webhook endpoints and undelivered events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bookshop.payments.account import (
    EVENT_TYPES,
    FINGERPRINTS_KEY,
    Account,
    Endpoint,
    UndeliveredEvents,
    account_from_stripe,
    endpoint_from_stripe,
    fingerprint,
)
from bookshop.payments.connection import StripeConnection
from bookshop.payments.listing import PAGE_SIZE
from bookshop.payments.webhook_signatures import API_VERSION
from bookshop.settings.parsers import Secret


class Administration(StripeConnection):
    """Operations that `bookshop check` and `bookshop webhooks` need."""

    def retrieve_account(self) -> Account:
        """Return the account to which the secret key belongs."""
        with self._operation("retrieve_account"):
            account = self._stripe.accounts.retrieve_current()
        return account_from_stripe(account, self._http.clock_offset)

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        """Return all webhook endpoints of the account."""
        with self._operation("list_endpoints"):
            listed = self._stripe.webhook_endpoints.list({"limit": PAGE_SIZE})
            return tuple(endpoint_from_stripe(each) for each in listed.auto_paging_iter())

    def create_endpoint(self, url: str) -> tuple[Endpoint, Secret]:
        """Create an endpoint for EVENT_TYPES; returns it and its secret, which is shown once."""
        params: Any = {"url": url, "enabled_events": EVENT_TYPES, "api_version": API_VERSION}
        with self._operation("create_endpoint"):
            created = self._stripe.webhook_endpoints.create(params)
        return endpoint_from_stripe(created), Secret(created.secret or "")

    def save_fingerprints(self, endpoint_id: str, secrets: Iterable[Secret]) -> None:
        """Store in an endpoint's metadata that one of these secrets is its signing secret."""
        fingerprints = " ".join(fingerprint(secret) for secret in secrets)
        params: Any = {"metadata": {FINGERPRINTS_KEY: fingerprints}}
        with self._operation("save_fingerprints"):
            self._stripe.webhook_endpoints.update(endpoint_id, params)

    def repair_endpoint(self, endpoint_id: str) -> Endpoint:
        """Enable an endpoint for EVENT_TYPES. Stripe cannot change its API version."""
        params: Any = {"enabled_events": EVENT_TYPES, "disabled": False}
        with self._operation("repair_endpoint"):
            return endpoint_from_stripe(self._stripe.webhook_endpoints.update(endpoint_id, params))

    def undelivered_events(self, since: datetime, until: datetime) -> UndeliveredEvents | None:
        """Return the events of EVENT_TYPES not delivered between two times, None if there are none.

        Stripe reports this for the account as a whole, not for each endpoint. At most PAGE_SIZE
        events are counted.
        """
        created: Any = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
        params: Any = {
            "delivery_success": False,
            "created": created,
            "types": EVENT_TYPES,
            "limit": PAGE_SIZE,
        }
        with self._operation("list_undelivered_events"):
            page = self._stripe.events.list(params)
        if not page.data:
            return None
        oldest = datetime.fromtimestamp(page.data[-1].created, UTC)
        return UndeliveredEvents(len(page.data), oldest)
