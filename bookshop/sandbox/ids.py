"""Identifiers in Stripe's format: a prefix for the object type, and random characters."""

from __future__ import annotations

import secrets
import string

ALPHABET = string.ascii_letters + string.digits
API_VERSION = "2026-10-28.endive"

#: Prefix and length of the random part, by object type.
FORMATS = {
    "payment_intent": ("pi_3", 23),
    "charge": ("ch_3", 23),
    "payment_method": ("pm_1", 23),
    "refund": ("re_3", 23),
    "dispute": ("du_1", 23),
    "radar.early_fraud_warning": ("issfr_1", 23),
    "review": ("prv_1", 23),
    "event": ("evt_1", 23),
    "delivery": ("del_", 14),
    "request": ("req_", 14),
    "source": ("src_1", 23),
    "webhook_endpoint": ("we_1", 23),
    "webhook_secret": ("whsec_", 32),
}


def random_text(length: int) -> str:
    """Return unguessable letters and digits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(kind: str) -> str:
    """Return a new id for an object type."""
    prefix, length = FORMATS[kind]
    return prefix + random_text(length)
