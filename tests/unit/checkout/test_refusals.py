"""What the checkout answers when it cannot continue: status, code, Retry-After."""

import pytest

from bookshop.catalogue.terms.availability import Availability, AvailabilityCode
from bookshop.catalogue.works.listing import Listing
from bookshop.checkout.errors import (
    OrderClosedError,
    TotalChangedError,
    UnavailableError,
    UnknownItemError,
)
from bookshop.checkout.refusals import FORM_ERRORS, PAGE_ERRORS, form_refusal, page_refusal
from bookshop.inventory.reservations import OutOfStockError
from bookshop.payments.errors import (
    AmountRefusedError,
    StripeBusyError,
    StripeDownError,
    StripeRefusedError,
    StripeUnavailableError,
)
from bookshop.rate_limits.limiter import RateLimitExceededError

MOSS = Listing(
    sku="MOSS",
    title="Moss",
    subtitle=None,
    byline="Ada Example",
    form="BC",
    format="paperback",
    language="eng",
    cover=None,
    published=None,
    price=None,
    availability=Availability(AvailabilityCode.OUT_OF_STOCK),
)
LIMIT = RateLimitExceededError("payments", 30)


def name_of(value):
    return type(value).__name__ if isinstance(value, Exception) else str(value)


@pytest.mark.parametrize(
    ("err", "status", "code", "retry_after"),
    [
        (UnknownItemError("FERN"), 404, "unknown_item", None),
        (UnavailableError(MOSS), 409, "unavailable", None),
        (OrderClosedError(None), 404, "order_closed", None),
        (LIMIT, 429, "too_many_attempts", 30),
        (StripeBusyError("busy"), 503, "payments_busy", 5),
        (StripeRefusedError("refused"), 503, "payments_refused", None),
        (AmountRefusedError("refused"), 409, "amount_refused", None),
        (StripeUnavailableError("no response"), 503, "payments_unavailable", 5),
        (StripeDownError("down"), 503, "payments_unavailable", 5),
    ],
    ids=name_of,
)
def test_page_refusal_of_each_error(err, status, code, retry_after):
    refusal = page_refusal(err)

    assert isinstance(err, PAGE_ERRORS)
    assert (refusal.status, refusal.code, refusal.retry_after) == (status, code, retry_after)


@pytest.mark.parametrize(
    ("err", "status", "code", "retry_after"),
    [
        (OutOfStockError("Moss"), 409, "out_of_stock", None),
        (UnavailableError(MOSS), 409, "unavailable", None),
        (TotalChangedError(), 409, "total_changed", None),
        (OrderClosedError(None), 409, "order_closed", None),
        (LIMIT, 429, "too_many_attempts", 30),
        (StripeBusyError("busy"), 503, "payments_unavailable", 5),
        (StripeRefusedError("refused"), 503, "payments_refused", None),
        (AmountRefusedError("refused"), 409, "amount_refused", None),
        (StripeUnavailableError("no response"), 503, "payments_unavailable", 5),
    ],
    ids=name_of,
)
def test_form_refusal_of_each_error(err, status, code, retry_after):
    refusal = form_refusal(err)

    assert isinstance(err, FORM_ERRORS)
    assert (refusal.status, refusal.code, refusal.retry_after) == (status, code, retry_after)


@pytest.mark.parametrize(
    "refusal",
    [
        page_refusal(UnavailableError(MOSS)),
        form_refusal(UnavailableError(MOSS)),
        form_refusal(OutOfStockError("Moss")),
    ],
    ids=["unavailable page", "unavailable form", "out of stock"],
)
def test_the_text_names_the_book(refusal):
    assert "Moss" in refusal.text.interpolate()
