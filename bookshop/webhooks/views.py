"""The endpoint that Stripe posts its events to. https://docs.stripe.com/webhooks.

A bad signature is 400; what does not concern the shop is 200; a failure of our own is 5xx, so that
Stripe delivers the event again.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.payments.errors import PaymentsError, SignatureError
from bookshop.payments.webhook_signatures import API_VERSION, Event, verify_event
from bookshop.services import services
from bookshop.webhooks.handlers import handle
from bookshop.webhooks.resources import Webhooks

LOG = logging.getLogger(__name__)
LARGEST_BODY = 256 * 1024  # bytes
HINT = (
    "Set stripe.webhook_secrets to this endpoint's signing secret (whsec_…), have the endpoint"
    " send snapshot events, and see that no proxy alters them and that the clock is right."
)


@view_config(context=Webhooks, name="stripe", request_method="POST", require_csrf=False)
def receive(_context: Webhooks, request: Request) -> Response:
    """Take an event, and move the order that it concerns to where Stripe says it is now.

    Transactions are the handling's own: it decides what is written when something fails.
    """
    shop = services(request)
    settings = shop.settings.stripe
    # Its length may not be given, or be wrong: no more is read than an event may have.
    body = request.body_file.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return _answer(HTTPStatus.BAD_REQUEST, f"No event has more than {LARGEST_BODY} bytes.")
    header = request.headers.get("Stripe-Signature")
    try:
        event = verify_event(body, header, settings.webhook_secrets)
    except SignatureError as err:
        LOG.warning("webhook refused: %s", err)
        return _answer(HTTPStatus.BAD_REQUEST, f"Refused: {err}. {HINT}")
    if event.livemode != settings.livemode:
        LOG.warning("event %s is of the other mode: is the endpoint registered twice?", event.id)
        return _answer(HTTPStatus.OK, "Ignored: the event is of the other mode.")
    _compare_version(shop.reported_api_versions, event)
    try:
        handle(shop.sessions, shop.payments, event)
    except PaymentsError:
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "Stripe could not be asked: try again.")
    return Response(status=HTTPStatus.OK)


def _compare_version(seen: set[str], event: Event) -> None:
    """Say once if events are written in another version than the library's.

    Nothing but ids is read from them, so that it does no harm.
    """
    version = event.api_version or "none"
    if version != API_VERSION and version not in seen:
        seen.add(version)
        LOG.warning(
            "events come in version %s of Stripe's API: give the endpoint version %s",
            version,
            API_VERSION,
        )


def _answer(status: HTTPStatus, text: str) -> Response:
    """A line for whoever looks at the delivery in Stripe's dashboard."""
    return Response(text=f"{text}\n", status=status, content_type="text/plain", charset="utf-8")
