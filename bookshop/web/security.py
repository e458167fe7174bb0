"""Sessions, CSRF protection, the shop's own address, and views that fail closed."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pyramid.config import Configurator
from pyramid.csrf import SessionCSRFStoragePolicy
from pyramid.exceptions import ConfigurationError
from pyramid.httpexceptions import HTTPBadRequest, HTTPMethodNotAllowed, HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import INGRESS

from bookshop.services import services
from bookshop.web.sessions import make_session_factory

#: The key in the session cookie; another name would separate customers from their open orders.
SESSION_ID = "visitor"

View = Callable[[Any, Request], Response]


class ReadableRequest(Request):
    """A request that refuses a query or form that cannot be decoded.

    It is empty from then on, so that the error page can read it too.
    """

    @property
    def GET(self) -> Any:  # noqa: N802 - WebOb's name
        """The query. Raises HTTPNotFound if it is not valid UTF-8."""
        try:
            return super().GET
        except UnicodeDecodeError:
            self.environ["QUERY_STRING"] = ""
            raise HTTPNotFound from None

    @property
    def POST(self) -> Any:  # noqa: N802 - WebOb's name
        """The form. Raises HTTPBadRequest if it is malformed or not in UTF-8."""
        try:
            return super().POST
        except (ValueError, DeprecationWarning):  # the latter for another charset
            self.environ["CONTENT_TYPE"] = "application/octet-stream"
            raise HTTPBadRequest from None


def fail_closed(view: View, info: Any) -> View:
    """View deriver: refuse views without a context, and answer 404 to paths with more segments.

    Pyramid would call a view without `context` for every resource, and the view of `/checkout` for
    `/checkout/junk`.
    """
    options = info.options
    if options.get("route_name") or info.exception_only:
        return view
    if options.get("context") is None:
        message = f"{info.original_view} is registered without a context"
        raise ConfigurationError(message)

    def exact(context: Any, request: Request) -> Response:
        if request.exception is None:
            request.GET  # noqa: B018 - reading it raises for invalid UTF-8
            if request.subpath:
                raise HTTPNotFound
        return view(context, request)

    return exact


def reading_only(view: View, info: Any) -> View:
    """View deriver: a view that names no method answers GET and HEAD only."""
    if info.options.get("request_method") or info.exception_only:
        return view

    def read(context: Any, request: Request) -> Response:
        if request.exception is None and request.method not in {"GET", "HEAD"}:
            raise HTTPMethodNotAllowed(headers={"Allow": "GET, HEAD"})
        return view(context, request)

    return read


def own_address_tween(handler: Callable[[Request], Response], registry: Any) -> Any:
    """A tween that treats every request as sent to `bookshop.url`.

    A forged Host header therefore cannot get into a link, redirect or e-mail. Development does not
    use it, as a developer's shop has several host names.
    """
    site = urlsplit(services(registry).settings.shop.url)
    host = site.netloc

    def tween(request: Request) -> Response:
        request.environ["HTTP_HOST"] = host
        request.environ["wsgi.url_scheme"] = site.scheme
        return handler(request)

    return tween


def session_id(request: Request) -> str:
    """Return the random id of this browser's orders. Starts a session if there is none."""
    if SESSION_ID not in request.session:
        request.session[SESSION_ID] = secrets.token_urlsafe(16)
    value: str = request.session[SESSION_ID]
    return value


def includeme(config: Configurator) -> None:
    """Keep sessions in a signed cookie, and require a CSRF token for every POST."""
    shop = services(config).settings.shop
    config.set_session_factory(make_session_factory(shop))
    config.set_csrf_storage_policy(SessionCSRFStoragePolicy())
    config.set_default_csrf_options(require_csrf=True)
    config.add_view_deriver(fail_closed)
    config.add_view_deriver(reading_only)
    config.add_request_method(session_id, "session_id", property=True)
    config.set_request_factory(ReadableRequest)
    if shop.environment != "development":
        config.add_tween("bookshop.web.security.own_address_tween", under=INGRESS)
