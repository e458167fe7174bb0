"""The page of an order, and the form that requests a new link to it.

Requests without access get no information about an order: a wrong, altered or expired key, an
unknown number and a missing key have byte-identical responses.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from babel import Locale
from pyramid.csrf import BadCSRFOrigin, BadCSRFToken
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.view import exception_view_config, notfound_view_config, view_config
from sqlalchemy.orm import Session

from bookshop.i18n import _
from bookshop.money import Money
from bookshop.orders.links import LIFE
from bookshop.orders.pages.access import find_accessible_order, is_own_order
from bookshop.orders.pages.labels import status_message
from bookshop.orders.pages.link_requests import store_request
from bookshop.orders.pages.presenter import present_order
from bookshop.orders.pages.resources import OrderResource, Orders
from bookshop.orders.pages.timeline import timeline
from bookshop.orders.refund_records import COUNTED_STATUSES
from bookshop.orders.snapshot import OrderSnapshot, order_snapshot
from bookshop.orders.states import CLOSED, UNPAID
from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.services import services

MAX_FIELD_LENGTH = 320  # characters; the longest e-mail address
ADDRESS_LINES = ("name", "line1", "line2", "city", "state", "postal_code")


@view_config(
    context=OrderResource,
    request_method="GET",
    renderer="orders/order.jinja2",
    http_cache=0,
    writes=False,
    private=True,
)
def show_order(context: OrderResource, request: Request) -> dict[str, Any]:
    """Show an order to a request with access to it: `/orders/{number}`."""
    request.response.headers["Referrer-Policy"] = "no-referrer"  # the URL grants access
    locale = services(request).settings.shop.locale
    # A session that only reads does not wait for writers.
    with Session(services(request).engine) as session:
        record = find_accessible_order(request, session, context.__name__)
        if record is None:
            raise HTTPNotFound
        order, items = order_snapshot(record), timeline(record, locale)
        refunds = [
            {"at": refund.requested_at, "amount": Money(-refund.amount, record.currency)}
            for refund in record.refunds
            if refund.status in COUNTED_STATUSES
        ]
    presented, translate = present_order(request, order), request.localizer.translate
    message = status_message(order, preorder=any(line.release_date for line in presented.lines))
    return {
        "order": presented,
        "code": message.code,
        "kind": message.kind,
        "icon_name": message.icon,
        "heading": translate(message.heading),
        "sentence": translate(message.sentence),
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "timeline": [replace(item, text=translate(item.text)) for item in items],
        "refunds": refunds,
        "left": Money(order.total.amount - order.refunded.amount, order.total.currency),
        "address": _address(order, locale),
        **_payment_urls(request, order),
    }


@view_config(
    context=Orders,
    request_method="GET",
    renderer="orders/request_link.jinja2",
    http_cache=0,
    writes=False,
    private=True,
)
def show_link_form(_context: Orders, request: Request) -> dict[str, Any]:
    """Show the form that requests a new link: `/orders/`."""
    return _form(request)


@view_config(
    context=Orders,
    request_method="POST",
    renderer="orders/request_link.jinja2",
    http_cache=0,
    private=True,
)
def request_link(_context: Orders, request: Request) -> dict[str, Any]:
    """Store the request for a new link. The response is the same whether or not it matches."""
    try:
        services(request).rate_limiter.count("order_links", request)
    except RateLimitExceededError as err:
        request.response.status_int = HTTPStatus.TOO_MANY_REQUESTS
        request.response.retry_after = err.seconds
        text = _("You’ve requested several links. Check your e-mail, or try again later.")
        return _form(request, problem=text, error_code="too_many_requests")
    store_request(request.db, _field(request, "number"), _field(request, "email"))
    text = _("If those details match an order, we’ll send you a new link in a minute.")
    return _form(request, notice=text)


@exception_view_config(
    BadCSRFToken, containment=Orders, renderer="orders/request_link.jinja2", http_cache=0
)
@exception_view_config(
    BadCSRFOrigin, containment=Orders, renderer="orders/request_link.jinja2", http_cache=0
)
def show_stale_form(_error: Exception, request: Request) -> dict[str, Any]:
    """Show the form again after its CSRF token has expired."""
    request.response.status_int = HTTPStatus.BAD_REQUEST
    text = _("This page was open for too long. Please press the button again.")
    return _form(request, problem=text, error_code="stale_page")


@notfound_view_config(containment=Orders, renderer="orders/not_found.jinja2", http_cache=0)
def show_not_found(_error: Exception, request: Request) -> dict[str, Any]:
    """Respond to requests for unknown orders, and for orders without access."""
    request.response.status_int = HTTPStatus.NOT_FOUND
    # The URL may contain a key and must not be sent as referrer. With no-referrer the form would be
    # sent with `Origin: null`, which the CSRF check refuses over HTTPS.
    request.response.headers["Referrer-Policy"] = "strict-origin"
    # An error page reads no form: it may be the one that cannot be decoded.
    return {"days": LIFE.days, **_form(request, filled=False)}


def _form(
    request: Request,
    *,
    notice: Any = None,
    problem: Any = None,
    error_code: str | None = None,
    filled: bool = True,
) -> dict[str, Any]:
    translate = request.localizer.translate
    return {
        "csrf_token": request.session.get_csrf_token(),
        "notice": notice and translate(notice),
        "error_code": error_code,
        "problem": problem and translate(problem),
        "number": _field(request, "number") if filled else "",
        "email": _field(request, "email") if filled else "",
    }


def _field(request: Request, name: str) -> str:
    """Return a form field; an uploaded file counts as empty."""
    value = request.POST.get(name, "")
    return value[:MAX_FIELD_LENGTH] if isinstance(value, str) else ""


def _payment_urls(request: Request, order: OrderSnapshot) -> dict[str, str | None]:
    """Return where an unpaid order can be paid, or its item ordered again by other browsers."""

    def checkout(**query: str) -> str:
        path: str = request.resource_path(request.root, "checkout", query=query)
        return path

    payable = order.status in UNPAID | CLOSED and not order.payment_mismatch
    pay_this = payable and order.status in UNPAID and is_own_order(request, order)
    return {
        "pay_url": checkout(order=order.number) if pay_this else None,
        "again_url": checkout(item=order.lines[0].sku) if payable and not pay_this else None,
    }


def _address(order: OrderSnapshot, locale: str) -> list[str]:
    """Return the lines of the customer's address, as far as Stripe has it."""
    address = order.address or {}
    lines = [address[name] for name in ADDRESS_LINES if address.get(name)]
    if country := address.get("country"):
        lines.append(Locale.parse(locale).territories.get(country, country))
    return lines
