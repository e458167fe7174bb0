"""How the shop is set up at Stripe: its account, and the endpoints that are told of events.

https://docs.stripe.com/api/accounts, https://docs.stripe.com/api/webhook_endpoints
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import stripe

from bookshop.settings.parsers import Secret

EVERYTHING = "*"
FINGERPRINT = "bookshop_secret"  # in an endpoint's metadata
DIGITS = 16
#: The types of events that the shop acts on.
EVENTS = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.refunded",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "radar.early_fraud_warning.created",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "review.closed",
    "review.opened",
]


@dataclass(frozen=True)
class Account:
    """Whose money it is. `currency` is the ISO 4217 code that it is paid out in by default.

    `ahead` is by how many seconds Stripe's clock is ahead of ours, None where it did not say.
    """

    id: str
    charges_enabled: bool
    currency: str | None
    ahead: float | None


@dataclass(frozen=True)
class Endpoint:
    """Where Stripe sends events.

    `fingerprints` are of secrets one of which is its own; Stripe never tells the secret itself
    again. There are none where nobody has said so (`bookshop webhooks register` does).
    """

    id: str
    url: str
    enabled: bool
    events: frozenset[str]
    api_version: str | None
    fingerprints: frozenset[str]

    @property
    def missing(self) -> list[str]:
        """The types of events that the shop needs and this endpoint is not sent."""
        return [] if EVERYTHING in self.events else sorted(set(EVENTS) - self.events)

    def signs_with_one_of(self, secrets: Iterable[Secret]) -> bool | None:
        """Whether events from there can be told from forgeries; None where that is not known."""
        if not self.fingerprints:
            return None
        return not self.fingerprints.isdisjoint(fingerprint(secret) for secret in secrets)


@dataclass(frozen=True)
class Undelivered:
    """How many events Stripe could not deliver, and since when."""

    count: int
    oldest: datetime


def fingerprint(secret: Secret) -> str:
    """What tells one signing secret from another, and nothing else of it."""
    return hashlib.sha256(secret.reveal().encode()).hexdigest()[:DIGITS]


def account_of(account: stripe.Account, ahead: float | None) -> Account:
    """What the shop wants to know of an account."""
    currency = account.default_currency
    return Account(account.id, bool(account.charges_enabled), currency and currency.upper(), ahead)


def endpoint_of(endpoint: stripe.WebhookEndpoint) -> Endpoint:
    """What the shop wants to know of an endpoint."""
    metadata = endpoint.metadata.to_dict()
    return Endpoint(
        id=endpoint.id,
        url=endpoint.url,
        enabled=endpoint.status == "enabled",
        events=frozenset(endpoint.enabled_events),
        api_version=endpoint.api_version,
        fingerprints=frozenset(metadata.get(FINGERPRINT, "").split()),
    )


def at(url: str, endpoints: Iterable[Endpoint], secrets: Iterable[Secret]) -> list[Endpoint]:
    """Those of the endpoints that are at `url`: first that on whose events the shop can rely."""
    secrets = list(secrets)
    found = [each for each in endpoints if _plain(each.url) == _plain(url)]
    return sorted(found, key=lambda each: (not each.enabled, not each.signs_with_one_of(secrets)))


def _plain(url: str) -> tuple[str, str, str]:
    """What makes an address another one: in the host's name the case does not."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower(), f"{parts.path.rstrip('/')}?{parts.query}"
