"""A Stripe account and its webhook endpoints as dataclasses.

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

ALL_EVENTS = "*"
FINGERPRINTS_KEY = "bookshop_secret"  # in an endpoint's metadata
FINGERPRINT_LENGTH = 16  # hexadecimal digits
#: The types of events that the shop subscribes to.
EVENT_TYPES = [
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
    """The Stripe account that receives the money.

    `currency` is the ISO 4217 code of its default payout currency. Stripe's clock is `clock_offset`
    seconds ahead of this machine's; None if Stripe sent no usable date.
    """

    id: str
    charges_enabled: bool
    currency: str | None
    clock_offset: float | None


@dataclass(frozen=True)
class Endpoint:
    """A webhook endpoint: an address to which Stripe sends events.

    Stripe returns an endpoint's signing secret only once. `fingerprints` identify the secrets
    that the shop had configured when `bookshop webhooks register` confirmed one of them; empty
    if that has not happened.
    """

    id: str
    url: str
    enabled: bool
    events: frozenset[str]
    api_version: str | None
    fingerprints: frozenset[str]

    @property
    def missing_events(self) -> list[str]:
        """The types of events that the shop needs and that this endpoint does not receive."""
        return [] if ALL_EVENTS in self.events else sorted(set(EVENT_TYPES) - self.events)

    def signs_with_one_of(self, secrets: Iterable[Secret]) -> bool | None:
        """True if one of the secrets is this endpoint's signing secret; None if unknown."""
        if not self.fingerprints:
            return None
        return not self.fingerprints.isdisjoint(fingerprint(secret) for secret in secrets)


@dataclass(frozen=True)
class UndeliveredEvents:
    """The number of events that Stripe could not deliver, and the time of the oldest (UTC)."""

    count: int
    oldest: datetime


def fingerprint(secret: Secret) -> str:
    """Return a short hash that identifies a signing secret without revealing it."""
    return hashlib.sha256(secret.reveal().encode()).hexdigest()[:FINGERPRINT_LENGTH]


def account_from_stripe(account: stripe.Account, clock_offset: float | None) -> Account:
    """Return the dataclass of an SDK object."""
    currency = account.default_currency
    return Account(
        account.id, bool(account.charges_enabled), currency and currency.upper(), clock_offset
    )


def endpoint_from_stripe(endpoint: stripe.WebhookEndpoint) -> Endpoint:
    """Return the dataclass of an SDK object."""
    metadata = endpoint.metadata.to_dict()
    return Endpoint(
        id=endpoint.id,
        url=endpoint.url,
        enabled=endpoint.status == "enabled",
        events=frozenset(endpoint.enabled_events),
        api_version=endpoint.api_version,
        fingerprints=frozenset(metadata.get(FINGERPRINTS_KEY, "").split()),
    )


def endpoints_at(
    url: str, endpoints: Iterable[Endpoint], secrets: Iterable[Secret]
) -> list[Endpoint]:
    """Return the endpoints with that address: enabled ones, signed with our secret, first."""
    secrets = list(secrets)
    matching = (each for each in endpoints if _normalize(each.url) == _normalize(url))
    return sorted(
        matching, key=lambda each: (not each.enabled, not each.signs_with_one_of(secrets))
    )


def _normalize(url: str) -> tuple[str, str, str]:
    """Return the parts by which two addresses are compared; host names ignore case."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower(), f"{parts.path.rstrip('/')}?{parts.query}"
