"""From an order to its one PaymentIntent. Everything here waits for Stripe: no transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from bookshop.orders.snapshot import OrderSnapshot
from bookshop.payments.errors import StoredFailureError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import PaymentIntent

KEYS_TO_TRY = 3
KEY_LIFE = timedelta(hours=20)  # Stripe forgets keys after 24 hours at the earliest
CLOCK_SKEW = timedelta(minutes=10)


def intent_for(gateway: Gateway, order: OrderSnapshot, now: datetime) -> PaymentIntent:
    """The order's PaymentIntent at the order's total: made, or fetched and brought up to date.

    Raises the errors of Gateway.
    """
    with gateway.visit():
        if order.payment_intent is not None:
            intent = gateway.retrieve_intent(order.payment_intent)
        else:
            intent = _known(gateway, order, now) or _create(gateway, order)
        if intent.open and intent.amount != order.total:
            intent = gateway.change_intent(intent.id, order.total)
        return intent


def _known(gateway: Gateway, order: OrderSnapshot, now: datetime) -> PaymentIntent | None:
    """An intent whose making was not answered, and that the order's key no longer leads to."""
    if order.revision == 1 and now - order.placed_at < KEY_LIFE:
        return None
    return gateway.find_intent(order.number, order.placed_at - CLOCK_SKEW)


def _create(gateway: Gateway, order: OrderSnapshot) -> PaymentIntent:
    """A new PaymentIntent, under a key that the order and its total decide.

    Stripe repeats a failure of its own for as long as it knows the key, even where the intent was
    made all the same. Only then is another key tried, and only if there is no intent.
    """
    key = f"order-{order.number}-{order.total.amount}-{order.total.currency}"
    for attempt in range(1, KEYS_TO_TRY + 1):
        try:
            return gateway.create_intent(
                f"{key}-{attempt}", order.total, order.number, order.description
            )
        except StoredFailureError:
            made = gateway.find_intent(order.number, order.placed_at - CLOCK_SKEW)
            if made is not None:
                return made
    message = f"Stripe keeps failing to make the intent of order {order.number}"
    raise StoredFailureError(message)
