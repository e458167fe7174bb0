"""`/success`: the outcome of a payment, shown to the customer who made it.

The query parameters that Stripe appends (`redirect_status`) are ignored: the payment is retrieved
from Stripe, unless the order is recorded as paid.
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

from bookshop.checkout.payment_sync import PaymentMismatchError, sync_and_commit
from bookshop.checkout.urls import again_url, resume_url, success_url
from bookshop.db import outside_transaction
from bookshop.orders.models import Order
from bookshop.orders.pages.access import grant_access, has_access
from bookshop.orders.pages.presenter import present_order
from bookshop.orders.snapshot import OrderSnapshot, order_snapshot
from bookshop.orders.states import CLOSED, DISPUTES, FULFILMENT, PAID_FOR, UNPAID, OrderStatus
from bookshop.payments.declines import message_for_customer
from bookshop.payments.errors import PaymentsError, StripeRefusedError
from bookshop.payments.gate import Purpose
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
    # Disputes are handled by customer, bank and shop, not on this page.
    **dict.fromkeys((*FULFILMENT, *DISPUTES), "paid"),
}


@view_config(
    context=Shop,
    name="success",
    request_method="GET",
    renderer="checkout/success.jinja2",
    http_cache=0,
    writes=True,
    private=True,
    stripe=Purpose.PAGE,
)
def show_success(_context: Shop, request: Request) -> dict[str, Any] | Response:
    """Show the outcome of a payment; to other sessions, that there is no such payment."""
    request.response.cache_control.no_store = True
    intent_id = request.GET.get("pi") or request.GET.get("payment_intent") or ""
    secret = request.GET.get("payment_intent_client_secret")
    order = _find_order(request, intent_id)
    if order is None:
        return _unknown_payment(request)
    if not has_access(request, order):
        return _grant_access(request, order, secret)
    if secret is not None:
        raise HTTPSeeOther(success_url(request, intent_id))
    if order.status in PAID_FOR:
        # Nothing at Stripe can change what this page says; webhooks report refunds.
        return _outcome_page(request, order, None)
    return _current_outcome(request, order, intent_id)


def _current_outcome(request: Request, order: OrderSnapshot, intent_id: str) -> dict[str, Any]:
    try:
        intent = _retrieve_intent(request, intent_id)
    except PaymentsError as err:
        return _unconfirmed(request, order, err)
    try:
        order = sync_and_commit(request.db, request.tm, intent, "success page")
    except PaymentMismatchError:
        return _template_values("checking", present_order(request, order))
    if order.status in UNPAID and not intent.open:
        return _template_values("checking", present_order(request, order))
    return _outcome_page(request, order, intent.failure)


def _find_order(request: Request, intent_id: str) -> OrderSnapshot | None:
    """Return the order of an intent. Stripe is called only for intents of our orders."""
    if not INTENT_ID.fullmatch(intent_id):
        return None
    order = request.db.scalar(select(Order).where(Order.payment_intent == intent_id))
    return order_snapshot(order) if order else None


def _grant_access(
    request: Request, order: OrderSnapshot, secret: str | None
) -> dict[str, Any] | Response:
    """Let the session see the order if the client secret is right, and redirect without it."""
    if not secret:
        return _unknown_payment(request)
    try:
        intent = _retrieve_intent(request, order.payment_intent or "")
    except PaymentsError:
        return _unknown_payment(request)
    if not hmac.compare_digest(intent.client_secret.reveal().encode(), secret.encode()):
        return _unknown_payment(request)
    grant_access(request, order)
    raise HTTPSeeOther(success_url(request, intent.id))


def _retrieve_intent(request: Request, intent_id: str) -> PaymentIntent:
    with outside_transaction(request.tm):
        return services(request).payments.retrieve_intent(intent_id)


def _unconfirmed(request: Request, order: OrderSnapshot, err: PaymentsError) -> dict[str, Any]:
    """Say that the payment of an order that is not recorded as paid could not be confirmed."""
    request.response.status_int = HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(err, StripeRefusedError):  # trying again changes nothing
        return _template_values("payments_refused", present_order(request, order))
    request.response.retry_after = RETRY_AFTER
    retry_url = success_url(request, order.payment_intent or "")
    return _template_values("unconfirmed", present_order(request, order), retry_url=retry_url)


def _outcome_page(
    request: Request, order: OrderSnapshot, failure: Failure | None
) -> dict[str, Any]:
    if order.out_of_stock:
        return _template_values("out_of_stock", present_order(request, order))
    if order.rejection:
        again = again_url(request, order)
        return _template_values(order.rejection, present_order(request, order), again_url=again)
    closed = order.status in PAID_FOR | CLOSED
    unpaid = order.status in UNPAID
    return _template_values(
        OUTCOMES[order.status],
        present_order(request, order),
        retry_url=resume_url(request, order) if unpaid else None,
        again_url=again_url(request, order) if closed else None,
        message=message_for_customer(failure) if unpaid else None,
    )


def _unknown_payment(request: Request) -> dict[str, Any]:
    request.response.status_int = HTTPStatus.NOT_FOUND
    return _template_values("unknown", None)


def _template_values(
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
