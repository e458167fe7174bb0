"""Sessions, CSRF, response headers, and views that fail closed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from pyramid.config import Configurator
from pyramid.csrf import SessionCSRFStoragePolicy
from pyramid.events import NewResponse
from pyramid.exceptions import ConfigurationError
from pyramid.httpexceptions import HTTPMethodNotAllowed, HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

SESSION_LIFE = 7 * 24 * 3600  # seconds
REISSUE_AFTER = 3600

View = Callable[[Any, Request], Response]


#: What every answer says, that of a file too.
ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    # Another site never learns which page of ours, and so which order, somebody came from.
    ("Referrer-Policy", "same-origin"),
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
        }

    def allow(self, directive: str, sources: Iterable[str]) -> None:
        """Let this page load from `sources` too."""
        self._sources.setdefault(directive, []).extend(sources)

    def __str__(self) -> str:
        return "; ".join(f"{name} {' '.join(found)}" for name, found in self._sources.items())


#: The policy of what loads nothing from elsewhere.
POLICY = ("Content-Security-Policy", str(ContentSecurityPolicy()))


def secure(request: Request, response: Response) -> None:
    """Give a response the headers of a page that is as closed as the request asks for."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", str(request.content_security_policy))
    for name, value in ALWAYS:
        headers.setdefault(name, value)


def add_security_headers(event: NewResponse) -> None:
    """See that no response goes out without them.

    A 304 would change the policy of the page that the browser has: it says nothing of it.
    """
    if event.response.status_int != HTTPStatus.NOT_MODIFIED:
        secure(event.request, event.response)


def fail_closed(view: View, info: Any) -> View:
    """View deriver: a view without context or with junk behind its name answers nothing.

    Pyramid calls a view without `context` for every resource, and `/checkout/junk` with the
    view of `/checkout`; neither is meant here.
    """
    options = info.options
    if options.get("route_name") or info.exception_only:
        return view
    if options.get("context") is None:
        message = f"{info.original_view} is registered without a context"
        raise ConfigurationError(message)

    def exact(context: Any, request: Request) -> Response:
        if request.exception is None and (request.subpath or not _is_text(request)):
            raise HTTPNotFound
        return view(context, request)

    return exact


def _is_text(request: Request) -> bool:
    """Whether the query can be read."""
    try:
        request.GET  # noqa: B018 - reading it decodes it
    except UnicodeDecodeError:
        return False
    return True


def reading_only(view: View, info: Any) -> View:
    """View deriver: a view that names no method answers GET and HEAD alone."""
    if info.options.get("request_method") or info.exception_only:
        return view

    def read(context: Any, request: Request) -> Response:
        if request.exception is None and request.method not in {"GET", "HEAD"}:
            raise HTTPMethodNotAllowed(headers={"Allow": "GET, HEAD"})
        return view(context, request)

    return read


def visitor(request: Request) -> str:
    """The random name under which this browser's orders are kept; asking starts a session."""
    if "visitor" not in request.session:
        request.session["visitor"] = secrets.token_urlsafe(16)
    name: str = request.session["visitor"]
    return name


def includeme(config: Configurator) -> None:
    """Set up sessions in a signed cookie, CSRF checks for every POST, and the headers."""
    shop = config.registry.bookshop.shop
    config.set_session_factory(
        SignedCookieSessionFactory(
            shop.secret.reveal(),
            cookie_name="bookshop",
            max_age=SESSION_LIFE,
            timeout=SESSION_LIFE,
            reissue_time=REISSUE_AFTER,
            httponly=True,
            secure=shop.url.startswith("https://"),
            samesite="Lax",
            hashalg="sha256",
        )
    )
    config.set_csrf_storage_policy(SessionCSRFStoragePolicy())
    config.set_default_csrf_options(require_csrf=True)
    config.add_view_deriver(fail_closed)
    config.add_view_deriver(reading_only)
    config.add_request_method(visitor, "visitor", property=True)
    config.add_request_method(
        lambda _request: ContentSecurityPolicy(), "content_security_policy", reify=True
    )
    config.add_subscriber(add_security_headers, NewResponse)
