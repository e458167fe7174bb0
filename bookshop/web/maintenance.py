"""Responses of a shop that is closed for maintenance, or in read-only mode.

The shop is closed while the file `maintenance` is in `bookshop.var`. Read-only mode is that of
bookshop.read_only: each view states whether it writes (see view_policies).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.registry import Registry
from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.traversal import split_path_info
from pyramid.tweens import INGRESS

from bookshop.i18n import _
from bookshop.services import services

MAINTENANCE_RETRY_AFTER = 300  # seconds
READ_ONLY_RETRY_AFTER = 60  # seconds
# First segments of the paths that stay available: files, and endpoints for supervisors.
ALWAYS_OPEN = frozenset({"static", "covers", "health", "metrics"})


def maintenance_tween(
    handler: Callable[[Request], Response], registry: Registry
) -> Callable[[Request], Response]:
    """A tween that answers 503 while the shop is closed. Stripe delivers its webhooks again later.

    It is not a view option, since traversal already needs the database, which may be unavailable.
    """
    flag = services(registry).settings.shop.maintenance

    def tween(request: Request) -> Response:
        if flag.exists() and _first_segment(request) not in ALWAYS_OPEN:
            return unavailable(
                request,
                "maintenance",
                _("The shop is closed for maintenance"),
                _("We’ll be back soon."),
                MAINTENANCE_RETRY_AFTER,
            )
        return handler(request)

    return tween


def _first_segment(request: Request) -> str:
    """Return the first segment of the path as traversal sees it, without `.` and `..`."""
    try:
        # WSGI encodes the path's bytes as Latin-1.
        segments = split_path_info(request.environ["PATH_INFO"].encode("latin-1").decode())
    except (URLDecodeError, UnicodeError):
        return ""
    return segments[0] if segments else ""


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


def includeme(config: Configurator) -> None:
    """Add the maintenance tween outside all others."""
    config.add_tween("bookshop.web.maintenance.maintenance_tween", under=INGRESS)
