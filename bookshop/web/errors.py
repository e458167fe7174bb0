"""Error pages for missing pages, refused requests, a busy database and internal errors."""

from __future__ import annotations

import logging
from typing import Any

from pyramid.csrf import BadCSRFOrigin, BadCSRFToken
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import HTTPException
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, notfound_view_config
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as TooManyConnectionsError

from bookshop.db import reason_of
from bookshop.i18n import _
from bookshop.web.maintenance import unavailable
from bookshop.web.request_log import logged_method, logged_path
from bookshop.web.sessions import has_session_cookie

RETRY_AFTER = 5  # seconds
LOG = logging.getLogger(__name__)


@notfound_view_config(renderer="errors/404.jinja2")
@exception_view_config(URLDecodeError, renderer="errors/404.jinja2")
def not_found(_error: Exception, request: Request) -> dict[str, Any]:
    """Return the 404 page."""
    request.response.status_int = 404
    return {}


@exception_view_config(BadCSRFToken, renderer="json")
@exception_view_config(BadCSRFOrigin, renderer="json")
def bad_csrf_token(_error: HTTPException, request: Request) -> dict[str, Any]:
    """Return the error for a form whose session is another one, has ended or was never kept."""
    request.response.status_int = 400
    if has_session_cookie(request):
        code = "stale_page"
        text = _("This page was open for too long. You haven’t been charged. Please reload it.")
    else:
        code = "no_session_cookie"
        text = _(
            "Your browser sent no cookie, so you can’t pay and haven’t been charged. Allow cookies "
            "for this site. If they are allowed, this page was open for too long: reload it."
        )
    message = request.localizer.translate(text)
    return {"error": {"code": code, "field": None, "message": message, "final": True}}


@exception_view_config(HTTPException)
def http_exception(error: HTTPException, _request: Request) -> Response:
    """Return redirects, and errors that no page of the shop causes, as Pyramid renders them."""
    return error


@exception_view_config(OperationalError)
@exception_view_config(TooManyConnectionsError)
def database_busy(error: Exception, request: Request) -> Response:
    """Return 503 when the database did not respond in time. Nothing was changed.

    Stripe delivers a webhook again after it.
    """
    # No traceback: when many requests wait for the database, there would be as many.
    LOG.error("database_unavailable", extra={"reason": reason_of(error)})
    return unavailable(
        request,
        "database_busy",
        _("The shop is very busy"),
        _("We couldn’t complete your request, and nothing was changed."),
        RETRY_AFTER,
    )


@exception_view_config(Exception, renderer="errors/500.jinja2")
def internal_error(error: Exception, request: Request) -> dict[str, Any]:
    """Return 500, with the request's id, under which the log has the traceback."""
    fields = {
        "request_id": request.id,
        "method": logged_method(request.method),
        "path": logged_path(request.environ),
    }
    LOG.error("request_failed", extra=fields, exc_info=error)
    request.response.status_int = 500
    return {"request_id": request.id}
