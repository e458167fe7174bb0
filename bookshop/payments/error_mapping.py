"""Maps the SDK's errors to the shop's. https://docs.stripe.com/error-low-level.

Stripe's own message may contain card or customer data, so it is never copied.
"""

from __future__ import annotations

from http import HTTPStatus

import stripe

from bookshop.payments.errors import (
    AmountRefusedError,
    EmailRefusedError,
    IntentMissingError,
    IntentStateError,
    NotPermittedError,
    PaymentsError,
    RefundRefusedError,
    StoredFailureError,
    StripeRefusedError,
    StripeUnavailableError,
)

DISPUTED = "the payment is disputed; the customer's bank decides"
INSUFFICIENT_FUNDS = "the Stripe balance does not cover the refund"
AMOUNT_TOO_LARGE = "the amount exceeds what is left of the payment"
# https://docs.stripe.com/error-codes
REFUSALS: dict[str, type[StripeRefusedError]] = {
    "amount_too_large": AmountRefusedError,
    "amount_too_small": AmountRefusedError,
    "email_invalid": EmailRefusedError,
    "invalid_charge_amount": AmountRefusedError,
    "payment_intent_unexpected_state": IntentStateError,
    "resource_missing": IntentMissingError,
}
REFUSAL_REASONS = {
    "amount_too_large": AMOUNT_TOO_LARGE,
    "amount_too_small": "the amount is too small to refund",
    "balance_insufficient": INSUFFICIENT_FUNDS,
    "charge_already_refunded": "the payment has already been refunded in full",
    "charge_disputed": DISPUTED,
    "charge_not_refundable": "the payment can no longer be refunded through Stripe",
    "insufficient_funds": INSUFFICIENT_FUNDS,
    "payment_intent_unexpected_state": "the payment has not succeeded",
    "refund_disputed_payment": DISPUTED,
}


def map_error(err: stripe.StripeError) -> PaymentsError:
    """Return the shop's error for one of the SDK's."""
    status = err.http_status or 0
    text = f"{type(err).__name__} status={status} code={err.code} request={err.request_id}"
    headers = err.headers or {}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and headers.get("idempotent-replayed") == "true":
        return StoredFailureError(text)
    if isinstance(err, stripe.APIError | stripe.APIConnectionError | stripe.RateLimitError):
        return StripeUnavailableError(text)
    if isinstance(err, stripe.PermissionError):
        return NotPermittedError(text)
    if isinstance(err, stripe.InvalidRequestError) and err.param == "amount":
        return AmountRefusedError(text)
    return REFUSALS.get(err.code or "", StripeRefusedError)(text)


def map_refund_error(err: stripe.StripeError) -> PaymentsError:
    """Return the shop's error for a refund request: RefundRefusedError if Stripe refused it."""
    error = map_error(err)
    about_refund = err.http_status in {HTTPStatus.BAD_REQUEST, HTTPStatus.PAYMENT_REQUIRED}
    other_cause = isinstance(err, stripe.IdempotencyError) or isinstance(error, IntentMissingError)
    if other_cause or not about_refund:
        return error
    return RefundRefusedError(str(error), err.code, _refusal_reason(err, error))


def _refusal_reason(err: stripe.StripeError, error: PaymentsError) -> str:
    # Stripe has no code for an amount above the remainder: it only names the parameter.
    if err.code is None and isinstance(error, AmountRefusedError):
        return AMOUNT_TOO_LARGE
    return REFUSAL_REASONS.get(err.code or "", "Stripe does not accept this refund")
