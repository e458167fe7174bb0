"""The SDK's errors as the shop tells them apart. https://docs.stripe.com/error-low-level.

Stripe's own text may name a card or a person, so that none of it is taken over.
"""

from __future__ import annotations

from http import HTTPStatus

import stripe

from bookshop.payments.errors import (
    IntentMissingError,
    IntentStateError,
    NotPermittedError,
    PaymentsError,
    RefundRefusedError,
    StoredFailureError,
    StripeRefusedError,
    StripeUnavailableError,
)

DISPUTED = "the payment is disputed, and the customer's bank decides about the money"
NO_FUNDS = "the balance at Stripe does not cover the refund"
TOO_LARGE = "the amount is more than what is left of the payment"
# https://docs.stripe.com/error-codes
WHY_NOT_REFUNDED = {
    "amount_too_large": TOO_LARGE,
    "amount_too_small": "the amount is too small to be refunded",
    "balance_insufficient": NO_FUNDS,
    "charge_already_refunded": "the payment is refunded in full already",
    "charge_disputed": DISPUTED,
    "charge_not_refundable": "the payment can no longer be refunded through Stripe",
    "insufficient_funds": NO_FUNDS,
    "payment_intent_unexpected_state": "the payment has not succeeded",
    "refund_disputed_payment": DISPUTED,
}


def error_of(err: stripe.StripeError) -> PaymentsError:
    """The shop's own error for one of the SDK's."""
    status = err.http_status or 0
    text = f"{type(err).__name__} status={status} code={err.code} request={err.request_id}"
    headers = err.headers or {}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and headers.get("idempotent-replayed") == "true":
        return StoredFailureError(text)
    if isinstance(err, stripe.APIError | stripe.APIConnectionError | stripe.RateLimitError):
        return StripeUnavailableError(text)
    if isinstance(err, stripe.PermissionError):
        return NotPermittedError(text)
    if err.code == "resource_missing":
        return IntentMissingError(text)
    if err.code == "payment_intent_unexpected_state":
        return IntentStateError(text)
    return StripeRefusedError(text)


def refund_error_of(err: stripe.StripeError) -> PaymentsError:
    """The same where a refund was asked for: what Stripe says of that one is RefundRefusedError."""
    error = error_of(err)
    about_refund = err.http_status in {HTTPStatus.BAD_REQUEST, HTTPStatus.PAYMENT_REQUIRED}
    elsewhere = isinstance(err, stripe.IdempotencyError) or isinstance(error, IntentMissingError)
    if elsewhere or not about_refund:
        return error
    return RefundRefusedError(str(error), err.code, _why_not(err))


def _why_not(err: stripe.StripeError) -> str:
    # Stripe has no code for more than is left: it names the parameter alone.
    if err.code is None and isinstance(err, stripe.InvalidRequestError) and err.param == "amount":
        return TOO_LARGE
    return WHY_NOT_REFUNDED.get(err.code or "", "Stripe does not accept this refund")
