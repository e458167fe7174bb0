"""Webhooks: whether Stripe sent them, and what they say. https://docs.stripe.com/webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import stripe

from bookshop.payments.errors import SignatureError
from bookshop.payments.intents import ORDER
from bookshop.settings_values import Secret

TOLERANCE = 300  # seconds between signing and arriving


@dataclass(frozen=True)
class Event:
    """What happened at Stripe: the event's id and type, and the object that it is about."""

    id: str
    type: str
    livemode: bool
    object_id: str | None
    reference: str | None


def verified_event(body: bytes, header: str | None, secrets: Iterable[Secret]) -> Event:
    """The event in `body`, which one of `secrets` has signed.

    The signature is checked over the raw bytes before anything is parsed. Raises SignatureError.
    """
    if not any(_signed(body, header, secret) for secret in secrets):
        message = "no secret of ours has signed this body"
        raise SignatureError(message)
    try:
        return _event(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        message = "the signed body is not an event"
        raise SignatureError(message) from err


def _signed(body: bytes, header: str | None, secret: Secret) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret.reveal(), TOLERANCE)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False  # a body that is not UTF-8 is a ValueError, a header beyond ASCII a TypeError
    return True


def _event(values: dict[str, Any]) -> Event:
    about = values["data"]["object"]
    metadata = about.get("metadata") or {}
    return Event(
        id=values["id"],
        type=values["type"],
        livemode=bool(values["livemode"]),
        object_id=about.get("id"),
        reference=metadata.get(ORDER),
    )
