"""Verifies webhook signatures and parses events. https://docs.stripe.com/webhooks/signature."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from bookshop.json_text import storable_json
from bookshop.payments.errors import EventFormatError, SignatureError
from bookshop.payments.intents import ORDER_KEY
from bookshop.settings.parsers import Secret

PAYMENT_FAILED = "payment_intent.payment_failed"
TOLERANCE = 300  # seconds between signing and arrival
API_VERSION: str = stripe.api_version  # the SDK's
# Raised when the parsed JSON is not an event, by its nesting and numbers too.
PARSE_ERRORS = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    OSError,
    RecursionError,
)


@dataclass(frozen=True)
class Event:
    """A Stripe event: its id and type, and the object that it is about.

    `intent_id` is the id of the PaymentIntent that the object is or belongs to. `reference` is
    the order's number if the object's metadata holds it. `failed_attempt` identifies an attempt to
    pay that the event reports as failed: by its charge, or by the event if there is none. `created`
    is in UTC. `api_version` is the version in which the object is rendered.
    https://docs.stripe.com/api/events/object
    """

    id: str
    type: str
    livemode: bool
    object_id: str | None
    intent_id: str | None
    reference: str | None
    created: datetime
    api_version: str | None
    failed_attempt: str | None = None


def verify_event(body: bytes, header: str | None, secrets: Iterable[Secret]) -> Event:
    """Return the event in `body`, which was signed with one of `secrets`.

    The signature is checked over the raw bytes before anything is parsed. Raises SignatureError,
    and EventFormatError if the signed body is not an event.
    """
    if not any(_is_signed(body, header, secret) for secret in secrets):
        message = "no matching signature"
        raise SignatureError(message)
    try:
        return _parse_event(json.loads(storable_json(body)))
    except PARSE_ERRORS as err:
        message = "the body is not an event"
        raise EventFormatError(message) from err


def _is_signed(body: bytes, header: str | None, secret: Secret) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret.reveal(), TOLERANCE)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False  # a body that is not UTF-8 is a ValueError, a header beyond ASCII a TypeError
    return True


def _parse_event(values: dict[str, Any]) -> Event:
    event_id, kind, subject = values["id"], values["type"], values["data"]["object"]
    if not isinstance(event_id, str):
        raise TypeError
    object_id = _string_or_none(subject.get("id"))
    is_intent = kind.startswith("payment_intent.")
    metadata = subject.get("metadata") or {}
    return Event(
        id=event_id,
        type=kind,
        livemode=bool(values["livemode"]),
        object_id=object_id,
        intent_id=object_id if is_intent else _string_or_none(subject.get("payment_intent")),
        reference=_string_or_none(metadata.get(ORDER_KEY)),
        created=datetime.fromtimestamp(values["created"], UTC),
        api_version=_string_or_none(values.get("api_version")),
        failed_attempt=_failed_attempt(event_id, subject) if kind == PAYMENT_FAILED else None,
    )


def _failed_attempt(event_id: str, intent: dict[str, Any]) -> str | None:
    error = intent.get("last_payment_error")
    return _string_or_none(error.get("charge")) or event_id if error else None


def _string_or_none(value: Any) -> str | None:
    """Return the value if it is a string; other kinds of objects may hold anything."""
    return value if isinstance(value, str) else None
