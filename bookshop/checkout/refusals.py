"""Responses of a checkout that cannot continue: status, stable code and text of each error."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from translationstring import TranslationString

from bookshop.checkout.errors import (
    OrderClosedError,
    TotalChangedError,
    UnavailableError,
    UnknownItemError,
)
from bookshop.i18n import _
from bookshop.inventory.reservations import OutOfStockError
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.orders.states import Rejection
from bookshop.payments.errors import (
    AmountRefusedError,
    PaymentsError,
    StripeBusyError,
    StripeRefusedError,
)
from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.rate_limits.messages import retry_message

RETRY_AFTER = 5  # seconds
#: Errors that `page_refusal` accepts.
PAGE_ERRORS = (
    UnknownItemError,
    UnavailableError,
    OrderClosedError,
    RateLimitExceededError,
    PaymentsError,
)
#: Errors that `form_refusal` accepts.
FORM_ERRORS = (
    OutOfStockError,
    UnavailableError,
    TotalChangedError,
    OrderClosedError,
    RateLimitExceededError,
    PaymentsError,
)


@dataclass(frozen=True)
class Refusal:
    """A response without a payment form. `retry_after` is in seconds."""

    status: HTTPStatus
    code: str
    text: TranslationString
    retry_after: int | None = None

    @property
    def final(self) -> bool:
        """True if pressing Pay again cannot succeed: the page shows no Pay button any more."""
        return self.status == HTTPStatus.CONFLICT or self.code == "payments_refused"


def page_refusal(err: Exception) -> Refusal:
    """Return the checkout page's response to one of PAGE_ERRORS."""
    match err:
        case UnknownItemError():
            text = _("It may have been removed since you last saw it.")
            return Refusal(HTTPStatus.NOT_FOUND, "unknown_item", text)
        case UnavailableError():
            return _unavailable(err)
        case OrderClosedError():
            text = _(
                "It may have been placed in another browser, or can no longer be paid. If it was "
                "this browser, it refuses cookies, which paying needs: allow them for this site."
            )
            return Refusal(HTTPStatus.NOT_FOUND, "order_closed", text)
        case RateLimitExceededError():
            return _too_many_attempts(err)
        case StripeBusyError():
            code = "payments_busy"
            text = _(
                "Many people are paying at the moment. You haven’t been charged. "
                "Please try again in a few seconds."
            )
        case StripeRefusedError():
            return _refused_by_stripe(err)
        case _:
            code = "payments_unavailable"
            text = _(
                "Our payment provider isn’t responding. You haven’t been charged. "
                "Please try again in a moment."
            )
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, code, text, RETRY_AFTER)


def form_refusal(err: Exception) -> Refusal:
    """Return the payment form's response to one of FORM_ERRORS."""
    match err:
        case OutOfStockError():
            code = "out_of_stock"
            text = _(
                "${title} has just sold out. You haven’t been charged.",
                mapping={"title": err.title},
            )
        case TotalChangedError():
            code = "total_changed"
            text = _(
                "The price has changed since you opened this page. Reload it to see the new one."
            )
        case OrderClosedError(order=OrderSnapshot(rejection=Rejection.TOO_MANY_FAILURES)):
            code = "too_many_failures"
            text = _("Too many attempts to pay failed, so this order is closed.")
        case OrderClosedError():
            code = "order_closed"
            text = _("This order can no longer be paid. Reload this page to see its status.")
        case UnavailableError():
            return _unavailable(err)
        case RateLimitExceededError():
            return _too_many_attempts(err)
        case StripeRefusedError():
            return _refused_by_stripe(err)
        case _:
            text = _(
                "Our payment provider isn’t responding. You haven’t been charged. "
                "Please press Pay again in a few seconds."
            )
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return Refusal(status, "payments_unavailable", text, RETRY_AFTER)
    return Refusal(HTTPStatus.CONFLICT, code, text)


def _unavailable(err: UnavailableError) -> Refusal:
    text = _("You can’t order ${title} at the moment.", mapping={"title": err.title})
    return Refusal(HTTPStatus.CONFLICT, "unavailable", text)


def _refused_by_stripe(err: StripeRefusedError) -> Refusal:
    """Return the response to a refusal that lasts: it does not invite to try again."""
    if isinstance(err, AmountRefusedError):
        text = _("Our payment provider can’t charge this amount. You haven’t been charged.")
        return Refusal(HTTPStatus.CONFLICT, "amount_refused", text)
    text = _("Our payment provider has refused the request. You haven’t been charged.")
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "payments_refused", text)


def _too_many_attempts(err: RateLimitExceededError) -> Refusal:
    text = retry_message(err.seconds)
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", text, err.seconds)
