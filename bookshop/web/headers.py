"""What each answer tells a browser: what its page may load and run, and who may show it.

https://developer.mozilla.org/en-US/observatory/docs/tests_and_scoring
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from pyramid.config import Configurator
from pyramid.events import NewResponse
from pyramid.request import Request
from pyramid.response import Response

from bookshop.services import services

REPORTS = "/csp-reports"
TWO_YEARS = 63_072_000  # seconds
OPENER = "Cross-Origin-Opener-Policy"
PERMISSIONS = "Permissions-Policy"
# What a page of the shop never asks a browser for; payments only where they are taken.
NEVER_ASKED = ("camera", "display-capture", "geolocation", "microphone", "usb")

#: What every answer says, that of a file too.
ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    # Another site never learns which page of ours, and so which order, somebody came from.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]


class ContentSecurityPolicy:
    """What the page of one request may load. Closed, until a page says what more it needs."""

    def __init__(self) -> None:
        self._sources: dict[str, list[str]] = {
            "default-src": ["'none'"],
            "script-src": ["'self'"],
            "style-src": ["'self'"],
            "img-src": ["'self'"],
            "connect-src": ["'self'"],
            "form-action": ["'self'"],
            "base-uri": ["'none'"],
            "frame-ancestors": ["'none'"],
            # Firefox knows only the first of these, and Chromium prefers the second.
            "report-uri": [REPORTS],
            "report-to": ["csp"],
        }

    def allow(self, directive: str, sources: Iterable[str]) -> None:
        """Let this page load from `sources` too."""
        self._sources.setdefault(directive, []).extend(sources)

    def __str__(self) -> str:
        return "; ".join(f"{name} {' '.join(found)}" for name, found in self._sources.items())


#: The policy of what loads nothing from elsewhere.
POLICY = ("Content-Security-Policy", str(ContentSecurityPolicy()))


def permissions(payment: Iterable[str] = ()) -> str:
    """What a page may ask the browser for; `payment` are the origins that may take one.

    https://www.w3.org/TR/permissions-policy/
    """
    closed = [f"{name}=()" for name in NEVER_ASKED]
    allowed = " ".join(["self", *(f'"{origin}"' for origin in payment)]) if payment else ""
    return ", ".join([*closed, f"payment=({allowed})"])


CLOSED = permissions()


def secure(request: Request, response: Response, site: str) -> None:
    """Give a response the headers of a page that is as closed as the request asks for.

    `site` is the shop's address: where it is https, browsers are told never to use another.
    """
    headers = response.headers
    headers.setdefault("Content-Security-Policy", str(request.content_security_policy))
    headers.setdefault("Reporting-Endpoints", f'csp="{REPORTS}"')
    headers.setdefault("X-Frame-Options", "DENY")  # for what knows no frame-ancestors
    headers.setdefault(OPENER, "same-origin")
    headers.setdefault(PERMISSIONS, CLOSED)
    if site.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", f"max-age={TWO_YEARS}")
    for name, value in ALWAYS:
        headers.setdefault(name, value)


def add_headers(event: NewResponse) -> None:
    """See that no response goes out without them.

    A 304 would change the policy of the page that the browser has: it says nothing of it.
    """
    if event.response.status_int != HTTPStatus.NOT_MODIFIED:
        secure(event.request, event.response, services(event.request).settings.shop.url)


def includeme(config: Configurator) -> None:
    """Give each response its headers, and requests their `content_security_policy`."""
    config.add_request_method(
        lambda _request: ContentSecurityPolicy(), "content_security_policy", reify=True
    )
    config.add_subscriber(add_headers, NewResponse)
