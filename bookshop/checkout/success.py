"""`/success`: what became of a payment, for the one who made it.

What Stripe appends to the address (`redirect_status`) is a hint for nobody: the outcome is what
Stripe says when it is asked.
"""

from __future__ import annotations

import hmac
import re
from http import HTTPStatus
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import select

from bookshop.checkout.payment_sync import PaymentMismatchError, synced_order
from bookshop.checkout.urls import again_url, resume_url, success_url
from bookshop.db import outside_transaction
from bookshop.orders.models import Order
from bookshop.orders.pages.access import remember, seen_here
from bookshop.orders.pages.presenter import present_order
from bookshop.orders.snapshot import OrderSnapshot, snapshot
from bookshop.orders.states import CLOSED, DISPUTES, FULFILMENT, PAID_FOR, UNPAID, OrderStatus
from bookshop.payments.declines import message_for_customer
from bookshop.payments.errors import PaymentsError, StripeRefusedError
from bookshop.payments.intents import Failure, PaymentIntent
from bookshop.services import services
from bookshop.web.resources import Shop

RETRY_AFTER = 5  # seconds
INTENT_ID = re.compile(r"pi_[A-Za-z0-9_]{1,250}")
OUTCOMES = {
    OrderStatus.PLACED: "retry",
    OrderStatus.AWAITING_PAYMENT: "retry",
    OrderStatus.PROCESSING: "processing",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.EXPIRED: "expired",
    OrderStatus.PARTLY_REFUNDED: "refunded",
    OrderStatus.REFUNDED: "refunded",
    # What customer and bank settle between them is no news for this page.
    **dict.fromkeys((*FULFILMENT, *DISPUTES), "paid"),
}


@view_config(
    context=Shop,
    name="success",
    request_method="GET",
    renderer="checkout/success.jinja2",
    http_cache=0,
)
def show_success(_context: Shop, request: Request) -> dict[str, Any] | Response:
    """The outcome of a payment. To anybody else it is the page of one that does not exist."""
    request.response.cache_control.no_store = True
    intent_id = request.GET.get("pi") or request.GET.get("payment_intent") or ""
    secret = request.GET.get("payment_intent_client_secret")
    order = _find(request, intent_id)
    if order is None or not (secret or seen_here(request, order)):
        return _unknown(request)
    try:
        with outside_transaction(request):
            intent: PaymentIntent = services(request).payments.retrieve_intent(intent_id)
    except PaymentsError as err:
        if not seen_here(request, order):
            return _unknown(request)
        return _without_stripe(request, order, err)
    if secret is not None:
        return _remember(request, order, intent, secret)
    return _outcome(request, order, intent)


def _outcome(request: Request, order: OrderSnapshot, intent: PaymentIntent) -> dict[str, Any]:
    try:
        order = synced_order(request, intent, "success page")
    except PaymentMismatchError:
        return _answer("checking", present_order(request, order))
    if order.status in UNPAID and not intent.open:
        return _answer("checking", present_order(request, order))
    return _page(request, order, intent.failure)


def _find(request: Request, intent_id: str) -> OrderSnapshot | None:
    """The order of that PaymentIntent. Stripe is never asked for one that is not the shop's."""
    if not INTENT_ID.fullmatch(intent_id):
        return None
    order = request.db.scalar(select(Order).where(Order.payment_intent == intent_id))
    return snapshot(order) if order else None


def _remember(
    request: Request, order: OrderSnapshot, intent: PaymentIntent, secret: str
) -> dict[str, Any] | Response:
    """Take the client secret out of the address; whoever had the right one may see the order."""
    if not seen_here(request, order):
        if not hmac.compare_digest(intent.client_secret.reveal().encode(), secret.encode()):
            return _unknown(request)
        remember(request, order)
    raise HTTPSeeOther(success_url(request, intent.id))


def _without_stripe(request: Request, order: OrderSnapshot, err: PaymentsError) -> dict[str, Any]:
    """What is known without asking: what is paid stays paid, of the rest nothing is claimed."""
    if order.status in PAID_FOR:
        return _page(request, order, None)
    if not isinstance(err, StripeRefusedError):
        request.response.retry_after = RETRY_AFTER
    return _unconfirmed(request, order)


def _unconfirmed(request: Request, order: OrderSnapshot) -> dict[str, Any]:
    request.response.status_int = HTTPStatus.SERVICE_UNAVAILABLE
    retry_url = success_url(request, order.payment_intent or "")
    return _answer("unconfirmed", present_order(request, order), retry_url=retry_url)


def _page(request: Request, order: OrderSnapshot, failure: Failure | None) -> dict[str, Any]:
    if order.short:
        return _answer("out_of_stock", present_order(request, order))
    closed = order.status in PAID_FOR | CLOSED
    unpaid = order.status in UNPAID
    return _answer(
        OUTCOMES[order.status],
        present_order(request, order),
        retry_url=resume_url(request, order) if unpaid else None,
        again_url=again_url(request, order) if closed else None,
        message=message_for_customer(failure) if unpaid else None,
    )


def _unknown(request: Request) -> dict[str, Any]:
    request.response.status_int = HTTPStatus.NOT_FOUND
    return _answer("unknown", None)


def _answer(
    outcome: str,
    order: Any,
    retry_url: str | None = None,
    again_url: str | None = None,
    message: str | None = None,
) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "order": order,
        "retry_url": retry_url,
        "again_url": again_url,
        "message": message,
    }
