"""Security headers of every response: Content-Security-Policy, permissions, HSTS and others.

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
# Features that no page of the shop uses.
UNUSED_FEATURES = ("camera", "display-capture", "geolocation", "microphone", "usb")

#: Headers of every response, static files included.
ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    # Other sites must not see the address of the page that linked to them: it may name an order.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]


class ContentSecurityPolicy:
    """The policy of one request's page: the shop's own files, and sources that the page adds."""

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
            # Firefox supports only the first of these; Chromium prefers the second.
            "report-uri": [REPORTS],
            "report-to": ["csp"],
        }

    def allow(self, directive: str, sources: Iterable[str]) -> None:
        """Allow this page to load from `sources` too."""
        self._sources.setdefault(directive, []).extend(sources)

    def __str__(self) -> str:
        return "; ".join(f"{name} {' '.join(sources)}" for name, sources in self._sources.items())


#: The policy of pages and files that load nothing from other sites.
POLICY = ("Content-Security-Policy", str(ContentSecurityPolicy()))


def permissions(payment: Iterable[str] = ()) -> str:
    """Return the Permissions-Policy of a page; `payment` are the origins that may take payments.

    https://www.w3.org/TR/permissions-policy/
    """
    denied = [f"{name}=()" for name in UNUSED_FEATURES]
    allowed = " ".join(["self", *(f'"{origin}"' for origin in payment)]) if payment else ""
    return ", ".join([*denied, f"payment=({allowed})"])


NO_PERMISSIONS = permissions()


def secure(request: Request, response: Response, site: str) -> None:
    """Add the security headers that the response does not set itself.

    `site` is the shop's address: if it is https, HSTS makes browsers use https only.
    """
    headers = response.headers
    headers.setdefault("Content-Security-Policy", str(request.content_security_policy))
    headers.setdefault("Reporting-Endpoints", f'csp="{REPORTS}"')
    headers.setdefault("X-Frame-Options", "DENY")  # for browsers without frame-ancestors
    headers.setdefault(OPENER, "same-origin")
    headers.setdefault(PERMISSIONS, NO_PERMISSIONS)
    if site.startswith("https://"):
        headers.setdefault("Strict-Transport-Security", f"max-age={TWO_YEARS}")
    for name, value in ALWAYS:
        headers.setdefault(name, value)


def add_headers(event: NewResponse) -> None:
    """Add the security headers to a response, except to a 304.

    A 304 would replace the policy of the page that the browser has cached.
    """
    if event.response.status_int != HTTPStatus.NOT_MODIFIED:
        secure(event.request, event.response, services(event.request).settings.shop.url)


def includeme(config: Configurator) -> None:
    """Add the headers to every response, and give requests their `content_security_policy`."""
    config.add_request_method(
        lambda _request: ContentSecurityPolicy(), "content_security_policy", reify=True
    )
    config.add_subscriber(add_headers, NewResponse)
