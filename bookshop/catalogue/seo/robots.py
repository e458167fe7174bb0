"""`/robots.txt`: what search engines need not look at (RFC 9309)."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.services import services
from bookshop.web.resources import Shop

# Searches are without number; the rest is each customer's own.
PRIVATE = (
    "/checkout",
    "/success",
    "/orders/",
    "/webhooks/",
    "/basket",
    "/admin",
    "/books/?q=",
    "/books/?*&q=",
)
A_WHILE = "public, max-age=3600"


@view_config(context=Shop, name="robots.txt")
def robots(_context: Shop, request: Request) -> Response:
    """The paths that are nobody's but the customers', and where the sitemap is."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {request.script_name}{path}" for path in PRIVATE),
        "",
        f"Sitemap: {services(request).settings.shop.url}/sitemap.xml",
    ]
    response = Response("\n".join([*lines, ""]), content_type="text/plain", charset="utf-8")
    response.headers["Cache-Control"] = A_WHILE
    return response
