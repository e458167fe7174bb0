"""What can go wrong at the door to Stripe, as the rest of the shop tells it apart."""

from __future__ import annotations

from enum import StrEnum


class PaymentsError(Exception):
    """Stripe did not do what it was asked. The text is for the log: no secret, no person."""


class StripeUnavailableError(PaymentsError):
    """No answer in time, or one that says to try again: the same request may be repeated."""


class StripeBusyError(StripeUnavailableError):
    """As many requests wait for Stripe as may: this one was not sent."""


class StripeDownError(StripeUnavailableError):
    """Stripe has just failed several times in a row: this request was not sent."""


class StripeRefusedError(PaymentsError):
    """Stripe refuses the request itself: repeating it changes nothing, a person has to look."""


class NotPermittedError(StripeRefusedError):
    """The key is a restricted one, and may not do this. https://docs.stripe.com/keys."""


class IntentMissingError(StripeRefusedError):
    """There is no such PaymentIntent on this account, in this mode."""


class IntentStateError(StripeRefusedError):
    """The PaymentIntent has moved on, and what was asked cannot be done to it any more."""


class RefundRefusedError(StripeRefusedError):
    """Stripe refuses this refund of a payment that is there: another answer will not come.

    `reason` says why in plain words, and `code` is Stripe's word for it, if it has one. Both may
    be shown to whoever asked for the refund.
    """

    def __init__(self, text: str, code: str | None, reason: str) -> None:
        super().__init__(text)
        self.code = code
        self.reason = reason


class StoredFailureError(StripeUnavailableError):
    """Stripe repeats a failure that it keeps under this idempotency key.

    https://docs.stripe.com/api/idempotent_requests
    """


class SignatureError(PaymentsError):
    """A webhook's body is not what Stripe signed, or not with a secret of ours, or too old."""


class Outcome(StrEnum):
    """How a visit to Stripe ended, in a word for whoever counts."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FAILED = "failed"  # no answer that counts, or not in time
    BUSY = "busy"  # not sent, as many waited already
    DOWN = "down"  # not sent, as the breaker was open
    BROKEN = "broken"  # a fault of the shop's own


def outcome_of(error: PaymentsError) -> Outcome:
    """The word for an error."""
    match error:
        case StripeBusyError():
            return Outcome.BUSY
        case StripeDownError():
            return Outcome.DOWN
        case StripeUnavailableError():
            return Outcome.FAILED
    return Outcome.REFUSED
