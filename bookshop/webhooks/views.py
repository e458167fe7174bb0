"""The endpoint to which Stripe posts events. https://docs.stripe.com/webhooks.

A bad signature is answered with 400, an event that does not concern the shop with 200, an error of
the shop or of Stripe with 5xx, so that Stripe delivers the event again. The body of an answer is
one line for the operator who reads the delivery in Stripe's dashboard: a stable code and a text.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.payments.errors import EventFormatError, PaymentsError, SignatureError
from bookshop.payments.gate import Purpose
from bookshop.payments.webhook_signatures import API_VERSION, Event, verify_event
from bookshop.services import services
from bookshop.webhooks.handlers import handle_event
from bookshop.webhooks.resources import Webhooks

MAX_BODY = 256 * 1024  # bytes
HINT = (
    "Set stripe.webhook_secrets to this endpoint's signing secret (whsec_…), send snapshot events,"
    " and check that no proxy changes the body and that this machine's clock is right."
)
log = logging.getLogger(__name__)


@view_config(
    context=Webhooks,
    name="stripe",
    request_method="POST",
    require_csrf=False,
    private=False,
    stripe=Purpose.WEBHOOK,
)
def receive_event(_context: Webhooks, request: Request) -> Response:
    """Verify an event and synchronise its order with Stripe.

    `handle_event` runs its own transactions: it decides what is stored when something fails.
    """
    shop = services(request)
    settings = shop.settings.stripe
    # Content-Length may be missing or wrong, so the read itself is limited.
    body = request.body_file.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        text = f"events have at most {MAX_BODY} bytes"
        return _answer(HTTPStatus.BAD_REQUEST, "body_too_large", text)
    header = request.headers.get("Stripe-Signature")
    try:
        event = verify_event(body, header, settings.webhook_secrets)
    except SignatureError as err:
        code = "event_invalid" if isinstance(err, EventFormatError) else "signature_invalid"
        log.warning("webhook_rejected", extra={"code": code})
        return _answer(HTTPStatus.BAD_REQUEST, code, f"{err}. {HINT}")
    if event.livemode != settings.livemode:
        fields = {"event_id": event.id, "event_livemode": event.livemode}
        log.warning("webhook_livemode_mismatch", extra=fields)
        text = "ignored: live/test mode mismatch; is the endpoint registered in both modes?"
        return _answer(HTTPStatus.OK, "livemode_mismatch", text)
    _check_api_version(shop.reported_api_versions, event)
    try:
        handle_event(shop.sessions, shop.payments, event)
    except PaymentsError:
        text = "Stripe did not respond; deliver the event again"
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "stripe_unavailable", text)
    return Response(status=HTTPStatus.OK)


def _check_api_version(reported: set[str], event: Event) -> None:
    """Log once for each API version that is not the SDK's.

    It does no harm: nothing but ids is read from events.
    """
    version = event.api_version or "none"
    if version != API_VERSION and version not in reported:
        reported.add(version)
        fields = {"event_version": version, "expected_version": API_VERSION}
        log.warning("webhook_api_version_mismatch", extra=fields)


def _answer(status: HTTPStatus, code: str, text: str) -> Response:
    return Response(
        text=f"{code}: {text}\n", status=status, content_type="text/plain", charset="utf-8"
    )
