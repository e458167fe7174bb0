"""`/checkout`: the payment page, and the form that is posted when Pay is pressed."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.checkout.email_address import InvalidEmailError, read_email, receipt_address
from bookshop.checkout.errors import (
    ConfirmationRequired,
    OrderClosedError,
    UnavailableError,
    UnknownItemError,
)
from bookshop.checkout.factory import checkout_for
from bookshop.checkout.refusals import (
    FORM_ERRORS,
    PAGE_ERRORS,
    Refusal,
    form_refusal,
    page_refusal,
)
from bookshop.checkout.service import Payable
from bookshop.checkout.urls import resume_url, success_url
from bookshop.orders.number import is_number
from bookshop.orders.pages.presenter import present_order
from bookshop.payments.declines import GENERIC_DECLINE_CODES
from bookshop.payments.gate import Purpose
from bookshop.payments.stripe_js import payment_locale
from bookshop.services import services
from bookshop.web.resources import Shop

MAX_REVISION = 9  # digits


@view_config(
    context=Shop,
    name="checkout",
    request_method="GET",
    renderer="checkout/checkout.jinja2",
    http_cache=0,
    writes=True,
    private=True,
    stripe=Purpose.PAGE,
)
def show_checkout(_context: Shop, request: Request) -> dict[str, Any] | Response:
    """Show the payment form for an order, placing it first, or why it cannot be paid."""
    request.response.cache_control.no_store = True
    if is_prefetch(request):
        return Response(status=HTTPStatus.NO_CONTENT)
    try:
        return _payment_page(request, _requested_order(request))
    except ConfirmationRequired as unconfirmed:
        return _confirmation_page(request, unconfirmed)
    except PAGE_ERRORS as err:
        return _error_page(request, err)


@view_config(
    context=Shop,
    name="checkout",
    request_method="POST",
    request_param="confirm",
    renderer="checkout/checkout.jinja2",
    http_cache=0,
    private=True,
    stripe=Purpose.PAGE,
)
def confirm(_context: Shop, request: Request) -> dict[str, Any] | Response:
    """Place an order after the confirmation page: its form proves that the client has a session."""
    request.response.cache_control.no_store = True
    again = _form_field(request, "again")
    try:
        payable = checkout_for(request).open_order(
            _form_field(request, "item"), again if is_number(again) else None, confirmed=True
        )
    except PAGE_ERRORS as err:
        return _error_page(request, err)
    return HTTPSeeOther(resume_url(request, payable.order))


@view_config(
    context=Shop,
    name="checkout",
    request_method="POST",
    renderer="json",
    http_cache=0,
    private=True,
    stripe=Purpose.PAY,
)
def reserve(_context: Shop, request: Request) -> dict[str, Any]:
    """Reserve the order before the browser confirms the payment with Stripe.

    Answers `{"order", "held_until", "receipt_email"}`, or `{"error": {"code", "field", "message",
    "final"}}`; `code` is stable, `message` is for the customer, `field` names the form field to
    correct, if any, and `final` is true if this page can no longer be used to pay.
    `receipt_email` is the address that Stripe is given, which may be empty.
    """
    try:
        email = read_email(_form_field(request, "email"))
    except InvalidEmailError as err:
        refusal = Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_email", err.text)
        return _form_error(request, refusal, "email")
    number = _form_field(request, "order")
    try:
        if not is_number(number):
            raise OrderClosedError(None)
        reservation = checkout_for(request).reserve_order(number, _revision(request), email)
    except FORM_ERRORS as err:
        return _form_error(request, form_refusal(err))
    return {
        "order": reservation.number,
        "held_until": reservation.until.isoformat(),
        "receipt_email": receipt_address(email),
    }


def is_prefetch(request: Request) -> bool:
    """True for HEAD, prefetch and cross-site subresource requests, which must not place orders."""
    headers = request.headers
    purpose = headers.get("Sec-Purpose", "") + headers.get("Purpose", "")
    is_subresource = headers.get("Sec-Fetch-Dest", "document") != "document"
    is_cross_site = headers.get("Sec-Fetch-Site") == "cross-site"
    return (
        request.method == "HEAD"
        or "prefetch" in purpose.lower()
        or (is_cross_site and is_subresource)
    )


def _requested_order(request: Request) -> Payable:
    """Return the order that the query names, or the one for the item that it names."""
    checkout = checkout_for(request)
    number, again = request.GET.get("order"), request.GET.get("again")
    if number is not None:
        if not is_number(number):
            raise OrderClosedError(None)
        return checkout.resume_order(number)
    sku = request.GET.get("item", "")
    if not sku.strip() or "\0" in sku:
        raise UnknownItemError(sku)
    earlier = again if again is not None and is_number(again) else None
    return checkout.open_order(sku, earlier, confirmed=False)


def _payment_page(request: Request, payable: Payable) -> dict[str, Any]:
    order, settings = payable.order, services(request).settings
    request.allow_stripe()
    return {
        "public_key": settings.stripe.publishable_key,
        "title": order.lines[0].title,
        "amount": order.total.amount,
        "error": None,
        "error_code": None,
        "client_secret": payable.intent.client_secret.reveal(),
        "order": present_order(request, order),
        "email": order.email or "",
        "js_url": settings.stripe.js_url,
        "js_site": urlsplit(settings.stripe.js_url).netloc,
        "js_locale": payment_locale(settings.shop.locale),
        "return_url": success_url(request, payable.intent.id),
        "resume_url": resume_url(request, order),
        "csrf_token": request.session.get_csrf_token(),
        "decline_codes": " ".join(sorted(GENERIC_DECLINE_CODES)),
    }


def _confirmation_page(request: Request, unconfirmed: ConfirmationRequired) -> Response:
    """Ask the customer to press a button before another PaymentIntent is created."""
    return render_to_response(
        "checkout/confirm.jinja2",
        {
            "listing": unconfirmed.listing,
            "again": request.GET.get("again"),
            "csrf_token": request.session.get_csrf_token(),
        },
        request=request,
        response=request.response,
    )


def _error_page(request: Request, err: Exception) -> dict[str, Any] | Response:
    """Redirect to the outcome of a paid or closed order; otherwise show the error."""
    if isinstance(err, OrderClosedError) and err.order is not None and err.order.payment_intent:
        return HTTPSeeOther(success_url(request, err.order.payment_intent))
    refusal = page_refusal(err)
    request.response.status_int = refusal.status
    request.response.retry_after = refusal.retry_after
    return {
        "public_key": None,
        "title": err.title if isinstance(err, UnavailableError) else None,
        "amount": None,
        "error": request.localizer.translate(refusal.text),
        "error_code": refusal.code,
        "client_secret": None,  # nosec B105
        "order": None,
    }


def _form_error(request: Request, refusal: Refusal, field: str | None = None) -> dict[str, Any]:
    request.response.status_int = refusal.status
    request.response.retry_after = refusal.retry_after
    message = request.localizer.translate(refusal.text)
    return {
        "error": {
            "code": refusal.code,
            "field": field,
            "message": message,
            "final": refusal.final,
        }
    }


def _form_field(request: Request, name: str) -> str:
    """Return a form field's text; a file counts as empty."""
    value = request.POST.get(name, "")
    return value if isinstance(value, str) else ""


def _revision(request: Request) -> int | None:
    """Return the revision that the page showed, None if the form has none, 0 if it is malformed."""
    if "revision" not in request.POST:
        return None
    raw = _form_field(request, "revision")
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= MAX_REVISION else 0
