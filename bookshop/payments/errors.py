"""The errors that the gateway raises, and how metrics name them."""

from __future__ import annotations

from enum import StrEnum


class PaymentsError(Exception):
    """A request to Stripe failed. The text is safe to log: no secrets, no personal data."""


class StripeUnavailableError(PaymentsError):
    """Stripe did not respond in time, or asked to retry: the same request may be repeated."""


class StripeBusyError(StripeUnavailableError):
    """Too many requests are already waiting for Stripe: this one was not sent (see gate)."""


class StripeDownError(StripeUnavailableError):
    """The circuit breaker is open after repeated failures: this request was not sent."""


class StripeRefusedError(PaymentsError):
    """Stripe refused the request. Repeating it changes nothing; an operator has to check."""


class NotPermittedError(StripeRefusedError):
    """The restricted key lacks this permission. https://docs.stripe.com/keys."""


class IntentMissingError(StripeRefusedError):
    """The account has no such PaymentIntent in this mode."""


class IntentStateError(StripeRefusedError):
    """The PaymentIntent's status no longer allows the requested change."""


class AmountRefusedError(StripeRefusedError):
    """Stripe does not charge this amount, now or later.

    The shop knows most of Stripe's limits (`payment_limits`), but not those that follow from an
    exchange rate.
    """


class EmailRefusedError(StripeRefusedError):
    """Stripe does not accept this e-mail address for its receipt."""


class RefundRefusedError(StripeRefusedError):
    """Stripe refused the refund of an existing payment, for good.

    `code` is Stripe's error code, if any, and `reason` a plain explanation. Both may be shown to
    the person who requested the refund.
    """

    def __init__(self, text: str, code: str | None, reason: str) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason


class StoredFailureError(StripeUnavailableError):
    """Stripe replayed a failure that it stores under this idempotency key.

    https://docs.stripe.com/api/idempotent_requests
    """


class SignatureError(PaymentsError):
    """A webhook's body was not signed with one of our secrets within the tolerance."""


class EventFormatError(SignatureError):
    """A webhook's body is signed but is not an event."""


class Outcome(StrEnum):
    """How an operation at Stripe ended; a label in metrics and logs."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"  # no usable answer in time
    BUSY = "busy"  # not sent: too many were waiting
    DOWN = "down"  # not sent: the circuit breaker was open
    BROKEN = "broken"  # an error of the shop's own


def outcome_of(error: PaymentsError) -> Outcome:
    """Return the outcome of an operation that raised this error."""
    match error:
        case StripeBusyError():
            return Outcome.BUSY
        case StripeDownError():
            return Outcome.DOWN
        case StripeUnavailableError():
            return Outcome.FAILED
    return Outcome.REFUSED
