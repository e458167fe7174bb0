"""Messages about failed payments that customers may read. https://docs.stripe.com/declines/codes.

Stripe writes some error messages for customers and others for developers. Messages that reveal that
a card was reported are withheld from customers too.
"""

from __future__ import annotations

from bookshop.payments.intents import Failure

#: Decline codes shown as a generic decline, so that a thief does not learn that the card was
#: reported.
GENERIC_DECLINE_CODES = frozenset({"fraudulent", "lost_card", "merchant_blacklist", "stolen_card"})
CUSTOMER_ERROR_TYPES = frozenset({"card_error", "validation_error"})


def message_for_customer(failure: Failure | None) -> str | None:
    """Return Stripe's message if a customer may read it, otherwise None."""
    if failure is None or failure.type not in CUSTOMER_ERROR_TYPES:
        return None
    return None if failure.decline_code in GENERIC_DECLINE_CODES else failure.message
