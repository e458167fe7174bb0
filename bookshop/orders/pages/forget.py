"""`/forget`: for shared computers, the page and the button that end a browser's session."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pyramid.csrf import BadCSRFOrigin, BadCSRFToken
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.view import exception_view_config, view_config

from bookshop.orders.pages.access import knows_orders
from bookshop.web.resources import Shop

PATH = r"/forget\Z"


def forget_token(request: Request) -> str | None:
    """Return the CSRF token for the button, or None if this browser's session knows no order."""
    token: str | None = request.session.get_csrf_token() if knows_orders(request) else None
    return token


@view_config(
    context=Shop,
    name="forget",
    request_method="GET",
    renderer="orders/forget.jinja2",
    http_cache=0,
    writes=False,
    private=False,
)
def show_forget(_context: Shop, _request: Request) -> dict[str, Any]:
    """Show the button, or that this device remembers no order."""
    return {}


@view_config(
    context=Shop,
    name="forget",
    request_method="POST",
    http_cache=0,
    writes=False,
    private=False,
)
def forget(_context: Shop, request: Request) -> HTTPSeeOther:
    """Empty the session: this browser no longer sees its orders."""
    request.session.invalidate()
    return HTTPSeeOther(request.resource_path(request.root, "forget"))


@exception_view_config(BadCSRFToken, path_info=PATH, renderer="orders/forget.jinja2", http_cache=0)
@exception_view_config(BadCSRFOrigin, path_info=PATH, renderer="orders/forget.jinja2", http_cache=0)
def show_stale_button(_error: Exception, request: Request) -> dict[str, Any]:
    """Show the button again after its CSRF token has expired."""
    request.response.status_int = HTTPStatus.BAD_REQUEST
    return {}
