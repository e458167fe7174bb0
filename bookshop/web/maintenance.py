"""Pages for a shop that is closed, and for one whose catalogue alone is open.

Closed it is while the file `maintenance` is in `bookshop.var`. In read-only mode (see modes.py) it
says so wherever something would be written.
"""

from __future__ import annotations

from collections.abc import Callable

from pyramid.config import Configurator
from pyramid.exceptions import URLDecodeError
from pyramid.registry import Registry
from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.traversal import split_path_info
from pyramid.tweens import EXCVIEW, INGRESS

from bookshop.i18n import _
from bookshop.services import services

RETRY_AFTER = 300  # seconds
READ_ONLY_RETRY = 60  # seconds
ALWAYS_OPEN = ("/static/", "/covers/", "/health/", "/metrics")
# Looking at these may write too: a checkout places an order, a success page settles it.
WRITING = ("checkout", "success")
READING = ("GET", "HEAD", "OPTIONS")


def maintenance_tween(
    handler: Callable[[Request], Response], registry: Registry
) -> Callable[[Request], Response]:
    """A tween that answers 503 while the file is there; webhooks are delivered again later."""
    flag = services(registry).settings.shop.maintenance

    def tween(request: Request) -> Response:
        path = request.environ["PATH_INFO"]  # as it came: it need not be text
        if flag.exists() and not path.startswith(ALWAYS_OPEN):
            return unavailable(
                request,
                "maintenance",
                _("We’ll be back soon"),
                _("The shop is closed for maintenance."),
                RETRY_AFTER,
            )
        return handler(request)

    return tween


def read_only_tween(
    handler: Callable[[Request], Response], registry: Registry
) -> Callable[[Request], Response]:
    """A tween that answers 503 to whatever would write while nothing may be written."""
    mode = services(registry).read_only

    def tween(request: Request) -> Response:
        first = _first(request)
        writes = request.method not in READING or first in WRITING
        return _not_now(request, first) if writes and mode.is_on() else handler(request)

    return tween


def _first(request: Request) -> str:
    """The first segment of the path, as traversal takes it."""
    try:
        # WSGI has bytes as Latin-1.
        segments = split_path_info(request.environ["PATH_INFO"].encode("latin-1").decode())
    except (URLDecodeError, UnicodeError):
        return ""
    return segments[0] if segments else ""


def _not_now(request: Request, first: str) -> Response:
    title = _("Ordering is paused")
    text = _("You can browse our books, but we can’t take orders while we update the shop.")
    if first == "webhooks":
        response = Response(text="Read-only mode: please retry later.\n", status=503)
        response.content_type, response.charset = "text/plain", "utf-8"
    elif first == "checkout" and request.method == "POST":
        message = request.localizer.translate(text)
        error = {"code": "read_only", "field": None, "message": message}
        response = Response(json_body={"error": error}, status=503)
    else:
        return unavailable(request, "read_only", title, text, READ_ONLY_RETRY)
    response.retry_after = READ_ONLY_RETRY
    response.cache_control.no_store = True
    return response


def unavailable(
    request: Request, code: str, title: str, message: str, retry_after: int
) -> Response:
    """The page that says: not now."""
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
    """Put the maintenance page in front of everything, and read-only mode behind it."""
    config.add_tween("bookshop.web.maintenance.maintenance_tween", under=INGRESS)
    config.add_tween(
        "bookshop.web.maintenance.read_only_tween",
        under="bookshop.web.maintenance.maintenance_tween",
        over=EXCVIEW,
    )
