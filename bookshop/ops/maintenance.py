"""The maintenance page: shown for everything while the file `maintenance` is in `bookshop.var`."""

from __future__ import annotations

from collections.abc import Callable

from pyramid.renderers import render_to_response
from pyramid.request import Request
from pyramid.response import Response

from bookshop.translation import _

RETRY_AFTER = 300  # seconds
ALWAYS_OPEN = ("/static/", "/covers/", "/health/", "/metrics")


def maintenance_tween(
    handler: Callable[[Request], Response], registry: object
) -> Callable[[Request], Response]:
    """A tween that answers 503 while the file is there; webhooks are delivered again later."""
    flag = registry.bookshop.shop.maintenance  # type: ignore[attr-defined]

    def tween(request: Request) -> Response:
        path = request.environ["PATH_INFO"]  # as it came: it need not be text
        if flag.exists() and not path.startswith(ALWAYS_OPEN):
            return unavailable(
                request,
                _("The shop is closed for a moment"),
                _("We are tidying the shelves. Please come back in a few minutes."),
                RETRY_AFTER,
            )
        return handler(request)

    return tween


def unavailable(request: Request, title: str, message: str, retry_after: int) -> Response:
    """The page that says: not now."""
    translate = request.localizer.translate
    response = render_to_response(
        "errors/503.jinja2",
        {
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
