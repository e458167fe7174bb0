"""What a customer is told about a failed payment. https://docs.stripe.com/declines/codes."""

from __future__ import annotations

from bookshop.payments.intents import Failure

# Whoever holds a stolen card must not learn that it is known to be stolen.
GENERIC = frozenset({"fraudulent", "lost_card", "merchant_blacklist", "stolen_card"})
FOR_CUSTOMERS = frozenset({"card_error", "validation_error"})


def message_for_customer(failure: Failure | None) -> str | None:
    """Stripe's words where they are made for customers and give nothing away, otherwise None."""
    if failure is None or failure.type not in FOR_CUSTOMERS or failure.decline_code in GENERIC:
        return None
    return failure.message
