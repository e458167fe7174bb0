"""`/robots.txt`: the paths that crawlers should not visit (RFC 9309)."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.services import services
from bookshop.web.resources import Shop

# Personal pages, and searches, of which there are unlimited numbers.
DISALLOWED = (
    "/checkout",
    "/success",
    "/orders",
    "/forget",
    "/webhooks",
    "/books/?q=",
    "/books/?*&q=",
)
CACHE_CONTROL = "public, max-age=3600"


@view_config(context=Shop, name="robots.txt", writes=False, private=False)
def robots(_context: Shop, request: Request) -> Response:
    """Return the disallowed paths and the URL of the sitemap."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {request.script_name}{path}" for path in DISALLOWED),
        "",
        f"Sitemap: {services(request).settings.shop.url}/sitemap.xml",
    ]
    response = Response("\n".join([*lines, ""]), content_type="text/plain", charset="utf-8")
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response
