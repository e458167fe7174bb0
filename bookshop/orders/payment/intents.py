"""The one PaymentIntent of an order. Call these outside a transaction: they wait for Stripe."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Literal

from bookshop.orders.models import Order
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.payments.errors import AmountRefusedError, IntentStateError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import PaymentIntent

log = logging.getLogger(__name__)

KEY_LIFE = timedelta(hours=20)  # Stripe keeps idempotency keys for at least 24 hours


def intent_for(gateway: Gateway, order: OrderSnapshot) -> PaymentIntent:
    """Return the order's PaymentIntent, creating it under a key derived from order and total.

    The total does not change before the intent is recorded, so within KEY_LIFE a repeated call
    returns the same intent. Raises the errors of Gateway.
    """
    if order.payment_intent is not None:
        return gateway.retrieve_intent(order.payment_intent)
    key = f"order-{order.number}-{order.total.amount}-{order.total.currency}"
    try:
        return gateway.create_intent(key, order.total, order.number, order.description)
    except AmountRefusedError:
        total = f"{order.total.value:f} {order.total.currency}"
        log.error("order_total_refused", extra={"order": order.number, "total": total})  # noqa: TRY400
        raise


def may_have_lost_key(order: Order, now: datetime) -> bool:
    """True if the order has no intent, and Stripe may have forgotten the key to create it.

    A time in the future was stored by a wrong clock, and says nothing about the key.
    """
    return order.payment_intent is None and abs(now - order.placed_at) > KEY_LIFE


def cancel_intent(
    gateway: Gateway, intent_id: str, reason: Literal["abandoned", "duplicate"]
) -> PaymentIntent:
    """Cancel the PaymentIntent and return it; if it cannot be cancelled, return its state.

    Raises the errors of Gateway.
    """
    try:
        return gateway.cancel_intent(intent_id, reason)
    except IntentStateError:
        return gateway.retrieve_intent(intent_id)
