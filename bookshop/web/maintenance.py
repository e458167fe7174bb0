"""Responses of a shop that is closed for maintenance, or in read-only mode.

The shop is closed while the file `maintenance` is in `bookshop.var`, except for the resources that
are `always_open`. Read-only mode is that of bookshop.read_only: each view states whether it writes
(see view_policies).
"""

from __future__ import annotations

from typing import Any

from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config

from bookshop.i18n import _
from bookshop.services import services

MAINTENANCE_RETRY_AFTER = 300  # seconds
READ_ONLY_RETRY_AFTER = 60  # seconds


class ShopClosedError(Exception):
    """The shop is closed for maintenance."""


def refuse_if_closed(request: Request) -> None:
    """Raise ShopClosedError while the shop is closed for maintenance."""
    if services(request).settings.shop.maintenance.exists():
        raise ShopClosedError


@exception_view_config(ShopClosedError)
def closed(_error: ShopClosedError, request: Request) -> Response:
    """Return the 503 of a closed shop. Stripe delivers its webhooks again later."""
    return unavailable(
        request,
        "maintenance",
        _("The shop is closed for maintenance"),
        _("We’ll be back soon."),
        MAINTENANCE_RETRY_AFTER,
    )


def read_only_response(request: Request, renderer: str | None) -> Response:
    """Return the 503 for a view that would write, in the format that its clients expect.

    `renderer` is the name of the view's renderer: `json`, a template, or None for plain text.
    """
    title = _("Ordering is paused")
    text = _("You can browse, and order again in a few minutes. Your orders haven’t changed.")
    if renderer is not None and renderer != "json":
        return unavailable(request, "read_only", title, text, READ_ONLY_RETRY_AFTER)
    body: dict[str, Any] = {"text": "The shop is in read-only mode. Try again later.\n"}
    if renderer == "json":
        message = request.localizer.translate(text)
        body = {"json_body": {"error": {"code": "read_only", "field": None, "message": message}}}
    response = Response(status=503, **body)
    if renderer is None:
        response.content_type, response.charset = "text/plain", "utf-8"
    response.retry_after = READ_ONLY_RETRY_AFTER
    response.cache_control.no_store = True
    return response


def unavailable(
    request: Request, code: str, title: str, message: str, retry_after: int
) -> Response:
    """Return the 503 page. `code` is the reason, for programs; `retry_after` is in seconds."""
    translate = request.localizer.translate
    response = render_to_response(
        "errors/503.jinja2",
        {
            "code": code,
            "title": translate(title),
            "message": translate(message),
            "retry_after": retry_after,
        },
        request=request,
    )
    response.status_int = 503
    response.retry_after = retry_after
    response.cache_control.no_store = True
    return response
