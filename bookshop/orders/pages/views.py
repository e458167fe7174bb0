"""The page of an order, and the form that mails a new link to it.

Whoever may not see an order learns nothing of it: a wrong, altered or expired key, a number that
leads nowhere and a missing key are answered by the same page, down to the last byte.
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
from bookshop.orders.pages.access import find_for, made_here
from bookshop.orders.pages.labels import status_message
from bookshop.orders.pages.link_requests import send_link
from bookshop.orders.pages.presenter import present_order
from bookshop.orders.pages.resources import OrderPlace, Orders
from bookshop.orders.pages.timeline import timeline
from bookshop.orders.refund_records import COUNTED_STATUSES
from bookshop.orders.snapshot import OrderSnapshot, order_snapshot
from bookshop.orders.states import CLOSED, UNPAID
from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.services import services

LONGEST_FIELD = 320  # characters; no address is longer
ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code")


@view_config(
    context=OrderPlace,
    request_method="GET",
    renderer="orders/order.jinja2",
    http_cache=0,
    writes=False,
    private=True,
)
def show_order(context: OrderPlace, request: Request) -> dict[str, Any]:
    """An order, for the browser that made it and for whoever has the link: `/orders/{number}`."""
    request.response.headers["Referrer-Policy"] = "no-referrer"  # the address opens the page
    locale = services(request).settings.shop.locale
    # Looking writes nothing, and so need not wait for those who do.
    with Session(services(request).engine) as session:
        found = find_for(request, session, context.__name__)
        if found is None:
            raise HTTPNotFound
        order, items = order_snapshot(found), timeline(found, locale)
        refunds = [
            {"at": refund.requested_at, "amount": Money(-refund.amount, found.currency)}
            for refund in found.refunds
            if refund.status in COUNTED_STATUSES
        ]
    presented, translate = present_order(request, order), request.localizer.translate
    stands = status_message(order, preorder=any(line.release_date for line in presented.lines))
    return {
        "order": presented,
        "code": stands.code,
        "kind": stands.kind,
        "icon_name": stands.icon,
        "heading": translate(stands.heading),
        "sentence": translate(stands.sentence),
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "timeline": [replace(item, text=translate(item.text)) for item in items],
        "refunds": refunds,
        "left": Money(order.total.amount - order.refunded.amount, order.total.currency),
        "address": _address(order, locale),
        **_ways_to_pay(request, order),
    }


@view_config(
    context=Orders,
    request_method="GET",
    renderer="orders/request_link.jinja2",
    http_cache=0,
    writes=False,
    private=True,
)
def show_form(_context: Orders, request: Request) -> dict[str, Any]:
    """The form for a new link to an order: `/orders/`."""
    return _form(request)


@view_config(
    context=Orders,
    request_method="POST",
    renderer="orders/request_link.jinja2",
    http_cache=0,
    private=True,
)
def ask_for_link(_context: Orders, request: Request) -> dict[str, Any]:
    """Mail a new link if number and address belong together, and say the same in any case."""
    try:
        services(request).rate_limiter.count("order_links", request)
    except RateLimitExceededError as err:
        request.response.status_int = HTTPStatus.TOO_MANY_REQUESTS
        request.response.retry_after = err.seconds
        text = _("You’ve requested several links. Check your e-mail, or try again later.")
        return _form(request, problem=text, error_code="too_many_requests")
    send_link(request.db, _field(request, "number"), _field(request, "email"))
    text = _("If those details match an order, we’ve sent you a new link.")
    return _form(request, notice=text)


@exception_view_config(
    BadCSRFToken, containment=Orders, renderer="orders/request_link.jinja2", http_cache=0
)
@exception_view_config(
    BadCSRFOrigin, containment=Orders, renderer="orders/request_link.jinja2", http_cache=0
)
def stale_form(_error: Exception, request: Request) -> dict[str, Any]:
    """The form once more, for whoever had it open for too long."""
    request.response.status_int = HTTPStatus.BAD_REQUEST
    text = _("This page was open for too long. Please press the button again.")
    return _form(request, problem=text, error_code="stale_page")


@notfound_view_config(containment=Orders, renderer="orders/not_found.jinja2", http_cache=0)
def missing(_error: Exception, request: Request) -> dict[str, Any]:
    """The page of an order that is not there, or not for whoever asks."""
    request.response.status_int = HTTPStatus.NOT_FOUND
    # Nothing of the address is told, as it may hold a key. With no-referrer the form would be
    # sent with `Origin: null`, which is refused where the shop is served over https.
    request.response.headers["Referrer-Policy"] = "strict-origin"
    return {"days": LIFE.days, **_form(request)}


def _form(
    request: Request, *, notice: Any = None, problem: Any = None, error_code: str | None = None
) -> dict[str, Any]:
    translate = request.localizer.translate
    return {
        "csrf_token": request.session.get_csrf_token(),
        "notice": notice and translate(notice),
        "error_code": error_code,
        "problem": problem and translate(problem),
        "number": _field(request, "number"),
        "email": _field(request, "email"),
    }


def _field(request: Request, name: str) -> str:
    """A form's field; a file in its place is as good as nothing."""
    value = request.POST.get(name, "")
    return value[:LONGEST_FIELD] if isinstance(value, str) else ""


def _ways_to_pay(request: Request, order: OrderSnapshot) -> dict[str, str | None]:
    """Where an order that is not paid is paid: itself by the browser that made it, or anew."""

    def checkout(**query: str) -> str:
        path: str = request.resource_path(request.root, "checkout", query=query)
        return path

    payable = order.status in UNPAID | CLOSED and not order.payment_mismatch
    pay_this = payable and order.status in UNPAID and made_here(request, order)
    return {
        "pay_url": checkout(order=order.number) if pay_this else None,
        "again_url": checkout(item=order.lines[0].sku) if payable and not pay_this else None,
    }


def _address(order: OrderSnapshot, locale: str) -> list[str]:
    """Where the customer lives, line by line, as far as Stripe was told."""
    known = order.address or {}
    lines = [known[name] for name in ADDRESS if known.get(name)]
    if country := known.get("country"):
        lines.append(Locale.parse(locale).territories.get(country, country))
    return lines
