"""The endpoint that Stripe posts its events to. https://docs.stripe.com/webhooks.

A bad signature is 400; what does not concern the shop is 200; a failure of our own is 5xx, so that
Stripe delivers the event again.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from pyramid.httpexceptions import HTTPBadRequest, HTTPServiceUnavailable
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import select

from bookshop import clock
from bookshop.db import outside_transaction
from bookshop.orders.models import Order
from bookshop.orders.settle import settle
from bookshop.payments.errors import IntentMissingError, PaymentsError, SignatureError
from bookshop.payments.signatures import Event, verified_event
from bookshop.webhooks.resources import Webhooks

LOG = logging.getLogger(__name__)
LARGEST_BODY = 256 * 1024  # bytes


@view_config(context=Webhooks, name="stripe", request_method="POST", require_csrf=False)
def receive(_context: Webhooks, request: Request) -> Response:
    """Take an event, and move the order that it concerns to where Stripe says it is now."""
    if request.content_length is None or request.content_length > LARGEST_BODY:
        raise HTTPBadRequest
    settings = request.registry.bookshop.stripe
    try:
        event = verified_event(
            request.body, request.headers.get("Stripe-Signature"), settings.webhook_secrets
        )
    except SignatureError as err:
        LOG.warning("webhook refused: %s", err)
        raise HTTPBadRequest from None
    if event.livemode != settings.livemode:
        LOG.warning("event %s is of the other mode: is the endpoint registered twice?", event.id)
    elif _concerns_us(request, event):
        _apply(request, event)
    return Response(status=HTTPStatus.OK)


def _concerns_us(request: Request, event: Event) -> bool:
    """Whether the event is about the PaymentIntent of one of the shop's orders."""
    if not event.type.startswith("payment_intent.") or event.reference is None:
        return False
    return request.db.scalar(select(Order.id).where(Order.number == event.reference)) is not None


def _apply(request: Request, event: Event) -> None:
    # The event tells what was true when it was written; what counts is what is true now.
    try:
        with outside_transaction(request):
            intent = request.registry.payments.retrieve_intent(event.object_id)
    except IntentMissingError:
        LOG.warning("event %s is about an intent that is not there", event.id)
        return
    except PaymentsError:
        raise HTTPServiceUnavailable from None
    settle(request.db, intent, clock.now())
