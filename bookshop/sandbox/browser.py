"""Pages and scripts for browsers: Stripe.js, the Payment Element's frame, the bank's page."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response

STATIC = Path(__file__).parent / "static"
#: Other sites embed these frames, so there is no frame-ancestors.
FRAME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
SOURCE_NAME = re.compile(r"[a-z][a-z0-9-]*\.(?:js|css|svg)")


def stripe_js(request: Request) -> Response:
    """Return the script that a shop's page loads, https://js.stripe.com/endive/stripe.js."""
    return _file("stripe.js")


def element(request: Request) -> Response:
    """Return the page in the Payment Element's frame."""
    return _file("elements.html")


def challenge(request: Request) -> Response:
    """Return the bank's 3-D Secure page."""
    return _file("challenge.html")


def source(request: Request) -> Response:
    """Return a script or style sheet of these pages."""
    name = request.matchdict["name"]
    if not SOURCE_NAME.fullmatch(name):
        raise HTTPNotFound
    return _file(name)


def _file(name: str) -> Response:
    path = STATIC / name
    if not path.is_file():
        raise HTTPNotFound
    content_type = mimetypes.guess_type(name)[0]
    response = Response(body=path.read_bytes(), content_type=content_type, charset="utf-8")
    response.headers.update(HEADERS)
    response.headers["Access-Control-Allow-Origin"] = "*"
    if name.endswith(".html"):
        response.headers["Content-Security-Policy"] = FRAME_POLICY
    return response
