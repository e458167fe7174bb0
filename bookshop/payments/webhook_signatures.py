"""Webhooks: whether Stripe sent them, and what they say. https://docs.stripe.com/webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import stripe

from bookshop.payments.errors import SignatureError
from bookshop.payments.intents import ORDER
from bookshop.settings.parsers import Secret

TOLERANCE = 300  # seconds between signing and arriving
API_VERSION: str = stripe.api_version  # the one that the SDK speaks
# What comes of reading JSON as if it were an event: of its nesting and its numbers too.
NO_EVENT = (
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
    """What happened at Stripe: the event's id and type, and the object that it is about.

    `intent_id` is the PaymentIntent that the object is, or belongs to; `reference` is the order's
    number where the object carries it; `created` is when it happened, in UTC; `api_version` is
    the one that the object is written in.
    """

    id: str
    type: str
    livemode: bool
    object_id: str | None
    intent_id: str | None
    reference: str | None
    created: datetime
    api_version: str | None


def verified_event(body: bytes, header: str | None, secrets: Iterable[Secret]) -> Event:
    """The event in `body`, which one of `secrets` has signed.

    The signature is checked over the raw bytes before anything is parsed. Raises SignatureError.
    """
    if not any(_signed(body, header, secret) for secret in secrets):
        message = "no secret of ours has signed this body"
        raise SignatureError(message)
    try:
        return _event(json.loads(body))
    except NO_EVENT as err:
        message = "the signed body is not an event"
        raise SignatureError(message) from err


def _signed(body: bytes, header: str | None, secret: Secret) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret.reveal(), TOLERANCE)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False  # a body that is not UTF-8 is a ValueError, a header beyond ASCII a TypeError
    return True


def _event(values: dict[str, Any]) -> Event:
    event_id, kind, about = values["id"], values["type"], values["data"]["object"]
    if not isinstance(event_id, str):
        raise TypeError
    object_id = _text(about.get("id"))
    is_intent = kind.startswith("payment_intent.")
    metadata = about.get("metadata") or {}
    return Event(
        id=event_id,
        type=kind,
        livemode=bool(values["livemode"]),
        object_id=object_id,
        intent_id=object_id if is_intent else _text(about.get("payment_intent")),
        reference=_text(metadata.get(ORDER)),
        created=datetime.fromtimestamp(values["created"], UTC),
        api_version=_text(values.get("api_version")),
    )


def _text(value: Any) -> str | None:
    """Text where Stripe has text: in objects of kinds that the shop does not know it may not be."""
    return value if isinstance(value, str) else None
