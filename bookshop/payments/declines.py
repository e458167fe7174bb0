"""Messages about failed payments that customers may read. https://docs.stripe.com/declines/codes.

Stripe writes some error messages for customers and others for developers. Of the first kind, those
that name a reported card are withheld as well.
"""

from __future__ import annotations

from bookshop.payments.intents import Failure

#: Decline codes that are reported as a plain decline: a thief must not learn that the card has
#: been reported.
GENERIC_DECLINE_CODES = frozenset({"fraudulent", "lost_card", "merchant_blacklist", "stolen_card"})
CUSTOMER_ERROR_TYPES = frozenset({"card_error", "validation_error"})


def message_for_customer(failure: Failure | None) -> str | None:
    """Return Stripe's message if a customer may read it, otherwise None."""
    if failure is None or failure.type not in CUSTOMER_ERROR_TYPES:
        return None
    return None if failure.decline_code in GENERIC_DECLINE_CODES else failure.message
