"""`/checkout`: the page, and the press of its Pay button."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from email_validator import EmailNotValidError, validate_email
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.checkout.service import (
    CannotBuyError,
    Checkout,
    ConfirmationRequired,
    NotForSaleError,
    OrderClosedError,
    Payable,
    TotalChangedError,
)
from bookshop.checkout.urls import resume_url, success_url
from bookshop.i18n import _
from bookshop.inventory.reservations import OutOfStockError
from bookshop.orders.number import is_number
from bookshop.orders.pages.presenter import present_order
from bookshop.payments.declines import GENERIC_DECLINE_CODES
from bookshop.payments.errors import PaymentsError, StripeBusyError, StripeRefusedError
from bookshop.payments.stripe_js import payment_locale
from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.rate_limits.messages import too_often
from bookshop.services import services
from bookshop.web.resources import Shop

RETRY_AFTER = 5  # seconds
REFUSALS = (NotForSaleError, CannotBuyError, RateLimitExceededError, PaymentsError)
LONGEST_EMAIL = 254
LONGEST_REVISION = 9  # digits


@view_config(
    context=Shop,
    name="checkout",
    request_method="GET",
    renderer="checkout/checkout.jinja2",
    http_cache=0,
)
def show_checkout(_context: Shop, request: Request) -> dict[str, Any] | Response:
    """The page that takes the money for one book, or says why it does not."""
    request.response.cache_control.no_store = True
    if _only_looking(request):
        return Response(status=HTTPStatus.NO_CONTENT)
    try:
        return _page(request, _wanted(request))
    except ConfirmationRequired as unasked:
        return _question(request, unasked)
    except OrderClosedError as closed:
        return _closed(request, closed)
    except REFUSALS as err:
        return _refusal(request, err)


@view_config(
    context=Shop,
    name="checkout",
    request_method="POST",
    request_param="go_on",
    renderer="checkout/checkout.jinja2",
    http_cache=0,
)
def go_on(_context: Shop, request: Request) -> dict[str, Any] | Response:
    """What `_question` asks was pressed: by a person, whose browser keeps a session."""
    request.response.cache_control.no_store = True
    again = _field(request, "again")
    try:
        payable = Checkout(request).buy(
            _field(request, "item"), again if is_number(again) else None, asked=True
        )
    except OrderClosedError as closed:
        return _closed(request, closed)
    except REFUSALS as err:
        return _refusal(request, err)
    return HTTPSeeOther(resume_url(request, payable.order))


@view_config(context=Shop, name="checkout", request_method="POST", renderer="json", http_cache=0)
def press_pay(_context: Shop, request: Request) -> dict[str, Any]:
    """Before the browser confirms with Stripe: check the form, and hold the copies."""
    try:
        email = validate_email(
            _field(request, "email")[: LONGEST_EMAIL + 1], check_deliverability=False
        ).normalized
    except EmailNotValidError:
        text = _("Enter a valid e-mail address, for example name@example.com.")
        return _problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_email", text, "email")
    try:
        number = _field(request, "order")
        if not is_number(number):
            raise OrderClosedError(None)  # noqa: TRY301
        held = Checkout(request).press_pay(number, _revision(request), email)
    except OutOfStockError as sold_out:
        code = "out_of_stock"
        text = _(
            "${title} has just sold out. You haven’t been charged.",
            mapping={"title": sold_out.title},
        )
    except CannotBuyError as refused:
        code, text = "unavailable", _cannot_buy(refused)
    except TotalChangedError:
        code = "total_changed"
        text = _("The price has changed since you opened this page. Reload it to see the new one.")
    except OrderClosedError:
        code = "order_closed"
        text = _("This order can no longer be paid. Reload this page to see its status.")
    except RateLimitExceededError as err:
        request.response.retry_after = err.seconds
        text = too_often(err.seconds)
        return _problem(request, HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", text)
    except PaymentsError:
        request.response.retry_after = RETRY_AFTER
        text = _(
            "Our payment provider isn’t responding. You haven’t been charged. "
            "Please press Pay again in a few seconds."
        )
        return _problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "payments_unavailable", text)
    else:
        return {"order": held.number, "held_until": held.until.isoformat()}
    return _problem(request, HTTPStatus.CONFLICT, code, text)


def _only_looking(request: Request) -> bool:
    """Whether nobody is there to pay: for HEAD, a page loaded ahead, an image of another site."""
    headers = request.headers
    elsewhere = headers.get("Sec-Fetch-Site") == "cross-site"
    ahead = "prefetch" in (headers.get("Sec-Purpose", "") + headers.get("Purpose", "")).lower()
    part = elsewhere and headers.get("Sec-Fetch-Dest", "document") != "document"
    return request.method == "HEAD" or ahead or part


def _wanted(request: Request) -> Payable:
    number, again = request.GET.get("order"), request.GET.get("again")
    if number is not None:
        if not is_number(number):
            raise OrderClosedError(None)
        return Checkout(request).resume(number)
    if again is not None and not is_number(again):
        again = None
    sku = request.GET.get("item", "")
    if not sku.strip() or "\0" in sku:
        raise NotForSaleError(sku)
    return Checkout(request).buy(sku, again, asked=False)


def _question(request: Request, unasked: ConfirmationRequired) -> Response:
    """The page that asks a person to press a button, before there is another PaymentIntent.

    https://docs.stripe.com/disputes/prevention/card-testing
    """
    return render_to_response(
        "checkout/confirm.jinja2",
        {
            "listing": unasked.listing,
            "again": request.GET.get("again"),
            "csrf_token": request.session.get_csrf_token(),
        },
        request=request,
        response=request.response,
    )


def _closed(request: Request, closed: OrderClosedError) -> dict[str, Any] | Response:
    if closed.order is not None and closed.order.payment_intent is not None:
        return HTTPSeeOther(success_url(request, closed.order.payment_intent))
    return _refusal(request, closed)


def _page(request: Request, payable: Payable) -> dict[str, Any]:
    order, settings = payable.order, services(request).settings.stripe
    request.allow_stripe()
    return {
        "public_key": settings.publishable_key,
        "title": order.lines[0].title,
        "amount": order.total.amount,
        "error": None,
        "error_code": None,
        "client_secret": payable.intent.client_secret.reveal(),
        "order": present_order(request, order),
        "email": order.email or "",
        "js_url": settings.js_url,
        "js_locale": payment_locale(services(request).settings.shop.locale),
        "return_url": success_url(request, payable.intent.id),
        "csrf_token": request.session.get_csrf_token(),
        "decline_codes": " ".join(sorted(GENERIC_DECLINE_CODES)),
    }


def _refusal(request: Request, err: Exception) -> dict[str, Any]:
    """The page that says why there is nothing to pay."""
    title, retry_after = None, None
    match err:
        case NotForSaleError():
            status, code = HTTPStatus.NOT_FOUND, "unknown_item"
            text = _("It may have been removed since you last saw it.")
        case CannotBuyError():
            status, code, title = HTTPStatus.CONFLICT, "unavailable", err.listing.title
            text = _cannot_buy(err)
        case RateLimitExceededError():
            status, code = HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts"
            retry_after = err.seconds
            text = too_often(err.seconds)
        case OrderClosedError():
            status, code = HTTPStatus.NOT_FOUND, "order_closed"
            text = _("It may have been placed in another browser, or can no longer be paid.")
        case StripeBusyError():
            status, code = HTTPStatus.SERVICE_UNAVAILABLE, "payments_busy"
            retry_after = RETRY_AFTER
            text = _(
                "Many people are paying at the moment. You haven’t been charged. "
                "Please try again in a few seconds."
            )
        case StripeRefusedError():
            status, code = HTTPStatus.SERVICE_UNAVAILABLE, "payments_refused"
            retry_after = RETRY_AFTER
            text = _("You haven’t been charged. Please try again later.")
        case _:
            status, code = HTTPStatus.SERVICE_UNAVAILABLE, "payments_unavailable"
            retry_after = RETRY_AFTER
            text = _(
                "Our payment provider isn’t responding. You haven’t been charged. "
                "Please try again in a moment."
            )
    request.response.status_int = status
    request.response.retry_after = retry_after
    return {
        "public_key": None,
        "title": title,
        "amount": None,
        "error": request.localizer.translate(text),
        "error_code": code,
        "client_secret": None,  # nosec B105
        "order": None,
    }


def _cannot_buy(refused: CannotBuyError) -> Any:
    title = refused.listing.title
    return _("${title} isn’t available right now.", mapping={"title": title})


def _field(request: Request, name: str) -> str:
    """A form's field; a file in its place is as good as nothing."""
    value = request.POST.get(name, "")
    return value if isinstance(value, str) else ""


def _revision(request: Request) -> int | None:
    """The revision that the page showed. It is a check on us, so a missing one is not asked for."""
    if "revision" not in request.POST:
        return None
    raw = _field(request, "revision")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= LONGEST_REVISION else 0


def _problem(
    request: Request, status: HTTPStatus, code: str, text: str, field: str | None = None
) -> dict[str, Any]:
    request.response.status_int = status
    message = request.localizer.translate(text)
    return {"error": {"code": code, "field": field, "message": message}}
