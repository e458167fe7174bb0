"""From an order to its one PaymentIntent. Everything here waits for Stripe: no transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from bookshop.orders.snapshot import OrderSnapshot
from bookshop.payments.errors import IntentStateError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import PaymentIntent

MISSING = "missing"  # where an intent stands that Stripe does not know
KEY_LIFE = timedelta(hours=20)  # Stripe forgets keys after 24 hours at the earliest


def intent_for(gateway: Gateway, order: OrderSnapshot) -> PaymentIntent:
    """The order's PaymentIntent: fetched, or made under a key that order and total decide.

    An order whose intent is not written down yet keeps its total, so the key leads to the same
    intent however often it is asked for, for as long as KEY_LIFE. Raises the errors of Gateway.
    """
    if order.payment_intent is not None:
        return gateway.retrieve_intent(order.payment_intent)
    key = f"order-{order.number}-{order.total.amount}-{order.total.currency}"
    return gateway.create_intent(key, order.total, order.number, order.description)


def cancel_intent(
    gateway: Gateway, intent_id: str, reason: Literal["abandoned", "duplicate"]
) -> PaymentIntent:
    """The PaymentIntent, cancelled; or as it is, where somebody has paid before.

    Raises the errors of Gateway.
    """
    try:
        return gateway.cancel_intent(intent_id, reason)
    except IntentStateError:
        return gateway.retrieve_intent(intent_id)
